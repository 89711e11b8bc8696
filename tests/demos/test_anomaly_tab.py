"""The tab *Anomaly detection*: each part trains, finds what was hidden, and refuses what is too much."""

import csv
import json
import re
import threading
import zipfile

import gradio_client
import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import kgen
from demos import anomaly_images
from demos import anomaly_series
from demos import anomaly_table
from demos import app
from demos.anomaly_training import THREAD
from demos.anomaly_training import Judged
from demos.anomaly_training import moved
from demos.anomaly_training import trained
from kgen.anomaly.thresholds import CleanScores
from kgen.presets import files
from kgen.presets import registry
from tests.demos.conftest import free_port

SMALL = {"hidden_dim": 16, "members": 1, "epochs": 60, "batch_size": 64}
VAE, TEACHER, READY = "Variational autoencoder", "Teacher and student", "digits-detector"
ANSWERS = {"/judge_table", "/judge_images", "/judge_series"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    digits = kgen.datasets.load("digits")[0]
    learned = kgen.anomaly.TeacherStudentDetector(false_alarm_rate=0.05, features=32, epochs=20)
    learned.fit(anomaly_images.enlarged(digits[:400], (28, 28, 1))).save_to_preset(folder / "presets" / READY)
    checksum = files.sha256(folder / "presets" / READY / "model.safetensors")
    (folder / "index.json").write_text(json.dumps({READY: {"class": "TeacherStudentDetector", "sha256": checksum}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        patch.setattr(anomaly_table, "TRAINING", SMALL)
        patch.setattr(anomaly_images, "TRAINING", {"epochs": 30})
        patch.setattr(anomaly_series, "TRAINING", {"window": 16, "units": 8, "epochs": 20})
        page = app.build([], only="anomaly")
        app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
        yield page.local_url
        page.close()


@pytest.fixture(scope="module")
def client(address):
    return gradio_client.Client(address, verbose=False)


def write_rows(path, n, odd=True):
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    rows = [["id", "a", "b"], *([f"row {i}", one, one + 0.1 * rng.normal()] for i, one in enumerate(x))]
    if odd:
        rows[8] = ["row 7", 2.0, -2.0]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return handle_file(str(path))


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_public_event_is_tested(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ANSWERS


def test_a_table_of_ones_own(client, tmp_path):
    sent = write_rows(tmp_path / "table.csv", 200)
    progress, counts, strangest, files = client.predict("my own file", sent, VAE, 1, 5.0, api_name="/judge_table")
    assert progress == "200 rows, 2 columns"  # an id says nothing
    assert " of 200 rows** score above" in counts
    assert strangest["headers"] == ["row", "score", "p-value", "because of"]
    assert strangest["data"][0][0] == 8
    scores, saved = files
    found = rows_of(scores)
    assert len(found) == 200
    assert np.argmax([float(row["score"]) for row in found]) == 7
    alarms = sum(float(row["score"]) > -kgen.anomaly.load(saved).offset_ for row in found)
    assert counts.startswith(f"**{alarms:,} of")  # the detector's own threshold is that of the slider


def test_an_example_knows_what_was_put_into_it(client):
    _, counts, strangest, _ = client.predict("wines", None, VAE, 1, 10.0, api_name="/judge_table")
    assert "of the 8 odd ones" in counts
    assert len(strangest["data"]) == anomaly_table.SHOWN


@pytest.mark.parametrize("detector", [TEACHER, VAE])
def test_images_in_a_zip(client, tmp_path, detector):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("notes.txt", "no image")
        for i in range(100):
            pixels = rng.integers(0, 60, (20, 20), "uint8")
            pixels[:, 10:] += 190 if i != 41 else 0
            Image.fromarray(pixels).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", f"folder/{i}.png")
    sent = [handle_file(str(tmp_path / "images.zip"))]
    progress, counts, picture, files = client.predict(
        "my own file", sent, 16, detector, 1, 1.0, api_name="/judge_images"
    )
    assert progress == "100 images"
    assert "of 100 images" in counts
    sheet = np.asarray(Image.open(picture).convert("L"))
    assert (sheet[:, -4:] == 255).all() and sheet[:, -12:-4].std() > 0  # nothing is cut off: the last image and its gap
    found = rows_of(files[0])
    assert found[np.argmax([float(row["score"]) for row in found])]["image"] == "41.png"


def test_a_detector_that_has_learned_needs_one_image(client, tmp_path):
    detector = f"{READY} (has learned)"
    progress, counts, _, files = client.predict("the example", None, 16, detector, 1, 5.0, api_name="/judge_images")
    assert progress == "150 images"
    assert int(re.search(r"with them (\d+) of the 12 odd ones", counts)[1]) >= 6
    Image.fromarray(np.full((40, 50, 3), 255, "uint8")).save(tmp_path / "white.png")
    sent = [handle_file(str(tmp_path / "white.png"))]
    progress, counts, _, files = client.predict("my own file", sent, 16, detector, 1, 5.0, api_name="/judge_images")
    assert progress == "1 image" and counts.startswith("**1 of 1 images")
    assert kgen.anomaly.load(files[1]).image_shape_ == (28, 28, 1)
    with pytest.raises(AppError, match="Images: expected at least 1, there are 0"):
        client.predict("my own file", [], 16, detector, 1, 5.0, api_name="/judge_images")


def test_a_wave_that_loses_its_beat(client):
    progress, counts, picture, stretches, _ = client.predict(
        "a wave", None, "", "gru", 1, 1.0, api_name="/judge_series"
    )
    assert progress == "2,000 points"
    assert "of the 40 odd ones" in counts
    assert np.asarray(Image.open(picture)).std() > 0
    starts = [row[0] for row in stretches["data"][:4]]
    assert any(690 <= one < 730 for one in starts) and any(1290 <= one < 1330 for one in starts)


@pytest.mark.parametrize(
    ("api_name", "sent", "finding"),
    [
        ("/judge_table", ("my own file", None, VAE, 1, 1.0), "Table: choose a file first"),
        ("/judge_table", ("yours", None, VAE, 1, 1.0), "Rows: expected one of"),
        ("/judge_table", ("wines", None, "Oracle", 1, 1.0), "Detector: expected one of"),
        ("/judge_table", ("wines", None, VAE, -1, 1.0), "Seed: expected a whole number"),
        ("/judge_table", ("wines", None, VAE, 1, 99.0), "False alarms %: expected a number from 0.1 to 20"),
        ("/judge_images", ("the example", None, 4096, VAE, 1, 1.0), "Side in pixels: expected one of"),
        ("/judge_images", ("my own file", [], 16, VAE, 1, 1.0), "Images: expected at least 100"),
        ("/judge_series", ("a wave", None, "x" * 300, "gru", 1, 1.0), "Column: expected text of at most"),
        ("/judge_series", ("a wave", None, "", "rnn", 1, 1.0), "Network: expected one of"),
    ],
)
def test_api_callers_read_the_same_sentences(client, api_name, sent, finding):
    with pytest.raises(AppError, match=finding):
        client.predict(*sent, api_name=api_name)


@pytest.mark.parametrize(
    ("write", "finding"),
    [
        (lambda path: write_rows(path, 60), "at least 100 rows to learn from, there are 60"),
        (lambda path: path.write_bytes(b"\x1f\x8b" + b"0" * 99), "unpack it first"),
        (lambda path: path.write_text("a" * 30_000 + "\n1\n"), "first line of at most"),
        (lambda path: path.write_text("a,b\n1,2\n1,2,3\n"), "table.csv: not a table"),
        (lambda path: path.write_text("a,b\n" + "1,2\n" * 120 + "1,inf\n"), "infinity"),
    ],
)
def test_tables_that_cannot_be_learned_from(client, tmp_path, write, finding):
    write(tmp_path / "table.csv")
    with pytest.raises(AppError, match=finding) as refused:
        client.predict("my own file", handle_file(str(tmp_path / "table.csv")), VAE, 1, 1.0, api_name="/judge_table")
    assert "/tmp" not in str(refused.value)


def test_limits_hold_for_rows_and_for_bytes(client, tmp_path, monkeypatch):
    sent = write_rows(tmp_path / "table.csv", 150)
    for name, value, finding in (
        ("MAX_ROWS", 149, "at most 149 rows"),
        ("MAX_COLUMNS", 1, "and 1 columns"),
        ("MAX_BYTES", 100, "at most 0 MB"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(anomaly_table, name, value)
            with pytest.raises(AppError, match=finding):
                client.predict("my own file", sent, VAE, 1, 1.0, api_name="/judge_table")


def test_a_zip_that_grows_is_refused(client, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.png", b"\0" * (anomaly_images.MAX_FILE + 1))
    sent = [handle_file(str(tmp_path / "images.zip"))]
    with pytest.raises(AppError, match="at most 20 MB each"):
        client.predict("my own file", sent, 16, VAE, 1, 1.0, api_name="/judge_images")
    monkeypatch.setattr(anomaly_images, "MAX_MEMBERS", 0)
    with pytest.raises(AppError, match="at most 0 files in a zip"):
        client.predict("my own file", sent, 16, VAE, 1, 1.0, api_name="/judge_images")


def test_closing_a_training_stops_it():
    rows = np.random.default_rng(0).normal(size=(200, 2))
    detector = kgen.anomaly.VAEDetector(**{**SMALL, "epochs": 100_000})
    training = trained(detector, rows)
    while "step" not in next(training):
        pass
    training.close()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(20)
            assert not thread.is_alive()
    assert not hasattr(detector, "offset_")


def test_what_goes_wrong_in_a_training_comes_out():
    with pytest.raises(ValueError, match="infinity"):
        list(trained(kgen.anomaly.VAEDetector(**SMALL), [[np.inf, 1.0]] * 9))


def test_a_lower_threshold_raises_more_alarms():
    rng = np.random.default_rng(0)
    clean = CleanScores(rng.normal(size=1000), "pareto")
    judged = Judged("rows", np.array([0.0, 1.8, 2.7, 9.0]), clean, np.array([False, False, True, True]))
    assert moved(judged, 0.1).startswith("**1 of 4 rows**")
    assert moved(judged, 1.0).startswith("**2 of 4 rows**")
    assert moved(judged, 20.0).startswith("**3 of 4 rows**")
    assert "2 of the 2 odd ones" in moved(judged, 1.0)
    assert moved(None, 1.0) == ""

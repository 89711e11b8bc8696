"""Detectors on the command line: trained on a table, images or a series, and asked what is strange."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.cli import detecting
from tests.cli.console import call

TINY = ["--epochs", "40", "--batch-size", "64", "--set", "hidden_dim=32", "--set", "members=1"]


def write_table(path, n, seed=0, header=True):
    """Weights that belong to a kind, a length that is sometimes missing, and a name that tells rows apart."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["car", "truck"], n)
    rows = []
    for i, kind in enumerate(kinds):
        weight = (1.0 if kind == "car" else 10.0) + 0.1 * rng.normal()
        rows.append((f"id {i}", kind, f"{weight:.4f}", "" if rng.random() < 0.1 else f"{rng.normal():.4f}"))
    path.write_text("\n".join([",".join(row) for row in [("id", "kind", "weight", "length"), *rows]]) + "\n")
    return path


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table, and a run folder with a tiny detector that has learned from it."""
    folder = tmp_path_factory.mktemp("detecting")
    table = write_table(folder / "table.csv", 300)
    assert call("train", "diffusion-detector", "--data", table, "--out", folder / "run", *TINY, "--seed", 3) == 0
    return folder


@pytest.mark.every_backend
def test_a_run_folder_holds_the_detector_and_whence_it_came(folder):
    assert {path.name for path in (folder / "run").iterdir()} == {"detector.zip", "config.json"}
    config = json.loads((folder / "run" / "config.json").read_text())
    assert (config["model"], config["rows"], config["seed"]) == ("DiffusionDetector", 300, 3)
    detector = kgen.anomaly.load(folder / "run")
    assert detector.get_params()["epochs"] == 40
    assert list(detector.feature_names_in_) == ["kind", "weight", "length"]  # not the names of the rows


def test_info_says_what_was_learned(folder, capsys):
    assert call("info", folder / "run") == 0
    said = capsys.readouterr().out
    assert "DiffusionDetector" in said and "kind, weight, length" in said and "30 rows held back" in said
    assert call("info", folder) == 2
    assert "config.json: no such file" in capsys.readouterr().err


def test_scores_are_those_of_the_detector_however_the_table_is_cut(folder, monkeypatch, capsys):
    new, lines = folder / "new.csv", write_table(folder / "all.csv", 50, seed=1).read_text().splitlines()
    lines[7] = "id 6,car,10.0,0.1"  # too heavy for a car
    reordered = [",".join(line.split(",")[i] for i in (3, 1, 0, 2)) for line in lines]
    new.write_text("\n".join(reordered))
    monkeypatch.setattr(detecting, "ROWS_AT_ONCE", 20)
    assert call("score", folder / "run", "--data", new, "--out", folder / "scores.csv") == 0
    assert "50 rows" in capsys.readouterr().out
    found = read(folder / "scores.csv")
    assert [row["row"] for row in found] == [str(i) for i in range(1, 51)]
    import pandas

    table = pandas.read_csv(new)[["kind", "weight", "length"]]
    detector = kgen.anomaly.load(folder / "run")
    scores = np.array([float(row["score"]) for row in found])
    np.testing.assert_allclose(scores, -detector.score_samples(table), rtol=1e-4)
    np.testing.assert_array_equal([int(row["anomaly"]) for row in found], detector.predict(table) == -1)
    p_values = np.array([float(row["p_value"]) for row in found])
    np.testing.assert_allclose(p_values, detector.predict_proba(table)[:, 1], rtol=1e-3)
    assert scores.argmax() == 6 and found[6]["why"].split(" ")[0] in ("kind", "weight")
    assert all(bool(row["why"]) == (row["anomaly"] == "1") for row in found)


def test_what_is_there_is_not_overwritten(folder, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    out.write_text("mine")
    assert call("score", folder / "run", "--data", folder / "table.csv", "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    before = (folder / "run" / "detector.zip").read_bytes()
    assert call("train", "vae-detector", "--data", folder / "table.csv", "--out", folder / "run", *TINY) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (folder / "run" / "detector.zip").read_bytes() == before


def test_a_row_that_cannot_be_read_stops_everything(folder, tmp_path, capsys):
    bad = tmp_path / "bad.csv"
    bad.write_text((folder / "table.csv").read_text() + "id 300,car,heavy,0.1\n")
    assert call("score", folder / "run", "--data", bad, "--out", tmp_path / "scores.csv") == 2
    said = capsys.readouterr().err
    assert "bad.csv: expected numbers in column 'weight', got 'heavy' in row 301" in said
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_labels_measure_a_detector(folder, tmp_path, capsys):
    lines = write_table(tmp_path / "plain.csv", 60, seed=2).read_text().splitlines()
    marked = [lines[0] + ",odd", *(f"{line},0" for line in lines[1:]), "x,car,10,0,1", "y,truck,1,0,1"]
    (tmp_path / "marked.csv").write_text("\n".join(marked))
    assert call("evaluate", folder / "run", "--data", tmp_path / "marked.csv", "--labels", "odd") == 0
    said = capsys.readouterr().out
    assert float(said.split("auroc ")[1].split(" ")[0]) > 0.9
    assert call("evaluate", folder / "run", "--data", tmp_path / "marked.csv") == 2
    assert "--labels: name the column" in capsys.readouterr().err


def test_a_series_and_images(tmp_path, capsys):
    time = np.arange(300)
    values = np.sin(time / 4)
    values[250] += 3
    rows = [f"2024-01-01 {i % 24:02}:00:00,{value:.5f}" for i, value in enumerate(values)]
    for name, part in (("normal.csv", rows[:200]), ("all.csv", rows)):
        (tmp_path / name).write_text("\n".join(["timestamp,value", *part]))
    few = ["--set", "window=8", "--set", "units=8", "--epochs", "20", "--batch-size", "64"]
    assert call("train", "sequence-detector", "--data", tmp_path / "normal.csv", "--out", tmp_path / "run", *few) == 0
    scores = tmp_path / "scores.csv"
    assert call("score", tmp_path / "run", "--data", tmp_path / "all.csv", "--out", scores) == 0
    found = read(scores)
    assert [*found[0]] == ["point", "score", "anomaly", "p_value"]
    assert np.argmax([float(row["score"]) for row in found]) in (250, 251)

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(40):
        Image.fromarray(np.full((12, 12), 6 * i, "uint8")).save(pictures / f"{i:02}.png")
    few = ["--epochs", "1", "--set", "features=4", "--image-size", "8"]
    words = ["teacher-student-detector", "--data", pictures, "--out", tmp_path / "eyes"]
    assert call("train", *words, *few) == 0
    (pictures / "note.txt").write_text("not an image")
    assert call("score", tmp_path / "eyes", "--data", pictures, "--out", scores, "--overwrite") == 0
    assert [row["image"] for row in read(scores)] == [f"{i:02}.png" for i in range(40)]
    capsys.readouterr()
    assert call("score", tmp_path / "eyes", "--data", tmp_path / "all.csv", "--out", tmp_path / "no.csv") == 2
    assert "all.csv holds a table" in capsys.readouterr().err


def test_ctrl_c_writes_nothing(folder, tmp_path, monkeypatch, capsys):
    def interrupted(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("kgen.anomaly.vae_detector.VAEDetector._learn", interrupted)
    assert call("train", "vae-detector", "--data", folder / "table.csv", "--out", tmp_path / "run") == 130
    assert "nothing was" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["train", "vae-detektor", "--out", "x"], "did you mean 'vae-detector'"),
        (["train", "vae-detector", "--out", "x"], "--data: name what a VAEDetector shall learn from"),
        (["train", "vae-detector", "--out", "x", "--data", "none.csv"], "--data: no such file or folder: none.csv"),
        (["train", "vae-detector", "--out", "x", "--data", "dates"], "'dates' holds something else"),
        (["train", "diffusion-detector", "--out", "x", "--data", "digits"], "digits holds images"),
        (["train", "sequence-detector", "--out", "x", "--data", "{table}"], "NaN"),
        (["train", "vae-detector", "--out", "x", "--data", "{table}", "--columns", "size"], "has no column 'size'"),
        (["train", "vae-detector", "--out", "x", "--data", "{table}", "--columns", "id"], "that come more than once"),
        (["train", "vae-detector", "--out", "x", "--data", "{table}", "--set", "unit=1"], "'unit'"),
        (["train", "vae-detector", "--out", "x", "--data", "{table}", "--set", "tail=thin"], "tail: expected one of"),
        (["train", "vae-detector", "--out", "x", "--data", "{table}", "--resume"], "--resume: a VAEDetector"),
        (["train", "vae", "--out", "x", "--columns", "a"], "--columns: a VAE learns from no table"),
        (["score", "x", "--data", "{table}", "--out", "y"], "x: no such file; expected one that detector.save wrote"),
        (
            ["score", "{run}", "--data", "digits", "--out", "y"],
            "DiffusionDetector takes a table (.csv); digits holds images",
        ),
        (["generate", "{run}"], "holds a detector"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words, reason, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    known = {"{table}": folder / "table.csv", "{run}": folder / "run"}
    assert call(*[known.get(word, word) for word in words]) == 2
    said = capsys.readouterr().err
    assert reason in said, said
    assert "Traceback" not in said
    assert not (tmp_path / "x").exists() and not (tmp_path / "y").exists()

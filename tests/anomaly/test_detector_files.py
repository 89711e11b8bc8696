"""A detector in a file scores as it did; whatever else is in a file is refused with its name, and nothing is run."""

import json
import pickle
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest

import kgen
from kgen.anomaly import DiffusionDetector
from kgen.anomaly import SequenceDetector
from kgen.anomaly import TeacherStudentDetector
from kgen.anomaly import VAEDetector
from kgen.anomaly.pickling import to_bytes
from kgen.anomaly.tables import MOST_CATEGORIES
from kgen.models.base import GenerativeModel
from kgen.presets import registry
from tests.anomaly.detectors import TINY


def frame(n, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.choice([f"kind {i}" for i in range(MOST_CATEGORIES + 9)], n)  # some of them share one indicator
    length = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    return pd.DataFrame({"kind": kind, "length": length, "weight": rng.normal(size=n)})


def images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 1), dtype="uint8")


def series(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 2))


TEACHER = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 4, 4, name="features")], name="teacher")
FEW = {"epochs": 1, "batch_size": 32}
CASES = {
    "words": (DiffusionDetector(**TINY, tail="pareto", held_back=0.2), frame),
    "images": (VAEDetector(**FEW, latent_dim=2, measure="latent"), images),
    "teacher": (TeacherStudentDetector(**FEW, teacher=TEACHER, features=4), images),
    "series": (SequenceDetector(**FEW, window=4, units=4, false_alarm_rate=0.1), series),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_loaded_is_what_was_saved(case, tmp_path):
    detector, rows = CASES[case]
    detector.fit(rows(160))
    if case == "series":
        detector.score_next([0.1, 0.2])  # in the middle of a stream
    detector.save(tmp_path / "one.zip")
    twin = kgen.anomaly.load(tmp_path / "one.zip")
    new = rows(40, seed=1)
    np.testing.assert_allclose(twin.score_samples(new), detector.score_samples(new), rtol=1e-5)
    np.testing.assert_allclose(twin.predict_proba(new), detector.predict_proba(new), rtol=1e-5)
    assert twin.offset_ == detector.offset_
    ours, theirs = detector.get_params(), twin.get_params()
    assert {**theirs, "teacher": None} == {**ours, "teacher": None}
    assert (theirs.get("teacher") is None) == (ours.get("teacher") is None)
    assert list(getattr(twin, "feature_names_in_", ())) == list(getattr(detector, "feature_names_in_", ()))
    if case == "series":
        assert twin.score_next([0.3, 0.4]) == pytest.approx(detector.score_next([0.3, 0.4]), rel=1e-4)
    twin.save(tmp_path / "two.zip")  # what was loaded can be saved
    kgen.anomaly.load(tmp_path / "two.zip")


@pytest.mark.parametrize("case", CASES)
def test_a_preset_scores_nearly_as_what_was_saved(case, tmp_path):
    detector, rows = CASES[case]
    detector.fit(rows(160)).save_to_preset(tmp_path, card="# one\n\nKnows noise.\n")
    twin, new = kgen.anomaly.load(tmp_path), rows(40, seed=1)
    scores = detector.score_samples(new)
    np.testing.assert_allclose(twin.score_samples(new), scores, rtol=0.01, atol=0.01 * np.ptp(scores))
    assert twin.offset_ == detector.offset_
    with pytest.raises(ValueError, match=r"is a detector: kgen.anomaly.load reads it"):
        GenerativeModel.from_preset(tmp_path)
    registry.write(detector.model_, tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="a run folder with it, or a preset"):
        kgen.anomaly.load(tmp_path / "model")


def test_a_damaged_preset_is_refused(tmp_path):
    TeacherStudentDetector(**FEW, features=4).fit(images(160)).save_to_preset(tmp_path)
    (tmp_path / "arrays.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="a detector's preset has one"):
        kgen.anomaly.load(tmp_path)
    (tmp_path / "arrays.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"arrays\.safetensors: damaged"):
        kgen.anomaly.load(tmp_path)
    described = json.loads((tmp_path / "detector.json").read_text())
    (tmp_path / "detector.json").write_text(json.dumps({**described, "class": "VAEDetector"}))
    with pytest.raises(ValueError, match=r"a VAEDetector holds a .*, not 'kgen>Student'"):
        kgen.anomaly.load(tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "detector.zip"
    VAEDetector(**TINY).fit(np.random.default_rng(0).normal(size=(80, 2))).save(path)
    return path


def rewritten(path, target, compression=zipfile.ZIP_STORED, more=(), **changes):
    """The archive with some members changed: by a function of their bytes, or left out by None."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            change = changes.get(name.partition(".")[0], lambda content: content)
            if change:
                new.writestr(name, change(old.read(name)))
        for name in more:
            new.writestr(name, b"")
    return target


def described(**entries):
    return lambda content: json.dumps({**json.loads(content), **entries}).encode()


def state(**entries):
    def change(content):
        whole = json.loads(content)
        whole["state"] |= entries
        return json.dumps(whole).encode()

    return change


def other_model(content):
    """A model that Keras would load, of a class that is none of the detector's."""
    return to_bytes(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"model": None}, "not a detector, expected detector.json, arrays.safetensors, model.keras"),
        ({"more": ["../evil.py"]}, "not a detector, expected"),
        ({"compression": zipfile.ZIP_DEFLATED}, "compressed"),
        ({"detector": lambda content: content[:-9]}, "its detector.json is not JSON"),
        ({"detector": lambda content: b"[" * 100_000}, "its detector.json is not JSON"),
        ({"detector": described(format=2)}, "detector format 2, this kgen reads 1: upgrade"),
        ({"detector": described(**{"class": "Pipeline"})}, "holds a 'Pipeline'; expected one of VAEDetector"),
        ({"detector": described(**{"class": "load"})}, "holds a 'load'"),
        ({"detector": described(**{"class": "SequenceDetector"})}, "holds a Forecaster, not 'kgen>TableVAE'"),
        ({"detector": described(arguments={"hidden": 3})}, "damaged, or of another version"),
        ({"detector": described(arguments={"contamination": 7})}, "contamination: expected a number"),
        ({"detector": described(state=[])}, "damaged, or of another version"),
        ({"detector": state(table={"mixed": False})}, "damaged, or of another version"),
        ({"detector": state(clean={"scores": {"array": "nowhere"}, "tail": "empirical"})}, "nowhere"),
        ({"arrays": lambda content: content[:-9]}, "its arrays.safetensors cannot be read"),
        ({"arrays": pickle.dumps}, "its arrays.safetensors cannot be read"),
        ({"model": lambda content: content[:-99]}, "model.keras: truncated"),
        ({"model": other_model}, "holds a TableVAE or VAE, not None"),
    ],
)
def test_what_is_no_detector_is_refused_with_its_name(changes, finding, saved, tmp_path):
    path = rewritten(saved, tmp_path / "odd.zip", **changes) if changes else saved
    with pytest.raises(ValueError, match=finding) as refused:
        kgen.anomaly.load(path)
    assert str(path) in str(refused.value)


def test_bytes_that_changed_or_are_missing_are_noticed(saved, tmp_path):
    content, path = saved.read_bytes(), tmp_path / "detector.zip"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"detector\.zip: truncated or no detector"):
        kgen.anomaly.load(tmp_path)  # the folder that holds it
    with zipfile.ZipFile(saved) as archive:
        place = archive.getinfo("model.keras").header_offset + 2000
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(ValueError, match=r"detector\.zip: truncated or no detector .*CRC"):
        kgen.anomaly.load(path)
    with pytest.raises(FileNotFoundError, match=r"none.zip: no such file"):
        kgen.anomaly.load(tmp_path / "none.zip")


def test_a_write_that_fails_leaves_the_old_file(saved, tmp_path, monkeypatch):
    path = tmp_path / "detector.zip"
    path.write_bytes(saved.read_bytes())
    detector = kgen.anomaly.load(path)
    monkeypatch.setattr("zipfile.ZipFile.writestr", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        detector.save(path)
    assert path.read_bytes() == saved.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["detector.zip"]


def test_an_unfitted_detector_has_nothing_to_save(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        VAEDetector().save(tmp_path / "detector.zip")

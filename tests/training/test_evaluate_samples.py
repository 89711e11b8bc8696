"""The callback that computes the honest figure while a model trains."""

import csv

import keras
import numpy as np
import pytest

import kgen
from kgen import runs
from tests.training.toys import Translator
from tests.training.toys import trained

SOURCES, TARGETS = ["eins", "zwei", "drei"], ["one", "two", "three"]


def test_figures_are_in_the_history():
    model, history = trained(3, kgen.training.EvaluateSamples(SOURCES, TARGETS, limit=2, sampler="!"))
    assert history["val_bleu"] == [10.0, 30.0, 20.0]
    assert history["val_chrf"] == [50.0] * 3 and type(history["val_chrf"][0]) is float
    assert "val_sentences" not in history  # a count is no figure
    assert model.evaluated == [(SOURCES[:2], TARGETS[:2], {"sampler": "!"})] * 3


def test_only_in_some_epochs():
    model, history = trained(4, kgen.training.EvaluateSamples(SOURCES, every=2, prefix="full_"))
    assert history["full_bleu"] == [10.0, 30.0, 20.0] and len(history["loss"]) == 4
    assert model.evaluated[0] == (SOURCES, None, {})


def test_what_validation_data_gave_stays():
    validation = np.zeros((2, 1), "float32")
    _, history = trained(1, kgen.training.EvaluateSamples(SOURCES), validation_data=(validation, validation + 3))
    assert history["val_loss"] != [7.0] and history["val_bleu"] == [10.0]
    _, history = trained(1, kgen.training.EvaluateSamples(SOURCES))
    assert history["val_loss"] == [7.0]


def test_stopping_and_checkpoints_go_by_them(tmp_path):
    stopping = keras.callbacks.EarlyStopping("val_bleu", mode="max", patience=2)
    path = str(tmp_path / "{epoch}.weights.h5")
    best = keras.callbacks.ModelCheckpoint(path, "val_bleu", mode="max", save_best_only=True, save_weights_only=True)
    _, history = trained(5, kgen.training.EvaluateSamples(SOURCES), stopping, best)
    assert history["val_bleu"] == [10.0, 30.0, 20.0, 15.0] and stopping.best == 30.0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1.weights.h5", "2.weights.h5"]


def test_a_run_folder_writes_them_down(tmp_path, monkeypatch):
    monkeypatch.setattr(Translator, "save", lambda self, path: None)
    trained(2, kgen.training.EvaluateSamples(SOURCES), runs.RunFolder(tmp_path))
    with open(tmp_path / "history.csv", encoding="utf-8") as file:
        assert [row["val_bleu"] for row in csv.DictReader(file)] == ["10.0", "30.0"]


def test_translations_are_written_or_printed(tmp_path, capsys):
    expected = "source       eins\nreference    one\ntranslation  EINS!\n"
    trained(2, kgen.training.EvaluateSamples(SOURCES, TARGETS, tmp_path, samples=1, sampler="!"), verbose=2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["epoch_0001.txt", "epoch_0002.txt"]
    assert (tmp_path / "epoch_0001.txt").read_text(encoding="utf-8") == expected
    assert expected not in capsys.readouterr().out
    trained(1, kgen.training.EvaluateSamples(SOURCES, TARGETS, samples=1, sampler="!"), verbose=2)
    assert expected in capsys.readouterr().out
    trained(1, kgen.training.EvaluateSamples(SOURCES, TARGETS, samples=1))
    trained(1, kgen.training.EvaluateSamples(SOURCES, TARGETS, tmp_path / "none", samples=0))
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "none").exists()


def test_any_family_can_be_evaluated():
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    model = kgen.models.VAE((8, 8, 1), 2, architecture="mlp", hidden_dims=(4,), seed=1)
    model.compile()
    callback = kgen.training.EvaluateSamples(images, limit=4, num_samples=3, verbose=0)
    history = model.fit(images, epochs=2, validation_data=images, callbacks=[callback], verbose=0).history
    assert {"val_nll", "val_elbo", "val_bits_per_dimension", "val_loss"} <= set(history)
    figures = model.evaluate(images[:4], full=True, num_samples=3, verbose=0)
    assert history["val_nll"][-1] == pytest.approx(figures["nll"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"every": 0}, "every: expected an integer of at least 1, got 0"),
        ({"limit": 0}, "limit: expected an integer of at least 1, got 0"),
        ({"samples": -1}, "samples: expected an integer of at least 0, got -1"),
        ({"y": ["one"]}, "x and y: expected the same number of rows, got 3 and 1"),
        ({"x": iter(SOURCES), "limit": 1}, "limit: expected x to be a list, array or string, got list_iterator"),
    ],
)
def test_bad_arguments_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        kgen.training.EvaluateSamples(**{"x": SOURCES, **arguments})


def test_a_model_without_the_figure_is_refused():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((2, 1), "float32")
    with pytest.raises(ValueError, match=r"expected a model with full_evaluation\(…\), got a Sequential"):
        model.fit(x, x, callbacks=[kgen.training.EvaluateSamples(x)], verbose=0)

"""Exact resume: however a run stops, going on gives bit for bit the model that was never stopped."""

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from kgen import runs

WORDS = ["train", "vae", "--data", "digits", "--batch-size", "64", "--deterministic", "--validation-split", "0.1"]
TINY = ["--patience", "9", "--set", "architecture=mlp", "--set", "hidden_dims=[32]", "--set", "latent_dim=4"]

# A command line that sends itself a signal at the worst of moments: from a finaliser, where Python forgets exceptions.
# Whoever is started in the background by a shell ignores Ctrl-C, and so do its children: not here.
PROGRAM = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sign, moment = signal.Signals[sys.argv.pop(1)], sys.argv.pop(1)

class Doomed:
    def __del__(self):
        os.kill(os.getpid(), sign)

def before_step(callback, batch, logs=None):
    if (callback.model.epochs_trained, batch) == (2, 3):
        Doomed()

def replace(source, target, original=os.replace):
    global saved
    saved += str(target).endswith("model.keras")
    if saved == 3:
        Doomed()
    original(source, target)

if moment == "in a step":
    from kgen.training.guards import StopOnNonFinite
    StopOnNonFinite.on_train_batch_begin = before_step
else:
    saved, os.replace = 0, replace
from kgen import cli
cli.main()
"""


def start(out, epochs, *more, program=("-m", "kgen.cli")):
    words = [sys.executable, *program, *WORDS, *TINY, "--epochs", str(epochs), "--out", str(out), *more]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "KGEN_DETERMINISTIC": "1"}  # read at PROGRAM's own import
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process, code=0):
    said = process.communicate(timeout=180)[0]
    assert process.returncode == code, said
    return said


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    finish(start(out, 6))
    return out


@pytest.mark.parametrize(
    ("sign", "moment", "code", "epochs_left"),
    [
        pytest.param("SIGKILL", "in a step", -signal.SIGKILL, 2, marks=pytest.mark.every_backend),
        ("SIGKILL", "before the model is in its place", -signal.SIGKILL, 2),
        ("SIGINT", "before the model is in its place", 130, 3),  # Ctrl-C waits for the file
    ],
)
def test_a_stopped_run_goes_on_exactly(sign, moment, code, epochs_left, uninterrupted, tmp_path):
    out = tmp_path / "run"
    said = finish(start(out, 6, program=("-c", PROGRAM, sign, moment)), code)
    if sign == "SIGINT":
        assert f"stopped; {out} holds the model after its last finished epoch." in said and "--resume" in said
        assert "Traceback" not in said
    assert keras.saving.load_model(out / "model.keras").epochs_trained == epochs_left
    # The history is written before the model, and may be an epoch ahead of it.
    assert len(runs.read_history(out)) == (3 if "model" in moment else 2)
    finish(start(out, 6, "--resume"))

    expected, resumed = (keras.saving.load_model(folder / "model.keras") for folder in (uninterrupted, out))
    for a, b in zip(variables(expected), variables(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (out / "history.csv").read_text() == (uninterrupted / "history.csv").read_text()
    assert (out / "callbacks.json").read_text() == (uninterrupted / "callbacks.json").read_text()


def test_a_run_that_is_over_stays_as_it_is(uninterrupted):
    before = (uninterrupted / "model.keras").read_bytes()
    finish(start(uninterrupted, 6, "--resume"))
    assert (uninterrupted / "model.keras").read_bytes() == before


def variables(model):
    """Everything that training changes: weights, random state, optimizer."""
    return [keras.ops.convert_to_numpy(v.value) for v in (*model.variables, *model.optimizer.variables)]

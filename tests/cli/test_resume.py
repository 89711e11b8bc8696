"""Exact resume: however a run stops, going on gives bit for bit the model that was never stopped."""

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from kgen import runs

WORDS = ["train", "vae", "--data", "digits", "--batch-size", "64", "--deterministic", "--validation-split", "0.1"]
TINY = ["--patience", "9", "--set", "architecture=mlp", "--set", "hidden_dims=[32]", "--set", "latent_dim=4"]


# Whoever is started in the background by a shell ignores Ctrl-C, and so do its children: not here.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from kgen import cli
cli.main()
"""


def start(out, epochs, *more):
    words = [sys.executable, "-c", PROGRAM, *WORDS, *TINY, "--epochs", str(epochs), "--out", str(out), *more]
    return subprocess.Popen(
        words, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process):
    said = process.communicate(timeout=180)[0].decode()
    assert process.returncode == 0, said


def stop_after(epochs, out, process, sign):
    """Send a signal in the middle of the epoch that follows so many finished ones."""
    deadline = time.time() + 120
    while len(runs.read_history(out)) < epochs and time.time() < deadline:
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.01)
    process.send_signal(sign)
    process.communicate(timeout=60)
    return process.returncode


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    finish(start(out, 6))
    return out


@pytest.mark.parametrize("sign", [signal.SIGKILL], ids=["kill -9"])
def test_a_stopped_run_goes_on_exactly(sign, uninterrupted, tmp_path):
    out = tmp_path / "run"
    code = stop_after(2, out, start(out, 6), sign)
    assert code == (130 if sign == signal.SIGINT else -signal.SIGKILL)
    # What is left can be loaded; the history may be an epoch ahead of it when the signal fell between the two files.
    assert 1 <= keras.saving.load_model(out / "model.keras").epochs_trained < 6
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

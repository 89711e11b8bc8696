"""Ctrl-C during `fit`: never lost, never in the middle of something."""

import signal
import threading

import keras
import numpy as np
import pytest

import kgen
from kgen.training.interrupts import StopOnInterrupt

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), "uint8")


@pytest.fixture(autouse=True)
def handler():
    """Python's own, which is not there when the tests run in the background; in the end it must be back."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler


class Doomed:
    """Presses Ctrl-C in its finaliser, where Python prints an exception and forgets it."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


class PressesCtrlC(keras.callbacks.Callback):
    """In the second epoch of two batches, and keeps a diary."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment
        self.diary = []

    def note(self, what):
        self.diary.append(what)
        if what == self.moment and self.model.epochs_trained == 1:
            Doomed()

    def on_train_batch_begin(self, batch, logs=None):
        self.note(f"step {batch}")

    def on_test_batch_begin(self, batch, logs=None):
        self.note(f"validation {batch}")

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch")


def trained(*callbacks):
    model = kgen.models.VAE((8, 8, 1), 2, architecture="mlp", hidden_dims=(4,), seed=1)
    model.compile()
    model.fit(IMAGES, epochs=2, batch_size=16, validation_split=0.5, callbacks=callbacks, verbose=0)
    return model


EPOCH = ["epoch", "step 0", "step 1", "validation 0", "validation 1"]


@pytest.mark.parametrize(
    ("moment", "last"),
    [("epoch", "step 0"), ("step 0", "step 0"), ("step 1", "step 1"), ("validation 0", "validation 0")],
)
def test_a_training_stops_at_the_next_step_wherever_the_signal_came(moment, last, capfd):
    presses = PressesCtrlC(moment)
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt() as interrupt:
        trained(presses, interrupt)
    assert presses.diary == EPOCH + EPOCH[: EPOCH.index(last) + 1]
    assert "Ctrl-C again stops at once" in capfd.readouterr().err


def test_what_other_callbacks_do_at_the_end_of_an_epoch_is_done_first():
    written = []
    writes = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: (Doomed(), written.append(epoch)))
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt() as interrupt:
        trained(writes, interrupt)
    assert written == [0]


def test_after_the_last_step_it_is_not_lost_either():
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt():
        Doomed()


def test_a_second_time_stops_at_once():
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt():
        Doomed()
        signal.raise_signal(signal.SIGINT)
        pytest.fail("still going")


def test_another_error_is_not_hidden():
    with pytest.raises(ValueError, match="mine"), StopOnInterrupt():
        Doomed()
        raise ValueError("mine")


def test_who_ignores_ctrl_c_goes_on_ignoring_it():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with StopOnInterrupt():
        Doomed()
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_in_another_thread_it_leaves_signals_alone():
    seen = []

    def work():
        with StopOnInterrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]

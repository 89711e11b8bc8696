"""A callback that spends a given time on a training, and no more, be it in one run or in several."""

import json
import math
import time
from pathlib import Path

import keras

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.presets.files import atomic_write


class TimeBudget(keras.callbacks.Callback):
    """Ends `fit` when so many minutes are up, within an epoch if need be; meanwhile the learning rate falls to zero.

    The rate is ½ (1 + cos(π · share of the time that is spent)) of the one at the start, set anew with every hundredth
    of the time: a training that knows when it must be done ends better than one that is broken off. Of a
    `GroupedOptimizer` each group's rate falls.

    With a `folder` the time may be spent in several runs. It keeps a clock there and the models of the last epochs,
    that of one under way among them: no more than a tenth of the time is ever lost. Where a run was stopped, the next
    one loads `budget.models[-1]` and calls `fit` with another `TimeBudget` of the same folder, unless `budget.is_up`.

    Args:
        minutes: number > 0.
        decay: bool; False leaves the learning rate alone, as a schedule of the optimizer's own demands.
        folder: None, or a folder for models and clock; what runs before this one have spent there counts.
        keep: models of so many last epochs stay in the folder, ≥ 1.

    Attributes:
        spent: seconds so far.
        is_up: whether the time is.
        models: paths of the models in the folder, the newest last.

    Raises:
        ValueError: an argument outside its range; in `fit`, the learning rate is a schedule and `decay` is True.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> model = kgen.models.VAE((8, 8, 1), latent_dim=2, architecture="mlp", hidden_dims=(8,), seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=100_000, callbacks=[kgen.training.TimeBudget(0.001)], verbose=0)
    """

    def __init__(self, minutes, decay=True, folder=None, keep=1):
        super().__init__()
        check_number("minutes", minutes, minimum=1e-6)
        check_int("keep", keep, minimum=1)
        self.minutes = minutes
        self.decay = decay
        self.folder = None if folder is None else Path(folder)
        self.keep = keep
        self.spent, self._rates = 0.0, None
        if self.models:
            clock = json.loads((self.folder / "clock.json").read_text())
            self.spent, self._rates = clock["seconds"], clock["rates"]

    @property
    def is_up(self):
        return self.spent >= 60.0 * self.minutes

    @property
    def models(self):
        return [] if self.folder is None else sorted(self.folder.glob("epoch_*.keras"))

    def on_train_begin(self, logs=None):
        self._started = time.monotonic() - self.spent
        optimizers = self._optimizers() if self.decay else []
        if any(not hasattr(optimizer.learning_rate, "assign") for optimizer in optimizers):
            raise ValueError("decay: the learning rate follows a schedule of its own; pass decay=False")
        if self._rates is None:
            self._rates = [float(keras.ops.convert_to_numpy(one.learning_rate.value)) for one in optimizers]
        self._written = self.spent
        self._lower_rates()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # To look at `self.model` costs time on JAX, which holds its weights elsewhere within an epoch.
        if time.monotonic() - self._started - self.spent > 0.6 * self.minutes:
            self._look_at_the_clock()
            if self.spent - self._written > 6.0 * self.minutes and not self.is_up:
                self._write(getattr(self.model, "epochs_trained", self._epoch))

    def on_epoch_end(self, epoch, logs=None):
        self._look_at_the_clock()
        self._write(getattr(self.model, "epochs_trained", epoch + 1))

    def _look_at_the_clock(self):
        self.spent = time.monotonic() - self._started
        self._lower_rates()
        if self.is_up:
            self.model.stop_training = True

    def _lower_rates(self):
        share = min(1.0, self.spent / (60.0 * self.minutes))
        for optimizer, rate in zip(self._optimizers() if self.decay else [], self._rates, strict=True):
            optimizer.learning_rate = rate * 0.5 * (1.0 + math.cos(math.pi * share))

    def _write(self, epochs):
        """The clock first: without a model it does not count."""
        if self.folder is None:
            return
        self._written = self.spent
        self.folder.mkdir(parents=True, exist_ok=True)
        clock = {"seconds": self.spent, "rates": self._rates}
        with atomic_write(self.folder / "clock.json") as temporary:
            temporary.write_text(json.dumps(clock))
        self.model.save(self.folder / f"epoch_{epochs:05d}.keras")
        for old in self.models[: -self.keep]:
            old.unlink()

    def _optimizers(self):
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        groups = getattr(optimizer, "optimizers", None)
        return list(groups.values()) if groups else [optimizer]

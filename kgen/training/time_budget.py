"""A callback that spends a given time on a training, and no more."""

import math
import time

import keras

from kgen.functional.checks import check_number


class TimeBudget(keras.callbacks.Callback):
    """Ends `fit` after the epoch in which so many minutes are up; meanwhile the learning rate falls to zero.

    The rate of each epoch is ½ (1 + cos(π · share of the time that is spent)) of the one at the start: a training that
    knows when it must be done ends better than one that is broken off. Of a `GroupedOptimizer` each group's rate falls.

    Args:
        minutes: number > 0.
        decay: bool; False leaves the learning rate alone, as a schedule of the optimizer's own demands.

    Attributes:
        spent: seconds so far.

    Raises:
        ValueError: `minutes` is no number above 0; in `fit`, the learning rate is a schedule and `decay` is True.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> model = kgen.models.VAE((8, 8, 1), latent_dim=2, architecture="mlp", hidden_dims=(8,), seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=100_000, callbacks=[kgen.training.TimeBudget(0.001)], verbose=0)
    """

    def __init__(self, minutes, decay=True):
        super().__init__()
        check_number("minutes", minutes, minimum=1e-6)
        self.minutes = minutes
        self.decay = decay
        self.spent = 0.0

    def on_train_begin(self, logs=None):
        self._started = time.monotonic() - self.spent
        self._rates = {}
        for optimizer in self._optimizers() if self.decay else ():
            if not hasattr(optimizer.learning_rate, "assign"):
                raise ValueError("decay: the learning rate follows a schedule of its own; pass decay=False")
            self._rates[optimizer] = float(keras.ops.convert_to_numpy(optimizer.learning_rate.value))

    def on_epoch_end(self, epoch, logs=None):
        self.spent = time.monotonic() - self._started
        share = min(1.0, self.spent / (60.0 * self.minutes))
        for optimizer, rate in self._rates.items():
            optimizer.learning_rate = rate * 0.5 * (1.0 + math.cos(math.pi * share))
        if share >= 1.0:
            self.model.stop_training = True

    def _optimizers(self):
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        groups = getattr(optimizer, "optimizers", None)
        return list(groups.values()) if groups else [optimizer]

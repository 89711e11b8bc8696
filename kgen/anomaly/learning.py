"""How detectors train: stock `fit` on random rows, for so many steps rather than so many epochs."""

import keras
import numpy as np

PEAK_RATE = 3e-3


def train(model, rows, batch_size, steps, seed, verbose, peak_rate=PEAK_RATE, callbacks=()):
    """Train on rows by stock `fit`, with a rate that rises for a fifth of the steps and then falls to 0."""
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=max(1, steps - steps // 5), warmup_target=peak_rate, warmup_steps=steps // 5
    )
    model.compile(keras.optimizers.Adam(rate))
    model.fit(RandomRows(rows, batch_size, steps, seed), epochs=1, callbacks=[*callbacks], verbose=verbose)


class RandomRows(keras.utils.PyDataset):
    """A whole training as one epoch of batches of one size, whose rows are a function of (seed, batch).

    Small tables would else spend their time in thousands of epochs of one step, and a last, smaller batch would be
    compiled by itself.

    Args:
        rows: float32 `(n, width)`.
        batch_size: rows a batch, at most n.
        steps: number of batches.
        seed: int ≥ 0.
    """

    def __init__(self, rows, batch_size, steps, seed):
        super().__init__()
        self.rows = rows
        self.batch_size = min(batch_size, len(rows))
        self.steps = steps
        self.seed = seed

    def __len__(self):
        return self.steps

    def start_epoch(self, epoch):
        """The order is in the batches themselves."""

    def __getitem__(self, index):
        return (self.rows[np.random.default_rng([self.seed, index]).integers(len(self.rows), size=self.batch_size)],)

"""Several small networks that learn side by side, in one model and one pass: an ensemble at the price of its matrices.

Each works on vectors `(n, members, width)`; a layer is one batched matrix product. They differ in their initial weights
and in the noise that they see. The mean of their scores is steadier than any one of them.
"""

import itertools
import math

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.functional.seeding import drawn_seed

DEFAULT_STEPS = 500
PEAK_RATE = 3e-3


def networks(widths, members, name, activation="silu"):
    """Fully connected networks, one a member: `(n, members, widths[0])` → `(n, members, widths[-1])`."""
    stack, last = [keras.Input((members, widths[0]))], len(widths) - 1
    for i, (width_in, width_out) in enumerate(itertools.pairwise(widths), start=1):
        dense = layers.EinsumDense(
            "nei,eio->neo",
            output_shape=(members, width_out),
            bias_axes="eo",
            activation=activation if i < last else None,
            # The usual initializers would read the first axis of (members, in, out) as the window of a convolution.
            kernel_initializer=keras.initializers.RandomNormal(stddev=1.0 / math.sqrt(width_in), seed=drawn_seed()),
            dtype="float32",
            name=f"layer_{i}",
        )
        stack.append(dense)
    return keras.Sequential(stack, name=name)


def for_each_member(x, members):
    """`(n, width)` → float32 `(n, members, width)`."""
    return ops.repeat(ops.cast(x, "float32")[:, None], members, axis=1)


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


def train_members(model, rows, epochs, batch_size, seed, verbose, peak_rate=PEAK_RATE):
    """Train on rows, by stock `fit`: `epochs` passes, or as many as make `DEFAULT_STEPS` steps."""
    steps = DEFAULT_STEPS if epochs is None else epochs * -(-len(rows) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=max(1, steps - steps // 5), warmup_target=peak_rate, warmup_steps=steps // 5
    )
    model.compile(keras.optimizers.Adam(rate))
    model.fit(RandomRows(rows, batch_size, steps, seed), epochs=1, verbose=verbose)

"""Several small networks that learn side by side, in one model and one pass: an ensemble at the price of its matrices.

Each works on vectors `(n, members, width)`; a layer is one batched matrix product. They differ in their initial weights
and in the noise that they see. The mean of their scores is steadier than any one of them.
"""

import itertools
import math

import keras
from keras import layers
from keras import ops

from kgen.functional.seeding import drawn_seed


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

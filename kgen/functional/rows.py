"""Layers that look at one position at a time, applied to all positions as one matrix."""

import keras
from keras import ops

from kgen.functional.dense import dense


def on_rows(layer, x):
    """`layer(x)` for a layer that maps `(n, dim)` to `(n, units)`, x being `(batch, …, dim)`.

    One large matrix product: XLA on a CPU takes half as long for its gradient as for that of a product with two leading
    axes, 38 against 74 ms for (16, 256, 192) times (192, 768).
    """
    *leading, dim = ops.shape(x)
    if len(leading) > 1:
        rows = on_rows(layer, ops.reshape(x, (-1, dim)))
        return ops.reshape(rows, (*leading, rows.shape[-1]))
    return dense(layer, x) if isinstance(layer, keras.layers.Dense) else layer(x)

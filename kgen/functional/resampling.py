"""Waves sampled more slowly, and more quickly again, by a filter that lets the lower notes pass."""

import numpy as np
from keras import ops
from scipy.signal import firwin

ZEROS = 8  # of the windowed sinc on each side: how sharply it cuts


def slowed(waves, factor):
    """Every `factor`-th sample of the filtered waves.

    Args:
        waves: float tensor `(batch, length)`, `factor` divides the length.
        factor: int ≥ 2.

    Returns:
        float32 tensor `(batch, length / factor)`.
    """
    return _filtered(waves, factor)[:, ::factor]


def hastened(waves, factor):
    """Waves with `factor - 1` samples between two of before, `(batch, factor · length)`: band-limited interpolation."""
    waves = ops.convert_to_tensor(waves, dtype="float32")
    nothing = ops.zeros_like(waves)
    spread = ops.stack([factor * waves, *[nothing] * (factor - 1)], axis=-1)
    return _filtered(ops.reshape(spread, (ops.shape(waves)[0], -1)), factor)


def _filtered(waves, factor):
    taps = firwin(2 * ZEROS * factor + 1, 1.0 / factor).astype("float32")
    waves = ops.cast(waves, "float32")[..., None]
    return ops.conv(waves, np.reshape(taps, (-1, 1, 1)), 1, "same", data_format="channels_last")[..., 0]

"""Positions as angles."""

import numpy as np
from keras import ops

from kgen.functional.checks import check_number


def position_angles(positions, dim, base):
    """The angle of each position at each frequency: pos · base^(-2i / dim), i = 0 … ⌈dim / 2⌉ - 1, in radians.

    Args:
        positions: numbers of any shape.
        dim: how many channels there are, two for each frequency.
        base: number > 1.

    Returns:
        float32 tensor with one more axis.
    """
    frequencies = np.power(float(base), -2.0 * np.arange((dim + 1) // 2) / dim)
    frequencies = ops.convert_to_tensor(frequencies.astype("float32"))
    return ops.cast(positions, "float32")[..., None] * frequencies


def check_base(name, value):
    """Refuse what is no base of angles."""
    check_number(name, value, minimum=1.0)
    if value == 1.0:
        raise ValueError(f"{name}: expected a number above 1, such as 10000.0, got {value!r}")


def grid_waves(rows, columns, dim):
    """Where each place of a grid is, as waves: a quarter of the channels each sin and cos of its row and its column.

    Args:
        rows, columns: int ≥ 1.
        dim: int, a multiple of 4.

    Returns:
        float32 tensor `(rows · columns, dim)`, row by row.
    """
    axes = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    angles = [position_angles(axis.reshape(-1), dim // 2, 10000.0) for axis in axes]
    return ops.concatenate([wave(angle) for angle in angles for wave in (ops.sin, ops.cos)], axis=-1)

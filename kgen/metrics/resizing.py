"""Images of any size brought to one size, in NumPy: the same numbers on every backend."""

import functools

import numpy as np


def resized(images, side):
    """Images `(n, height, width, channels)` of any number type as float32 `(n, side, side, channels)`.

    A new pixel is the mean of the old ones around its centre, weighted by a triangle as wide as two pixels, new or old,
    whichever are larger: Pillow's BILINEAR, unrounded. Shrinking with narrower ones aliases, and has moved published
    Fréchet distances by whole points.

    Reference: Parmar et al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, 2022.
    """
    images = np.asarray(images, "float32")
    for axis in (1, 2):
        if images.shape[axis] != side:
            images = np.tensordot(images, _weights(images.shape[axis], side), (axis, 1))
            images = np.moveaxis(images, -1, axis)
    return images


@functools.cache
def _weights(before, after):
    """How much each of `before` old pixels counts in each of `after` new ones, float32 `(after, before)`."""
    scale = before / after
    centres = (np.arange(after) + 0.5) * scale
    distances = np.abs(np.arange(before) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(1.0 - distances, 0.0)
    return (weights / weights.sum(1, keepdims=True)).astype("float32")

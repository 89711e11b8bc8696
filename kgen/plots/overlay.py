"""Where a model looked in an image."""

import matplotlib
import numpy as np

from kgen.plots.grid import image_grid

HEAT = matplotlib.colormaps["inferno"]
STRENGTH = 0.6  # of the colours over an image


def attention_overlay(images, maps, columns=None, titles=None, cell=96):
    """Each image beside itself under a map of colours, bright where the map is large.

    Each map has its own scale, from its least to its largest value.

    Args:
        images: uint8 array `(n, height, width, channels)` in [0, 255] with 1 or 3 channels.
        maps: float array `(n, rows, columns)`; a value for each patch, as `ViT.attention_rollout` returns them. Rows
            and columns divide height and width.
        columns: pairs in a row; the default makes the picture about square.
        titles: one string an image, or None.
        cell: about how wide an image becomes, in pixels.

    Returns:
        a matplotlib `Figure`.

    Raises:
        ValueError: arrays of other shapes, or maps with NaN.

    Example:

    >>> import numpy as np, kgen
    >>> figure = kgen.plots.attention_overlay(np.zeros((3, 8, 8, 1), "uint8"), np.eye(4)[None].repeat(3, axis=0))
    """
    images, maps = np.asarray(images), np.asarray(maps, "float64")
    fits = images.ndim == 4 and maps.ndim == 3 and len(images) == len(maps) > 0 and 0 not in maps.shape
    if not fits or images.shape[1] % maps.shape[1] or images.shape[2] % maps.shape[2]:
        raise ValueError(
            f"maps: expected (n, rows, columns) that divide the sides of images {images.shape}, got {maps.shape}"
        )
    if not np.isfinite(maps).all():
        raise ValueError("maps: expected finite numbers, got NaN or infinite values")
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    scaled = (maps - low) / np.where(high > low, high - low, 1.0)
    heights, widths = (images.shape[axis] // maps.shape[axis] for axis in (1, 2))
    colours = HEAT(scaled.repeat(heights, axis=1).repeat(widths, axis=2))[..., :3]
    plain = images.repeat(3, axis=-1) if images.shape[-1] == 1 else images
    under = np.rint((1.0 - STRENGTH) * plain + STRENGTH * 255.0 * colours).astype("uint8")
    pairs = np.concatenate([plain, under], axis=2)
    return image_grid(pairs, columns=columns, titles=titles, cell=2 * cell)

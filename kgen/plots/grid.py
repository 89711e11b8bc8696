"""Many small images as one picture."""

import math

import numpy as np
from matplotlib.figure import Figure

DPI = 100
CAPTION = 18  # pixels for a line of text above an image


def image_grid(images, columns=None, titles=None, cell=96):
    """Images side by side on white, small ones enlarged by a whole factor so that every pixel stays a sharp square.

    Args:
        images: uint8 array `(n, height, width, channels)` in [0, 255] with 1 or 3 channels.
        columns: images in a row; the default makes the picture about square.
        titles: one string an image, or None.
        cell: about how wide an image becomes, in pixels; never smaller than it is.

    Returns:
        a matplotlib `Figure`; `figure.savefig("grid.png")` writes it pixel by pixel.

    Raises:
        ValueError: not uint8 images of that shape, none at all, or another number of titles.

    Example:

    >>> import numpy as np, kgen
    >>> figure = kgen.plots.image_grid(np.zeros((6, 8, 8, 1), "uint8"), columns=3)
    >>> figure.get_size_inches() * figure.dpi  # three of 8 × 12 pixels and the gaps between them
    array([304., 204.])
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3) or len(images) == 0:
        raise ValueError(
            "images: expected a uint8 array (n, height, width, 1 or 3) with n ≥ 1, "
            f"got {images.dtype} of shape {images.shape}"
        )
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles: expected one for each of {len(images)} images, got {len(titles)}")
    factor = max(1, round(cell / images.shape[2]))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    n, height, width = images.shape[:3]
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    rows = math.ceil(n / columns)
    caption, gap = (CAPTION if titles is not None else 0), 4

    canvas = np.full((rows * (caption + height + gap) + gap, columns * (width + gap) + gap, 3), 255, "uint8")
    figure = Figure(figsize=(canvas.shape[1] / DPI, canvas.shape[0] / DPI), dpi=DPI)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        top, left = gap + row * (caption + height + gap) + caption, gap + column * (width + gap)
        canvas[top : top + height, left : left + width] = image
        if titles is not None:
            x, y = (left + width / 2) / canvas.shape[1], 1 - (top - 4) / canvas.shape[0]
            figure.text(x, y, titles[i], ha="center", va="bottom", fontsize=8)
    figure.figimage(canvas)
    return figure

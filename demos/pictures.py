"""Pictures for the page: arrays of images as one, and figures of `kgen.plots`.

Browsers blur what they enlarge, so every pixel of an image becomes a square of pixels here.
"""

import io
import math

import numpy as np
from PIL import Image

DOTS_PER_INCH = 90  # of figures, whose letters are then about as large as those of the page
GAP = 6  # pixels between two images, transparent: a picture sits well on a light page and on a dark one


def tile(images, columns=None, width=960, gap=GAP):
    """Images side by side, small ones enlarged by a whole factor.

    Args:
        images: uint8 `(n, height, width, channels)` with 1 or 3 channels.
        columns: images in a row; the default makes about a square.
        width: about how wide the picture becomes, in pixels; no image is made smaller than it is.
        gap: pixels between images.

    Returns:
        a PIL image with transparent gaps.
    """
    n, columns = len(images), min(columns or math.ceil(math.sqrt(len(images))), len(images))
    factor = max(1, round(width / columns / images.shape[2]))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    rows, down, across = math.ceil(n / columns), images.shape[1] + gap, images.shape[2] + gap
    canvas = np.zeros((rows * down - gap, columns * across - gap, 4), "uint8")
    for i, image in enumerate(images):
        top, left = i // columns * down, i % columns * across
        canvas[top : top + down - gap, left : left + across - gap] = 255
        canvas[top : top + down - gap, left : left + across - gap, :3] = image
    return Image.fromarray(canvas)


def drawn(figure):
    """A matplotlib `Figure` as a PIL image."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH)
    return Image.open(file)

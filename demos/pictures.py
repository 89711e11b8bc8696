"""Pictures for the page: arrays of images as one, and figures of `kgen.plots`.

Browsers blur what they enlarge, so every pixel of an image becomes a square of pixels here.
"""

import io
import math

import numpy as np
from PIL import Image

from .studio import sorry

DOTS_PER_INCH = 90  # of figures, whose letters are then about as large as those of the page
MAX_PIXELS = 16_000_000  # of one sheet, so that large images come in smaller numbers
GAP = 6  # pixels between two images, transparent: a picture sits well on a light page and on a dark one


def check_sheet(count, image_shape):
    """A sentence when so many images of a shape are too many for one picture."""
    height, width = image_shape[:2]
    if count > (most := max(1, MAX_PIXELS // (height * width))):
        raise sorry(f"Images: {most} images of {height} × {width} pixels fit on one sheet, not {count}.")


def tile(images, columns=None, width=960, gap=GAP, skip=0, places=0):
    """Images side by side, small ones enlarged by a whole factor.

    Args:
        images: uint8 `(n, height, width, channels)` with 1 or 3 channels.
        columns: images in a row; the default makes about a square.
        width: about how wide the picture becomes, in pixels; no image is made smaller than it is.
        gap: pixels between images.
        skip: places that stay free before the first image.
        places: how many there are at least; those behind the last image stay free for images to come.

    Returns:
        a PIL image with transparent gaps.
    """
    n = max(len(images) + skip, places)
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    factor = max(1, round(width / columns / images.shape[2]))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    rows, down, across = math.ceil(n / columns), images.shape[1] + gap, images.shape[2] + gap
    canvas = np.zeros((rows * down - gap, columns * across - gap, 4), "uint8")
    for i, image in enumerate(images, start=skip):
        top, left = i // columns * down, i % columns * across
        canvas[top : top + down - gap, left : left + across - gap] = 255
        canvas[top : top + down - gap, left : left + across - gap, :3] = image
    return Image.fromarray(canvas)


def drawn(figure, dpi=DOTS_PER_INCH):
    """A matplotlib `Figure` as a PIL image; with dpi="figure" one whose pixels were set stays as it is."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return Image.open(file)

"""Images as sequences of patches, and back: how a Transformer reads and writes images.

An image of (height, width, channels) becomes (height / p) · (width / p) tokens. Token number i · (width / p) + j is the
square in row i and column j of squares; in it the p · p · channels values stand as in the image: row, column, channel.

Dosovitskiy et al., An Image is Worth 16x16 Words, 2021, section 3.1.
"""

from keras import ops

from kgen.functional.checks import check_int
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape


def patchify(images, size):
    """The patches of images, row by row.

    Args:
        images: tensor `(n, height, width, channels)` of any dtype; height and width are known multiples of `size`.
        size: p, int ≥ 1, the side of a patch.

    Returns:
        tensor `(n, (height / p) · (width / p), p · p · channels)`.

    Raises:
        ValueError: `images` of another shape, sides that are no multiples of `size`, or a bad `size`.

    Example:

    >>> import numpy as np
    >>> from kgen.functional.patches import patchify
    >>> tuple(patchify(np.zeros((2, 28, 28, 1)), 4).shape)
    (2, 49, 16)
    """
    rows, columns = patch_grid(images.shape, size)
    channels = images.shape[-1]
    x = ops.reshape(images, (-1, rows, size, columns, size, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (n, rows, columns, p, p, channels)
    return ops.reshape(x, (-1, rows * columns, size * size * channels))


def unpatchify(patches, size, height, width):
    """The images that these are the patches of: `unpatchify(patchify(x, p), p, height, width)` is x.

    Args:
        patches: tensor `(n, (height / p) · (width / p), p · p · channels)`.
        size: p, int ≥ 1, the side of a patch.
        height, width: of the images, multiples of `size`.

    Returns:
        tensor `(n, height, width, channels)`.

    Raises:
        ValueError: sides that are no multiples of `size`, another number of patches, or patches of another length.
    """
    check_shape("patches", patches.shape, ("batch", "patches", "values"))
    length, values = patches.shape[1:]
    rows, columns = patch_grid((None, height, width, 1), size)
    if length not in (None, rows * columns) or values % (size * size):
        raise ValueError(
            f"patches: expected shape (n, {rows * columns}, {size * size} · channels) for images of "
            f"{height} x {width} and size={size}, got {tuple(patches.shape)}"
        )
    x = ops.reshape(patches, (-1, rows, columns, size, size, values // (size * size)))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (n, rows, p, columns, p, channels)
    return ops.reshape(x, (-1, height, width, values // (size * size)))


def spread(x, size):
    """Places with many values as patches of places with few: pixel shuffling, of images or of series.

    Args:
        x: tensor `(n, rows, columns, p · p · channels)`, or `(n, length, p · channels)`.
        size: p, int ≥ 1.

    Returns:
        tensor `(n, p · rows, p · columns, channels)`, or `(n, p · length, channels)`.

    Example:

    >>> import numpy as np
    >>> from kgen.functional.patches import spread
    >>> tuple(spread(np.zeros((2, 7, 7, 12)), 2).shape)
    (2, 14, 14, 3)

    Reference: Shi et al., Real-Time Single Image and Video Super-Resolution, 2016.
    """
    n, *sides, values = ops.shape(x)
    dimensions = len(sides)
    channels = values // size**dimensions
    x = ops.reshape(x, (n, *sides, *[size] * dimensions, channels))
    order = [axis for place in range(1, dimensions + 1) for axis in (place, place + dimensions)]
    x = ops.transpose(x, (0, *order, 2 * dimensions + 1))  # (n, rows, p, columns, p, channels)
    return ops.reshape(x, (n, *[size * side for side in sides], channels))


def patch_grid(shape, size):
    """(rows, columns) of the patches of images of `shape`, `(n, height, width, channels)`; errors as of `patchify`."""
    check_int("size", size, minimum=1)
    check_shape("images", shape, IMAGES)
    height, width = shape[1:3]
    if height is None or width is None or height % size or width % size:
        raise ValueError(
            f"images: expected a known height and width that are multiples of size={size}, got {height} x {width}"
        )
    return height // size, width // size

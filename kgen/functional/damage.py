"""What can happen to an image, and be undone by a model that knows what images look like.

All take float images `(batch, height, width, channels)` in [-1, 1] and return such.
"""

from keras import ops

LUMA = (0.299, 0.587, 0.114)


def shrunk(images, factor):
    """Means of squares of `factor` × `factor` pixels: `(batch, height / factor, width / factor, channels)`."""
    return ops.average_pool(images, factor, strides=factor, padding="valid", data_format="channels_last")


def stretched(images, factor):
    """Each pixel as a square of `factor` × `factor`."""
    return ops.repeat(ops.repeat(images, factor, axis=1), factor, axis=2)


def greyed(images):
    """The brightness of colours (ITU-R BT.601), in as many channels as before."""
    images = ops.convert_to_tensor(images)
    if images.shape[-1] == 1:
        return images
    weights = ops.convert_to_tensor(LUMA, dtype=images.dtype)
    return ops.repeat(ops.sum(images * weights, axis=-1, keepdims=True), 3, axis=-1)


def rectangles(shape, draws):
    """1 inside a rectangle, 0 elsewhere: float32 `(batch, height, width, 1)`; each side from a fifth to four fifths of
    the image's.

    Args:
        shape: (height, width).
        draws: float32 `(batch, 4)` in [0, 1): how large each is, and where.
    """
    draws, inside = ops.convert_to_tensor(draws), []
    for axis, (side, positions) in enumerate(zip(shape, ((1, -1, 1, 1), (1, 1, -1, 1)), strict=True)):
        extent = ops.floor((0.2 + 0.6 * draws[:, axis]) * side) + 1.0
        first = ops.floor(draws[:, axis + 2] * (side - extent + 1.0))
        place = ops.reshape(ops.arange(side, dtype="float32"), positions)
        first, extent = (ops.reshape(one, (-1, 1, 1, 1)) for one in (first, extent))
        inside.append(ops.logical_and(place >= first, place < first + extent))
    return ops.cast(ops.logical_and(*inside), "float32")

"""Differentiable augmentation: random changes of images that gradients pass.

A discriminator that has few images learns them by heart. It cannot when it never sees an image itself, only random
changes of it, real and generated ones alike. Gradients pass the changes, so the generator still learns to make images
as they were before them:

    color        x + b, then m + s (x - m), then M + c (x - M): brightness b ~ U(-½, ½), saturation s ~ U(0, 2) around
                 the mean m of each pixel's channels, contrast c ~ U(½, 3/2) around the mean M of the image
    translation  by up to an eighth of each side; what comes in is 0, the middle grey
    cutout       a rectangle of half of each side becomes 0; its centre is anywhere in the image

Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020. Changing only a share p of the images:
Karras et al., Training Generative Adversarial Networks with Limited Data, 2020.
"""

import keras
from keras import ops

from kgen.functional.checks import check_in
from kgen.functional.checks import check_number

POLICIES = ("color", "translation", "cutout")
REACH = 1 / 8  # of a side, that an image is moved by at most
HOLE = 1 / 2  # of a side, that is cut out
UNCHANGED = (0.5, 0.5, 0.5, 0.5, 0.5, -2.0, -2.0)  # the row of `draw_changes` that leaves an image as it is


def augment(images, policies, seed, p=1.0):
    """Images with a random change of each.

    Values may leave [-1, 1]: nothing is clipped, so gradients pass everywhere but in what is cut out or moved out.

    Args:
        images: float `(batch, height, width, channels)` in [-1, 1], of known height, width and channels.
        policies: some of "color", "translation" and "cutout", in this order.
        seed: a `keras.random.SeedGenerator`, or an int for the same changes each time.
        p: float in [0, 1], or a scalar tensor: the probability of each image to be changed.

    Returns:
        images of the same shape and dtype.

    Raises:
        ValueError: not such images, an unknown policy, or p out of range.

    Example:

    >>> import keras
    >>> from kgen.functional.augmentation import augment
    >>> draws = keras.random.SeedGenerator(1)
    >>> changed = augment(keras.ops.zeros((4, 8, 8, 3)), ("color", "cutout"), draws)
    >>> tuple(changed.shape)
    (4, 8, 8, 3)
    """
    return apply_changes(images, policies, draw_changes(ops.shape(images)[0], seed, p))


def draw_changes(n, seed, p=1.0):
    """What happens to each of n images: float32 `(n, 7)`, a function of neither their size nor their kind.

    The same draw may be applied to several batches.

    Args:
        n: int, or an integer tensor.
        seed, p: as for `augment`.
    """
    if not ops.is_tensor(p) and not isinstance(p, keras.Variable):
        check_number("p", p, minimum=0.0, maximum=1.0)
    draws = keras.random.uniform((n, len(UNCHANGED) + 1), dtype="float32", seed=seed)
    changed = draws[:, -1:] < ops.convert_to_tensor(p, "float32")
    return ops.where(changed, draws[:, :-1], ops.convert_to_tensor(UNCHANGED, "float32"))


def apply_changes(images, policies, changes):
    """Images with the changes that `draw_changes` has drawn; arguments and errors as of `augment`."""
    if not isinstance(policies, list | tuple):
        raise ValueError(f"policies: expected some of {', '.join(POLICIES)} in a tuple, got {policies!r}")
    for policy in policies:
        check_in("policies", policy, POLICIES)
    dtype = keras.backend.standardize_dtype(images.dtype)
    if len(images.shape) != 4 or None in images.shape[1:] or not keras.backend.is_float_dtype(dtype):
        raise ValueError(
            "images: expected floats in [-1, 1] of shape (batch, height, width, channels), "
            f"got {dtype} of shape {tuple(images.shape)}"
        )
    if "color" in policies:
        images = _color(images, changes)
    if "translation" in policies:
        images = _translation(images, changes)
    return _cutout(images, changes) if "cutout" in policies else images


def _color(x, changes):
    brightness, saturation, contrast = (
        ops.cast(changes[:, i, None, None, None] * scale + shift, x.dtype)
        for i, (scale, shift) in enumerate([(1.0, -0.5), (2.0, -1.0), (1.0, -0.5)])
    )
    x = x + brightness
    if x.shape[-1] > 1:
        x = x + saturation * (x - ops.mean(x, axis=-1, keepdims=True))
    return x + contrast * (x - ops.mean(x, axis=(1, 2, 3), keepdims=True))


def _translation(x, changes):
    # A gather from the padded image: on a CPU several times as fast, on JAX and TensorFlow, as products with moved
    # identity matrices, and as fast on torch.
    _, height, width, channels = x.shape
    down, right = int(height * REACH + 0.5), int(width * REACH + 0.5)
    padded = ops.pad(x, ((0, 0), (down, down), (right, right), (0, 0)))
    rows, columns = _window(changes[:, 3], down, height), _window(changes[:, 4], right, width)
    place = rows[:, :, None] * (width + 2 * right) + columns[:, None, :]  # (batch, height, width), in the padded image
    pixels = ops.reshape(padded, (-1, (height + 2 * down) * (width + 2 * right), channels))
    pixels = ops.take_along_axis(pixels, ops.reshape(place, (-1, height * width, 1)), axis=1)
    return ops.reshape(pixels, (-1, height, width, channels))


def _window(draw, reach, size):
    """Which places `(n, size)` of a side that is padded by `reach` are seen; at a draw of ½ those in the middle."""
    first = ops.cast(ops.floor(draw * (2 * reach + 1)), "int32")
    return first[:, None] + ops.arange(size, dtype="int32")


def _cutout(x, changes):
    rows, columns = (_covered(changes[:, 5 + i], x.shape[1 + i]) for i in (0, 1))
    hole = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return ops.where(hole, ops.zeros((), x.dtype), x)


def _covered(draw, size):
    """Which places `(n, size)` along a side the hole covers, if its centre is inside the image."""
    length = int(size * HOLE + 0.5)
    first = ops.floor(draw * (size + 1 - length % 2)) - length // 2
    place = ops.arange(size, dtype="float32")
    return ops.logical_and(place >= first[:, None], place < first[:, None] + length)

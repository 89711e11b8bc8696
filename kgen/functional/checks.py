"""Checks of what users pass in. Every message names the argument, what was expected, what came, and the way out."""

import numpy as np


def check_in(name, value, allowed):
    """Refuse a value that is not among `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, allowed))}, got {value!r}")


def check_int(name, value, minimum):
    """Refuse what is not an integer of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}, got {value!r}")


def check_number(name, value, minimum=-np.inf, maximum=np.inf):
    """Refuse what is not a finite number in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not minimum <= value <= maximum:
        raise ValueError(f"{name}: expected a number in [{minimum}, {maximum}], got {value!r}")


def check_widths(name, value):
    """Refuse what is not one or more integers of at least 1."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{name}: expected one or more numbers, such as (32, 64), got {value!r}")
    for width in value:
        check_int(name, width, minimum=1)


def check_image_shape(name, value):
    """Refuse what is not (height, width, channels) with 1 or 3 channels."""
    ok = isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(v, int | np.integer) for v in value)
    if not ok or min(value) < 1 or value[2] not in (1, 3):
        raise ValueError(
            f"{name}: expected (height, width, channels) with 1 or 3 channels, such as (28, 28, 1), got {value!r}"
        )


def check_images(name, images, image_shape):
    """Return images as an array `(n, *image_shape)`; refuse what would train on nonsense.

    Args:
        name: what the user calls the argument.
        images: array-like, uint8, or floats in the same range [0, 255]; one channel may be left out: `(n, h, w)`.
        image_shape: (height, width, channels) that the model was built for.

    Raises:
        ValueError: empty, another shape, another dtype, NaN, or floats outside [0, 255] or rescaled to [0, 1].
    """
    images = np.asarray(images)
    image_shape = tuple(image_shape)
    expected = f"uint8 images of shape (n, {', '.join(map(str, image_shape))}) with values in [0, 255]"
    if images.dtype.kind not in "uif":
        raise ValueError(f"{name}: expected {expected}, got dtype {images.dtype}")
    if images.ndim == 3 and image_shape[2] == 1:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1:] != image_shape:
        raise ValueError(
            f"{name}: expected {expected}, got shape {images.shape}. "
            "Build the model with the image_shape of your data, or resize the images."
        )
    if len(images) == 0:
        raise ValueError(f"{name}: expected {expected}, got no image at all")
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"{name}: expected {expected}, got NaN or infinite values")
    if low < 0 or high > 255:
        raise ValueError(f"{name}: expected {expected}, got {images.dtype} in [{low:g}, {high:g}]")
    if images.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            f"{name}: expected {expected}, got {images.dtype} in [{low:g}, {high:g}]. "
            "Rescaling happens inside the model: pass the images as they were loaded."
        )
    return images.astype("float32") if images.dtype.kind == "f" else images.astype("uint8")


def check_same_length(name_x, x, name_y, y):
    """Refuse two arrays of different length."""
    if len(x) != len(y):
        raise ValueError(f"{name_x} and {name_y}: expected the same number of rows, got {len(x)} and {len(y)}")


def check_labels(name, labels, n, num_classes):
    """Return labels as int64 `(n,)` in [0, num_classes); refuse anything else."""
    labels = np.asarray(labels)
    expected = f"{n} integers in [0, {num_classes})"
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected {expected}, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"{name}: expected {expected}, got some in [{labels.min()}, {labels.max()}]")
    return labels.astype("int64")


def check_mask(name, mask, images, meaning):
    """Return a mask of images as bool `(n, height, width, 1)`; refuse anything but bool `(height, width)` or
    `(n, height, width)`. `meaning` says what True stands for."""
    mask, sides = np.asarray(mask), images.shape[1:3]
    if mask.dtype != bool or mask.shape not in (sides, images.shape[:3]):
        raise ValueError(
            f"{name}: expected bool {sides} or {images.shape[:3]}, {meaning}, got {mask.dtype} {mask.shape}"
        )
    return np.broadcast_to(mask, images.shape[:3])[..., None]

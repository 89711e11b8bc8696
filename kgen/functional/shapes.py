"""Checks of the shapes that layers are built for."""

IMAGES = ("batch", "height", "width", "channels")


def check_shape(name, shape, axes):
    """Refuse a shape without these axes, or whose last axis has no known size.

    Args:
        name: the call argument.
        shape: tuple of integers and None, or None for an argument that did not come.
        axes: names of the axes, such as `IMAGES`.
    """
    if shape is None or len(shape) != len(axes) or shape[-1] is None:
        came = None if shape is None else tuple(shape)
        raise ValueError(f"{name}: expected shape ({', '.join(axes)}) with a known {axes[-1]}, got {came}")


def group_count(channels, most):
    """In how many groups to normalize: the largest divisor of the channels that is at most `most` and leaves four
    channels a group. A channel in a group of its own would lose its mean, which may be what it had to say."""
    return max(one for one in range(1, max(1, min(most, channels // 4)) + 1) if channels % one == 0)

"""How different two images look, by what a classifier sees in them at each place."""

import numpy as np

from kgen.functional.checks import check_int
from kgen.functional.checks import check_same_length
from kgen.metrics.features import checked_images
from kgen.metrics.features import shipped
from kgen.metrics.sample_sets import SampleScore

EPSILON = 1e-8


def perceptual_distance(images, others, batch_size=256):
    """How far apart pairs of images are in the maps of kgen's classifier, as LPIPS counts it, but unweighted.

        d = mean over pairs, stages and places of ‖h/‖h‖ - k/‖k‖‖²

    h and k are what a stage sees at one place of either image, a vector over its channels. With kgen's classifier this
    is no published LPIPS, whose networks are larger and whose channels are weighted: compare it with itself alone.

    Args:
        images: uint8 `(n, height, width, 1 or 3)`, or `(n, height, width)`, of any size; they are looked at in 32 × 32.
        others: the same shape; row i is compared with row i of `images`.
        batch_size: int ≥ 1, pairs that are looked at together, 240 kB each.

    Returns:
        a float in [0, 2], 0 for equal images, that knows how it was counted, with an attribute `each`: float64 `(n,)`.

    Raises:
        ValueError: no images, something else than images, or two different shapes.

    Example:

    >>> import kgen
    >>> images, _ = kgen.datasets.load("digits", split="test")
    >>> same, moved = (kgen.metrics.perceptual_distance(images, other) for other in (images, images[:, :, ::-1]))
    >>> float(same), same < moved
    (0.0, True)

    Reference: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, 2018.
    """
    check_int("batch_size", batch_size, minimum=1)
    images, others = checked_images("images", images), checked_images("others", others)
    check_same_length("images", images, "others", others)
    if images.shape != others.shape:
        raise ValueError(f"images and others: expected the same shape, got {images.shape} and {others.shape}")
    each = []
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        stages = zip(shipped().maps(images[rows], batch_size), shipped().maps(others[rows], batch_size), strict=True)
        each.append(np.mean([np.square(_unit(h) - _unit(k)).sum(-1).mean((1, 2)) for h, k in stages], axis=0))
    each = np.concatenate(each).astype("float64")
    signature = f"maps:{shipped().name}|n:{len(each)}"
    return SampleScore(each.mean(), "perceptual distance", signature, extractor=shipped().name, each=each)


def _unit(maps):
    return maps / np.sqrt(np.square(maps).sum(-1, keepdims=True) + EPSILON)

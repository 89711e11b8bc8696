"""The kernel distance: how far apart two sets of images are, with nothing assumed about their shape."""

import numpy as np

from kgen.functional.checks import check_int
from kgen.metrics.sample_sets import LEAST
from kgen.metrics.sample_sets import features_of_both
from kgen.metrics.sample_sets import score

SUBSET_SIZE = 1000


def kernel_distance(real, fake, extractor=None, num_subsets=100, subset_size=None, seed=0):
    """The squared maximum mean discrepancy of two sets of features, with a cubic kernel: KID, when Inception's.

        k(x, y) = (x·y / d + 1)³
        MMD² = mean k(xᵢ, xⱼ) over i ≠ j + mean k(yᵢ, yⱼ) over i ≠ j - 2 mean k(xᵢ, yⱼ)

    the mean over random subsets, none of which holds a sample twice. It is unbiased: of two samples of one distribution
    it is zero on average, whatever n, and so it may be a little below zero. Figures of different n can be compared.

    Args:
        real: images, uint8 `(n, height, width, 1 or 3)` of any size, or what `extractor` takes, or features `(n, d)`.
        fake: the same, `(m, …)`: samples of a model. n and m are at least 2.
        extractor: None for kgen's classifier, and for features as they are; any callable from images to `(n, d)`, whose
            `name` or `__name__` is printed; or a str: `real` and `fake` are features already, extracted by this.
        num_subsets: int ≥ 1, how many times to draw.
        subset_size: int ≥ 2, how many of each set to draw; None for 1,000, or half of the smaller set if that is less,
            so that the subsets differ.
        seed: int, of the draws.

    Returns:
        a float with `standard_deviation` (over the subsets), `num_subsets`, `subset_size`, `signature`, `extractor`,
        `num_real` and `num_fake`.

    Raises:
        TypeError: `extractor` is neither callable nor a str.
        ValueError: fewer than two samples, two different shapes, NaN, features of another shape than `(n, d)`, a number
            out of range, or a `subset_size` larger than a set.

    Example:

    >>> import numpy as np, kgen
    >>> points = np.random.default_rng(0).normal(size=(2000, 2))
    >>> same = kgen.metrics.kernel_distance(points[:1000], points[1000:])
    >>> far = kgen.metrics.kernel_distance(points[:1000], points[1000:] + 1.0)
    >>> bool(abs(same) < 0.1 < far), far.subset_size
    (True, 500)

    Reference: Bińkowski et al., Demystifying MMD GANs, 2018.
    """
    check_int("num_subsets", num_subsets, minimum=1)
    check_int("seed", seed, minimum=0)
    real, fake, name = features_of_both(real, fake, extractor)
    smaller = min(len(real), len(fake))
    if subset_size is None:
        subset_size = min(SUBSET_SIZE, max(LEAST, smaller // 2))
    check_int("subset_size", subset_size, minimum=LEAST)
    if subset_size > smaller:
        raise ValueError(
            f"subset_size: expected at most {smaller}, the samples of the smaller set, got {subset_size}; "
            "give more samples, or None"
        )
    generator = np.random.default_rng(seed)
    distances = []
    for _ in range(num_subsets):
        x, y = (features[generator.permutation(len(features))[:subset_size]] for features in (real, fake))
        distances.append(_squared_discrepancy(x, y))
    details = {"num_subsets": num_subsets, "subset_size": subset_size, "standard_deviation": float(np.std(distances))}
    return score(np.mean(distances), "kernel distance", name, real, fake, **details)


def _squared_discrepancy(x, y):
    """The unbiased estimate for two arrays `(m, d)`."""
    return _mean_of_pairs(_kernel(x, x)) + _mean_of_pairs(_kernel(y, y)) - 2.0 * _kernel(x, y).mean()


def _kernel(x, y):
    base = x @ y.T / x.shape[1] + 1.0
    return base * base * base  # a power takes five times as long


def _mean_of_pairs(kernel):
    m = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (m * (m - 1))

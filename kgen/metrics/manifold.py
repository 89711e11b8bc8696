"""Precision and recall: are samples like the data, and is all of the data among them?"""

import numpy as np

from kgen.functional.checks import check_int
from kgen.metrics.sample_sets import features_of_both
from kgen.metrics.sample_sets import score

CHUNK_MEGABYTES = 128
ROUNDING = 1e-7  # of the length of a vector: how far off a distance may be that is computed by a matrix product


def precision_recall(real, fake, extractor=None, neighbours=3):
    """Fidelity and diversity apart, from balls around the samples that reach to their k-th nearest neighbour.

        B(x) = {z : ‖z - x‖ ≤ distance of x to its k-th nearest in its own set}
        precision = share of fakes in the ball of some real;    recall = share of reals in the ball of some fake
        density = (number of real balls around a fake) / k, its mean;    coverage = share of reals with a fake in B

    Collapse to few images leaves precision high and recall near 0; noise around good images does the reverse. Density
    and coverage use the balls of the data alone, and so one odd sample with a huge ball does not move them: of two
    samples of one distribution, the mean of density is 1, and that of coverage 1 - 2⁻ᵏ for large, equal sets. All of
    them depend on n and k: compare figures of equal n and k only. Memory stays bounded whatever n.

    Args:
        real: images, uint8 `(n, height, width, 1 or 3)` of any size, or what `extractor` takes, or features `(n, d)`.
        fake: the same, `(m, …)`: samples of a model.
        extractor: None for kgen's classifier, and for features as they are; any callable from images to `(n, d)`, whose
            `name` or `__name__` is printed; or a str: `real` and `fake` are features already, extracted by this.
        neighbours: int ≥ 1, k. Both sets need more samples than this.

    Returns:
        dict of four floats: "precision", "recall" and "coverage" in [0, 1], and "density" ≥ 0; each with `signature`,
        `extractor`, `neighbours`, `num_real` and `num_fake`.

    Raises:
        TypeError: `extractor` is neither callable nor a str.
        ValueError: too few samples, two different shapes, NaN, features of another shape than `(n, d)`, or no such k.

    Example:

    >>> import numpy as np, kgen
    >>> points = np.random.default_rng(0).normal(size=(200, 2))
    >>> collapsed = points[:1] + np.zeros((200, 2))
    >>> figures = kgen.metrics.precision_recall(points, collapsed)
    >>> float(figures["precision"]), float(figures["recall"])
    (1.0, 0.005)

    Reference: Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, 2019; Naeem et
    al., Reliable Fidelity and Diversity Metrics for Generative Models, 2020, for density and coverage.
    """
    check_int("neighbours", neighbours, minimum=1)
    real, fake, name = features_of_both(real, fake, extractor)
    if min(len(real), len(fake)) <= neighbours:
        raise ValueError(
            f"neighbours: expected fewer than the samples of either set, {len(real)} and {len(fake)}, got {neighbours}"
        )
    x, y = real - real.mean(0), fake - real.mean(0)
    radius_x, radius_y = _radii(x, neighbours), _radii(y, neighbours)
    balls_around_fakes = np.zeros(len(y), "int64")
    recalled, covered, start = 0, 0, 0
    for distances in _distances(x, y):
        reach = radius_x[start : start + len(distances), None]
        start += len(distances)
        inside = distances <= reach
        balls_around_fakes += inside.sum(0)
        covered += inside.any(1).sum()
        recalled += (distances <= radius_y).any(1).sum()
    figures = {
        "precision": (balls_around_fakes > 0).mean(),
        "recall": recalled / len(x),
        "density": balls_around_fakes.mean() / neighbours,
        "coverage": covered / len(x),
    }
    return {key: score(value, key, name, real, fake, neighbours=neighbours) for key, value in figures.items()}


def _radii(points, neighbours):
    """How far the k-th nearest other point is from each, `(n,)`; a copy of a point is one of the others."""
    # In sorted rows the point itself, at distance 0, has place 0.
    radii = [np.partition(rows, neighbours, 1)[:, neighbours] for rows in _distances(points, points)]
    return np.concatenate(radii) + ROUNDING * np.sqrt(np.square(points).sum(1).max())


def _distances(x, y):
    """Yields the distances of some rows of x from all of y, some more, and so on."""
    from sklearn.metrics import pairwise_distances_chunked  # a second of import that nobody else should pay

    return pairwise_distances_chunked(x, y, working_memory=CHUNK_MEGABYTES)

"""All that is asked of a generator of images, with each image looked at once."""

from kgen.metrics.frechet import frechet_distance
from kgen.metrics.kernel import kernel_distance
from kgen.metrics.manifold import precision_recall
from kgen.metrics.sample_sets import features_of_both


def sample_figures(real, fake, extractor=None, neighbours=3, seed=0):
    """`frechet_distance`, `kernel_distance` and `precision_recall` of two sets of images, whose features are extracted
    once.

        {d²(Gaussians), MMD²(cubic kernel), precision, recall, density, coverage}

    Args:
        real: images, uint8 `(n, height, width, 1 or 3)` of any size, or what `extractor` takes, or features `(n, d)`.
        fake: the same, `(m, …)`: samples of a model. Both need more than `neighbours` samples.
        extractor: None for kgen's classifier, and for features as they are; any callable from images to `(n, d)`, whose
            `name` or `__name__` is printed; or a str: `real` and `fake` are features already, extracted by this.
        neighbours: int ≥ 1, k of precision and recall.
        seed: int, of the subsets that the kernel distance draws.

    Returns:
        dict of floats that know how they were counted, "frechet_distance", "kernel_distance", "precision", "recall",
        "density" and "coverage", and the name of the extractor as "features".

    Raises:
        TypeError, ValueError: as the three functions.

    Example:

    >>> import numpy as np, kgen
    >>> points = np.random.default_rng(0).normal(size=(400, 2))
    >>> figures = kgen.metrics.sample_figures(points[:200], points[200:], extractor="coordinates")
    >>> figures["precision"]
    0.995 (precision|features:coordinates|n:200,200)
    >>> figures["features"]
    'coordinates'

    Reference: see those three.
    """
    real, fake, name = features_of_both(real, fake, extractor)
    return {
        "frechet_distance": frechet_distance(real, fake, extractor=name),
        "kernel_distance": kernel_distance(real, fake, extractor=name, seed=seed),
        **precision_recall(real, fake, extractor=name, neighbours=neighbours),
        "features": name,
    }

"""The Fréchet distance: how far apart two sets of images are, as two Gaussians in the space of features."""

import numpy as np

from kgen.metrics.sample_sets import features_of_both
from kgen.metrics.sample_sets import score


def frechet_distance(real, fake, extractor=None):
    """The squared Fréchet distance of the Gaussians that have the means and covariances of two sets of features.

        d² = ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)

    With features of Inception this is FID; with those of kgen's own classifier it is not, and the two must not be
    compared: the figure says what it was counted with. It is biased: of two samples of one distribution it is above
    zero, by an amount that falls like 1 / n and differs from model to model, so compare only figures of equal n, and
    take 10,000 where you can. With n ≤ d the covariances are singular; the figure is defined, but says little.

    Args:
        real: images, uint8 `(n, height, width, 1 or 3)` of any size, or what `extractor` takes, or features `(n, d)`.
        fake: the same, `(m, …)`: samples of a model. n and m are at least 2.
        extractor: None for kgen's classifier, and for features as they are; any callable from images to `(n, d)`, whose
            `name` or `__name__` is printed; or a str: `real` and `fake` are features already, extracted by this.

    Returns:
        a float ≥ 0, 0 for equal sets, with `signature`, `extractor`, `num_real` and `num_fake`.

    Raises:
        TypeError: `extractor` is neither callable nor a str.
        ValueError: fewer than two samples, two different shapes, NaN, or features of another shape than `(n, d)`.

    Example:

    >>> import numpy as np, kgen
    >>> images, _ = kgen.datasets.load("digits", split="test")
    >>> kgen.metrics.frechet_distance(images[:128], 255 - images[:128])  # doctest: +ELLIPSIS
    51.8... (Fréchet distance|features:kgen-features-1|n:128,128)
    >>> points = np.random.default_rng(0).normal(size=(1000, 2))
    >>> round(kgen.metrics.frechet_distance(points, points + [3.0, 4.0]), 6)
    25.0

    Reference: Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, 2017;
    Chong and Forsyth, Effectively Unbiased FID and Inception Score and Where to Find Them, 2020, for the bias.
    """
    real, fake, name = features_of_both(real, fake, extractor)
    a, b = _root(real), _root(fake)
    # Σ₁ Σ₂ = aᵀa bᵀb has the eigenvalues of (a bᵀ)(a bᵀ)ᵀ, whose roots are the singular values of a bᵀ. No root is
    # taken of an eigenvalue that is nothing but rounding, so singular covariances do no harm.
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    distance = np.square(real.mean(0) - fake.mean(0)).sum() + np.square(a).sum() + np.square(b).sum() - 2.0 * cross
    return score(max(distance, 0.0), "Fréchet distance", name, real, fake)


def _root(features):
    """An upper triangle R with RᵀR the covariance, without ever forming that."""
    return np.linalg.qr((features - features.mean(0)) / np.sqrt(len(features) - 1), mode="r")

"""How many modes of the data a model has found: mode collapse as a number."""

import math

import numpy as np

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.metrics.features import shipped
from kgen.metrics.sample_sets import name_of


def mode_coverage(samples, modes, radius):
    """How many of the modes some sample has come near to, and how evenly.

        found = number of modes with a sample within `radius`;  high quality = share of samples within it of some mode
        KL(q ‖ uniform) = log K + Σ q log q,  q the shares of samples whose nearest is each of the K modes

    For a mixture of equal Gaussians, such as a grid of 25, the usual radius is three standard deviations.

    Args:
        samples: float `(n, d)`, samples of a model.
        modes: float `(K, d)`, the centres.
        radius: number ≥ 0, how near is near, in the unit of the samples.

    Returns:
        dict of "modes_found" and "num_modes" (ints), "high_quality" (float in [0, 1]) and "kl_divergence" (nats, from 0
        when all modes are as frequent to log K).

    Raises:
        ValueError: no samples, another shape, NaN, or a radius below zero.

    Example:

    >>> import numpy as np, kgen
    >>> modes = np.array([[x, y] for x in range(5) for y in range(5)])
    >>> samples = np.repeat(modes[:20], 10, axis=0) + 0.01
    >>> figures = kgen.metrics.mode_coverage(samples, modes, radius=3 * 0.05)
    >>> figures["modes_found"], figures["num_modes"], figures["high_quality"], round(figures["kl_divergence"], 4)
    (20, 25, 1.0, 0.2231)

    Reference: Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning, 2017; Lin
    et al., PacGAN: The power of two samples in generative adversarial networks, 2018.
    """
    from scipy.spatial import KDTree

    samples, modes = _points("samples", samples), _points("modes", modes)
    if samples.shape[1] != modes.shape[1]:
        raise ValueError(
            f"samples and modes: expected points of one dimension, got {samples.shape[1]} and {modes.shape[1]}"
        )
    check_number("radius", radius, minimum=0)
    distances, nearest = KDTree(modes).query(samples)
    near = distances <= radius
    return {
        "modes_found": len(np.unique(nearest[near])),
        "num_modes": len(modes),
        "high_quality": float(near.mean()),
        "kl_divergence": _divergence_from_uniform(nearest, len(modes)),
    }


def class_coverage(samples, num_classes=10, classifier=None):
    """How many classes, or combinations of them, are among samples: stacked MNIST has 1,000, three digits in a picture.

        found = number of combinations that some sample has
        KL(q ‖ uniform) = log K + Σ q log q,  q the shares of samples with each of the K combinations

    The divergence is a little too large when samples are few: of n samples that are uniform in truth it is some
    (K - 1) / 2n. Papers take 26,000 samples of stacked MNIST.

    Args:
        samples: labels, int `(n,)` or `(n, k)` in [0, `num_classes`), whose rows are combinations; or images, uint8
            `(n, height, width, k)`, in each channel one picture to be classified.
        num_classes: int ≥ 2, classes of one picture; K = num_classesᵏ.
        classifier: callable from uint8 `(n, height, width, 1)` to int labels `(n,)`; None for kgen's own, among the ten
            digits of MNIST. Not asked when samples are labels.

    Returns:
        dict of "modes_found" and "num_modes" (ints) and "kl_divergence" (nats, from 0 to log K); for images, also
        "classifier", its name.

    Raises:
        ValueError: no samples, another shape, labels that are no integers or out of range.

    Example:

    >>> import numpy as np, kgen
    >>> kgen.metrics.class_coverage(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), num_classes=2)
    {'modes_found': 4, 'num_modes': 4, 'kl_divergence': 0.0}

    Reference: Metz et al., Unrolled Generative Adversarial Networks, 2017; Lin et al., PacGAN: The power of two samples
    in generative adversarial networks, 2018.
    """
    check_int("num_classes", num_classes, minimum=2)
    samples, named = np.asarray(samples), {}
    if samples.ndim in (3, 4):
        images = samples[..., None] if samples.ndim == 3 else samples
        n, height, width, k = images.shape
        pictures = np.moveaxis(images, 3, 1).reshape(n * k, height, width, 1)
        named = {"classifier": name_of(shipped() if classifier is None else classifier)}
        found = shipped().labels(pictures, among="mnist") if classifier is None else np.asarray(classifier(pictures))
        if found.shape != (n * k,) or found.dtype.kind not in "iu":
            raise ValueError(
                f"classifier: expected {n * k} integer labels, one a picture, got {found.dtype} of shape {found.shape}"
            )
        samples = found.reshape(n, k)
    labels = samples[:, None] if samples.ndim == 1 else samples
    if labels.ndim != 2 or 0 in labels.shape or labels.dtype.kind not in "iu":
        raise ValueError(
            "samples: expected integer labels (n,) or (n, k), or images (n, height, width, k), "
            f"got {labels.dtype} of shape {samples.shape}"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"samples: expected labels in [0, {num_classes}), got some in [{labels.min()}, {labels.max()}]; "
            "is num_classes that of one picture?"
        )
    combinations = np.ravel_multi_index(labels.T, (num_classes,) * labels.shape[1])
    num_modes = num_classes ** labels.shape[1]
    return {
        "modes_found": len(np.unique(combinations)),
        "num_modes": num_modes,
        "kl_divergence": _divergence_from_uniform(combinations, num_modes),
        **named,
    }


def _points(name, points):
    points = np.asarray(points)
    if points.ndim != 2 or 0 in points.shape or points.dtype.kind not in "uif":
        raise ValueError(f"{name}: expected numbers of shape (n, d), got {points.dtype} of shape {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinite ones")
    return points.astype("float64")


def _divergence_from_uniform(modes_of_samples, num_modes):
    """KL(q ‖ uniform) in nats, for the number of the mode of each sample."""
    _, counts = np.unique(modes_of_samples, return_counts=True)
    shares = counts / counts.sum()
    return max(0.0, math.log(num_modes) + float((shares * np.log(shares)).sum()))

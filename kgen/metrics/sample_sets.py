"""Two sets of samples, what an extractor sees in them, and figures that name it."""

import numpy as np
from keras import ops

from kgen.metrics.features import checked_images
from kgen.metrics.features import shipped
from kgen.metrics.translation import Score

LEAST = 2  # of one sample there is no spread
GIVEN = "given"


class SampleScore(Score):
    """A figure about two sets of samples that knows how it was counted; in arithmetic a float like any other.

    Its `signature` names the extractor and both numbers of samples; so do the attributes `extractor`, `num_real` and
    `num_fake`.
    """

    def __repr__(self):
        return f"{float(self):.4g} ({self.name}|{self.signature})"


def score(value, name, extractor, real, fake, **details):
    """The figure `value` about two arrays of features, with its signature."""
    signature = f"features:{extractor}|n:{len(real)},{len(fake)}"
    sizes = {"num_real": len(real), "num_fake": len(fake)}
    return SampleScore(float(value), name, signature, extractor=extractor, **sizes, **details)


def name_of(extractor):
    """What an extractor is called: its `name`, if it has one, or that of the function or class."""
    return str(getattr(extractor, "name", None) or getattr(extractor, "__name__", type(extractor).__name__))


def features_of(argument, samples, extractor=None):
    """What an extractor sees in samples, and its name.

    Args:
        argument: what the user calls `samples`.
        samples: what the extractor takes, as a rule images.
        extractor: a callable from samples to `(n, d)`; None for the shipped classifier, or, where samples are `(n, d)`
            already, for themselves; or a str: samples are features already, and that is who extracted them.

    Returns:
        float64 `(n, d)` and a str.

    Raises:
        TypeError: such an extractor cannot be called.
        ValueError: these are not samples, the extractor returned something else than `(n, d)` finite numbers, or there
            are fewer than two.
    """
    if isinstance(extractor, str):
        features, name = samples, extractor
    elif extractor is None and np.ndim(samples) == 2:
        features, name = samples, GIVEN
    elif extractor is None:
        features, name = shipped()(checked_images(argument, samples)), shipped().name
    elif callable(extractor):
        features, name = ops.convert_to_numpy(extractor(samples)), name_of(extractor)
    else:
        raise TypeError(
            f"extractor: expected a callable from images to (n, d), a str that names the features which {argument} "
            f"holds already, or None for kgen's classifier, got {extractor!r:.60}"
        )
    features, n = np.asarray(features), len(samples)
    if features.dtype.kind not in "uif" or features.ndim != 2 or len(features) != n or features.shape[1] == 0:
        raise ValueError(
            f"{argument}: expected features of shape ({n}, d) for {n} samples, got {features.dtype} of shape "
            f"{features.shape} (extractor: {name})"
        )
    if n < LEAST:
        raise ValueError(f"{argument}: expected at least {LEAST} samples, and better thousands, got {n}")
    features = features.astype("float64")
    if not np.isfinite(features).all():
        raise ValueError(f"{argument}: expected finite features, got NaN or infinite ones (extractor: {name})")
    return features, name


def features_of_both(real, fake, extractor=None):
    """The features of both sets, float64 `(n, d)` and `(m, d)`, and the name of what extracted them.

    Raises:
        TypeError, ValueError: as `features_of`, or the two sets are of different shape.
    """
    shapes = [_shape_of_one(samples) for samples in (real, fake)]
    if None not in shapes and shapes[0] != shapes[1]:
        raise ValueError(
            f"real and fake: expected samples of the same shape, got {shapes[0]} and {shapes[1]}; "
            "bring the images to one size and number of channels first"
        )
    (real, name), (fake, _) = features_of("real", real, extractor), features_of("fake", fake, extractor)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"real and fake: expected features of one length, got {real.shape[1]} and {fake.shape[1]}")
    return real, fake, name


def _shape_of_one(samples):
    """The shape of one sample, where there is such a thing; grey images may have an axis for it or not."""
    shape = getattr(samples, "shape", None)
    return None if shape is None else (*shape[1:], 1) if len(shape) == 3 else tuple(shape[1:])

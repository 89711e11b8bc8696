"""The perceptual distance: what it is zero for, what it grows with, what it refuses."""

import numpy as np
import pytest

import kgen
from kgen.metrics.features import classifier_maps

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 32, 32, 3), dtype="uint8")


def test_it_is_zero_for_equal_images_and_grows_with_the_noise():
    assert kgen.metrics.perceptual_distance(IMAGES, IMAGES) == 0.0
    flat = np.full_like(IMAGES, 128)
    noisy = [np.clip(flat + s * RNG.normal(size=flat.shape), 0, 255).astype("uint8") for s in (3, 20, 60)]
    near, middle, far = (kgen.metrics.perceptual_distance(flat, one) for one in noisy)
    assert 0 < near < middle < far <= 2


def test_it_is_the_formula_of_its_docstring():
    others = IMAGES[::-1]
    expected = []
    for h, k in zip(classifier_maps(IMAGES), classifier_maps(others), strict=True):
        h, k = (one / np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-4) for one in (h, k))
        expected.append(((h - k) ** 2).sum(-1).mean((1, 2)))
    found = kgen.metrics.perceptual_distance(IMAGES, others, batch_size=2)
    np.testing.assert_allclose(found.each, np.mean(expected, axis=0), rtol=1e-3)
    assert found == pytest.approx(found.each.mean()) and "kgen-features" in repr(found)


def test_what_are_no_pairs_is_refused():
    with pytest.raises(ValueError, match="images and others: expected the same number of rows, got 5 and 4"):
        kgen.metrics.perceptual_distance(IMAGES, IMAGES[:4])
    with pytest.raises(ValueError, match="images and others: expected the same shape"):
        kgen.metrics.perceptual_distance(IMAGES, IMAGES[:, :16])

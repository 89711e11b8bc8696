"""Modes found: points near centres, and combinations of classes."""

import math

import numpy as np
import pytest

import kgen

GRID = np.array([[x, y] for x in range(-2, 3) for y in range(-2, 3)]) * 2.0
points = kgen.metrics.mode_coverage
classes = kgen.metrics.class_coverage


def test_the_mixture_itself_has_all_modes():
    generator = np.random.default_rng(0)
    samples = GRID[generator.integers(0, 25, 5000)] + 0.05 * generator.normal(size=(5000, 2))
    figures = points(samples, GRID, radius=3 * 0.05)
    assert (figures["modes_found"], figures["num_modes"]) == (25, 25)
    # In two dimensions the distance is within three standard deviations with probability 1 - exp(-9 / 2).
    assert figures["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.005)
    assert figures["kl_divergence"] == pytest.approx(24 / (2 * 5000), abs=0.003)


def test_collapse_to_one_mode():
    figures = points(np.repeat(GRID[3:4], 100, 0), GRID, radius=0.1)
    assert figures == {"modes_found": 1, "num_modes": 25, "high_quality": 1.0, "kl_divergence": math.log(25)}


def test_samples_between_the_modes_find_none():
    figures = points(GRID + 1.0, GRID, radius=0.15)
    assert (figures["modes_found"], figures["high_quality"]) == (0, 0.0)


def test_one_good_sample_finds_a_mode_and_order_is_nothing():
    samples = np.concatenate([GRID + 0.1, GRID + 0.9])
    figures = points(samples, GRID, radius=0.15)
    assert figures == points(samples[::-1], GRID[::-1], radius=0.15)
    assert (figures["modes_found"], figures["high_quality"]) == (25, 0.5)


def test_points_that_are_none_are_refused():
    with pytest.raises(
        ValueError, match=r"^samples: expected numbers of shape \(n, d\), got float64 of shape \(0, 2\)"
    ):
        points(np.zeros((0, 2)), GRID, 1.0)
    with pytest.raises(ValueError, match=r"^samples: expected finite numbers, got NaN"):
        points(np.full((3, 2), np.nan), GRID, 1.0)
    with pytest.raises(ValueError, match=r"^samples and modes: expected points of one dimension, got 3 and 2"):
        points(np.zeros((4, 3)), GRID, 1.0)
    with pytest.raises(ValueError, match=r"^radius: "):
        points(GRID, GRID, -1.0)


def test_all_thousand_combinations_evenly():
    labels = np.array([[a, b, c] for a in range(10) for b in range(10) for c in range(10)])
    even = classes(np.repeat(labels, 3, 0)[::-1])
    assert even == {"modes_found": 1000, "num_modes": 1000, "kl_divergence": pytest.approx(0.0, abs=1e-12)}
    half = classes(labels[:500])
    assert (half["modes_found"], half["kl_divergence"]) == (500, pytest.approx(math.log(2)))
    one = classes(np.tile(labels[7], (50, 1)))
    assert (one["modes_found"], one["kl_divergence"]) == (1, pytest.approx(math.log(1000)))


def test_few_samples_seem_less_even_than_they_are():
    labels = np.random.default_rng(0).integers(0, 10, (26000, 3))
    assert classes(labels)["kl_divergence"] == pytest.approx(999 / (2 * 26000), rel=0.1)


def test_single_labels_count_classes():
    assert classes(np.array([0, 0, 2]), num_classes=3)["modes_found"] == 2


def test_stacked_images_are_classified_channel_by_channel():
    def by_corner(images):
        assert images.shape == (6, 4, 5, 1)
        return images[:, 0, 0, 0] // 10

    samples = np.zeros((2, 4, 5, 3), "uint8")
    samples[:, 0, 0] = [[10, 20, 30], [10, 20, 90]]
    figures = classes(samples, classifier=by_corner)
    assert figures == {
        "modes_found": 2,
        "num_modes": 1000,
        "kl_divergence": pytest.approx(math.log(500)),
        "classifier": "by_corner",
    }


def test_the_shipped_classifier_reads_stacked_digits():
    images, labels = kgen.datasets.load("digits", split="test")
    images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))  # as in MNIST, where a border is black
    figures = classes(np.concatenate(np.split(images, 3), 3))
    assert figures["classifier"] == kgen.metrics.FeatureClassifier.read().name
    found = kgen.metrics.classifier_labels(np.concatenate(np.split(images, 3)), among="mnist")
    assert figures.pop("classifier") and figures == classes(np.stack(np.split(found, 3), 1))
    combined = classes(np.stack(np.split(labels, 3), 1))
    assert figures["modes_found"] == pytest.approx(combined["modes_found"], rel=0.1)


def test_labels_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"^samples: expected integer labels .*got float64 of shape \(3,\)"):
        classes(np.zeros(3))
    with pytest.raises(ValueError, match=r"^samples: expected integer labels .*got int64 of shape \(0, 3\)"):
        classes(np.zeros((0, 3), "int64"))
    with pytest.raises(ValueError, match=r"^samples: expected labels in \[0, 10\), got some in \[0, 10\]"):
        classes(np.arange(11))
    with pytest.raises(ValueError, match=r"^classifier: expected 6 integer labels, one a picture, got float64"):
        classes(np.zeros((2, 4, 4, 3), "uint8"), classifier=lambda images: np.zeros(len(images)))
    with pytest.raises(ValueError, match=r"^num_classes: "):
        classes(np.arange(2), num_classes=1)

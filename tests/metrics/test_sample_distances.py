"""Fréchet and kernel distance, precision and recall: laws, closed forms, and what is refused."""

import copy
import pickle

import numpy as np
import pytest
from scipy.linalg import sqrtm

import kgen
from kgen.metrics import manifold
from kgen.metrics.sample_sets import features_of

DIGITS, _ = kgen.datasets.load("digits", split="test")
frechet = kgen.metrics.frechet_distance
kernel = kgen.metrics.kernel_distance
quality = kgen.metrics.precision_recall
METRICS = [frechet, kernel, quality, kgen.metrics.sample_figures]


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def white(n, d, seed=0):
    """Points whose mean is 0 and whose covariance is the identity, exactly."""
    points = normal(n, d, seed)
    points -= points.mean(0)
    return points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T


# Fréchet -------------------------------------------------------------------------------------------------------------


def test_frechet_of_gaussians_with_equal_axes():
    # tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½) = Σ (σ₁ - σ₂)² when the covariances are diagonal.
    sigma_1, sigma_2, mean = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.5]), np.array([0.0, 3.0, -4.0])
    distance = frechet(white(500, 3) * sigma_1, white(300, 3, seed=1) * sigma_2 + mean)
    assert distance == pytest.approx(25.0 + 1.0 + 0.0 + 6.25)
    assert (distance.num_real, distance.num_fake) == (500, 300)


def test_frechet_of_any_gaussians_is_the_formula():
    x, y = normal(200, 6) @ normal(6, 6, 1), normal(150, 6, 2) @ normal(6, 6, 3) + 1.0
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = sqrtm(a @ b).real
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a + b - 2.0 * root)
    assert frechet(x, y) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [2, 20, 400])
def test_frechet_of_a_set_and_itself_is_nothing_even_where_covariances_are_singular(n):
    x = normal(n, 50) + 100.0
    assert 0.0 <= frechet(x, x[::-1]) < 1e-9
    assert frechet(x, x + 0.1) == pytest.approx(50 * 0.01, rel=1e-6)


def test_frechet_is_symmetric_and_does_not_mind_order_or_rotation():
    x, y = normal(100, 5), normal(80, 5, 1) * 2.0 + 1.0
    rotation = np.linalg.qr(normal(5, 5, 2))[0]
    distance = frechet(x, y)
    for other in (frechet(y, x), frechet(x[::-1], y), frechet(x @ rotation, y @ rotation)):
        assert other == pytest.approx(distance, rel=1e-9)


def test_frechet_is_biased_upwards_when_samples_are_few():
    few, many = (np.mean([frechet(normal(n, 8, 2 * i), normal(n, 8, 2 * i + 1)) for i in range(5)]) for n in (50, 800))
    assert few > 5 * many > 0


# Kernel --------------------------------------------------------------------------------------------------------------


def test_kernel_of_whole_sets_is_the_double_sum():
    x, y = normal(7, 3), normal(7, 3, 1)

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    within = sum(k(z[i], z[j]) for z in (x, y) for i in range(7) for j in range(7) if i != j) / 42
    between = sum(k(a, b) for a in x for b in y) / 49
    distance = kernel(x, y, num_subsets=2, subset_size=7)
    assert distance == pytest.approx(within - 2 * between)
    assert distance.standard_deviation == pytest.approx(0.0, abs=1e-12)


def test_kernel_is_unbiased_and_sees_a_difference():
    same = [kernel(normal(100, 4, 2 * i), normal(100, 4, 2 * i + 1), num_subsets=4) for i in range(60)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(len(same))
    assert min(same) < 0 < max(same)
    assert kernel(normal(100, 4), normal(100, 4, 1) + 1.0) > 10 * np.std(same)


def test_kernel_is_symmetric_and_a_function_of_its_seed():
    x, y = normal(60, 3), normal(60, 3, 1) + 0.5
    assert kernel(x, y, seed=3) == kernel(x, y, seed=3) != kernel(x, y, seed=4)
    assert kernel(y[::-1], x, num_subsets=1, subset_size=60) == pytest.approx(
        kernel(x, y, num_subsets=1, subset_size=60)
    )
    assert kernel(x, y).subset_size == 30
    assert kernel(normal(5000, 1), normal(5000, 1), num_subsets=1).subset_size == 1000


def test_kernel_refuses_numbers_out_of_range():
    x = normal(10, 2)
    with pytest.raises(ValueError, match=r"^subset_size: expected at most 10, .* got 11"):
        kernel(x, x, subset_size=11)
    with pytest.raises(ValueError, match=r"^subset_size: expected an integer of at least 2, got 1"):
        kernel(x, x, subset_size=1)
    with pytest.raises(ValueError, match=r"^num_subsets: "):
        kernel(x, x, num_subsets=0)
    with pytest.raises(ValueError, match=r"^seed: "):
        kernel(x, x, seed=-1)


# Precision and recall ------------------------------------------------------------------------------------------------


def by_hand(x, y, k):
    def balls(points):
        return np.sort(np.linalg.norm(points[:, None] - points, axis=2), 1)[:, k]

    distances = np.linalg.norm(x[:, None] - y, axis=2)
    real, fake = distances <= balls(x)[:, None], distances <= balls(y)
    return {
        "precision": real.any(0).mean(),
        "recall": fake.any(1).mean(),
        "density": real.sum(0).mean() / k,
        "coverage": real.any(1).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_their_definition_in_pieces_too(monkeypatch, k):
    x, y = normal(300, 3) * 2.0, normal(200, 3, 1) + 1.0
    expected = by_hand(x, y, k)
    assert quality(x, y, neighbours=k) == pytest.approx(expected)
    monkeypatch.setattr(manifold, "CHUNK_MEGABYTES", 0.01)  # some four rows at a time
    assert quality(x, y, neighbours=k) == pytest.approx(expected)


def test_of_a_set_and_itself():
    x = normal(100, 4)
    # In each ball are its centre and the k nearest.
    assert quality(x, x[::-1]) == pytest.approx({"precision": 1, "recall": 1, "density": 4 / 3, "coverage": 1})


def test_a_subset_is_precise_and_a_superset_recalls_all():
    x = normal(300, 4)
    fewer, more = quality(x, x[:30]), quality(x[:30], x)
    assert fewer["precision"] == more["recall"] == 1.0
    assert more["coverage"] == 1.0
    assert more["precision"] < 1.0


def test_far_away_there_is_neither():
    assert set(quality(normal(50, 3), normal(50, 3, 1) + 100.0).values()) == {0.0}


def test_collapse_is_precise_and_recalls_nothing():
    x = normal(200, 3) + 50.0
    figures = quality(x, np.repeat(x[:2], 60, 0))
    assert (figures["precision"], figures["recall"]) == (1.0, 2 / 200)


def test_equal_copies_are_within_each_other():
    x = np.repeat(normal(10, 128) * 100.0, 5, 0)
    assert quality(x, x)["precision"] == quality(x, x)["recall"] == 1.0


def test_two_samples_of_one_distribution():
    figures = quality(normal(1000, 2), normal(1000, 2, 1), neighbours=5)
    assert figures["density"] == pytest.approx(1.0, abs=0.05)
    assert figures["coverage"] == pytest.approx(1 - 2**-5, abs=0.02)


def test_neighbours_must_be_there():
    with pytest.raises(ValueError, match=r"^neighbours: expected fewer than the samples of either set, 9 and 3, got 3"):
        quality(normal(9, 2), normal(3, 2))
    with pytest.raises(ValueError, match=r"^neighbours: expected an integer of at least 1, got 0"):
        quality(normal(9, 2), normal(9, 2), neighbours=0)


# Extractors and signatures -------------------------------------------------------------------------------------------


def brightness(images):
    return np.stack([images.mean((1, 2, 3)), images.std((1, 2, 3))], 1)


def test_any_extractor_can_be_injected_and_is_named():
    x, y = DIGITS[:50], 255 - DIGITS[50:100]
    distance = frechet(x, y, extractor=brightness)
    assert distance == frechet(brightness(x), brightness(y))
    assert distance.signature == "features:brightness|n:50,50"
    assert frechet(brightness(x), brightness(y)).extractor == "given"
    named = frechet(brightness(x), brightness(y), extractor="brightness")
    assert (named, named.signature) == (distance, distance.signature)


def test_the_shipped_classifier_is_the_default():
    x, y = DIGITS[:60], DIGITS[60:120]
    features = [kgen.metrics.classifier_features(images) for images in (x, y)]
    for metric in (frechet, kernel):
        assert metric(x, y) == metric(*features)
        assert metric(x, y).extractor == kgen.metrics.FeatureClassifier.read().name
    assert quality(x[..., 0], y) == quality(*features)
    assert frechet(x, 255 - x) > 10 * frechet(x, y)


def test_a_figure_says_how_it_was_counted():
    distance = frechet(normal(30, 2), normal(20, 2) * 1e-3)
    assert repr(distance) == f"{float(distance):.4g} (Fréchet distance|features:given|n:30,20)"
    for again in (copy.copy(distance), pickle.loads(pickle.dumps(distance))):
        assert (again, repr(again)) == (distance, repr(distance))
    assert repr(distance) in kgen.metrics.report("test", {"distance": distance})


def test_all_figures_at_once_are_those_of_each():
    x, y, seen = DIGITS[:40], DIGITS[40:80], []

    def counting(images):
        seen.append(len(images))
        return brightness(images)

    figures = kgen.metrics.sample_figures(x, y, extractor=counting, neighbours=2, seed=5)
    assert seen == [40, 40]
    assert figures.pop("features") == "counting"
    expected = {
        "frechet_distance": frechet(x, y, brightness),
        "kernel_distance": kernel(x, y, brightness, seed=5),
        **quality(x, y, brightness, neighbours=2),
    }
    assert figures == expected
    assert all(figure.extractor == "counting" for figure in figures.values())


@pytest.mark.parametrize("metric", METRICS)
def test_sets_that_cannot_be_compared_are_refused(metric):
    x = normal(10, 3)
    with pytest.raises(ValueError, match=r"^real and fake: expected samples of the same shape, got \(3,\) and \(2,\)"):
        metric(x, x[:, :2])
    with pytest.raises(ValueError, match=r"^real and fake: .*got \(8, 8, 1\) and \(4, 8, 1\); bring the images"):
        metric(DIGITS[:9], DIGITS[:9, :4])
    with pytest.raises(ValueError, match=r"^real and fake: expected features of one length, got 1 and 2"):
        metric(["a"] * 9, ["bb"] * 9, extractor=lambda texts: np.ones((len(texts), len(texts[0]))))
    with pytest.raises(ValueError, match=r"^fake: expected at least 2 samples, and better thousands, got 1"):
        metric(x, x[:1])
    with pytest.raises(ValueError, match=r"^fake: expected finite features, got NaN"):
        metric(x, np.full((10, 3), np.nan))
    with pytest.raises(ValueError, match=r"^real: expected images of shape \(n, height, width, 1 or 3\)"):
        metric(x[:, 0], x[:, 0])
    with pytest.raises(ValueError, match=r"^real: expected features of shape \(9, d\) for 9 samples, got .*\(1, 3\)"):
        metric(DIGITS[:9], DIGITS[:9], extractor=lambda images: x[:1])
    with pytest.raises(ValueError, match=r"^fake: expected images|^fake: expected uint8 images"):
        metric(DIGITS[:9], DIGITS[:9] / 255.0)
    with pytest.raises(TypeError, match=r"^extractor: expected a callable .*got 3"):
        metric(x, x, extractor=3)


def test_features_can_be_extracted_once_and_used_again():
    features, name = features_of("images", DIGITS[:20])
    assert features.dtype == np.float64
    assert frechet(features, features[:10], extractor=name) == frechet(DIGITS[:20], DIGITS[:10])

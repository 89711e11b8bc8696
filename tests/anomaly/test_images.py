import pickle

import keras
import numpy as np
import pytest

import kgen
from kgen.anomaly import TeacherStudentDetector
from kgen.anomaly import VAEDetector
from kgen.anomaly.rotation_teacher import CHANGES
from kgen.anomaly.rotation_teacher import changed

TINY = {"features": 16, "batch_size": 32}


def stripes(n, seed=0):
    """Rows that are bright and dark in turn, beginning anywhere."""
    rng = np.random.default_rng(seed)
    phase = rng.integers(0, 4, (n, 1, 1))
    rows = (np.arange(16)[None, :, None] + phase) // 2 % 2
    noise = rng.integers(0, 30, (n, 16, 16))
    return (200 * rows + noise).astype("uint8")


def broken(n):
    """Stripes with a patch below on the right that is turned."""
    images = stripes(n, seed=1)
    images[:, 8:, 8:] = images[:, 8:, 8:].transpose(0, 2, 1)
    return images


def pairs(n, alike, seed=0):
    """Two patterns far apart, both in rows or both in columns; or, not alike, one in rows and one in columns."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 16, 40), "uint8")
    for image in images:
        first = rng.integers(2)
        for part, turned in ((image[:, :8], first), (image[:, 32:], first if alike else 1 - first)):
            part[:] = 200 * (np.indices((16, 8))[turned] // 2 % 2) + rng.integers(0, 30, (16, 8))
    return images


@pytest.fixture(scope="module")
def detector():
    return TeacherStudentDetector(**TINY, bottleneck=None, pooling="mean", epochs=14).fit(stripes(256))


def test_a_broken_pattern_is_found_and_the_heat_is_where_it_is(detector):
    assert detector.score_samples(broken(20)).max() < np.median(detector.score_samples(stripes(100, seed=2)))
    heat = detector.explain(broken(20)).mean(axis=0)
    assert heat.shape == (16, 16)
    assert heat[9:, 9:].mean() > 3 * heat[:7, :7].mean()


def test_behind_a_bottleneck_the_student_knows_the_order_of_the_parts():
    def area(bottleneck):
        found = TeacherStudentDetector(**TINY, bottleneck=bottleneck, epochs=10).fit(pairs(256, alike=True))
        strange, usual = (-found.score_samples(pairs(60, alike, seed=1)) for alike in (False, True))
        return (strange[:, None] > usual).mean()

    assert area(4) > max(0.95, area(None) + 0.05)


def test_the_few_strange_images_among_those_it_learned_from_are_found():
    digits, labels = kgen.datasets.load("digits")
    zeros, others = digits[labels == 0], digits[labels != 0][:10]
    strangeness = (
        -TeacherStudentDetector().fit(np.concatenate([zeros, others])).score_samples(np.concatenate([zeros, others]))
    )
    assert (strangeness[-10:, None] > strangeness[:-10]).mean() > 0.95


def test_a_pickle_scores_as_the_detector_did(detector):
    twin = pickle.loads(pickle.dumps(detector))
    np.testing.assert_allclose(twin.score_samples(broken(4)), detector.score_samples(broken(4)), rtol=1e-4)


@pytest.mark.parametrize("bottleneck", [None, 4])
@pytest.mark.parametrize("places", [True, False])
def test_a_teacher_of_the_users_own_is_frozen(places, bottleneck):
    head = [] if places else [keras.layers.GlobalAveragePooling2D()]
    teacher = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(8, 4, 4, "valid"), *head]
    )
    before = [np.array(value) for value in teacher.get_weights()]
    detector = TeacherStudentDetector(**TINY, teacher=teacher, bottleneck=bottleneck, epochs=4, pooling="max").fit(
        stripes(64)
    )
    assert np.isfinite(detector.score_samples(broken(4))).all()
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    if places:
        assert detector.explain(broken(3)).shape == (3, 16, 16)
    else:
        with pytest.raises(ValueError, match="teacher: vectors have no places"):
            detector.explain(broken(3))


def test_a_vision_transformer_teaches_the_features_of_its_patches():
    teacher = kgen.models.ViT((16, 16, 1), num_classes=2, patch_size=4, num_layers=1, model_dim=8, num_heads=2, seed=1)
    detector = TeacherStudentDetector(**TINY, teacher=teacher, epochs=6).fit(stripes(128))
    assert detector.model_.errors(broken(2)[..., None]).shape == (2, 4, 4)
    heat = detector.explain(broken(20)).mean(axis=0)
    assert heat[8:, 8:].mean() > heat[:8, :8].mean()
    twin = pickle.loads(pickle.dumps(detector))
    np.testing.assert_allclose(twin.score_samples(broken(4)), detector.score_samples(broken(4)), rtol=1e-4)
    with pytest.raises(ValueError, match=r"teacher: reads images of shape \(16, 16, 1\), got some of \(8, 8, 1\)"):
        TeacherStudentDetector(**TINY, teacher=teacher).fit(stripes(4)[:, :8, :8])


def test_each_change_is_another_and_moves_pixels_only():
    images = np.random.default_rng(0).integers(0, 256, (CHANGES, 8, 8, 1), dtype="uint8")
    same = np.repeat(images[:1], CHANGES, axis=0)
    out = changed(same, np.arange(CHANGES))
    np.testing.assert_array_equal(out[0], images[0])
    assert len({one.tobytes() for one in out}) == CHANGES
    assert all(sorted(one.ravel()) == sorted(images[0].ravel()) for one in out)
    wide = np.repeat(np.arange(48, dtype="uint8").reshape(1, 6, 8, 1), CHANGES, axis=0)
    assert len({one.tobytes() for one in changed(wide, np.arange(CHANGES))}) == CHANGES


@pytest.mark.parametrize("channels", [1, 3])
def test_the_heat_of_a_vae_is_where_its_score_comes_from(channels):
    images = np.repeat(stripes(40)[:, :8, :8, None], channels, axis=-1)
    detector = VAEDetector(latent_dim=4, epochs=1, batch_size=32, measure="reconstruction").fit(images)
    reconstruction = -detector.score_samples(images)
    np.testing.assert_allclose(detector.explain(images).sum(axis=(1, 2)), reconstruction, rtol=1e-4)
    kl = -detector.set_params(measure="elbo").score_samples(images) - reconstruction
    assert (kl > 0).all()


@pytest.mark.parametrize(
    ("arguments", "images", "error", "message"),
    [
        ({"teacher": "vit"}, stripes(4), TypeError, "teacher: expected a Keras model or None, got str"),
        ({"pooling": "sum"}, stripes(4), ValueError, "pooling: expected one of 'rms', 'mean', 'max', got 'sum'"),
        ({"bottleneck": 0}, stripes(4), ValueError, "bottleneck: expected"),
        ({"features": 1}, stripes(4), ValueError, "features: expected"),
        ({}, np.ones((4, 5)), ValueError, "X: shape of an image: expected"),
        ({}, np.ones((4, 5, 5, 2), "uint8"), ValueError, "X: shape of an image: expected"),
    ],
)
def test_bad_input(arguments, images, error, message):
    with pytest.raises(error, match=message):
        TeacherStudentDetector(**{**TINY, **arguments}).fit(images)


def test_other_shapes_than_in_fit_are_refused(detector):
    with pytest.raises(ValueError, match="X: expected uint8 images of shape"):
        detector.predict(np.zeros((2, 8, 8), "uint8"))

"""What CycleGAN promises, beyond conformance."""

import keras
import numpy as np
import pytest

import kgen

RNG = np.random.default_rng(0)
DARK, LIGHT = RNG.integers(0, 100, (12, 16, 16, 1), "uint8"), RNG.integers(150, 256, (7, 16, 16, 1), "uint8")


def tiny(**arguments):
    return kgen.models.CycleGAN(
        **{"image_shape": (16, 16, 1), "filters": 2, "num_blocks": 1, "pool_size": 6, "seed": 1, **arguments}
    )


def unpaired():
    return kgen.datasets.UnpairedImages(DARK, LIGHT, batch_size=4)


def test_sets_of_different_size_train_four_networks():
    model = tiny()
    model.compile()
    before = model.get_weights()
    history = model.fit(unpaired(), epochs=1, verbose=0).history
    assert {"d_loss", "g_loss", "cycle", "identity", "loss"} <= history.keys()
    networks = (model.a_to_b, model.b_to_a, model.judge_a, model.judge_b)
    trainable = {id(weight) for network in networks for weight in network.trainable_weights}
    for weight, old in zip(model.weights, before, strict=True):
        if id(weight) in trainable:
            assert (keras.ops.convert_to_numpy(weight.value) != old).any(), weight.path


def test_the_loss_is_the_sum_that_its_file_says():
    model = tiny(cycle_weight=3.0, identity_weight=2.0)
    model.compile()
    found = model.evaluate(unpaired(), return_dict=True, verbose=0)
    expected = found["d_loss"] + found["g_loss"] + 3.0 * found["cycle"] + 2.0 * found["identity"]
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_both_directions_are_translations_of_their_own():
    model = tiny()
    there, back = model.translate(DARK[:3]), model.translate(LIGHT[:3], to="a")
    assert there.shape == back.shape == (3, 16, 16, 1)
    assert there.dtype == np.uint8
    assert (model.translate(DARK[:3], to="a") != there).any()
    np.testing.assert_allclose(model.translate(DARK[:5], batch_size=2), model.translate(DARK[:5]), atol=1)


def test_what_learns_changes_begins_with_none_and_learns_them(tmp_path):
    model = tiny(learn_residual=True, cycle_weight=0.0, identity_weight=0.0, augmentation=("translation",))
    model.compile()
    np.testing.assert_array_equal(model.translate(DARK), DARK)
    model.fit(unpaired(), epochs=10, verbose=0)
    changed = model.translate(DARK)
    assert (changed != DARK).any()
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(kgen.load(tmp_path / "model.keras").translate(DARK), changed)


def test_a_training_resumes_exactly_with_its_pool(tmp_path):
    def fresh():
        model = tiny()
        model.compile()
        return model

    straight = fresh()
    straight.fit(unpaired(), epochs=2, verbose=0)
    stopped = fresh()
    stopped.fit(unpaired(), epochs=1, verbose=0)
    stopped.save(tmp_path / "cycle.keras")
    resumed = keras.saving.load_model(tmp_path / "cycle.keras")
    resumed.fit(unpaired(), epochs=2, initial_epoch=1, verbose=0)
    for one, other in zip(straight.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


class Untouched:
    """A model that gives back what it is given, brighter by one: what its figures must be is known."""

    @staticmethod
    def translate(images, to, batch_size):
        return images + np.uint8(1)


def brightness(images):
    return images.reshape(len(images), -1)[:, :2].astype("float64")


def test_the_full_evaluation_measures_both_directions_and_the_way_back(monkeypatch):
    model = tiny()
    monkeypatch.setattr(model, "translate", Untouched.translate)
    light = LIGHT - np.uint8(5)  # so that the brightest can be brighter
    found = model.evaluate(DARK, light, full=True, extractor=brightness)
    assert set(found) == {"frechet_distance_to_a", "frechet_distance_to_b", "cycle_a", "cycle_b"}
    for kind in "ab":
        assert found[f"cycle_{kind}"] == pytest.approx(2 / 255)
    assert found["frechet_distance_to_b"] == kgen.metrics.frechet_distance(light, DARK + 1, brightness)
    assert found["frechet_distance_to_a"] == kgen.metrics.frechet_distance(DARK, light + 1, brightness)


def test_where_the_truth_is_known_it_is_compared_with(monkeypatch):
    model, truth = tiny(), DARK[:4] + np.uint8(3)
    monkeypatch.setattr(model, "translate", Untouched.translate)
    found = model.evaluate(DARK[:4], truth, full=True, paired=True, extractor=brightness)
    assert found["difference_to_b"] == pytest.approx(2 / 255) and found["difference_to_a"] == pytest.approx(4 / 255)
    assert found["perceptual_distance_to_b"] == kgen.metrics.perceptual_distance(DARK[:4] + np.uint8(1), truth)
    with pytest.raises(ValueError, match="a and b: expected the same number of rows, got 12 and 7"):
        model.evaluate(DARK, LIGHT, full=True, paired=True)


def test_bad_input_is_refused():
    model = tiny()
    model.compile()
    with pytest.raises(ValueError, match="learns from two sets of images"):
        model.fit(DARK)
    with pytest.raises(ValueError, match="to: expected one of 'a', 'b', got 'c'"):
        model.translate(DARK, to="c")
    with pytest.raises(ValueError, match="images: expected uint8 images"):
        model.translate(DARK[:, :8])

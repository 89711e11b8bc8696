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


def test_bad_input_is_refused():
    model = tiny()
    model.compile()
    with pytest.raises(ValueError, match="learns from two sets of images"):
        model.fit(DARK)
    with pytest.raises(ValueError, match="to: expected one of 'a', 'b', got 'c'"):
        model.translate(DARK, to="c")
    with pytest.raises(ValueError, match="images: expected uint8 images"):
        model.translate(DARK[:, :8])

"""Noise: new in training, a fixed picture otherwise, as strong as each channel wants it."""

import numpy as np
import pytest
from keras import ops

from kgen.layers import NoiseInjection

IMAGES = np.random.default_rng(0).normal(size=(3, 8, 6, 4)).astype("float32")
STRENGTH = np.array([0.0, 1.0, -2.0, 0.5], "float32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def filled(seed):
    layer = NoiseInjection(seed=seed)
    layer.build(IMAGES.shape)
    layer.set_weights([STRENGTH])
    return layer


def test_it_starts_without_noise():
    np.testing.assert_array_equal(numpy(NoiseInjection(seed=1)(IMAGES, training=True)), IMAGES)


def test_given_noise_is_added():
    noise = np.random.default_rng(1).normal(size=(3, 8, 6, 1)).astype("float32")
    for training in (True, False):
        outputs = numpy(filled(1)(IMAGES, noise=noise, training=training))
        np.testing.assert_allclose(outputs, IMAGES + STRENGTH * noise, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_channels_share_one_picture_of_normal_numbers(training):
    added = numpy(filled(1)(np.zeros((3, 40, 30, 4), "float32"), training=training))
    noise = added[..., 1]
    np.testing.assert_allclose(added, noise[..., None] * STRENGTH, atol=1e-6)
    np.testing.assert_allclose([noise.mean(), noise.std()], [0.0, 1.0], atol=0.1)
    assert (noise[0] == noise[1]).all() != training  # each image its own in training, all the same otherwise


def test_layers_with_other_seeds_have_other_pictures():
    first, second, again = (numpy(filled(seed)(IMAGES)) for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second)[..., 1].min() > 0


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match=r"inputs: .*\(3, 8\)"):
        NoiseInjection()(IMAGES[:, :, 0, 0])

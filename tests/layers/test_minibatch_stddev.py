"""How much the images of a group differ."""

import numpy as np
import pytest
from keras import ops

from kgen.backend import input_gradient
from kgen.layers import MinibatchStdDev

IMAGES = np.random.default_rng(0).normal(size=(7, 3, 2, 4)).astype("float32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(("batch", "groups"), [(6, [(0, 1, 2), (3, 4, 5)]), (2, [(0, 1)]), (1, [(0,)])])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_it_is_the_formula(batch, groups, num_channels):
    outputs = numpy(MinibatchStdDev(group_size=3, num_channels=num_channels)(IMAGES[:batch]))
    np.testing.assert_array_equal(outputs[..., :4], IMAGES[:batch])
    for group in groups:
        stddev = np.sqrt(IMAGES[list(group)].var(axis=0) + 1e-8).mean(axis=(0, 1))
        expected = stddev.reshape(num_channels, -1).mean(axis=1)
        for row in group:
            np.testing.assert_allclose(outputs[row, ..., 4:], np.tile(expected, (3, 2, 1)), atol=1e-5)


def test_the_last_group_is_filled_up_with_the_first_images():
    layer = MinibatchStdDev(group_size=3)
    outputs = numpy(layer(IMAGES))
    np.testing.assert_allclose(outputs[:6], numpy(layer(IMAGES[:6])), atol=1e-6)
    np.testing.assert_allclose(outputs[6], numpy(layer(IMAGES[[6, 0, 1]]))[0], atol=1e-6)


def test_equal_images_differ_by_nothing_and_their_gradient_is_finite():
    layer, same = MinibatchStdDev(), np.tile(IMAGES[:1], (4, 1, 1, 1))
    np.testing.assert_allclose(numpy(layer(same))[..., 4], 1e-4, rtol=1e-2)
    assert np.isfinite(numpy(input_gradient(lambda x: layer(x)[..., 4], ops.convert_to_tensor(same)))).all()


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match=r"inputs: .*\(7, 3\)"):
        MinibatchStdDev()(IMAGES[:, :, 0, 0])
    with pytest.raises(ValueError, match=r"num_channels: .*3"):
        MinibatchStdDev(num_channels=3)(IMAGES)

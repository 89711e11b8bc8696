"""Convolutions compute what Keras's do, forwards and backwards, whatever the sizes."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.layers.convolution import Conv2D
from kgen.layers.convolution import Conv2DTranspose

CASES = [(1, 1, "same"), (3, 1, "same"), (3, 2, "same"), (4, 2, "same"), ((2, 3), 1, "valid"), (2, 2, "valid")]


def numpy(x):
    return ops.convert_to_numpy(x)


def twins(ours, theirs, *arguments, **options):
    """The two layers with the same weights, and an input."""
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
    layers = ours(5, *arguments, **options), theirs(5, *arguments, **options)
    for layer in layers:
        layer.build(x.shape)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return *layers, x


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("ours", "theirs"), [(Conv2D, keras.layers.Conv2D), (Conv2DTranspose, keras.layers.Conv2DTranspose)]
)
def test_a_convolution_is_that_of_keras(ours, theirs):
    for size, stride, padding in CASES:
        options = {"use_bias": padding == "same", "activation": "relu"}
        one, other, x = twins(ours, theirs, size, stride, padding, **options)
        np.testing.assert_allclose(
            numpy(one(x)), numpy(other(x)), atol=1e-4, err_msg=f"kernel {size}, stride {stride}, {padding}"
        )


@pytest.mark.every_backend
@pytest.mark.parametrize("options", [{"dilation_rate": 2}, {"groups": 3}, {"data_format": "channels_last"}])
def test_a_convolution_knows_the_other_arguments(options):
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
    one, other = Conv2D(6, 3, **options), keras.layers.Conv2D(6, 3, **options)
    for layer in (one, other):
        layer.build(x.shape)
    one.set_weights(other.get_weights())
    np.testing.assert_allclose(numpy(one(x)), numpy(other(x)), atol=1e-4)


@pytest.mark.every_backend
def test_its_gradient_has_a_gradient():
    """As the penalties of GANs need it."""
    one, _, x = twins(Conv2D, keras.layers.Conv2D, 3, 2, "same")

    def squares(inputs):
        return ops.sum(ops.square(one(inputs)), axis=(1, 2, 3))

    def penalty(inputs):
        return ops.sum(ops.square(backend.input_gradient(squares, inputs)), axis=(1, 2, 3))

    nudge = 1e-2 * np.random.default_rng(2).normal(size=x.shape).astype("float32")
    slope = (numpy(backend.input_gradient(penalty, ops.convert_to_tensor(x))) * nudge).sum()
    lower, upper = (numpy(penalty(ops.convert_to_tensor(x + step * nudge))).sum() for step in (-1, 1))
    assert slope == pytest.approx((upper - lower) / 2, rel=1e-2)


@pytest.mark.every_backend
def test_in_mixed_precision_it_computes_in_16_bits():
    one, other, x = twins(Conv2D, keras.layers.Conv2D, 3, dtype="mixed_bfloat16")
    y = one(x)
    assert ops.dtype(y) == "bfloat16" == ops.dtype(other(x))
    np.testing.assert_allclose(numpy(ops.cast(y, "float32")), numpy(ops.cast(other(x), "float32")), atol=0.2)

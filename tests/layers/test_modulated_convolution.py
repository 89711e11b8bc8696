"""Modulated convolution: as if each image had a kernel of its own."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import ModulatedConv2D

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 5, 4, 6)).astype("float32")
STYLE = RNG.normal(size=(3, 7)).astype("float32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def filled(**arguments):
    layer = ModulatedConv2D(**arguments)
    layer.build(IMAGES.shape, STYLE.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def with_kernels_of_their_own(images, style, kernel, style_kernel, style_bias, bias, demodulate):
    """The definition, an image at a time."""
    outputs = []
    for image, w in zip(images, style, strict=True):
        own = kernel * (w @ style_kernel + style_bias)[:, None]
        if demodulate:
            own = own / np.sqrt((own**2).sum(axis=(0, 1, 2)) + 1e-8)
        own = own.astype("float32")
        outputs.append(numpy(ops.conv(image[None], own, padding="same", data_format="channels_last"))[0] + bias)
    return np.stack(outputs)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("kernel_size", "gain"), [(3, None), (1, 0.5), (2, 1.0)])
def test_it_is_a_convolution_with_a_kernel_for_each_image(demodulate, kernel_size, gain):
    layer = filled(filters=2, kernel_size=kernel_size, demodulate=demodulate, gain=gain)
    kernel, style_kernel, style_bias, bias = layer.get_weights()
    if gain is not None:
        kernel, style_kernel = kernel * gain / np.sqrt(kernel_size**2 * 6), style_kernel / np.sqrt(7)
    expected = with_kernels_of_their_own(IMAGES, STYLE, kernel, style_kernel, style_bias, bias, demodulate)
    np.testing.assert_allclose(numpy(layer(IMAGES, STYLE)), expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(5, 4), (1, 3)])
def test_upsampling_is_bilinear(shape):
    images = np.resize(IMAGES, (3, *shape, 6))
    larger = keras.layers.UpSampling2D(interpolation="bilinear")(images)
    plain, upsampling = filled(filters=2), filled(filters=2, upsample=True)
    np.testing.assert_allclose(numpy(upsampling(images, STYLE)), numpy(plain(larger, STYLE)), atol=1e-5)


def test_demodulated_outputs_have_unit_variance_whatever_the_style():
    images = RNG.normal(size=(2, 30, 30, 16)).astype("float32")
    outputs = numpy(ModulatedConv2D(4)(images, 5 * RNG.normal(size=(2, 8))))[:, 1:-1, 1:-1]
    np.testing.assert_allclose(outputs.std(axis=(1, 2)), 1.0, atol=0.15)


def test_the_style_starts_around_one():
    # A style of zeros leaves the bias, so that all channels count alike.
    layer = ModulatedConv2D(2, demodulate=False)
    outputs = numpy(layer(IMAGES, np.zeros((3, 7))))
    kernel = (numpy(layer.kernel.value) / np.sqrt(54)).astype("float32")
    expected = numpy(ops.conv(IMAGES, kernel, padding="same", data_format="channels_last"))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize(("gain", "stddev"), [(1.0, 1.0), (None, 1 / 48)])
def test_equalised_weights_start_with_unit_variance(gain, stddev):
    layer = ModulatedConv2D(32, gain=gain)
    layer.build((None, 4, 4, 256), (None, 2304))
    for weight in (layer.kernel, layer.style_kernel):
        np.testing.assert_allclose(numpy(weight.value).std(), stddev, rtol=0.02)


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match=r"inputs: .*\(3, 7\)"):
        ModulatedConv2D(2)(STYLE, STYLE)
    with pytest.raises(ValueError, match=r"style: .*\(3, 5, 4, 6\)"):
        ModulatedConv2D(2)(IMAGES, IMAGES)

"""The convolution of StyleGAN2, whose kernel a style scales for each image."""

import math

import keras
from keras import ops

from kgen import backend
from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape

EPSILON = 1e-8


@keras.saving.register_keras_serializable(package="kgen")
class ModulatedConv2D(keras.Layer):
    """A convolution with a kernel of its own for each image: a style says how much each input channel counts.

    s = A w + b_A,   W'_ij = s_i W_ij,   W''_ij = W'_ij / √(Σ_i Σ_k W'²_ijk + ε),   y = x * W'' + b

    i counts input channels, j filters, k places of the kernel. The division (demodulation) gives every filter an output
    of unit variance if the input has it, whatever the style. Nothing is computed with a kernel for each image: the
    input is scaled by s, convolved with the shared W, and the output is scaled. The style's part is done in float32.

    Args:
        filters: ≥ 1.
        kernel_size: side of the kernel, ≥ 1; padding is "same", strides are 1.
        upsample: whether to double both sides of the input first, by bilinear interpolation: what StyleGAN2's filter
            [1, 3, 3, 1] does, but for the border.
        demodulate: whether to divide. The layers that make colours of features do not.
        gain: number: equalised learning rate. W and A start as N(0, 1); each call multiplies W by gain / √(its inputs a
            filter) and A by 1 / √dim. None: that is done once, to the initial values, with gain 1.
        use_bias: whether there is a b.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`; with `upsample` of known height and width.
        style: float tensor `(batch, dim)`, w.

    Returns:
        float tensor `(batch, height, width, filters)`; both sides twice as long with `upsample`.

    Raises:
        ValueError: an argument outside its range or of another shape.

    Example:

    >>> import numpy as np, kgen
    >>> images, style = np.zeros((2, 8, 8, 3)), np.zeros((2, 16))
    >>> tuple(kgen.layers.ModulatedConv2D(5, upsample=True)(images, style).shape)
    (2, 16, 16, 5)

    Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, section 2.2 and appendix B.
    Equalised learning rate: Karras et al., Progressive Growing of GANs, 2018, section 4.1.
    """

    def __init__(self, filters, kernel_size=3, upsample=False, demodulate=True, gain=1.0, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        check_int("filters", filters, minimum=1)
        check_int("kernel_size", kernel_size, minimum=1)
        check_in("upsample", upsample, (True, False))
        check_in("demodulate", demodulate, (True, False))
        if gain is not None:
            check_number("gain", gain, minimum=0.0)
        check_in("use_bias", use_bias, (True, False))
        self.filters = filters
        self.kernel_size = kernel_size
        self.upsample = upsample
        self.demodulate = demodulate
        self.gain = gain
        self.use_bias = use_bias

    def build(self, inputs_shape, style_shape):
        check_shape("inputs", inputs_shape, IMAGES)
        check_shape("style", style_shape, ("batch", "dim"))
        channels, dim = inputs_shape[-1], style_shape[-1]
        size = self.kernel_size
        self.kernel = self._normal_weight("kernel", (size, size, channels, self.filters))
        self.style_kernel = self._normal_weight("style_kernel", (dim, channels))
        self.style_bias = self.add_weight(name="style_bias", shape=(channels,), initializer="ones", autocast=False)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, inputs, style, training=False):
        kernel, matrix = self.kernel, self.style_kernel
        if self.gain is not None:
            kernel = kernel * (self.gain * math.prod(kernel.shape[:-1]) ** -0.5)
            matrix = matrix * matrix.shape[0] ** -0.5
        scale = ops.matmul(ops.cast(style, "float32"), matrix) + self.style_bias
        x = inputs * self._by_channel(scale)
        if self.upsample:
            x = _doubled(x)
        x = backend.convolved(x, kernel, None)
        if self.demodulate:
            power = ops.matmul(ops.square(scale), ops.sum(ops.square(kernel), axis=(0, 1)))
            x = x * self._by_channel(ops.rsqrt(power + EPSILON))
        return x + self.bias if self.use_bias else x

    def compute_output_shape(self, inputs_shape, style_shape):
        batch, *sides, _ = inputs_shape
        sides = [None if side is None else side * (2 if self.upsample else 1) for side in sides]
        return (batch, *sides, self.filters)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _normal_weight(self, name, shape):
        stddev = math.prod(shape[:-1]) ** -0.5 if self.gain is None else 1.0
        initializer = keras.initializers.RandomNormal(stddev=stddev)
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def _by_channel(self, factors):
        """float32 (batch, channels) → what images can be multiplied by."""
        return ops.cast(factors, self.compute_dtype)[:, None, None]


def _doubled(x):
    """Twice as high and wide, by bilinear interpolation."""
    size = (2 * x.shape[1], 2 * x.shape[2])
    # In float32: XLA on TensorFlow gives a float32 gradient where bfloat16 was promised, and what reads it breaks.
    larger = ops.image.resize(ops.cast(x, "float32"), size, interpolation="bilinear", data_format="channels_last")
    return ops.cast(larger, x.dtype)

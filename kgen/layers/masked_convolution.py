"""The convolution of PixelCNN, which looks back only."""

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape


@keras.saving.register_keras_serializable(package="kgen")
class MaskedConv2D(keras.Layer):
    """A convolution that sees the pixels above, those to the left in the same row, and nothing that comes later.

    y = x * (W ⊙ M) + b,   M = 1 above, 1 to the left, 0 to the right and below

    Within a pixel, channels come in `groups` of equal size, such as R, G and B: at the centre of the kernel the filters
    of a group see the channels of groups before theirs (type "A", for the image itself) and those of their own (type
    "B", for whatever an "A" has made of it). The rows of W below the centre are not kept.

    Stacked alone, such layers have a blind spot to the upper right of a pixel; `GatedPixelBlock` has none.

    Args:
        filters: ≥ 1, a multiple of `groups`.
        kernel_size: side of the kernel, odd; padding is "same", strides are 1.
        mask_type: "A" or "B".
        groups: ≥ 1; how many parts of a pixel depend on each other, in their order. It divides the input channels.
        use_bias: whether there is a b.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.

    Returns:
        float tensor `(batch, height, width, filters)`.

    Raises:
        ValueError: an argument outside its range or of another shape.

    Example:

    >>> import keras, numpy as np, kgen
    >>> layer = kgen.layers.MaskedConv2D(1, 3, mask_type="A", use_bias=False)
    >>> image = np.zeros((1, 2, 2, 1), "float32")
    >>> image[0, 0, 1] = 1.0  # the second pixel: the first may not know, it itself neither, the row below may
    >>> (keras.ops.convert_to_numpy(layer(image)) != 0).reshape(2, 2).tolist()
    [[False, False], [True, True]]

    Reference: van den Oord, Kalchbrenner and Kavukcuoglu, Pixel Recurrent Neural Networks, 2016, section 3.4.
    """

    def __init__(self, filters, kernel_size=3, mask_type="B", groups=1, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        check_int("filters", filters, minimum=1)
        check_odd("kernel_size", kernel_size)
        check_in("mask_type", mask_type, ("A", "B"))
        check_int("groups", groups, minimum=1)
        check_in("use_bias", use_bias, (True, False))
        if filters % groups:
            raise ValueError(f"filters: expected a multiple of the {groups} groups, got {filters}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = mask_type
        self.groups = groups
        self.use_bias = use_bias

    def build(self, inputs_shape):
        check_shape("inputs", inputs_shape, IMAGES)
        channels, size = inputs_shape[-1], self.kernel_size
        if channels % self.groups:
            raise ValueError(f"inputs: expected a multiple of the {self.groups} groups as channels, got {channels}")
        shape = (size // 2 + 1, size, channels, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, inputs, training=False):
        reach = self.kernel_size // 2
        kernel = self.kernel * ops.cast(self._mask(inputs.shape[-1]), self.kernel.dtype)
        x = ops.pad(inputs, ((0, 0), (reach, 0), (reach, reach), (0, 0)))
        return backend.convolved(x, kernel, self.bias if self.use_bias else None, padding="valid")

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _mask(self, channels):
        """0 and 1, of the kernel's shape."""
        centre = self.kernel_size // 2
        mask = np.ones((centre + 1, self.kernel_size, channels, self.filters), "float32")
        mask[-1, centre + 1 :] = 0.0
        of_input = np.arange(channels)[:, None] * self.groups // channels
        of_output = np.arange(self.filters)[None] * self.groups // self.filters
        mask[-1, centre] = of_input < of_output if self.mask_type == "A" else of_input <= of_output
        return mask


def check_odd(name, value):
    """Refuse what is not an odd integer ≥ 1."""
    check_int(name, value, minimum=1)
    if value % 2 == 0:
        raise ValueError(f"{name}: expected an odd number, so that a pixel is its middle, got {value}")

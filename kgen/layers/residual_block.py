"""Two convolutions around a residual stream, told by a vector what to do."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.shapes import group_count
from kgen.layers.adaptive_normalization import AdaptiveNormalization
from kgen.layers.convolution import Conv2D
from kgen.layers.dropout import Dropout
from kgen.layers.group_normalization import GroupNormalization


@keras.saving.register_keras_serializable(package="kgen")
class ResidualBlock(keras.Layer):
    """What U-Nets of diffusion models are made of, for images or for series.

        n = Norm(x),   h = Conv(swish(n)),   y = skip + Conv₀(Drop(swish(AdaptiveNorm(h, c))))

    Conv₀ starts at 0, so the block starts as its skip: x itself, or a 1 × 1 convolution of x, or of n, where the width
    changes. Where two streams were joined and one is a hundred times as loud, the convolution of x would hear no other.

    Args:
        filters: width of the output, ≥ 1.
        resample: None, "down" (halves each side, by means) or "up" (doubles it, by repetition), both ways alike.
        groups: of the normalizations, see `AdaptiveNormalization`.
        kernel_size: odd int ≥ 1.
        dropout: share to drop in training, in [0, 1).
        normalized_skip: bool, whether that convolution is of n.
        muted: so many of the first channels of `inputs`, ≥ 0, start without weight in it.
        seed: int or None, of the dropout.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`, or `(batch, length, channels)`.
        condition: float tensor `(batch, dim)`.
        training: bool.

    Returns:
        float tensor `(batch, …, filters)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> block = kgen.layers.ResidualBlock(16, resample="down")
    >>> tuple(block(np.zeros((2, 8, 8, 4)), np.zeros((2, 32))).shape)
    (2, 4, 4, 16)

    Reference: Dhariwal and Nichol, Diffusion Models Beat GANs on Image Synthesis, 2021.
    """

    def __init__(
        self,
        filters,
        resample=None,
        groups=32,
        kernel_size=3,
        dropout=0.0,
        normalized_skip=False,
        muted=0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("filters", filters, minimum=1)
        check_in("resample", resample, (None, "down", "up"))
        check_int("groups", groups, minimum=1)
        check_int("kernel_size", kernel_size, minimum=1)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: expected an odd number, got {kernel_size}")
        check_number("dropout", dropout, minimum=0.0, maximum=0.999)
        check_int("muted", muted, minimum=0)
        self.filters = filters
        self.resample = resample
        self.groups = groups
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.normalized_skip = normalized_skip
        self.muted = muted
        self.seed = seed

    def build(self, inputs_shape, condition_shape):
        convolution = {3: keras.layers.Conv1D, 4: Conv2D}[len(inputs_shape)]
        dtype, channels = self.dtype_policy, inputs_shape[-1]
        # The first normalization knows no condition: c gets its say in the second.
        groups = group_count(channels, self.groups)
        self.normalize = GroupNormalization(groups, dtype=dtype, name="normalize")
        same = {"padding": "same", "dtype": dtype}
        self.first = convolution(self.filters, self.kernel_size, **same, name="first")
        self.adapt = AdaptiveNormalization(self.groups, dtype=dtype, name="adapt")
        self.drop = Dropout(self.dropout, seed=self.seed, dtype=dtype, name="drop")
        self.last = convolution(self.filters, self.kernel_size, **same, kernel_initializer="zeros", name="last")
        self.skip = None
        if channels != self.filters:
            self.skip = convolution(self.filters, 1, **same, kernel_initializer=Muted(self.muted), name="skip")
        inner = (*inputs_shape[:-1], self.filters)
        self.normalize.build(inputs_shape)
        self.first.build(inputs_shape)
        self.adapt.build(inner, condition_shape)
        self.last.build(inner)
        if self.skip is not None:
            self.skip.build(inputs_shape)
        self.built = True

    def call(self, inputs, condition, training=False):
        normalized = self.normalize(inputs)
        x = self._resampled(ops.silu(normalized))
        x = ops.silu(self.adapt(self.first(x), condition))
        x = self.last(self.drop(x, training=training))
        if self.skip is None:
            return x + self._resampled(inputs)
        return x + self.skip(self._resampled(normalized if self.normalized_skip else inputs))

    def _resampled(self, x):
        axes = range(1, len(x.shape) - 1)
        if self.resample == "up":
            for axis in axes:
                x = ops.repeat(x, 2, axis=axis)
        if self.resample == "down":
            x = ops.average_pool(x, 2, strides=2, padding="valid", data_format="channels_last")
        return x

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


@keras.saving.register_keras_serializable(package="kgen")
class Muted(keras.initializers.Initializer):
    """Glorot's uniform weights, but 0 for the first `count` input channels of a convolution."""

    def __init__(self, count):
        self.count = count

    def __call__(self, shape, dtype=None):
        weights = keras.initializers.GlorotUniform()(shape, dtype=dtype)
        heard = ops.reshape(ops.arange(shape[-2]) >= self.count, (-1, 1))
        return ops.where(heard, weights, ops.zeros_like(weights))

    def get_config(self):
        return {"count": self.count}

"""Positions as waves."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.positions import check_base
from kgen.functional.positions import position_angles


@keras.saving.register_keras_serializable(package="kgen")
class SinusoidalPositions(keras.Layer):
    """Adds a fixed code of the position: sines and cosines of wavelengths from 2π to 2π · base.

        PE(pos, 2i)     = sin(pos / base^(2i / d))
        PE(pos, 2i + 1) = cos(pos / base^(2i / d)),   y = x + PE

    It has no weights and no longest length.

    Args:
        base: number > 1.

    Call arguments:
        inputs: float tensor `(batch, length, dim)`.
        positions: integers `(length,)` or `(batch, length)`; None for 0, 1, 2, …

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: `base` is not a number > 1.

    Example:

    >>> import numpy as np, kgen
    >>> code = kgen.layers.SinusoidalPositions()(np.zeros((1, 3, 4)))
    >>> print(np.asarray(code)[0, 1].round(4))  # sin 1, cos 1, sin 0.01, cos 0.01
    [0.8415 0.5403 0.01   1.    ]

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 3.5.
    """

    def __init__(self, base=10000.0, **kwargs):
        super().__init__(**kwargs)
        check_base("base", base)
        self.base = base
        self.supports_masking = True

    def build(self, inputs_shape):
        self.built = True

    def call(self, inputs, positions=None, training=False):
        dim = inputs.shape[-1]
        if positions is None:
            positions = ops.arange(ops.shape(inputs)[1])
        angles = position_angles(positions, dim, self.base)  # (..., length, dim / 2)
        waves = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)  # (..., length, dim / 2, 2)
        code = ops.reshape(waves, (*ops.shape(angles)[:-1], 2 * angles.shape[-1]))[..., :dim]
        return inputs + ops.cast(code, inputs.dtype)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

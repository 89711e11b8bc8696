"""Positions as rotations."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.positions import check_base
from kgen.functional.positions import position_angles


@keras.saving.register_keras_serializable(package="kgen")
class RotaryPositions(keras.Layer):
    """Turns queries and keys by angles that grow with their position (rotary position embedding, RoPE).

    Channels i and i + d/2 are the two coordinates of a point; position m turns it by m · θ_i:

        x_i'       = x_i · cos(m θ_i) - x_{i + d/2} · sin(m θ_i)
        x_{i+d/2}' = x_{i + d/2} · cos(m θ_i) + x_i · sin(m θ_i),   θ_i = base^(-2i / d)

    Lengths stay as they are, and the product of a query at m with a key at n depends on m - n alone.

    Args:
        base: number > 1: the slowest channel turns once in about 2π · base positions.

    Call arguments:
        inputs: float tensor `(batch, length, heads, head_dim)`, `head_dim` even.
        positions: integers `(length,)` or `(batch, length)`; None for 0, 1, 2, …

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: `base` is not a number > 1, `head_dim` is odd, or `inputs` has not four axes.

    Example:

    >>> import numpy as np, kgen
    >>> queries = np.random.default_rng(0).normal(size=(2, 10, 4, 16))
    >>> tuple(kgen.layers.RotaryPositions()(queries).shape)
    (2, 10, 4, 16)

    Reference: Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021, section 3.4.
    """

    def __init__(self, base=10000.0, **kwargs):
        super().__init__(**kwargs)
        check_base("base", base)
        self.base = base
        self.supports_masking = True

    def build(self, inputs_shape):
        if len(inputs_shape) != 4 or inputs_shape[-1] % 2:
            raise ValueError(
                f"inputs: expected (batch, length, heads, head_dim) with an even head_dim, got {tuple(inputs_shape)}"
            )
        self.built = True

    def call(self, inputs, positions=None, training=False):
        half = inputs.shape[-1] // 2
        if positions is None:
            positions = ops.arange(ops.shape(inputs)[1])
        angles = position_angles(positions, inputs.shape[-1], self.base)[..., None, :]  # (..., length, 1, head_dim / 2)
        cos, sin = ops.cos(angles), ops.sin(angles)
        x = ops.cast(inputs, "float32")
        first, second = x[..., :half], x[..., half:]
        turned = ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
        return ops.cast(turned, inputs.dtype)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

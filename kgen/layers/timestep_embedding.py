"""How far the noise has come, as a vector."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.positions import check_base
from kgen.functional.positions import position_angles


@keras.saving.register_keras_serializable(package="kgen")
class TimestepEmbedding(keras.Layer):
    """A vector for each timestep: waves of many lengths, then two dense layers.

        e(t) = W₂ swish(W₁ [cos(t ω), sin(t ω)]),   ω_i = base^(-2i / d)

    Args:
        dim: d, length of the vector, ≥ 2 and even.
        base: number > 1, of the longest wave.

    Call arguments:
        inputs: numbers `(batch,)`: t, as schedules count it, from 0 to some 1,000.

    Returns:
        float tensor `(batch, dim)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> tuple(kgen.layers.TimestepEmbedding(64)(np.array([0, 500, 999])).shape)
    (3, 64)

    Reference: Ho et al., Denoising Diffusion Probabilistic Models, 2020, appendix B.
    """

    def __init__(self, dim, base=10000.0, **kwargs):
        super().__init__(**kwargs)
        check_int("dim", dim, minimum=2)
        if dim % 2:
            raise ValueError(f"dim: expected an even number, got {dim}")
        check_base("base", base)
        self.dim = dim
        self.base = base
        self.hidden, self.out = (
            keras.layers.Dense(dim, activation, dtype=self.dtype_policy, name=name)
            for name, activation in (("hidden", "silu"), ("out", None))
        )

    def build(self, inputs_shape):
        self.hidden.build((None, self.dim))
        self.out.build((None, self.dim))
        self.built = True

    def call(self, inputs, training=False):
        angles = position_angles(inputs, self.dim, self.base)
        waves = ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)
        return self.out(self.hidden(ops.cast(waves, self.compute_dtype)))

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape, self.dim)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

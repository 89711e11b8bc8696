"""Normalization that a condition scales and moves."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.shapes import group_count
from kgen.layers.group_normalization import GroupNormalization


@keras.saving.register_keras_serializable(package="kgen")
class AdaptiveNormalization(keras.Layer):
    """Group or layer normalization whose scale and offset come from a vector, such as the time and the class.

        y = (1 + γ(c)) ⊙ Norm(x) + β(c),   [γ(c), β(c)] = W swish(c) + b

    W and b start at 0, so it starts as mere normalization.

    Args:
        groups: int ≥ 1: channels are normalized in at most so many groups, over all places, as images want it; fewer
            where they are not divisible by it, or a group would have less than four channels. None normalizes all
            channels of each place (layer normalization), as Transformers want it.
        epsilon: number > 0.

    Call arguments:
        inputs: float tensor `(batch, …, channels)`.
        condition: float tensor `(batch, dim)`.

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> normalize = kgen.layers.AdaptiveNormalization(groups=4)
    >>> tuple(normalize(np.ones((2, 8, 8, 16)), np.zeros((2, 32))).shape)
    (2, 8, 8, 16)

    References: Dhariwal and Nichol, Diffusion Models Beat GANs on Image Synthesis, 2021 (adaptive group normalization);
    Peebles and Xie, Scalable Diffusion Models with Transformers, 2023 (adaptive layer normalization).
    """

    def __init__(self, groups=32, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        if groups is not None:
            check_int("groups", groups, minimum=1)
        check_number("epsilon", epsilon, minimum=1e-12)
        self.groups = groups
        self.epsilon = epsilon

    def build(self, inputs_shape, condition_shape):
        channels = inputs_shape[-1]
        options = {"epsilon": self.epsilon, "dtype": self.dtype_policy, "name": "normalization"}
        if self.groups is None:
            self.normalization = keras.layers.LayerNormalization(center=False, scale=False, **options)
        else:
            groups = group_count(channels, self.groups)
            self.normalization = GroupNormalization(groups, learned=False, **options)
        self.normalization.build(inputs_shape)
        self.modulation = keras.layers.Dense(
            2 * channels, kernel_initializer="zeros", dtype=self.dtype_policy, name="modulation"
        )
        self.modulation.build(condition_shape)
        self.built = True

    def call(self, inputs, condition, training=False):
        gamma, beta = ops.split(self.modulation(ops.silu(ops.cast(condition, self.compute_dtype))), 2, axis=-1)
        if self.groups is not None:
            return self.normalization(inputs, scale=1.0 + gamma, offset=beta)
        shape = (-1, *[1] * (len(inputs.shape) - 2), inputs.shape[-1])
        return (1.0 + ops.reshape(gamma, shape)) * self.normalization(inputs) + ops.reshape(beta, shape)

    def compute_output_shape(self, inputs_shape, condition_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

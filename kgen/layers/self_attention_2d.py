"""Attention between the places of an image."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.attention import explicit_attention
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer
from kgen.functional.rows import on_rows
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape
from kgen.layers.spectral_normalization import SpectralNormalization


@keras.saving.register_keras_serializable(package="kgen")
class SelfAttention2D(keras.Layer):
    """Each place of an image looks at all others: what convolutions reach only step by step (SAGAN, BigGAN).

    y_i = x_i + γ · W_o Σ_j softmax_j(f(x_i) · g_j) h_j,   g, h = 2 × 2 max pooling of W_g x, W_h x

    f, W_g, W_h, W_o are 1 × 1 convolutions without bias: `query`, `key`, `value`, `output`. γ is a learned number that
    starts at 0, so the network begins with what is near.

    Args:
        key_channels: width of queries and keys; None for an eighth of the channels.
        value_channels: width of values; None for half of the channels.
        spectral_normalization: whether to normalize the four kernels, as SAGAN does.
        kernel_initializer: initializer of the four kernels; BigGAN's are orthogonal.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        return_attention_scores: whether to return the softmax too.
        training: bool.

    Returns:
        float tensor of the shape of `inputs`; with `return_attention_scores` a tuple of it and the scores, float32
        `(batch, height · width, keys)`, keys = ⌈height / 2⌉ · ⌈width / 2⌉.

    Raises:
        ValueError: an argument outside its range, or inputs that are no images.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).normal(size=(2, 8, 6, 16))
    >>> outputs, scores = kgen.layers.SelfAttention2D()(images, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(scores.shape)
    ((2, 8, 6, 16), (2, 48, 12))

    Reference: Zhang et al., Self-Attention Generative Adversarial Networks, 2019, section 3; pooling as in its code.
    """

    def __init__(
        self,
        key_channels=None,
        value_channels=None,
        spectral_normalization=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if key_channels is not None:
            check_int("key_channels", key_channels, minimum=1)
        if value_channels is not None:
            check_int("value_channels", value_channels, minimum=1)
        check_in("spectral_normalization", spectral_normalization, (True, False))
        check_initializer("kernel_initializer", kernel_initializer)
        self.key_channels = key_channels
        self.value_channels = value_channels
        self.spectral_normalization = spectral_normalization
        self.kernel_initializer = kernel_initializer

    def build(self, inputs_shape):
        check_shape("inputs", inputs_shape, IMAGES)
        channels = inputs_shape[-1]
        keys = max(1, channels // 8) if self.key_channels is None else self.key_channels
        values = max(1, channels // 2) if self.value_channels is None else self.value_channels
        self.query = self._projection("query", channels, keys)
        self.key = self._projection("key", channels, keys)
        self.value = self._projection("value", channels, values)
        self.output_projection = self._projection("output", values, channels)
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")
        self.built = True

    def call(self, inputs, return_attention_scores=False, training=False):
        def project(layer, x):
            return on_rows(lambda rows: layer(rows, training=training), x)

        query = _places(project(self.query, inputs))
        key, value = (_places(_pooled(project(layer, inputs))) for layer in (self.key, self.value))
        collected, scores = explicit_attention(query, key, value, scale=1.0)
        collected = ops.reshape(collected, (*ops.shape(inputs)[:3], value.shape[-1]))
        outputs = inputs + self.gamma * project(self.output_projection, collected)
        return (outputs, scores[:, 0]) if return_attention_scores else outputs

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _projection(self, name, inputs, outputs):
        layer = keras.layers.Dense(
            outputs,
            use_bias=False,
            kernel_initializer=fresh_initializer(self.kernel_initializer),
            dtype=self.dtype_policy,
            name=name,
        )
        if self.spectral_normalization:
            layer = SpectralNormalization(layer, name=f"spectral_{name}")
        layer.build((None, inputs))
        return layer


def _pooled(x):
    # Without `strides` it raises on JAX: Keras converts the default twice.
    return ops.max_pool(x, 2, strides=2, padding="same", data_format="channels_last")


def _places(x):
    """(batch, height, width, channels) → (batch, 1 head, places, channels)."""
    return ops.reshape(x, (ops.shape(x)[0], 1, -1, x.shape[-1]))

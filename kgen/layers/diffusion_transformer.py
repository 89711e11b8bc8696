"""A Transformer in the place of a U-Net."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.patches import patch_grid
from kgen.functional.patches import patchify
from kgen.functional.patches import unpatchify
from kgen.functional.positions import grid_waves
from kgen.functional.rows import on_rows
from kgen.layers.adaptive_normalization import AdaptiveNormalization
from kgen.layers.feed_forward import FeedForward
from kgen.layers.multi_head_attention import MultiHeadAttention
from kgen.layers.timestep_embedding import TimestepEmbedding


@keras.saving.register_keras_serializable(package="kgen")
class DiffusionTransformer(keras.Layer):
    """Reads an image as patches and writes one as patches, and is told the time at every normalization.

    In each block, with c = swish-dense of the time and the condition, all gates and W₂ starting at 0:

        x ← x + g₁(c) ⊙ Attention(AdaptiveNorm₁(x, c))
        x ← x + CrossAttention(Norm(x), context)                 where there is a context
        x ← x + g₂(c) ⊙ FeedForward(AdaptiveNorm₂(x, c))

    Called as `UNet` is, so either can stand in a model.

    Args:
        out_channels: channels of the output, ≥ 1.
        patch_size: side of a patch, ≥ 1; both sides of the image must be multiples.
        num_layers: blocks, ≥ 1.
        model_dim: width; a multiple of 4 and of `num_heads`.
        num_heads: heads of the attention.
        feedforward_dim: width of the middle of the feed-forward part; None for 4 `model_dim`.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        time: numbers `(batch,)`, see `TimestepEmbedding`.
        condition: float tensor `(batch, dim)`, or None; whether there is one the first call decides.
        context: float tensor `(batch, words, dim)`, or None; likewise.
        context_mask: bool `(batch, words)`, True where there is a word; None for everywhere.
        training: bool.

    Returns:
        float tensor `(batch, height, width, out_channels)`.

    Raises:
        ValueError: an argument outside its range, or sides that are no multiples of `patch_size`.

    Example:

    >>> import numpy as np, kgen
    >>> network = kgen.layers.DiffusionTransformer(3, patch_size=2, num_layers=2, model_dim=16, num_heads=2)
    >>> tuple(network(np.zeros((2, 8, 8, 3)), np.array([0, 999])).shape)
    (2, 8, 8, 3)

    References: Peebles and Xie, Scalable Diffusion Models with Transformers, 2023; the context: Chen et al., PixArt-α,
    2024.
    """

    def __init__(
        self, out_channels, patch_size=2, num_layers=6, model_dim=192, num_heads=4, feedforward_dim=None, **kwargs
    ):
        super().__init__(**kwargs)
        check_int("out_channels", out_channels, minimum=1)
        check_int("patch_size", patch_size, minimum=1)
        check_int("num_layers", num_layers, minimum=1)
        check_int("num_heads", num_heads, minimum=1)
        check_int("model_dim", model_dim, minimum=4)
        if model_dim % 4 or model_dim % num_heads:
            raise ValueError(f"model_dim: expected a multiple of 4 and of num_heads={num_heads}, got {model_dim}")
        if feedforward_dim is not None:
            check_int("feedforward_dim", feedforward_dim, minimum=1)
        self.out_channels = out_channels
        self.patch_size = patch_size
        self.num_layers = num_layers
        self.model_dim = model_dim
        self.num_heads = num_heads
        self.feedforward_dim = feedforward_dim
        self.tell = TimestepEmbedding(model_dim, dtype=self.dtype_policy, name="tell")
        self.read = keras.layers.Dense(model_dim, dtype=self.dtype_policy, name="read")
        self.blocks = [
            AdaptiveBlock(num_heads, feedforward_dim or 4 * model_dim, dtype=self.dtype_policy, name=f"block_{i}")
            for i in range(num_layers)
        ]
        self.normalize = AdaptiveNormalization(groups=None, epsilon=1e-6, dtype=self.dtype_policy, name="normalize")
        # What is predicted is wanted as exactly as it can be had.
        self.write = keras.layers.Dense(
            patch_size**2 * out_channels, kernel_initializer="zeros", dtype="float32", name="write"
        )

    def build(self, inputs_shape, time_shape, condition_shape=None, context_shape=None, context_mask_shape=None):
        patch_grid(inputs_shape, self.patch_size)
        dim = self.model_dim
        self.tell.build(time_shape)
        self.hear = None
        if condition_shape is not None:
            self.hear = keras.layers.Dense(dim, dtype=self.dtype_policy, name="hear")
            self.hear.build(condition_shape)
        self.read.build((None, self.patch_size**2 * inputs_shape[-1]))
        for block in self.blocks:
            block.build((None, None, dim), (None, dim), context_shape)
        self.normalize.build((None, None, dim), (None, dim))
        self.write.build((None, dim))
        self.built = True

    def call(self, inputs, time, condition=None, context=None, context_mask=None, training=False):
        told = self.tell(time)
        if self.hear is not None:
            told = told + self.hear(ops.cast(condition, self.compute_dtype))
        rows, columns = patch_grid(inputs.shape, self.patch_size)
        x = on_rows(self.read, patchify(inputs, self.patch_size))
        x = x + ops.cast(grid_waves(rows, columns, self.model_dim), x.dtype)
        for block in self.blocks:
            x = block(x, told, context=context, context_mask=context_mask)
        x = on_rows(self.write, self.normalize(x, told))
        return unpatchify(x, self.patch_size, *inputs.shape[1:3])

    def compute_output_shape(self, inputs_shape, time_shape=None):
        return (*inputs_shape[:-1], self.out_channels)

    @property
    def multiple(self):
        """Of what the sides of the inputs must be multiples."""
        return self.patch_size

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


@keras.saving.register_keras_serializable(package="kgen")
class AdaptiveBlock(keras.Layer):
    """A block of the diffusion transformer; starts as no change at all."""

    def __init__(self, num_heads, feedforward_dim, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.feedforward_dim = feedforward_dim

    def build(self, inputs_shape, condition_shape, context_shape=None, context_mask_shape=None):
        dim, dtype = inputs_shape[-1], self.dtype_policy

        def adaptive(name):
            layer = AdaptiveNormalization(groups=None, epsilon=1e-6, dtype=dtype, name=name)
            layer.build(inputs_shape, condition_shape)
            return layer

        self.gates = keras.layers.Dense(2 * dim, kernel_initializer="zeros", dtype=dtype, name="gates")
        self.gates.build(condition_shape)
        self.adapt_attention = adaptive("adapt_attention")
        self.attention = MultiHeadAttention(self.num_heads, dtype=dtype, name="attention")
        self.attention.build(inputs_shape)
        self.adapt_feed_forward = adaptive("adapt_feed_forward")
        self.feed_forward = FeedForward(self.feedforward_dim, "gelu_tanh", dtype=dtype, name="feed_forward")
        self.feed_forward.build(inputs_shape)
        self.look = None
        if context_shape is not None:
            self.normalize = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="normalize")
            self.normalize.build(inputs_shape)
            self.look = MultiHeadAttention(self.num_heads, output_initializer="zeros", dtype=dtype, name="look")
            self.look.build(inputs_shape, context_shape)
        self.built = True

    def call(self, inputs, condition, context=None, context_mask=None):
        first, second = ops.split(self.gates(ops.silu(condition))[:, None], 2, axis=-1)
        x = inputs + first * self.attention(self.adapt_attention(inputs, condition))
        if self.look is not None:
            x = x + self.look(self.normalize(x), context, mask=context_mask)
        return x + second * self.feed_forward(self.adapt_feed_forward(x, condition))

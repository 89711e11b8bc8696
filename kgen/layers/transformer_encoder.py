"""One layer of a Transformer that sees its whole input."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.masks import attached_mask
from kgen.layers import block_parts


@keras.saving.register_keras_serializable(package="kgen")
class TransformerEncoderBlock(keras.Layer):
    """Self-attention, then a feed-forward layer, each around a residual stream.

    pre-norm:   x ← x + Drop(Attention(Norm(x))),   x ← x + Drop(FeedForward(Norm(x)))
    post-norm:  x ← Norm(x + Drop(Attention(x))),   x ← Norm(x + Drop(FeedForward(x)))

    A stack of pre-norm blocks wants one more normalization after the last.

    Args:
        num_heads: heads of the attention, ≥ 1.
        feedforward_dim: width of the feed-forward layer, ≥ 1.
        head_dim: dimension of a head; None for the model's dimension / `num_heads`.
        num_key_value_heads: a divisor of `num_heads` for grouped queries, or None.
        activation: "relu", "gelu", "gelu_tanh", or gated: "swiglu", "geglu", "geglu_tanh"; see `FeedForward`.
        normalization: "layer" (LayerNorm) or "rms" (RMSNorm).
        norm_position: "pre" or "post".
        epsilon: number ≥ 0 that keeps the normalization from dividing by 0.
        use_bias: whether the dense layers and LayerNorm have biases.
        rotary: None, or the base of rotary positions, such as 10000.0.
        attention_scale: number that takes the place of 1 / √head_dim, or None.
        dropout: share to drop of the scores and of what is added to the stream, in training, in [0, 1].
        attention_dropout: share of the scores; None for `dropout`. At 0 training uses fused kernels.
        kernel_initializer: initializer of all kernels.
        output_initializer: that of the kernels whose output is added to the stream; None for the same.
        seed: int or None, of the dropout.

    Call arguments:
        inputs: float tensor `(batch, length, dim)`.
        mask: bool `(batch, length)` (padding) or `(batch, length, length)`; True may attend. None takes the mask that
            Keras attached to `inputs`, if any.
        bias: float, added to the scores; see `RelativePositionBias`.
        positions: integers `(length,)` or `(batch, length)` for `rotary`.
        return_attention_scores: whether to return the scores too.
        training: bool.

    Returns:
        float tensor of the shape of `inputs`, or a tuple of it and the scores, float32
        `(batch, num_heads, length, length)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> block = kgen.layers.TransformerEncoderBlock(num_heads=4, feedforward_dim=64, normalization="rms")
    >>> tuple(block(np.ones((2, 5, 16))).shape)
    (2, 5, 16)

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 3.1. Pre-norm: Xiong et al., On Layer
    Normalization in the Transformer Architecture, 2020. RMSNorm: Zhang and Sennrich, 2019.
    """

    def __init__(
        self,
        num_heads,
        feedforward_dim,
        head_dim=None,
        num_key_value_heads=None,
        activation="gelu",
        normalization="layer",
        norm_position="pre",
        epsilon=1e-5,
        use_bias=True,
        rotary=None,
        attention_scale=None,
        dropout=0.0,
        attention_dropout=None,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.feedforward_dim = feedforward_dim
        self.head_dim = head_dim
        self.num_key_value_heads = num_key_value_heads
        self.activation = activation
        self.normalization = normalization
        self.norm_position = norm_position
        self.epsilon = epsilon
        self.use_bias = use_bias
        self.rotary = rotary
        self.attention_scale = attention_scale
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.kernel_initializer = kernel_initializer
        self.output_initializer = output_initializer
        self.seed = seed
        block_parts.check_block(self)

        self.supports_masking = True
        self.autocast = False
        self.attention_norm = block_parts.normalization_of(self, "attention_norm")
        self.attention = block_parts.attention_of(self, "attention", 1, rotary)
        self.feed_forward_norm = block_parts.normalization_of(self, "feed_forward_norm")
        self.feed_forward = block_parts.feed_forward_of(self)
        self.drop = block_parts.dropout_of(self)

    def build(self, inputs_shape):
        for part in (self.attention_norm, self.attention, self.feed_forward_norm, self.feed_forward):
            part.build(inputs_shape)
        self.built = True

    def call(self, inputs, mask=None, bias=None, positions=None, return_attention_scores=False, training=False):
        if mask is None:
            mask = attached_mask(inputs)
        x = ops.cast(inputs, self.compute_dtype)
        attended = self.attention(
            block_parts.before(self, self.attention_norm, x),
            mask=mask,
            bias=bias,
            positions=positions,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        attended, scores = attended if return_attention_scores else (attended, None)
        x = block_parts.after(self, self.attention_norm, x, attended, training)
        update = self.feed_forward(block_parts.before(self, self.feed_forward_norm, x))
        x = block_parts.after(self, self.feed_forward_norm, x, update, training)
        return (x, scores) if return_attention_scores else x

    def compute_mask(self, inputs, previous_mask):
        return attached_mask(inputs)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

"""One layer of a Transformer that writes from left to right."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.masks import attached_mask
from kgen.layers import block_parts


@keras.saving.register_keras_serializable(package="kgen")
class TransformerDecoderBlock(keras.Layer):
    """Causal self-attention, attention to another sequence if asked for, a feed-forward layer; a residual stream.

    pre-norm:   x ← x + Drop(part(Norm(x)))   for each part in turn
    post-norm:  x ← Norm(x + Drop(part(x)))

    Without cross attention it is the block of GPT. A stack of pre-norm blocks wants one more normalization after the
    last.

    Args:
        num_heads: heads of each attention, ≥ 1.
        feedforward_dim: width of the feed-forward layer, ≥ 1.
        cross_attention: whether to attend to `memory` too.
        head_dim: dimension of a head; None for the model's dimension / `num_heads`.
        num_key_value_heads: a divisor of `num_heads` for grouped queries, or None.
        activation: "relu", "gelu", "gelu_tanh", or gated: "swiglu", "geglu", "geglu_tanh"; see `FeedForward`.
        normalization: "layer" (LayerNorm) or "rms" (RMSNorm).
        norm_position: "pre" or "post".
        epsilon: number ≥ 0 that keeps the normalization from dividing by 0.
        use_bias: whether the dense layers and LayerNorm have biases.
        rotary: None, or the base of rotary positions of the self-attention, such as 10000.0.
        attention_scale: number that takes the place of 1 / √head_dim, or None.
        dropout: share to drop of the scores and of what is added to the stream, in training, in [0, 1].
        attention_dropout: share of the scores; None for `dropout`. At 0 training uses fused kernels.
        kernel_initializer: initializer of all kernels.
        output_initializer: that of the kernels whose output is added to the stream; None for the same.
        seed: int or None, of the dropout.

    Call arguments:
        inputs: float tensor `(batch, length, dim)`.
        memory: float tensor `(batch, keys, memory_dim)`, the encoder's output, for cross attention.
        mask: bool `(batch, length)` (padding) or `(batch, length, length)`, on top of causality; True may attend. With
            a cache the keys are the places of the cache. None takes the mask that Keras attached to `inputs`, if any.
        memory_mask: bool `(batch, keys)` or `(batch, length, keys)`; None takes that of `memory`, if any.
        bias: float, added to the scores of the self-attention; see `RelativePositionBias`.
        positions: integers `(length,)` or `(batch, length)` for `rotary`.
        cache: what `make_cache` or an earlier call returned; `memory` is in it and need not be given again.
        cache_index: place of the first of `inputs` in the cache: an integer, an integer tensor, or `(batch,)` integers.
        return_attention_scores: whether to return the scores too.
        training: bool.

    Returns:
        float tensor of the shape of `inputs`; or a tuple of it, then the scores if asked for, then the cache if there
        is one. The scores are a dict: "self" and, with cross attention, "cross", float32
        `(batch, num_heads, length, keys)`.

    Raises:
        ValueError: an argument outside its range, or that does not fit the others.

    Example:

    >>> import numpy as np, kgen
    >>> block = kgen.layers.TransformerDecoderBlock(num_heads=4, feedforward_dim=64, cross_attention=True)
    >>> target, source = np.ones((2, 5, 16)), np.ones((2, 7, 16))
    >>> outputs, scores = block(target, source, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(scores["cross"].shape)
    ((2, 5, 16), (2, 4, 5, 7))
    >>> cache = block.make_cache(batch_size=2, max_length=5, memory=source)
    >>> output, cache = block(target[:, :1], cache=cache, cache_index=0)

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 3.1. Without cross attention: Radford et al.,
    Language Models are Unsupervised Multitask Learners (GPT-2), 2019.
    """

    def __init__(
        self,
        num_heads,
        feedforward_dim,
        cross_attention=False,
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
        self.cross_attention = cross_attention
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
        self.autocast = False  # a cache keeps its own dtype
        self.attention_norm = block_parts.normalization_of(self, "attention_norm")
        self.attention = block_parts.attention_of(self, "attention", 1, rotary)
        if cross_attention:
            self.cross_norm = block_parts.normalization_of(self, "cross_norm")
            self.cross = block_parts.attention_of(self, "cross_attention", 2)
        self.feed_forward_norm = block_parts.normalization_of(self, "feed_forward_norm")
        self.feed_forward = block_parts.feed_forward_of(self)
        self.drop = block_parts.dropout_of(self)

    def build(self, inputs_shape, memory_shape=None):
        if self.cross_attention != (memory_shape is not None):
            wanted = "the encoder's output, for cross_attention=True" if self.cross_attention else "None"
            raise ValueError(f"memory: expected {wanted}, got shape {memory_shape}")
        for part in (self.attention_norm, self.attention, self.feed_forward_norm, self.feed_forward):
            part.build(inputs_shape)
        if self.cross_attention:
            self.cross_norm.build(inputs_shape)
            self.cross.build(inputs_shape, memory_shape)
        self.built = True

    def call(
        self,
        inputs,
        memory=None,
        mask=None,
        memory_mask=None,
        bias=None,
        positions=None,
        cache=None,
        cache_index=None,
        return_attention_scores=False,
        training=False,
    ):
        if memory is not None and not self.cross_attention:
            raise ValueError("memory: expected None, for the block was made with cross_attention=False")
        if mask is None and cache is None:
            mask = attached_mask(inputs)
        options = {"return_attention_scores": return_attention_scores, "training": training}
        scores, caches = {}, {}

        def attend(name, attention, norm, x, **arguments):
            outputs = attention(block_parts.before(self, norm, x), **arguments, **options)
            update, *rest = outputs if isinstance(outputs, tuple) else (outputs,)
            if cache is not None:
                caches[name] = rest.pop()
            if return_attention_scores:
                scores[name] = rest.pop()
            return block_parts.after(self, norm, x, update, training)

        x = ops.cast(inputs, self.compute_dtype)
        x = attend(
            "self",
            self.attention,
            self.attention_norm,
            x,
            mask=mask,
            bias=bias,
            causal=True,
            positions=positions,
            cache=None if cache is None else cache["self"],
            cache_index=cache_index,
        )
        if self.cross_attention:
            x = attend(
                "cross",
                self.cross,
                self.cross_norm,
                x,
                value=memory if cache is None else None,
                mask=memory_mask,
                cache=None if cache is None else cache["cross"],
            )
        update = self.feed_forward(block_parts.before(self, self.feed_forward_norm, x))
        x = block_parts.after(self, self.feed_forward_norm, x, update, training)
        if not return_attention_scores and cache is None:
            return x
        return (x, *([scores] if return_attention_scores else []), *([] if cache is None else [caches]))

    def make_cache(self, batch_size, max_length, memory=None, dtype=None):
        """A cache for decoding step by step: a dict of "self" and, with cross attention, "cross".

        Each is what `MultiHeadAttention` makes: tensors `(batch, key_value_heads, places, head_dim)`.

        Args:
            batch_size, max_length: integers ≥ 1.
            memory: the encoder's output, for cross attention.
            dtype: that of the self-attention's cache; None for the layer's own.

        Raises:
            ValueError: `memory` is missing, or given without cross attention.
        """
        if self.cross_attention != (memory is not None):
            raise ValueError(
                "memory: expected the encoder's output with cross_attention=True and None without, "
                f"got {'None' if memory is None else 'a tensor'}"
            )
        cache = {"self": self.attention.make_cache(batch_size, max_length, dtype)}
        if self.cross_attention:
            cache["cross"] = self.cross.make_cross_cache(memory)
        return cache

    def compute_mask(self, inputs, previous_mask):
        return attached_mask(inputs)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

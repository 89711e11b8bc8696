"""Attention."""

import keras
from keras import ops

from kgen import backend
from kgen.functional.arguments import arguments_of
from kgen.functional.attention import explicit_attention
from kgen.functional.attention import fused_attention
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer
from kgen.functional.masks import attached_mask
from kgen.functional.masks import causal_mask
from kgen.functional.masks import combine_masks
from kgen.functional.positions import check_base
from kgen.functional.rows import on_rows
from kgen.layers.dropout import Dropout
from kgen.layers.rotary import RotaryPositions


@keras.saving.register_keras_serializable(package="kgen")
class MultiHeadAttention(keras.Layer):
    """Attention of a sequence to itself or to another one, in several heads.

    head_h = softmax(Q_h K_hᵀ / √d_k + bias) V_h,   output = [head_1 … head_n] W_O

    Q, K, V are projections of one sequence (self-attention: called with `query` alone) or Q of one, K and V of another
    (cross attention: called with `value` too). What it is, the first call decides. Each is one matrix product:
    `query_key_value`, or `query` and `key_value`, plain `Dense` layers with the columns in this order.

    Args:
        num_heads: n ≥ 1.
        head_dim: d_k; None for the model's dimension / `num_heads`.
        num_key_value_heads: a divisor of `num_heads`: neighbouring heads share keys and values in so many groups
            (grouped queries); None for a group a head.
        use_bias: whether the projections have a bias.
        rotary: None, or the base of rotary positions, such as 10000.0; self-attention only.
        scale: number that takes the place of 1 / √d_k, or None.
        dropout: share of the scores to drop in training, in [0, 1]; above 0 it rules out fused kernels there.
        kernel_initializer: initializer of the projections.
        output_initializer: that of W_O; None for the same.
        seed: int or None, of the dropout.

    Call arguments:
        query: float tensor `(batch, length, dim)`.
        value: float tensor `(batch, keys, value_dim)`; None attends to `query` itself.
        mask: bool `(batch, keys)` (padding), `(batch, length, keys)` or `(batch, heads, length, keys)`; True may
            attend. With a cache the keys are the places of the cache. None takes the mask that Keras attached to the
            sequence of the keys, if any. A query that may attend to nothing gets the mean of all values.
        bias: float `(1 or batch, 1 or num_heads, length, keys)`, added to the scores.
        causal: position i attends to keys j ≤ i only. With a cache it always holds.
        positions: integers `(length,)` or `(batch, length)` for `rotary`; None for 0, 1, 2, … from `cache_index` on.
        cache: what `make_cache` or `make_cross_cache` returned, or an earlier call.
        cache_index: where in the cache the keys of `query` go: an integer, an integer tensor, or `(batch,)` integers.
            `cache_index + length` must not exceed the cache's length.
        return_attention_scores: whether to return the softmax too.
        training: bool.

    Returns:
        float tensor `(batch, length, dim)`; or a tuple of it, then the scores, float32
        `(batch, num_heads, length, keys)`, if asked for, then the cache, if there is one. On PyTorch a cache is written
        in place where no gradient is taken: go on with the one returned.

    Raises:
        ValueError: an argument outside its range, of another shape, or that does not fit the others.

    Example:

    >>> import keras, numpy as np, kgen
    >>> words = np.random.default_rng(0).normal(size=(2, 5, 16))
    >>> attention = kgen.layers.MultiHeadAttention(num_heads=4, rotary=10000.0)
    >>> outputs, scores = attention(words, causal=True, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(scores.shape)
    ((2, 5, 16), (2, 4, 5, 5))

    Word by word with a cache, the same outputs:

    >>> cache = attention.make_cache(batch_size=2, max_length=5)
    >>> for i in range(5):
    ...     output, cache = attention(words[:, i : i + 1], cache=cache, cache_index=i)
    >>> bool(keras.ops.max(keras.ops.abs(output[:, 0] - outputs[:, 4])) < 1e-5)
    True

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 3.2. Grouped queries: Ainslie et al., GQA:
    Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints, 2023.
    """

    def __init__(
        self,
        num_heads,
        head_dim=None,
        num_key_value_heads=None,
        use_bias=True,
        rotary=None,
        scale=None,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("num_heads", num_heads, minimum=1)
        if head_dim is not None:
            check_int("head_dim", head_dim, minimum=1)
        if num_key_value_heads is not None:
            check_int("num_key_value_heads", num_key_value_heads, minimum=1)
            if num_heads % num_key_value_heads:
                raise ValueError(
                    f"num_key_value_heads: expected a divisor of num_heads={num_heads}, got {num_key_value_heads}"
                )
        if rotary is not None:
            check_base("rotary", rotary)
            if head_dim is not None and head_dim % 2:
                raise ValueError(f"head_dim: expected an even number with rotary positions, got {head_dim}")
        if scale is not None:
            check_number("scale", scale)
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        check_initializer("kernel_initializer", kernel_initializer)
        if output_initializer is not None:
            check_initializer("output_initializer", output_initializer)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.num_key_value_heads = num_key_value_heads
        self.use_bias = use_bias
        self.rotary = rotary
        self.scale = scale
        self.dropout = dropout
        self.kernel_initializer = kernel_initializer
        self.output_initializer = output_initializer
        self.seed = seed

        self.supports_masking = True
        self.autocast = False  # a cache keeps its own dtype; the projections cast what they read
        self.score_dropout = Dropout(dropout, seed=seed, dtype="float32", name="score_dropout")
        if rotary is not None:
            self.rotation = RotaryPositions(rotary, dtype=self.dtype_policy, name="rotation")

    def build(self, query_shape, value_shape=None):
        if len(query_shape) != 3:
            raise ValueError(f"query: expected shape (batch, length, dim), got {tuple(query_shape)}")
        if value_shape is not None and len(value_shape) != 3:
            raise ValueError(f"value: expected shape (batch, keys, dim), got {tuple(value_shape)}")
        if value_shape is not None and self.rotary is not None:
            raise ValueError(f"rotary: expected None in cross attention, got {self.rotary}")
        dim = query_shape[-1]
        if self.head_dim is None and dim % self.num_heads:
            raise ValueError(
                f"num_heads: expected a divisor of the model's dimension {dim}, got {self.num_heads}; or give head_dim"
            )
        self._dim_of_heads = self.head_dim or dim // self.num_heads
        self._groups = self.num_key_value_heads or self.num_heads
        self.is_cross = value_shape is not None
        if self.is_cross:
            self.query = self._projection("query", self.num_heads, query_shape)
            self.key_value = self._projection("key_value", 2 * self._groups, value_shape)
        else:
            self.query_key_value = self._projection("query_key_value", self.num_heads + 2 * self._groups, query_shape)
        self.output_projection = keras.layers.Dense(
            dim,
            use_bias=self.use_bias,
            kernel_initializer=fresh_initializer(
                self.kernel_initializer if self.output_initializer is None else self.output_initializer
            ),
            dtype=self.dtype_policy,
            name="output",
        )
        self.output_projection.build((None, None, self.num_heads * self._dim_of_heads))
        self.built = True

    def call(
        self,
        query,
        value=None,
        mask=None,
        bias=None,
        causal=False,
        positions=None,
        cache=None,
        cache_index=None,
        return_attention_scores=False,
        training=False,
    ):
        self._check_call(query, value, cache, cache_index)
        if mask is None and cache is None:
            mask = attached_mask(query if value is None else value)
        mask = combine_masks(mask)
        if self.is_cross:
            queries = self._split(on_rows(self.query, query))
            if cache is None:
                keys, values = self._keys_and_values(value)
            else:
                keys, values = self._read(cache)
        else:
            length = ops.shape(query)[1]
            places = None if cache is None else _places(cache_index, length)
            queries, keys, values = self._self_projections(query, places if positions is None else positions)
            if cache is not None:
                cache = {
                    "key": backend.write_cache(cache["key"], keys, cache_index),
                    "value": backend.write_cache(cache["value"], values, cache_index),
                }
                keys, values = self._read(cache)
                mask = combine_masks(mask, causal_mask(length, ops.shape(keys)[2], offset=cache_index))
                causal = False

        dropping = training and self.dropout > 0
        arguments = {"mask": mask, "bias": bias, "causal": causal, "scale": self.scale}
        # For a single query a plain product was the fastest everywhere: there is nothing to fuse.
        if return_attention_scores or dropping or query.shape[1] == 1:
            drop = (lambda scores: self.score_dropout(scores, training=True)) if dropping else None
            collected, scores = explicit_attention(queries, keys, values, **arguments, drop=drop)
        else:
            collected, scores = fused_attention(queries, keys, values, **arguments), None
        outputs = on_rows(self.output_projection, self._join(collected))
        if not return_attention_scores and cache is None:
            return outputs
        return (outputs, *([scores] if return_attention_scores else []), *([] if cache is None else [cache]))

    def make_cache(self, batch_size, max_length, dtype=None):
        """An empty cache for self-attention: a dict of "key" and "value".

        Both are `(batch_size, key_value_heads, max_length, head_dim)`. The heads come before the
        places, so that a step reads each head's keys as one matrix.

        Args:
            batch_size, max_length: integers ≥ 1.
            dtype: None for the layer's own.

        Raises:
            ValueError: the layer is not built and knows no `head_dim`, or it is cross attention.
        """
        check_int("batch_size", batch_size, minimum=1)
        check_int("max_length", max_length, minimum=1)
        if self.built and self.is_cross:
            raise ValueError("make_cache: cross attention reads what make_cross_cache(value) returns")
        if not self.built and self.head_dim is None:
            raise ValueError("make_cache: give the layer a head_dim, or call or build it first")
        heads = self.num_key_value_heads or self.num_heads
        shape = (batch_size, heads, max_length, self._dim_of_heads if self.built else self.head_dim)
        return {name: ops.zeros(shape, dtype=dtype or self.compute_dtype) for name in ("key", "value")}

    def make_cross_cache(self, value):
        """Keys and values of the sequence that cross attention reads, once for all steps; no step changes them.

        Args:
            value: float tensor `(batch, keys, value_dim)`.

        Raises:
            ValueError: the layer is not built for cross attention.
        """
        if not self.built or not self.is_cross:
            raise ValueError("make_cross_cache: expected a layer that was called or built with value")
        keys, values = self._keys_and_values(value)
        return {"key": keys, "value": values}

    def compute_mask(self, query, previous_mask):
        # What was passed as `mask` is about keys; the queries keep the mask that Keras attached to them.
        return attached_mask(query)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _projection(self, name, heads, input_shape):
        projection = keras.layers.Dense(
            heads * self._dim_of_heads,
            use_bias=self.use_bias,
            kernel_initializer=fresh_initializer(self.kernel_initializer),
            dtype=self.dtype_policy,
            name=name,
        )
        projection.build((None, None, input_shape[-1]))
        return projection

    def _check_call(self, query, value, cache, cache_index):
        if self.is_cross:
            if value is None and cache is None:
                raise ValueError("value: expected the sequence to attend to, as in the first call, got None")
            if cache_index is not None:
                raise ValueError(f"cache_index: expected None, for no step writes to a cross cache; got {cache_index}")
            return
        if value is not None:
            raise ValueError("value: this layer was built for self-attention; use another one for cross attention")
        if (cache is None) != (cache_index is None):
            raise ValueError("cache and cache_index: expected both or none")
        if cache is not None and isinstance(cache_index, int) and query.shape[1] is not None:
            longest = cache["key"].shape[2]
            if not 0 <= cache_index <= longest - query.shape[1]:
                raise ValueError(
                    f"cache_index: expected room for {query.shape[1]} of {longest} places, got {cache_index}; "
                    "make a longer cache"
                )

    def _self_projections(self, query, positions):
        """Queries, keys and values of one sequence, each (batch, heads, length, head_dim), from one product."""
        joined = on_rows(self.query_key_value, query)
        batch, length = ops.shape(joined)[0], ops.shape(joined)[1]
        joined = ops.reshape(joined, (batch, length, self.num_heads + 2 * self._groups, self._dim_of_heads))
        turning = self.num_heads + self._groups  # queries and keys turn, values do not
        if self.rotary is not None:
            turned = self.rotation(joined[:, :, :turning], positions=positions)
            joined = ops.concatenate([turned, joined[:, :, turning:]], axis=2)
        joined = ops.transpose(joined, (0, 2, 1, 3))
        return joined[:, : self.num_heads], joined[:, self.num_heads : turning], joined[:, turning:]

    def _keys_and_values(self, value):
        joined = self._split(on_rows(self.key_value, value))
        return joined[:, : self._groups], joined[:, self._groups :]

    def _read(self, cache):
        return ops.cast(cache["key"], self.compute_dtype), ops.cast(cache["value"], self.compute_dtype)

    def _split(self, joined):
        """(batch, length, heads · head_dim) → (batch, heads, length, head_dim)."""
        batch, length, width = ops.shape(joined)
        heads = width // self._dim_of_heads
        return ops.transpose(ops.reshape(joined, (batch, length, heads, self._dim_of_heads)), (0, 2, 1, 3))

    def _join(self, heads):
        """(batch, heads, length, head_dim) → (batch, length, heads · head_dim)."""
        batch, _, length, _ = ops.shape(heads)
        return ops.reshape(ops.transpose(heads, (0, 2, 1, 3)), (batch, length, self.num_heads * self._dim_of_heads))


def _places(cache_index, length):
    """Places in the cache of `length` positions from `cache_index` on: (length,) or (batch, length)."""
    return ops.cast(cache_index, "int32")[..., None] + ops.arange(length, dtype="int32")

"""Attention by a small network, as it began."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.attention import FORBIDDEN
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer
from kgen.functional.masks import attached_mask
from kgen.functional.masks import four_axes
from kgen.functional.rows import on_rows
from kgen.layers.dropout import Dropout


@keras.saving.register_keras_serializable(package="kgen")
class AdditiveAttention(keras.Layer):
    """What a decoder looks at in the sequence that an encoder has read, weighed by a network of one hidden layer.

    e_ij = vᵀ tanh(W q_i + U h_j + b),   c_i = Σ_j softmax_j(e_ij) h_j

    Queries and values may be of different width. It takes memory for batch · queries · keys · units numbers.

    Args:
        units: width of the hidden layer, ≥ 1.
        dropout: share of the scores to drop in training, in [0, 1].
        kernel_initializer: initializer of W, U and v.
        seed: int or None, of the dropout.

    Call arguments:
        query: float tensor `(batch, length, dim)`, the states of the decoder.
        value: float tensor `(batch, keys, value_dim)`, what the encoder has read; None with a cache.
        mask: bool `(batch, keys)` (padding) or `(batch, length, keys)`; True may be looked at. None takes the mask that
            Keras attached to `value`, if any. A query that may look at nothing gets the mean of all values.
        cache: what `make_cross_cache(value)` returned: U h_j is then computed once for all steps.
        return_attention_scores: whether to return the softmax too.
        training: bool.

    Returns:
        float tensor `(batch, length, value_dim)`; or a tuple of it, then the scores, float32 `(batch, length, keys)`,
        each row of which sums to 1, if asked for, then the cache, if there is one, as `MultiHeadAttention` does.

    Raises:
        ValueError: an argument outside its range, of another shape, or missing.

    Example:

    >>> import numpy as np, kgen
    >>> rng = np.random.default_rng(0)
    >>> read, states = rng.normal(size=(2, 7, 16)), rng.normal(size=(2, 5, 8))
    >>> attention = kgen.layers.AdditiveAttention(units=12)
    >>> context, scores = attention(states, read, return_attention_scores=True)
    >>> tuple(context.shape), tuple(scores.shape)
    ((2, 5, 16), (2, 5, 7))

    Reference: Bahdanau, Cho and Bengio, Neural Machine Translation by Jointly Learning to Align and Translate, 2015,
    section 3.1 and appendix A.1.2.
    """

    def __init__(self, units, dropout=0.0, kernel_initializer="glorot_uniform", seed=None, **kwargs):
        super().__init__(**kwargs)
        check_int("units", units, minimum=1)
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        check_initializer("kernel_initializer", kernel_initializer)
        self.units = units
        self.dropout = dropout
        self.kernel_initializer = kernel_initializer
        self.seed = seed
        self.supports_masking = True
        self.query = self._dense("query", units, use_bias=False)
        self.key = self._dense("key", units, use_bias=True)
        self.energy = self._dense("energy", 1, use_bias=False)
        self.score_dropout = Dropout(dropout, seed=seed, dtype="float32", name="score_dropout")

    def build(self, query_shape, value_shape=None):
        for name, shape in (("query", query_shape), ("value", value_shape)):
            if shape is None or len(shape) != 3:
                raise ValueError(f"{name}: expected shape (batch, length, dim), got {shape and tuple(shape)}")
        self.query.build((None, query_shape[-1]))
        self.key.build((None, value_shape[-1]))
        self.energy.build((None, self.units))
        self.built = True

    def call(self, query, value=None, mask=None, cache=None, return_attention_scores=False, training=False):
        if cache is None and value is None:
            raise ValueError("value: expected the sequence to look at, or a cache, got None")
        read = cache
        if cache is None:
            mask = attached_mask(value) if mask is None else mask
            read = self.make_cross_cache(value)
        hidden = ops.tanh(on_rows(self.query, query)[:, :, None] + read["key"][:, None])
        logits = ops.cast(on_rows(self.energy, hidden)[..., 0], "float32")
        if mask is not None:
            logits = ops.where(self._checked(mask), logits, FORBIDDEN)
        scores = ops.softmax(logits, axis=-1)
        weights = self.score_dropout(scores, training=True) if training and self.dropout > 0 else scores
        context = ops.matmul(ops.cast(weights, read["value"].dtype), read["value"])
        if cache is None and not return_attention_scores:
            return context
        return (context, *([scores] if return_attention_scores else []), *([] if cache is None else [cache]))

    def make_cross_cache(self, value):
        """What all steps need of the sequence to look at; no step changes it.

        Args:
            value: float tensor `(batch, keys, value_dim)`.

        Returns:
            dict of "key", float `(batch, keys, units)`, and "value".
        """
        value = ops.cast(value, self.compute_dtype)
        return {"key": on_rows(self.key, value), "value": value}

    def compute_mask(self, query, previous_mask):
        return attached_mask(query)  # what was passed as `mask` is about the values

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _dense(self, name, units, use_bias):
        initializer = fresh_initializer(self.kernel_initializer)
        return keras.layers.Dense(
            units, use_bias=use_bias, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )

    @staticmethod
    def _checked(mask):
        if len(mask.shape) == 4:
            raise ValueError(
                f"mask: expected (batch, keys) or (batch, queries, keys), there are no heads; got {tuple(mask.shape)}"
            )
        return four_axes(mask)[:, 0]

"""Positions as a bias of attention."""

import math

import keras
import numpy as np
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer


@keras.saving.register_keras_serializable(package="kgen")
class RelativePositionBias(keras.Layer):
    """A learned number for each head and each distance, to be added to the scores (T5's relative attention bias).

    bias[h, m, n] = E[bucket(n - m), h]

    Near distances have a bucket each; half of the buckets cover, on a logarithmic scale, those up to `max_distance`,
    and the last one all beyond. `bidirectional` gives one half to each direction; otherwise keys after the query share
    the bucket of distance 0.

    Args:
        num_heads: ≥ 1.
        num_buckets: ≥ 2, even, and divisible by 4 if `bidirectional`.
        max_distance: at least `num_buckets`.
        bidirectional: True in encoders, False in decoders.
        embeddings_initializer: initializer of E, `(num_buckets, num_heads)`.

    Call arguments:
        positions: positions of the queries, integers `(queries,)` or `(batch, queries)`.
        key_positions: those of the keys; None for the same.

    Returns:
        float tensor `(1 or batch, num_heads, queries, keys)`, the `bias` of `MultiHeadAttention`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> bias = kgen.layers.RelativePositionBias(num_heads=4)(np.arange(10))
    >>> tuple(bias.shape)
    (1, 4, 10, 10)

    Reference: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020,
    section 2.1.
    """

    def __init__(
        self,
        num_heads,
        num_buckets=32,
        max_distance=128,
        bidirectional=True,
        embeddings_initializer="uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("num_heads", num_heads, minimum=1)
        check_int("num_buckets", num_buckets, minimum=4 if bidirectional else 2)
        if num_buckets % (4 if bidirectional else 2):
            raise ValueError(f"num_buckets: expected a multiple of {4 if bidirectional else 2}, got {num_buckets}")
        check_int("max_distance", max_distance, minimum=num_buckets)
        check_initializer("embeddings_initializer", embeddings_initializer)
        self.num_heads = num_heads
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.embeddings_initializer = embeddings_initializer

    def build(self, positions_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_buckets, self.num_heads),
            initializer=fresh_initializer(self.embeddings_initializer),
        )
        self.built = True

    def call(self, positions, key_positions=None, training=False):
        queries = ops.cast(positions, "int32")
        keys = queries if key_positions is None else ops.cast(key_positions, "int32")
        distance = keys[..., None, :] - queries[..., :, None]  # (..., queries, keys)
        far = self.max_distance
        # The bucket of every distance from -far to far, in one table: exact, and the same on every backend.
        buckets = np.array([self._bucket(one) for one in range(-far, far + 1)], "int32")
        rows = ops.take(buckets, ops.clip(distance, -far, far) + far, axis=0)
        bias = ops.take(self.embeddings, rows, axis=0)  # (..., queries, keys, heads)
        if len(bias.shape) == 3:
            bias = bias[None]
        return ops.transpose(bias, (0, 3, 1, 2))

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _bucket(self, distance):
        """The row of E for key position - query position."""
        count = self.num_buckets // 2 if self.bidirectional else self.num_buckets
        first = count if self.bidirectional and distance > 0 else 0
        distance = abs(distance) if self.bidirectional else max(-distance, 0)
        exact = count // 2
        if distance < exact:
            return first + distance
        # The small number keeps 8 · 2^k, where the logarithms divide without rest, in the bucket that begins there.
        share = math.log(distance / exact) / math.log(self.max_distance / exact)
        return first + min(exact + int(share * (count - exact) + 1e-6), count - 1)

"""Positions as a table of weights."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer


@keras.saving.register_keras_serializable(package="kgen")
class LearnedPositions(keras.Layer):
    """Adds a learned vector for each position: y_t = x_t + E[t].

    Args:
        max_length: how many positions there are, ≥ 1.
        embeddings_initializer: initializer of E, `(max_length, dim)`.

    Call arguments:
        inputs: float tensor `(batch, length, dim)`, `length` at most `max_length`.
        positions: integers `(length,)` or `(batch, length)` in [0, max_length - 1]; others count as the nearest of
            them. None for 0, 1, 2, …

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: an argument outside its range, or `inputs` longer than `max_length`.

    Example:

    >>> import numpy as np, kgen
    >>> tuple(kgen.layers.LearnedPositions(max_length=16)(np.zeros((2, 10, 8))).shape)
    (2, 10, 8)

    Reference: Gehring et al., Convolutional Sequence to Sequence Learning, 2017, section 3.1.
    """

    def __init__(self, max_length, embeddings_initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        check_int("max_length", max_length, minimum=1)
        check_initializer("embeddings_initializer", embeddings_initializer)
        self.max_length = max_length
        self.embeddings_initializer = embeddings_initializer
        self.supports_masking = True

    def build(self, inputs_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.max_length, inputs_shape[-1]),
            initializer=fresh_initializer(self.embeddings_initializer),
        )
        self.built = True

    def call(self, inputs, positions=None, training=False):
        if positions is not None:
            rows = ops.clip(ops.cast(positions, "int32"), 0, self.max_length - 1)
            return inputs + ops.take(self.embeddings, rows, axis=0)
        if not isinstance(inputs.shape[1], int):  # unknown: an array is cut only where its length is known
            return inputs + ops.take(self.embeddings, ops.arange(ops.shape(inputs)[1]), axis=0)
        if inputs.shape[1] > self.max_length:
            raise ValueError(f"inputs: expected at most max_length={self.max_length} positions, got {inputs.shape[1]}")
        return inputs + ops.convert_to_tensor(self.embeddings)[: inputs.shape[1]]

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

"""Recurrent layers."""

import keras
from keras import ops

from kgen import backend
from kgen.backend.cells import CELLS
from kgen.backend.cells import kept
from kgen.backend.cells import one_step
from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer
from kgen.functional.masks import attached_mask
from kgen.layers.dropout import Dropout


@keras.saving.register_keras_serializable(package="kgen")
class Recurrent(keras.Layer):
    """A sequence read step by step, with a state that remembers: an LSTM or a GRU.

    LSTM:  i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)  with  a = x W + h U + b,
           c' = f ⊙ c + i ⊙ g,   h' = o ⊙ tanh(c')
    GRU:   z, r = σ(a_z), σ(a_r),   n = tanh(x W_n + b_n + r ⊙ (h U_n + b'_n)),   h' = z ⊙ h + (1 - z) ⊙ n

    Weights lie as in `keras.layers.LSTM` and `keras.layers.GRU`, and in `Bidirectional` of them: kernel W, recurrent
    kernel U, bias, gates in the order above (a GRU's bias is b and b' stacked). `set_weights` may go from one to the
    other.

    Args:
        units: size of h, ≥ 1.
        cell: "lstm" or "gru".
        bidirectional: whether to read the sequence backwards too, with weights of its own, and to put both h side by
            side: forwards first.
        dropout: share of the inputs to drop in training, in [0, 1].
        kernel_initializer: initializer of W.
        recurrent_initializer: initializer of U. The bias starts at 0, that of an LSTM's forget gate at 1.
        seed: int or None, of the dropout.

    Call arguments:
        inputs: float tensor `(batch, length, dim)`.
        initial_state: tuple of float tensors `(batch, units)`, as it is returned; None for zeros.
        mask: bool `(batch, length)`, True where there is something. A step that is not there keeps the state, and its
            output is that h once more. None takes the mask that Keras attached to the inputs, if any.
        training: bool.

    Returns:
        (outputs, state): all h, float `(batch, length, units)`, of twice the width if bidirectional; and the last
        state, a tuple: (h, c) of an LSTM, (h,) of a GRU, forwards and then backwards if bidirectional.

    Raises:
        ValueError: an argument outside its range or of another shape.

    Example:

    >>> import keras, numpy as np, kgen
    >>> words = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    >>> layer = kgen.layers.Recurrent(16, cell="gru")
    >>> outputs, state = layer(words)
    >>> tuple(outputs.shape), [tuple(one.shape) for one in state]
    ((2, 5, 16), [(2, 16)])

    Step by step, the same:

    >>> state = layer.make_state(batch_size=2)
    >>> for i in range(5):
    ...     output, state = layer(words[:, i : i + 1], initial_state=state)
    >>> bool(keras.ops.max(keras.ops.abs(output[:, 0] - outputs[:, 4])) < 1e-5)
    True

    Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997. Cho et al., Learning Phrase Representations
    using RNN Encoder-Decoder for Statistical Machine Translation, 2014 (GRU). Dropout: Zaremba et al., Recurrent Neural
    Network Regularization, 2014.
    """

    def __init__(
        self,
        units,
        cell="lstm",
        bidirectional=False,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("units", units, minimum=1)
        check_in("cell", cell, tuple(CELLS))
        check_in("bidirectional", bidirectional, (True, False))
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        check_initializer("kernel_initializer", kernel_initializer)
        check_initializer("recurrent_initializer", recurrent_initializer)
        self.units = units
        self.cell = cell
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.kernel_initializer = kernel_initializer
        self.recurrent_initializer = recurrent_initializer
        self.seed = seed
        self.supports_masking = True  # the outputs keep the mask; the state, which comes after them, gets none
        self.input_dropout = Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="input_dropout")

    def build(self, inputs_shape, **_):
        if len(inputs_shape) != 3 or inputs_shape[-1] is None:
            raise ValueError(f"inputs: expected shape (batch, length, dim) with a known dim, got {tuple(inputs_shape)}")
        self._directions = [self._weights_of_a_direction(inputs_shape[-1], prefix="")]
        if self.bidirectional:
            self._directions.append(self._weights_of_a_direction(inputs_shape[-1], prefix="backward_"))
        self.built = True

    def call(self, inputs, initial_state=None, mask=None, training=False):
        if mask is None:
            mask = attached_mask(inputs)
        if mask is not None:
            mask = _checked(mask, inputs)
        states = self._split(inputs, initial_state)
        if training and self.dropout > 0:
            inputs = self.input_dropout(inputs, training=True)
        outputs, state = self._read(inputs, states[0], mask, *self._directions[0])
        if not self.bidirectional:
            return outputs, state
        flipped = ops.flip(inputs, axis=1), states[1], None if mask is None else ops.flip(mask, axis=1)
        backward, last = self._read(*flipped, *self._directions[1])
        return ops.concatenate([outputs, ops.flip(backward, axis=1)], axis=-1), (*state, *last)

    def make_state(self, batch_size, dtype=None):
        """The state before the first step: zeros, a tuple of `(batch_size, units)`.

        Args:
            batch_size: int ≥ 1, or an integer tensor.
            dtype: None for the layer's own.
        """
        zeros = ops.zeros((batch_size, self.units), dtype=dtype or self.compute_dtype)
        return (zeros,) * self._state_size

    def compute_output_spec(self, inputs, initial_state=None, mask=None, training=False):
        batch, length = inputs.shape[:2]
        width = self.units * (2 if self.bidirectional else 1)
        state = (keras.KerasTensor((batch, self.units), dtype=self.compute_dtype) for _ in range(self._state_size))
        return keras.KerasTensor((batch, length, width), dtype=self.compute_dtype), tuple(state)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    @property
    def _state_size(self):
        return (2 if self.cell == "lstm" else 1) * (2 if self.bidirectional else 1)

    def _weights_of_a_direction(self, dim, prefix):
        width = CELLS[self.cell].gates * self.units
        kernel = self.add_weight(
            shape=(dim, width), initializer=fresh_initializer(self.kernel_initializer), name=f"{prefix}kernel"
        )
        recurrent_kernel = self.add_weight(
            shape=(self.units, width),
            initializer=fresh_initializer(self.recurrent_initializer),
            name=f"{prefix}recurrent_kernel",
        )
        bias = self.add_weight(
            shape=(width,) if self.cell == "lstm" else (2, width),
            initializer=self._forgetting_little if self.cell == "lstm" else "zeros",
            name=f"{prefix}bias",
        )
        return kernel, recurrent_kernel, bias

    def _forgetting_little(self, shape, dtype=None):
        return ops.concatenate([ops.cast(i == 1, dtype) * ops.ones((self.units,), dtype) for i in range(4)])

    def _split(self, inputs, state):
        """The first state of each direction."""
        state = self.make_state(ops.shape(inputs)[0]) if state is None else tuple(state)
        if len(state) != self._state_size or any(one.shape[-1] != self.units for one in state):
            raise ValueError(
                f"initial_state: expected {self._state_size} tensors of shape (batch, {self.units}), "
                f"got {[tuple(one.shape) for one in state]}"
            )
        half = len(state) // 2
        return (state[:half], state[half:]) if self.bidirectional else (state,)

    def _read(self, inputs, state, mask, *weights):
        """One direction: all h and the last state."""
        # A loop keeps the dtype of its state, so whatever goes in has the same.
        inputs, *weights = (ops.cast(one, self.compute_dtype) for one in (inputs, *weights))
        state = tuple(ops.cast(one, self.compute_dtype) for one in state)
        if inputs.shape[1] != 1:
            return backend.recurrence(self.cell, inputs, state, *weights, mask=mask)
        new = one_step(self.cell, inputs[:, 0], state, *weights)
        new = kept(mask, new, state)  # of one step, (batch, 1)
        return new[0][:, None], new


def _checked(mask, inputs):
    mask = ops.convert_to_tensor(mask)
    dtype, shapes = keras.backend.standardize_dtype(mask.dtype), (tuple(mask.shape), tuple(inputs.shape[:2]))
    fits = len(shapes[0]) == 2 and all(a == b or None in (a, b) for a, b in zip(*shapes, strict=True))
    if "float" in dtype or not fits:
        raise ValueError(f"mask: expected bool {shapes[1]} as the inputs (batch, length) are, got {dtype} {shapes[0]}")
    return ops.cast(mask, "bool")

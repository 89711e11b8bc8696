"""The part of a Transformer that works on each position alone."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.dense import dense
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer
from kgen.functional.rows import on_rows


def _gelu_tanh(x):
    return ops.gelu(x, approximate=True)


def _gelu(x):
    return ops.gelu(x, approximate=False)


ACTIVATIONS = {"relu": ops.relu, "gelu": _gelu, "gelu_tanh": _gelu_tanh}
GATED = {"swiglu": ops.silu, "geglu": _gelu, "geglu_tanh": _gelu_tanh}


@keras.saving.register_keras_serializable(package="kgen")
class FeedForward(keras.Layer):
    """Two dense layers with an activation between them, for each position alone.

    y = f(x W_1 + b_1) W_2 + b_2,   or gated:   y = (f(x W_1) ⊙ x V) W_2

    W_1 and V are one `Dense` layer, `hidden`, with the columns in this order.

    Args:
        feedforward_dim: width of the middle, ≥ 1.
        activation: "relu", "gelu", "gelu_tanh" (its approximation, as in GPT-2); gated: "swiglu" (f = SiLU), "geglu",
            "geglu_tanh" (as in T5 1.1). A gated one has half as many weights again: two thirds of the width make up
            for it.
        use_bias: whether the dense layers have a bias.
        kernel_initializer: initializer of the kernels.
        output_initializer: that of W_2; None for the same.

    Call arguments:
        inputs: float tensor `(batch, …, dim)`.

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> tuple(kgen.layers.FeedForward(64, activation="swiglu")(np.zeros((2, 5, 16))).shape)
    (2, 5, 16)

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 3.3. Gated: Shazeer, GLU Variants Improve
    Transformer, 2020.
    """

    def __init__(
        self,
        feedforward_dim,
        activation="gelu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        output_initializer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("feedforward_dim", feedforward_dim, minimum=1)
        check_in("activation", activation, (*ACTIVATIONS, *GATED))
        check_initializer("kernel_initializer", kernel_initializer)
        if output_initializer is not None:
            check_initializer("output_initializer", output_initializer)
        self.feedforward_dim = feedforward_dim
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.output_initializer = output_initializer
        self.supports_masking = True

    def build(self, inputs_shape):
        middle = self.feedforward_dim * (2 if self.activation in GATED else 1)
        last = self.kernel_initializer if self.output_initializer is None else self.output_initializer
        self.hidden = self._dense("hidden", middle, self.kernel_initializer)
        self.hidden.build(inputs_shape)
        self.output_projection = self._dense("output", inputs_shape[-1], last)
        self.output_projection.build((*inputs_shape[:-1], self.feedforward_dim))
        self.built = True

    def call(self, inputs, training=False):
        return on_rows(self._of_rows, inputs)

    def _of_rows(self, rows):
        x = dense(self.hidden, rows)
        if self.activation in GATED:
            gate, x = x[..., : self.feedforward_dim], x[..., self.feedforward_dim :]
            x = GATED[self.activation](gate) * x
        else:
            x = ACTIVATIONS[self.activation](x)
        return dense(self.output_projection, x)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _dense(self, name, units, initializer):
        return keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh_initializer(initializer),
            dtype=self.dtype_policy,
            name=name,
        )

"""Batch normalization that is told what the image shall show."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer


@keras.saving.register_keras_serializable(package="kgen")
class ConditionalBatchNormalization(keras.Layer):
    """Batch normalization whose scale and offset come from a condition: a class, or a vector, for each row.

    y = (1 + γ(c)) ⊙ (x - μ) / √(σ² + ε) + β(c),   γ(c) = c G, β(c) = c B   (a class: its row of G and of B)

    μ and σ² are those of the batch in training and moving averages otherwise: `normalization`, a
    `keras.layers.BatchNormalization`, holds them. With the initializers as they are it starts as that layer.

    Args:
        num_classes: number of classes ≥ 1 if the condition is a class; None if it is a vector.
        momentum: of the moving averages, in [0, 1].
        epsilon: ε ≥ 0.
        gamma_initializer: initializer of G, `(num_classes or dim, channels)`.
        beta_initializer: initializer of B, likewise. In BigGAN both are orthogonal.

    Call arguments:
        inputs: float tensor `(batch, …, channels)`.
        condition: integers `(batch,)` in [0, num_classes), or float tensor `(batch, dim)`.
        training: bool.

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: an argument outside its range; a condition of another shape, or none: `BatchNormalization` is the
            layer without.

    Example:

    >>> import numpy as np, kgen
    >>> normalization = kgen.layers.ConditionalBatchNormalization(num_classes=10)
    >>> tuple(normalization(np.zeros((2, 8, 8, 3)), np.array([7, 1])).shape)
    (2, 8, 8, 3)

    Reference: de Vries et al., Modulating Early Visual Processing by Language, 2017; Brock, Donahue and Simonyan, Large
    Scale GAN Training for High Fidelity Natural Image Synthesis, 2019, section 3.
    """

    def __init__(
        self,
        num_classes=None,
        momentum=0.99,
        epsilon=1e-3,
        gamma_initializer="zeros",
        beta_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_classes is not None:
            check_int("num_classes", num_classes, minimum=1)
        check_number("momentum", momentum, minimum=0.0, maximum=1.0)
        check_number("epsilon", epsilon, minimum=0.0)
        check_initializer("gamma_initializer", gamma_initializer)
        check_initializer("beta_initializer", beta_initializer)
        self.num_classes = num_classes
        self.momentum = momentum
        self.epsilon = epsilon
        self.gamma_initializer = gamma_initializer
        self.beta_initializer = beta_initializer
        self.normalization = keras.layers.BatchNormalization(
            momentum=momentum,
            epsilon=epsilon,
            center=False,
            scale=False,
            dtype=self.dtype_policy,
            name="normalization",
        )

    def build(self, inputs_shape, condition_shape=None):
        expected = ("batch", "dim") if self.num_classes is None else ("batch",)
        if condition_shape is None or len(condition_shape) != len(expected) or None in condition_shape[1:]:
            came = None if condition_shape is None else tuple(condition_shape)
            raise ValueError(
                f"condition: expected shape ({', '.join(expected)}) with num_classes={self.num_classes}, got {came}"
            )
        rows = condition_shape[-1] if self.num_classes is None else self.num_classes
        shape = (rows, inputs_shape[-1])
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=fresh_initializer(self.gamma_initializer))
        self.beta = self.add_weight(name="beta", shape=shape, initializer=fresh_initializer(self.beta_initializer))
        self.normalization.build(inputs_shape)
        self.built = True

    def call(self, inputs, condition=None, training=False):
        x = self.normalization(inputs, training=training)
        between = tuple(range(1, len(inputs.shape) - 1))  # the axes of places, if there are any
        scale, offset = (ops.expand_dims(self._rows(matrix, condition), between) for matrix in (self.gamma, self.beta))
        return x * (1.0 + scale) + offset

    def compute_output_shape(self, inputs_shape, condition_shape=None):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _rows(self, matrix, condition):
        """(batch, channels)."""
        if self.num_classes is None:
            return ops.matmul(condition, matrix)
        return ops.take(matrix, ops.cast(condition, "int32"), axis=0)

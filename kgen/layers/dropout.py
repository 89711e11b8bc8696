"""Dropout whose random numbers come from the generator that is fastest where it runs."""

import keras

from kgen import backend


@keras.saving.register_keras_serializable(package="kgen")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`; see `kgen.backend` for the one difference.

    Example:

    >>> import numpy as np
    >>> from kgen.layers.dropout import Dropout
    >>> y = Dropout(0.5, seed=1)(np.ones((2, 3), "float32"), training=True)  # zeros, and twos
    """

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        return backend.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)

"""The sampling layer of a variational autoencoder."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.fixed_noise import fixed_normal


@keras.saving.register_keras_serializable(package="kgen")
class GaussianSampling(keras.Layer):
    """Samples from a diagonal Gaussian so that gradients reach its parameters (the reparameterisation trick).

    z = mean + exp(log_variance / 2) · ε,  ε ~ N(0, 1)

    In training ε is drawn from the layer's `SeedGenerator`. Otherwise ε is the same at every call and on every backend,
    so that an evaluation can be repeated.

    Args:
        num_samples: None for one sample without an axis of its own, or an integer ≥ 1 for an axis of samples.
        seed: int or None.

    Call arguments:
        inputs: (mean, log_variance), float tensors of shape `(batch, dim)`; the logarithm is natural.
        training: bool.

    Returns:
        float tensor of shape `(batch, dim)`, or `(batch, num_samples, dim)`.

    Raises:
        ValueError: `num_samples` is not None or an integer ≥ 1.

    Example:

    >>> import numpy as np, kgen
    >>> mean, log_variance = np.zeros((2, 3)), np.zeros((2, 3))
    >>> tuple(kgen.layers.GaussianSampling(num_samples=5, seed=0)((mean, log_variance)).shape)
    (2, 5, 3)

    Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, section 2.4.
    """

    def __init__(self, num_samples=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if num_samples is not None:
            check_int("num_samples", num_samples, minimum=1)
        self.num_samples = num_samples
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=False):
        mean, log_variance = inputs
        if self.num_samples is not None:
            mean, log_variance = mean[:, None, :], log_variance[:, None, :]
        shape = (ops.shape(mean)[0], *self._sample_axis(), mean.shape[-1])
        if training:
            noise = keras.random.normal(shape, dtype="float32", seed=self.seed_generator)
        else:
            noise = fixed_normal(shape)
        return mean + ops.exp(0.5 * log_variance) * ops.cast(noise, mean.dtype)

    def compute_output_shape(self, input_shape):
        batch, dim = input_shape[0]
        return (batch, *self._sample_axis(), dim)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _sample_axis(self):
        return () if self.num_samples is None else (self.num_samples,)

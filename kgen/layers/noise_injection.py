"""The noise of StyleGAN, from which hair and freckles come."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape


@keras.saving.register_keras_serializable(package="kgen")
class NoiseInjection(keras.Layer):
    """Adds one picture of noise to all channels, each as strongly as it has learned to want it.

    y_c = x_c + strength_c · ε,   ε ~ N(0, 1) for each place

    The strengths start at 0. In training ε is drawn anew for each image from the layer's `SeedGenerator`. Otherwise it
    is one picture, the same for every image, at every call and on every backend: a function of size and `seed`.

    Args:
        seed: int or None (0 for the picture); give each layer of a network another one.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.
        noise: float tensor `(batch or 1, height, width, 1)` to be used as ε, or None.
        training: bool.

    Returns:
        float tensor of the shape of `inputs`.

    Raises:
        ValueError: `seed` is not None or an integer ≥ 0; the inputs are no images.

    Example:

    >>> import numpy as np, kgen
    >>> tuple(kgen.layers.NoiseInjection(seed=1)(np.zeros((2, 8, 8, 3)), training=True).shape)
    (2, 8, 8, 3)

    Reference: Karras et al., A Style-Based Generator Architecture for GANs, 2019, section 2.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        if seed is not None:
            check_int("seed", seed, minimum=0)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, inputs_shape, noise_shape=None):
        check_shape("inputs", inputs_shape, IMAGES)
        self.strength = self.add_weight(name="strength", shape=(inputs_shape[-1],), initializer="zeros")
        self.built = True

    def call(self, inputs, noise=None, training=False):
        batch, height, width, _ = ops.shape(inputs)
        if noise is None and training:
            noise = keras.random.normal((batch, height, width, 1), dtype="float32", seed=self.seed_generator)
        elif noise is None:
            noise = fixed_normal((1, height, width, 1), seed=self.seed or 0)
        return inputs + self.strength * ops.cast(noise, inputs.dtype)

    def compute_output_shape(self, inputs_shape, noise_shape=None):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

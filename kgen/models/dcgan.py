"""The deep convolutional GAN.

A generator turns noise z into an image, a discriminator tells its images from real ones; each learns from the other's
mistakes. Both are convolutional: the generator doubles the sides of a small grid until it is an image, the
discriminator halves those of an image until it is a grid.

Radford et al., Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks, 2016.
Labels: Mirza and Osindero, Conditional Generative Adversarial Nets, 2014; the discriminator takes them by projection,
Miyato and Koyama, cGANs with Projection Discriminator, 2018.
"""

import math

import keras
from keras import layers

from kgen.functional.checks import check_in
from kgen.functional.checks import check_widths
from kgen.layers.convolution import Conv2D
from kgen.layers.convolution import Conv2DTranspose
from kgen.layers.spectral_normalization import SpectralNormalization
from kgen.models.base_adversarial import AdversarialModel

SLOPE = 0.2  # of the leaky ReLU
LABEL_DIM = 32


@keras.saving.register_keras_serializable(package="kgen")
class DCGAN(AdversarialModel):
    """GAN of images of any size: `fit(images)`, then `generate`, `interpolate`.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels. What the levels do not divide is cut off at the edge.
        latent_dim: length of z ~ N(0, 1).
        filters: of each level, from the image inwards; a level is half as high and wide as the one before.
        num_classes: None, or the number of classes of `fit(images, labels)` and `generate(labels=…)`.
        discriminator_normalization: "batch" as in the paper, "spectral" (Miyato et al., 2018) or None. A penalty needs
            one of the latter two.
        objective, penalty, penalty_weight, penalty_every, augmentation: see `kgen.training.Adversarial`.
        critic_steps: int ≥ 1; the generator moves in the last of so many steps.
        ema_decay: float in [0, 1), of the average of the generator that dreams; 0: none.
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `d_loss`, `g_loss`, `real_score`, `fake_score`, `diversity`, `penalty`.
    `evaluate(images, full=True)`: `frechet_distance`, `kernel_distance`, `precision`, `recall`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), dtype="uint8")
    >>> model = kgen.models.DCGAN(image_shape=(8, 8, 1), latent_dim=4, filters=(8,), seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.generate(5, seed=1).shape
    (5, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=100,
        filters=(64, 128),
        num_classes=None,
        discriminator_normalization="batch",
        objective="non_saturating",
        penalty=None,
        penalty_weight=10.0,
        penalty_every=1,
        augmentation=(),
        critic_steps=1,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        check_in("discriminator_normalization", discriminator_normalization, ("batch", "spectral", None))
        check_widths("filters", filters)
        super().__init__(
            image_shape,
            latent_dim,
            num_classes,
            objective,
            penalty,
            penalty_weight,
            penalty_every,
            augmentation,
            critic_steps,
            ema_decay,
            seed,
            **kwargs,
        )
        if penalty and discriminator_normalization == "batch":
            raise ValueError(
                f'discriminator_normalization: expected "spectral" or None beside penalty={penalty!r}, got "batch": '
                "the gradient at one image would be that of its whole batch"
            )
        self.filters = filters
        self.discriminator_normalization = discriminator_normalization
        self._assemble()

    def make_generator(self, name):
        dtype, (height, width, channels) = self.dtype_policy, self.image_shape
        step = 2 ** len(self.filters)
        grid = math.ceil(height / step), math.ceil(width / step)  # sides of the innermost level
        extra = grid[0] * step - height, grid[1] * step - width

        z = keras.Input((self.latent_dim,), name="z")
        x, inputs = z, [z]
        if self.num_classes:
            labels = keras.Input((), dtype="int32", name="labels")
            embedded = layers.Embedding(self.num_classes, LABEL_DIM, dtype=dtype, name="label")(labels)
            x, inputs = layers.Concatenate(dtype=dtype, name="z_and_label")([z, embedded]), [z, labels]
        x = layers.Dense(math.prod(grid) * self.filters[-1], use_bias=False, **_small(dtype, "grid"))(x)
        x = layers.Reshape((*grid, self.filters[-1]), dtype=dtype, name="unflatten")(x)
        for i, width in reversed(list(enumerate([channels, *self.filters[:-1]]))):
            x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, dtype=dtype, name=f"norm_{i + 1}")(x)
            x = layers.ReLU(dtype=dtype, name=f"relu_{i + 1}")(x)
            last = {} if i else {"activation": "tanh"}
            kind = _small("float32" if last else dtype, f"level_{i}")
            x = Conv2DTranspose(width, 4, 2, "same", use_bias=False, **last, **kind)(x)
        x = layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32", name="crop")(x)
        return keras.Model(inputs if self.num_classes else z, x, name=name)

    def make_discriminator(self, name):
        dtype = self.dtype_policy
        images = keras.Input(tuple(self.image_shape), name="images")
        x = images
        for i, width in enumerate(self.filters):
            normalized = self.discriminator_normalization == "batch" and i > 0  # not what looks at the image itself
            level = Conv2D(width, 4, 2, "same", use_bias=not normalized, **_small(dtype, f"level_{i}"))
            x = self._judging(level)(x)
            if normalized:
                x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, dtype=dtype, name=f"norm_{i}")(x)
            x = layers.LeakyReLU(SLOPE, dtype=dtype, name=f"relu_{i}")(x)
        x = layers.Flatten(dtype=dtype, name="flatten")(x)
        return self._judged(images, x, self._judging(layers.Dense(1, **_small("float32", "score"))), name)

    def _judging(self, layer):
        """The layer, its largest singular value kept at 1 where that is wanted."""
        if self.discriminator_normalization != "spectral":
            return layer
        return SpectralNormalization(layer, name=f"spectral_{layer.name}")


def _small(dtype, name):
    """What the paper says of all weights: they are drawn from N(0, 0.02²)."""
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02), "dtype": dtype, "name": name}

"""A small BigGAN: images of a class, made by residual blocks that are told the class at every level.

Generator: the noise is cut into pieces, one for each level; each piece and an embedding of the class together say how
the level's batch normalisation scales and shifts. Discriminator: residual blocks, and a projection: the score of an
image is large if its features agree with the class.

    score(x, y) = v · φ(x) + e_y · φ(x),   φ summed over all places

Brock, Donahue and Simonyan, Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2019. Self-attention:
Zhang et al., 2019. Projection: Miyato and Koyama, 2018. Spectral normalisation: Miyato et al., 2018.
"""

import math

import keras
from keras import layers

from kgen.functional.checks import check_int
from kgen.functional.checks import check_widths
from kgen.layers.conditional_batch_norm import ConditionalBatchNormalization
from kgen.layers.convolution import Conv2D
from kgen.layers.self_attention_2d import SelfAttention2D
from kgen.layers.spectral_normalization import SpectralNormalization
from kgen.models.base_adversarial import AdversarialModel


@keras.saving.register_keras_serializable(package="kgen")
class BigGAN(AdversarialModel):
    """GAN of images in classes: `fit(images, labels)`, then `generate(labels=…)`, `interpolate`.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels. What the levels do not divide is cut off at the edge.
        num_classes: number of classes, ≥ 2.
        latent_dim: length of z ~ N(0, 1); each level and the innermost grid get an equal piece of it.
        filters: of each level, from the image inwards; a level is half as high and wide as the one before.
        label_dim: length of the embedding of a class.
        attention_level: the level (1 is next to the image) at whose input size places attend to each other; 0: none.
        objective, penalty, penalty_weight, penalty_every, augmentation: see `kgen.training.Adversarial`.
        critic_steps: int ≥ 1; the generator moves in the last of so many steps.
        ema_decay: float in [0, 1), of the average of the generator that dreams; 0: none.
        seed: int or None; seeds the weights, the noise and the order of the data.

    `generate(truncation=…)` below 1 makes the noise smaller: images more typical of their class, and more alike.

    Metrics in `fit` and `evaluate`: `d_loss`, `g_loss`, `real_score`, `fake_score`, `diversity`, `penalty`.
    `evaluate(images, labels, full=True)`: see `AdversarialModel.full_evaluation`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> rng = np.random.default_rng(0)
    >>> images, labels = rng.integers(0, 256, (32, 8, 8, 1), dtype="uint8"), rng.integers(0, 3, 32)
    >>> model = kgen.models.BigGAN((8, 8, 1), num_classes=3, latent_dim=4, filters=(8,), label_dim=4, seed=1)
    >>> model.compile()
    >>> history = model.fit(images, labels, epochs=1, verbose=0)
    >>> model.generate(6, seed=1, labels=2).shape
    (6, 8, 8, 1)
    """

    generator_rate, discriminator_rate = 2e-4, 4e-4
    beta_1, beta_2 = 0.0, 0.999

    def __init__(
        self,
        image_shape=(28, 28, 1),
        num_classes=10,
        latent_dim=60,
        filters=(64, 128),
        label_dim=32,
        attention_level=1,
        objective="hinge",
        penalty=None,
        penalty_weight=10.0,
        penalty_every=1,
        augmentation=(),
        critic_steps=1,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        check_int("num_classes", num_classes, minimum=2)
        check_widths("filters", filters)
        check_int("label_dim", label_dim, minimum=1)
        check_int("attention_level", attention_level, minimum=0)
        if attention_level > len(filters):
            raise ValueError(f"attention_level: expected at most {len(filters)}, the levels, got {attention_level}")
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
        if latent_dim <= len(filters):
            raise ValueError(f"latent_dim: expected more than the {len(filters)} levels, got {latent_dim}")
        self.filters = filters
        self.label_dim = label_dim
        self.attention_level = attention_level
        self._assemble()

    @classmethod
    def choose_data(cls, *parts, num_classes=0, **arguments):
        return super().choose_data(*parts, num_classes=num_classes, **arguments)

    @classmethod
    def read_data(cls, path, image_size=None, num_classes=0, **arguments):
        return super().read_data(path, image_size, num_classes=num_classes, **arguments)

    @classmethod
    def for_data(cls, images, labels, **arguments):
        return super().for_data(images, **{"num_classes": int(labels.max()) + 1, **arguments})

    # Networks --------------------------------------------------------------------------------------------------------

    def make_generator(self, name):
        dtype, (height, width, channels) = self.dtype_policy, self.image_shape
        step = 2 ** len(self.filters)
        grid = math.ceil(height / step), math.ceil(width / step)
        extra = grid[0] * step - height, grid[1] * step - width
        z, labels = keras.Input((self.latent_dim,), name="z"), keras.Input((), dtype="int32", name="labels")
        label = layers.Embedding(self.num_classes, self.label_dim, dtype=dtype, name="label")(labels)
        piece = self.latent_dim // (len(self.filters) + 1)

        x = self._normalized(layers.Dense(math.prod(grid) * self.filters[-1], **_orthogonal(dtype, "grid")))(
            z[:, :piece]
        )
        x = layers.Reshape((*grid, self.filters[-1]), dtype=dtype, name="unflatten")(x)
        for i in range(len(self.filters), 0, -1):
            start = piece * (len(self.filters) - i + 1)
            told = layers.Concatenate(dtype=dtype, name=f"told_{i}")([z[:, start : start + piece], label])
            if i == self.attention_level:
                x = self._attention(f"attention_{i}")(x)
            x = self._growing(x, told, self.filters[max(i - 2, 0)], i)
        x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, dtype=dtype, name="norm")(x)
        x = layers.ReLU(dtype=dtype, name="relu")(x)
        last = Conv2D(channels, 3, padding="same", **_orthogonal(dtype, "pixels"))
        x = layers.Activation("tanh", dtype="float32", name="tanh")(self._normalized(last)(x))
        x = layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32", name="crop")(x)
        return keras.Model([z, labels], x, name=name)

    def make_discriminator(self, name):
        dtype = self.dtype_policy
        images = keras.Input(tuple(self.image_shape), name="images")
        x = images
        for i, filters in enumerate(self.filters, start=1):
            x = self._shrinking(x, filters, i)
            if i == self.attention_level:
                x = self._attention(f"attention_{i}")(x)
        x = self._shrinking(x, self.filters[-1], len(self.filters) + 1, halve=False)
        x = layers.ReLU(dtype=dtype, name="relu")(x)
        places = math.prod(x.shape[1:3])
        x = layers.GlobalAveragePooling2D(dtype="float32", name="mean")(x)
        x = layers.Rescaling(places, dtype="float32", name="sum")(
            x
        )  # of a mean the hinge's margin would be out of reach
        return self._judged(images, x, self._normalized(layers.Dense(1, **_orthogonal("float32", "score"))), name)

    def _growing(self, x, told, filters, i):
        """A residual block that doubles both sides, told what to paint by `told`."""
        dtype = self.dtype_policy

        def normed(x, part):
            layer = ConditionalBatchNormalization(
                momentum=0.9,
                epsilon=1e-5,
                gamma_initializer=keras.initializers.Orthogonal(),
                beta_initializer=keras.initializers.Orthogonal(),
                dtype=dtype,
                name=f"norm_{i}_{part}",
            )
            return layers.ReLU(dtype=dtype, name=f"relu_{i}_{part}")(layer(x, told))

        inner = layers.UpSampling2D(dtype=dtype, name=f"up_{i}")(normed(x, 0))
        # Whatever comes next normalizes it, which takes away any bias.
        inner = self._convolved(inner, filters, 3, f"level_{i}_0", use_bias=False)
        inner = self._convolved(normed(inner, 1), filters, 3, f"level_{i}_1", use_bias=False)
        short = self._convolved(x, filters, 1, f"short_{i}", use_bias=False)
        short = layers.UpSampling2D(dtype=dtype, name=f"short_up_{i}")(short)
        return layers.Add(dtype=dtype, name=f"sum_{i}")([inner, short])

    def _shrinking(self, x, filters, i, halve=True):
        """A residual block that halves both sides; what looks at the image itself does not bend it first."""
        dtype = self.dtype_policy
        inner = x if i == 1 else layers.ReLU(dtype=dtype, name=f"relu_{i}_0")(x)
        inner = self._convolved(inner, filters, 3, f"level_{i}_0")
        inner = self._convolved(layers.ReLU(dtype=dtype, name=f"relu_{i}_1")(inner), filters, 3, f"level_{i}_1")
        short = self._convolved(x, filters, 1, f"short_{i}")
        x = layers.Add(dtype=dtype, name=f"sum_{i}")([inner, short])
        return layers.AveragePooling2D(2, padding="same", dtype=dtype, name=f"half_{i}")(x) if halve else x

    def _convolved(self, x, filters, size, name, use_bias=True):
        options = {"padding": "same", "use_bias": use_bias, **_orthogonal(self.dtype_policy, name)}
        return self._normalized(Conv2D(filters, size, **options))(x)

    def _attention(self, name):
        return SelfAttention2D(
            spectral_normalization=True,
            kernel_initializer=keras.initializers.Orthogonal(),
            dtype=self.dtype_policy,
            name=name,
        )

    @staticmethod
    def _normalized(layer):
        return SpectralNormalization(layer, name=f"spectral_{layer.name}")


def _orthogonal(dtype, name):
    return {"kernel_initializer": keras.initializers.Orthogonal(), "dtype": dtype, "name": name}

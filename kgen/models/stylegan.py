"""A small StyleGAN: noise becomes a style, and the style says, level by level, how an image is painted.

A mapping network turns z into a style w. The synthesis begins with a constant; each level doubles it, convolves it with
kernels that w modulates, adds noise where nothing decides a detail, and paints what it has on top of the image so far.

    w = mapping(z),   x_0 = constant,   x_i = lrelu(conv(up(x_{i-1}); w) + noise),   image = Σ_i up(colours(x_i; w))

Karras et al., A Style-Based Generator Architecture for GANs, 2019, and Analyzing and Improving the Image Quality of
StyleGAN, 2020. Left out: path length regularisation and the filters of the discriminator.
"""

import math

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.checks import check_widths
from kgen.functional.seeding import drawn_seed
from kgen.layers.convolution import Conv2D
from kgen.layers.mapping_network import MappingNetwork
from kgen.layers.minibatch_stddev import MinibatchStdDev
from kgen.layers.modulated_convolution import ModulatedConv2D
from kgen.layers.noise_injection import NoiseInjection
from kgen.models.base import exclusive
from kgen.models.base_adversarial import AdversarialModel
from kgen.models.base_images import as_uint8

SLOPE, HALF = 0.2, 0.5**0.5


@keras.saving.register_keras_serializable(package="kgen")
class StyleGAN(AdversarialModel):
    """GAN of images with styles: `fit(images)`, then `generate`, `interpolate`, `mix`.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels. What the levels do not divide is cut off at the edge.
        latent_dim: length of z ~ N(0, 1).
        style_dim: length of w; None: that of z.
        filters: of each level, from the image inwards; a level is half as high and wide as the one before, and the
            innermost begins with a constant.
        mapping_layers: of the mapping network, ≥ 1.
        num_classes: None, or the number of classes of `fit(images, labels)` and `generate(labels=…)`.
        style_mixing: share of the images in training that change to another style at a random level, in [0, 1].
        objective, penalty, penalty_weight, penalty_every, augmentation: see `kgen.training.Adversarial`.
        critic_steps: int ≥ 1; the generator moves in the last of so many steps.
        ema_decay: float in [0, 1), of the average of the generator that dreams; 0: none.
        seed: int or None; seeds the weights, the noise and the order of the data.

    `generate(truncation=ψ)` draws styles towards their mean, w̄ + ψ (w - w̄), rather than the noise.

    Metrics in `fit` and `evaluate`: `d_loss`, `g_loss`, `real_score`, `fake_score`, `diversity`, `penalty`.
    `evaluate(images, full=True)`: see `AdversarialModel.full_evaluation`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), dtype="uint8")
    >>> model = kgen.models.StyleGAN(image_shape=(8, 8, 3), latent_dim=4, filters=(4, 8), mapping_layers=2, seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.mix([1, 2], [3, 4, 5], level=1).shape
    (2, 3, 8, 8, 3)
    """

    generator_rate, discriminator_rate = 2e-3, 2e-4  # the generator's rates are equalised: its weights are of size 1
    beta_1, beta_2 = 0.0, 0.99

    def __init__(
        self,
        image_shape=(64, 64, 3),
        latent_dim=128,
        style_dim=None,
        filters=(32, 64, 128, 128, 128),
        mapping_layers=4,
        num_classes=None,
        style_mixing=0.9,
        objective="non_saturating",
        penalty="r1",
        penalty_weight=1.0,
        penalty_every=16,
        augmentation=(),
        critic_steps=1,
        ema_decay=0.998,
        seed=None,
        **kwargs,
    ):
        if style_dim is not None:
            check_int("style_dim", style_dim, minimum=1)
        check_widths("filters", filters)
        check_int("mapping_layers", mapping_layers, minimum=1)
        check_number("style_mixing", style_mixing, minimum=0.0, maximum=1.0)
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
        self.style_dim = style_dim
        self.filters = filters
        self.mapping_layers = mapping_layers
        self.style_mixing = style_mixing
        self._assemble()

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def styles(self, z, labels=None, truncation=1.0):
        """Styles w, float32 `(n, style_dim)`, of latent vectors `(n, latent_dim)`; see `decode_styles`."""
        network = self._dreaming()
        inputs = (np.asarray(z, "float32"),) if labels is None else (np.asarray(z, "float32"), labels)
        w = self.call_compiled(network.mapping, *inputs)
        mean = ops.convert_to_numpy(network.mapping.mean_w.value)
        return mean + truncation * (w - mean)

    @exclusive
    def decode_styles(self, styles):
        """Images, uint8 `(n, height, width, channels)`, of styles `(n, style_dim)`, or `(n, num_styles, style_dim)`."""
        styles = np.asarray(styles, "float32")
        if styles.ndim == 2:
            styles = np.repeat(styles[:, None], self.num_styles, axis=1)
        if styles.ndim != 3 or styles.shape[1:] != (self.num_styles, self._width):
            expected = f"(n, {self._width}) or (n, {self.num_styles}, {self._width})"
            raise ValueError(f"styles: expected shape {expected}, got {styles.shape}")
        return as_uint8(self.call_compiled(self._dreaming().synthesis, styles))

    def mix(self, rows, columns, level=2, truncation=1.0, labels=None):
        """Dreams in a table, uint8 `(rows, columns, height, width, channels)`: the coarse levels in the style of the
        row's dream, the finer ones in that of the column's.

        Args:
            rows, columns: lists of seeds.
            level: how many levels, from the innermost, are the row's; at most as many as there are `filters`.
            truncation: as in `generate`.
            labels: as in `generate`, an int.

        Raises:
            ValueError: `level` out of range, or as `generate`.
        """
        check_in("level", level, range(len(self.filters) + 1))
        seeds = [*rows, *columns]
        z = np.stack([np.random.default_rng(seed).standard_normal(self.latent_dim) for seed in seeds])
        if labels is None and self.num_classes:
            labels = 0
        w = self.styles(z, self._labels(labels, len(z)), truncation)
        w = np.repeat(w[:, None], self.num_styles, axis=1)
        table = np.repeat(w[: len(rows), None], len(columns), axis=1)
        table[:, :, 2 * level :] = w[None, len(rows) :, 2 * level :]
        images = self.decode_styles(table.reshape(-1, *w.shape[1:]))
        return images.reshape(len(rows), len(columns), *images.shape[1:])

    @property
    def num_styles(self):
        """int: two for each level."""
        return 2 * len(self.filters)

    @property
    def _width(self):
        return self.style_dim or self.latent_dim

    def _dreamt(self, z, labels, truncation):
        styles = np.repeat(self.styles(z, labels, truncation)[:, None], self.num_styles, axis=1)
        return self.call_compiled(self._dreaming().synthesis, styles)

    # Networks --------------------------------------------------------------------------------------------------------

    def make_generator(self, name):
        mapping = MappingNetwork(
            self._width, self.mapping_layers, self.num_classes, dtype=self.dtype_policy, name="mapping"
        )
        mapping.build((None, self.latent_dim), (None,) if self.num_classes else None)
        return StyleGenerator(mapping, self._synthesis(), self.style_mixing, drawn_seed(), self.num_styles, name=name)

    def _synthesis(self):
        dtype, (height, width, channels) = self.dtype_policy, self.image_shape
        step = 2 ** (len(self.filters) - 1)
        grid = math.ceil(height / step), math.ceil(width / step)
        extra = grid[0] * step - height, grid[1] * step - width
        styles = keras.Input((self.num_styles, self._width), name="styles")
        x = LearnedConstant((*grid, self.filters[-1]), dtype=dtype, name="constant")(styles)
        image = None
        for i, filters in enumerate(reversed(self.filters)):
            for part, style in enumerate((styles[:, 2 * i], styles[:, 2 * i + 1])):
                label = f"{i}_{part}"
                up = i > 0 and part == 0
                x = ModulatedConv2D(filters, upsample=up, dtype=dtype, name=f"convolution_{label}")(x, style)
                x = NoiseInjection(seed=drawn_seed(), dtype=dtype, name=f"noise_{label}")(x)
                x = layers.LeakyReLU(SLOPE, dtype=dtype, name=f"relu_{label}")(x)
            colours = ModulatedConv2D(channels, 1, demodulate=False, dtype=dtype, name=f"colours_{i}")(x, style)
            if image is None:
                image = colours
            else:
                # In 16 bits the gradient of a bilinear resize is wrong under XLA on TensorFlow.
                image = layers.UpSampling2D(interpolation="bilinear", dtype="float32", name=f"up_{i}")(image)
                image = layers.Add(dtype="float32", name=f"image_{i}")([image, colours])
        image = layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32", name="crop")(image)
        return keras.Model(styles, image, name="synthesis")

    def make_discriminator(self, name):
        dtype = self.dtype_policy

        def convolve(x, filters, size, name, **options):
            layer = Conv2D(filters, size, padding="same", **{**_he(dtype, name), **options})
            return layer(x)

        def halve(x, name):
            return layers.AveragePooling2D(2, padding="same", dtype=dtype, name=name)(x)

        images = keras.Input(tuple(self.image_shape), name="images")
        x = _bent(convolve(images, self.filters[0], 1, "from_colours"))
        for i, filters in enumerate(self.filters[1:], start=1):
            inner = _bent(convolve(x, self.filters[i - 1], 3, f"level_{i}_0"))
            inner = halve(_bent(convolve(inner, filters, 3, f"level_{i}_1")), f"half_{i}")
            short = convolve(halve(x, f"short_half_{i}"), filters, 1, f"short_{i}", use_bias=False)
            x = layers.Add(dtype=dtype, name=f"sum_{i}")([inner, short])
            x = layers.Rescaling(HALF, dtype=dtype, name=f"scale_{i}")(x)
        x = MinibatchStdDev(dtype=dtype, name="batch_deviation")(x)
        x = _bent(convolve(x, self.filters[-1], 3, "last"))
        x = layers.Flatten(dtype=dtype, name="flatten")(x)
        x = _bent(layers.Dense(self.filters[-1], **_he(dtype, "hidden"))(x))
        return self._judged(images, x, layers.Dense(1, **_he("float32", "score")), name)


@keras.saving.register_keras_serializable(package="kgen")
class LearnedConstant(keras.Layer):
    """What the synthesis begins with, whatever the style."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = shape

    def build(self, styles_shape):
        self.constant = self.add_weight(name="constant", shape=self.shape, initializer="random_normal")
        self.built = True

    def call(self, styles):
        return ops.repeat(self.constant[None], ops.shape(styles)[0], axis=0)


class StyleGenerator(keras.Model):
    """z, or `[z, labels]`, to images: mapping and synthesis, with mixed styles in training."""

    def __init__(self, mapping, synthesis, style_mixing, seed, num_styles, **kwargs):
        super().__init__(**kwargs)
        self.mapping = mapping
        self.synthesis = synthesis
        self.style_mixing = style_mixing
        self.num_styles = num_styles
        self.draws = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs, training=False):
        z, *labels = inputs if isinstance(inputs, list | tuple) else (inputs,)
        w = self.mapping(z, *labels, training=training)
        styles = ops.repeat(w[:, None], self.num_styles, axis=1)
        if training and self.style_mixing:
            other = self.mapping(keras.random.normal(ops.shape(z), seed=self.draws), *labels)
            batch = ops.shape(z)[0]
            level = keras.random.uniform((batch, 1), 1.0, float(self.num_styles), seed=self.draws)
            mixed = keras.random.uniform((batch, 1), seed=self.draws) < self.style_mixing
            changed = ops.logical_and(mixed, ops.arange(self.num_styles, dtype="float32")[None] >= level)
            styles = ops.where(changed[..., None], other[:, None], styles)
        return self.synthesis(styles, training=training)


def _bent(x):
    """Leaky ReLU after the layer that x comes from."""
    name = x._keras_history.operation.name
    return layers.LeakyReLU(SLOPE, dtype=x.dtype, name=f"{name}_relu")(x)


def _he(dtype, name):
    return {"kernel_initializer": keras.initializers.HeNormal(), "dtype": dtype, "name": name}

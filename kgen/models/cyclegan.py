"""From one kind of image to another and back, learned without a single pair.

Two generators, a → b and b → a, and a discriminator for each kind. What a generator makes of an image shall look like
the other kind to that kind's discriminator; translated back it shall be the image again (the cycle), and an image that
is of the kind already shall stay as it is (the identity).

    loss = L_adv(a → b) + L_adv(b → a) + λ (|a' - a| + |b' - b|) + μ (|G_ab(b) - b| + |G_ba(a) - a|)

Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, 2017.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.datasets.unpaired import UnpairedImages
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.checks import check_same_length
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.convolution import Conv2D
from kgen.layers.convolution import Conv2DTranspose
from kgen.layers.group_normalization import GroupNormalization
from kgen.metrics.frechet import frechet_distance
from kgen.metrics.perceptual import perceptual_distance
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from kgen.training.adversarial import Adversarial
from kgen.training.grouped_optimizer import GroupedOptimizer
from kgen.training.grouped_optimizer import assign_group
from kgen.training.image_pool import ImagePool
from kgen.training.sample_images import SampleTranslatedImages

SLOPE = 0.2  # of the discriminators' leaky ReLU
LOSSES = ("d_loss", "g_loss", "cycle", "identity")


@keras.saving.register_keras_serializable(package="kgen")
class CycleGAN(GenerativeModel):
    """Translates images of a kind a into images of a kind b and back: `fit(UnpairedImages(a, b))`, then `translate`.

    `fit(a, b, batch_size=…)` makes the `UnpairedImages` itself.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels, of both kinds; sides of at least 16, divisible by 4.
        filters: width of the first convolution; deeper ones have up to four times (generators) or eight times
            (discriminators) as many.
        num_blocks: residual blocks in the middle of a generator, ≥ 0.
        cycle_weight: λ ≥ 0.
        identity_weight: μ ≥ 0.
        objective, augmentation: see `kgen.training.Adversarial`; `augmentation` is for few images, some thousand.
        learn_residual: bool; whether a generator adds to the image what shall change, as DeblurGAN's does, so that its
            first translations are the images themselves: for kinds that differ in style more than in shape.
        pool_size: generated images that the discriminators are shown again later, see `kgen.training.ImagePool`.
        seed: int or None; seeds the weights, the pool and the order of the data.

    Metrics in `fit` and `evaluate`: `d_loss` and `g_loss` (of both directions), `cycle` and `identity` (mean absolute
    difference, in [-1, 1]). `evaluate(a, b, full=True)`: how near the translations come to the other kind.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> dark, light = (np.random.default_rng(i).integers(0, 128, (8, 16, 16, 1)) + 120 * i for i in (0, 1))
    >>> model = kgen.models.CycleGAN(image_shape=(16, 16, 1), filters=4, num_blocks=1, seed=1)
    >>> model.compile()
    >>> history = model.fit(kgen.datasets.UnpairedImages(dark, light, batch_size=4), epochs=1, verbose=0)
    >>> model.translate(dark[:2]).shape
    (2, 16, 16, 1)
    """

    default_data = "digits_and_negatives"

    def __init__(
        self,
        image_shape=(64, 64, 3),
        filters=32,
        num_blocks=6,
        cycle_weight=10.0,
        identity_weight=5.0,
        objective="least_squares",
        augmentation=(),
        learn_residual=False,
        pool_size=50,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        if any(side % 4 or side < 16 for side in image_shape[:2]):  # less would leave nothing to normalize
            raise ValueError(f"image_shape: expected sides of at least 16 that 4 divides, got {image_shape!r}")
        check_int("filters", filters, minimum=1)
        check_int("num_blocks", num_blocks, minimum=0)
        check_number("cycle_weight", cycle_weight, minimum=0.0)
        check_number("identity_weight", identity_weight, minimum=0.0)
        check_in("learn_residual", learn_residual, (False, True))
        check_int("pool_size", pool_size, minimum=0)
        super().__init__(seed=seed, **kwargs)
        self.image_shape = image_shape
        self.filters = filters
        self.num_blocks = num_blocks
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.objective = objective
        self.augmentation = augmentation
        self.learn_residual = learn_residual
        self.pool_size = pool_size

        with seeded(seed):
            self.a_to_b, self.b_to_a = (self._generator(name) for name in ("a_to_b", "b_to_a"))
            self.judge_a, self.judge_b = (self._discriminator(name) for name in ("judge_a", "judge_b"))
            self.adversarial = Adversarial(objective, augmentation=augmentation, seed=drawn_seed(), name="adversarial")
            self.pool_a, self.pool_b = (
                ImagePool(pool_size, tuple(image_shape), seed=drawn_seed(), name=name) for name in ("pool_a", "pool_b")
            )
        for generator in (self.a_to_b, self.b_to_a):
            assign_group(generator, "generator")
        for discriminator in (self.judge_a, self.judge_b):
            assign_group(discriminator, "discriminator")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in LOSSES}
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def default_optimizer(self):
        networks = ("generator", "discriminator")
        return GroupedOptimizer({name: keras.optimizers.Adam(2e-4, beta_1=0.5) for name in networks})

    def call(self, images, training=False):
        """Both kinds, float in [-1, 1], their translations, and those translated back; from a dict of uint8 images
        `{"a": …, "b": …}`, `(n, height, width, channels)` each."""
        a, b = (ops.cast(images[kind], "float32") / 127.5 - 1.0 for kind in ("a", "b"))
        like_b, like_a = self.a_to_b(a, training=training), self.b_to_a(b, training=training)
        found = {"a": a, "b": b, "like_a": like_a, "like_b": like_b}
        found["a_again"], found["b_again"] = (
            self.b_to_a(like_b, training=training),
            self.a_to_b(like_a, training=training),
        )
        if self.identity_weight:
            found["a_kept"], found["b_kept"] = self.b_to_a(a, training=training), self.a_to_b(b, training=training)
        return found

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        found = y_pred
        parts = dict.fromkeys(LOSSES, 0.0)
        for kind, judge, pool in (("a", self.judge_a, self.pool_a), ("b", self.judge_b, self.pool_b)):
            real, fake = found[kind], found[f"like_{kind}"]
            shown = pool(fake, training=training)
            losses = self.adversarial.losses(judge, real, fake, shown=shown, training=training)
            parts["d_loss"] += losses["d_loss"]
            parts["g_loss"] += losses["g_loss"]
            parts["cycle"] += ops.mean(ops.abs(found[f"{kind}_again"] - real))
            if self.identity_weight:
                parts["identity"] += ops.mean(ops.abs(found[f"{kind}_kept"] - real))
        for name, tracker in self.trackers.items():
            tracker.update_state(parts[name])
        near = self.cycle_weight * parts["cycle"] + self.identity_weight * parts["identity"]
        return parts["d_loss"] + parts["g_loss"] + near

    @classmethod
    def for_data(cls, a, b, **arguments):
        return cls(**{"image_shape": a.shape[1:], **arguments})

    @classmethod
    def choose_data(cls, *parts, **arguments):
        return parts[:2]

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        """The images in the two subfolders of a folder."""
        folders = sorted(one for one in Path(path).iterdir() if one.is_dir()) if Path(path).is_dir() else []
        if len(folders) != 2:
            raise ValueError(f"--data: expected a folder with two subfolders of images, {path} has {len(folders)}")
        dataset = UnpairedImages.from_folders(*folders, image_size=image_size)
        return dataset.a, dataset.b

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return SampleTranslatedImages(folder, data[0])

    def prepare(self, x, y=None):
        if y is not None:
            return check_images("a", x, self.image_shape), check_images("b", y, self.image_shape)
        raise ValueError(
            "x: a CycleGAN learns from two sets of images, fit(kgen.datasets.UnpairedImages(a, b)), "
            f"got {type(x).__name__}"
        )

    def batches(self, x, y, batch_size, shuffle=False):
        return UnpairedImages(x, y, batch_size, shuffle=shuffle, seed=self._order_seed())

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def translate(self, images, to="b", batch_size=32):
        """Images of one kind as the other: uint8, same shape.

        Args:
            images: uint8 images `(n, height, width, channels)`.
            to: "b" (the images are of kind a) or "a".
            batch_size: images at once.

        Raises:
            ValueError: images of another shape, or another kind.
        """
        check_in("to", to, ("a", "b"))
        check_int("batch_size", batch_size, minimum=1)
        images = check_images("images", images, self.image_shape)
        network = self.a_to_b if to == "b" else self.b_to_a
        found = self.call_compiled(network, images.astype("float32") / 127.5 - 1.0, batch_size=batch_size)
        return np.rint(127.5 * (np.clip(found, -1.0, 1.0) + 1.0)).astype("uint8")

    def full_evaluation(self, a, b, paired=False, extractor=None, batch_size=32):
        """How near the translations come to the other kind, and what a way back makes of them: `evaluate(a, b,
        full=True)`.

        Args:
            a, b: uint8 images of both kinds, that were held out.
            paired: bool; whether `a[i]` and `b[i]` show the same, so that the truth is known.
            extractor: the features of the Fréchet distances; None: those of `kgen.metrics.frechet_distance`.
            batch_size: images at once.

        Returns:
            dict, lower is better: `frechet_distance_to_b` of the images translated to b and those of b, and `cycle_a`,
            the mean absolute difference (in [0, 1]) of images of a and what they are after the way to b and back; with
            `paired` also `difference_to_b`, the mean absolute difference (in [0, 1]) of translations and the truth, and
            `perceptual_distance_to_b`, see `kgen.metrics.perceptual_distance`. And the same the other way round.

        Raises:
            ValueError: `paired`, but not as many images of both kinds; fewer than two of one.
        """
        check_in("paired", paired, (False, True))
        if paired:
            check_same_length("a", a, "b", b)
        figures = {}
        for kind, images, to, other in (("a", a, "b", b), ("b", b, "a", a)):
            made = self.translate(images, to, batch_size)
            figures[f"frechet_distance_to_{to}"] = frechet_distance(other, made, extractor)
            figures[f"cycle_{kind}"] = _difference(self.translate(made, kind, batch_size), images)
            if paired:
                figures[f"difference_to_{to}"] = _difference(made, other)
                figures[f"perceptual_distance_to_{to}"] = perceptual_distance(made, other)
        return figures

    # Networks --------------------------------------------------------------------------------------------------------

    def _generator(self, name):
        """Seven by seven, halved twice, residual blocks, doubled twice, seven by seven; instance normalisation."""
        dtype, channels, filters = self.dtype_policy, self.image_shape[-1], self.filters
        images = keras.Input(tuple(self.image_shape), name="images")
        x = self._block(images, filters, 7, 1, "first")
        for i in (1, 2):
            x = self._block(x, filters * 2**i, 3, 2, f"down_{i}")
        for i in range(1, self.num_blocks + 1):
            inner = self._block(x, filters * 4, 3, 1, f"residual_{i}a")
            inner = self._block(inner, filters * 4, 3, 1, f"residual_{i}b", activation=None)
            x = layers.Add(dtype=dtype, name=f"add_{i}")([x, inner])
        for i in (1, 2):
            x = self._block(x, filters * 4 // 2**i, 4, 2, f"up_{i}", kind=Conv2DTranspose)
        last = {"padding": "same", **_small("float32", "pixels")}
        if not self.learn_residual:
            return keras.Model(images, Conv2D(channels, 7, activation="tanh", **last)(x), name=name)
        # No bounds, so that every pixel can always be learned from; `translate` clips.
        change = Conv2D(channels, 7, **last | {"kernel_initializer": "zeros"})(x)
        return keras.Model(images, layers.Add(dtype="float32", name="changed")([images, change]), name=name)

    def _discriminator(self, name):
        """A score for each patch: three levels, so that a patch is some 70 pixels wide, or all of a small image."""
        images = keras.Input(tuple(self.image_shape), name="images")
        x = images
        for i in range(4):
            stride = 2 if i < 3 else 1
            x = self._block(x, self.filters * 2**i, 4, stride, f"level_{i}", SLOPE, normalized=i > 0)
        score = Conv2D(1, 4, padding="same", **_small("float32", "score"))
        return keras.Model(images, score(x), name=name)

    def _block(self, x, filters, size, stride, name, activation=0.0, normalized=True, kind=Conv2D):
        """A convolution, each channel of each image brought to mean 0 and deviation 1, and a (leaky) ReLU."""
        dtype = self.dtype_policy
        # What is normalized needs no bias: it would be taken away again.
        x = kind(filters, size, stride, "same", use_bias=not normalized, **_small(dtype, name))(x)
        if normalized:
            x = GroupNormalization(groups=None, dtype=dtype, name=f"{name}_norm")(x)
        return x if activation is None else layers.LeakyReLU(activation, dtype=dtype, name=f"{name}_relu")(x)


def _difference(images, others):
    """The mean absolute difference of images in [0, 255], in [0, 1]."""
    return float(np.abs(images.astype("float32") - others.astype("float32")).mean() / 255.0)


def _small(dtype, name):
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02), "dtype": dtype, "name": name}

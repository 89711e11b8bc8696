"""Images as small grids of vectors, and back: the space in which latent diffusion works.

    loss = |x - x'| + w_p perceptual(x, x') + w_KL KL(q(z | x) ‖ N(0, 1)) + w_a adversarial(x')

Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, 2022, section 3.1.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.checks import check_widths
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.functional.shapes import group_count
from kgen.layers.convolution import Conv2D
from kgen.layers.group_normalization import GroupNormalization
from kgen.layers.vector_quantizer import VectorQuantizer
from kgen.metrics.features import feature_maps
from kgen.metrics.fidelity import SMALLEST
from kgen.metrics.fidelity import psnr
from kgen.metrics.fidelity import ssim
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from kgen.models.base_images import as_uint8
from kgen.training.adversarial import Adversarial
from kgen.training.grouped_optimizer import GroupedOptimizer
from kgen.training.grouped_optimizer import assign_group
from kgen.training.sample_images import SampleReconstructions

DECAY = 0.95  # of the mean and the deviation of latents


@keras.saving.register_keras_serializable(package="kgen")
class ImageAutoencoder(GenerativeModel):
    """Learns to say an image in fewer numbers: `fit(images)`, then `encode`, `decode`, `reconstruct`.

    What `encode` gives has mean 0 and deviation 1 in each channel: such a space suits a diffusion model.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels; both sides are divisible by 2 for each width but one.
        latent_channels: numbers at each place, ≥ 1.
        widths: filters of each level, from the image inwards; each but the last halves both sides.
        regularization: "kl" (latents have a little noise, and a prior) or "vq" (they come from a codebook).
        kl_weight: w_KL ≥ 0, per number.
        num_codes: size of the codebook, for "vq".
        perceptual_weight: w_p ≥ 0, of the distance between what `kgen.metrics.perceptual_distance` sees in the images.
        adversarial_weight: w_a ≥ 0; above 0 a discriminator of patches learns with it (least squares).
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`, `error` (mean |x - x'|, images in [-1, 1]), `kl` or `commitment`, and
    `perceptual`, `d_loss`, `g_loss` where there are such. `evaluate(images, full=True)`: PSNR and SSIM.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> images, _ = kgen.datasets.load("digits")
    >>> model = kgen.models.ImageAutoencoder((8, 8, 1), latent_channels=2, widths=(8, 8), seed=1)
    >>> model.compile()
    >>> history = model.fit(images[:64], epochs=1, verbose=0)
    >>> model.encode(images[:3]).shape
    (3, 4, 4, 2)
    """

    def __init__(
        self,
        image_shape,
        latent_channels=4,
        widths=(32, 64, 64),
        regularization="kl",
        kl_weight=1e-3,
        num_codes=512,
        perceptual_weight=0.0,
        adversarial_weight=0.0,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        check_int("latent_channels", latent_channels, minimum=1)
        check_widths("widths", widths)
        check_in("regularization", regularization, ("kl", "vq"))
        check_number("kl_weight", kl_weight, minimum=0.0)
        check_int("num_codes", num_codes, minimum=2)
        check_number("perceptual_weight", perceptual_weight, minimum=0.0)
        check_number("adversarial_weight", adversarial_weight, minimum=0.0)
        step = 2 ** (len(widths) - 1)
        if any(side % step for side in image_shape[:2]):
            raise ValueError(
                f"image_shape: expected sides that {step} divides ({len(widths)} widths), got {image_shape!r}"
            )
        super().__init__(seed=seed, **kwargs)
        self.image_shape = image_shape
        self.latent_channels = latent_channels
        self.widths = widths
        self.regularization = regularization
        self.kl_weight = kl_weight
        self.num_codes = num_codes
        self.perceptual_weight = perceptual_weight
        self.adversarial_weight = adversarial_weight
        self.latent_shape = (image_shape[0] // step, image_shape[1] // step, latent_channels)

        names = ["error", "kl" if regularization == "kl" else "commitment"]
        with seeded(seed):
            self.encoder, self.decoder = self._networks()
            self.draws = keras.random.SeedGenerator(drawn_seed())
            self.quantizer = self.judge = None
            if regularization == "vq":
                self.quantizer = VectorQuantizer(num_codes, seed=drawn_seed(), dtype="float32", name="quantizer")
                self.quantizer.build((None, *self.latent_shape))
            if perceptual_weight:
                names.append("perceptual")
            if adversarial_weight:
                self.judge = self._judge()
                self.adversarial = Adversarial("least_squares", seed=drawn_seed(), name="adversarial")
                names += ["d_loss", "g_loss"]
                for part in (self.encoder, self.decoder):
                    assign_group(part, "generator")
                assign_group(self.judge, "discriminator")
        options = {"shape": (latent_channels,), "trainable": False, "dtype": "float32", "autocast": False}
        self.latent_mean = self.add_weight(name="latent_mean", initializer="zeros", **options)
        self.latent_power = self.add_weight(name="latent_power", initializer="ones", **options)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def default_optimizer(self):
        if not self.adversarial_weight:
            return keras.optimizers.Adam(1e-3)
        rates = {"generator": 5e-4, "discriminator": 2e-4}
        return GroupedOptimizer({name: keras.optimizers.Adam(rate, beta_1=0.5) for name, rate in rates.items()})

    def call(self, images, training=False):
        """Images in [-1, 1], those that come back, the latents, and what they cost; from uint8 images."""
        x = self._pixels(images)
        z, cost = self._latents(x, training)
        return {"images": x, "again": self.decoder(z, training=training), "latents": z, "cost": cost}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        real, fake, z = y_pred["images"], ops.cast(y_pred["again"], "float32"), y_pred["latents"]
        parts = {"error": ops.mean(ops.abs(real - fake))}
        loss = parts["error"]
        if self.regularization == "kl":
            parts["kl"] = y_pred["cost"]
            loss = loss + self.kl_weight * y_pred["cost"]
        else:
            parts["commitment"] = y_pred["cost"]
            loss = loss + y_pred["cost"]
        if self.perceptual_weight:
            parts["perceptual"] = self._perceptual(real, fake)
            loss = loss + self.perceptual_weight * parts["perceptual"]
        if self.judge is not None:
            judged = self.adversarial.losses(self.judge, real, fake, training=training)
            parts |= {name: judged[name] for name in ("d_loss", "g_loss")}
            loss = loss + judged["d_loss"] + self.adversarial_weight * judged["g_loss"]
        for name, tracker in self.trackers.items():
            tracker.update_state(parts[name])
        if training:
            z = ops.stop_gradient(z)
            for average, value in ((self.latent_mean, z), (self.latent_power, ops.square(z))):
                average.assign(DECAY * average + (1.0 - DECAY) * ops.mean(value, axis=(0, 1, 2)))
        return loss

    def prepare(self, x, y=None):
        if y is not None:
            raise ValueError("y: an ImageAutoencoder learns from images alone: fit(images), evaluate(images)")
        return check_images("images", x, self.image_shape), None

    @classmethod
    def for_data(cls, data, **arguments):
        return cls(**{"image_shape": data.shape[1:], **arguments})

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return SampleReconstructions(folder, data[0])

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def encode(self, images):
        """Latents of images: float32 `(n, *latent_shape)` for uint8 `(n, height, width, channels)`."""
        images, _ = self.prepare(images)
        found = self.call_compiled(self.encoder, images.astype("float32") / 127.5 - 1.0)
        return self._standard(found[..., : self.latent_channels])

    @exclusive
    def decode(self, latents):
        """Images of latents: uint8 `(n, height, width, channels)` for float `(n, *latent_shape)`.

        Raises:
            ValueError: latents of another shape.
        """
        latents = np.asarray(latents, "float32")
        if latents.ndim != 4 or latents.shape[1:] != self.latent_shape or len(latents) == 0:
            wanted = ", ".join(map(str, self.latent_shape))
            raise ValueError(f"latents: expected shape (n, {wanted}) with n ≥ 1, got {latents.shape}")
        mean, deviation = self._scale()
        z = latents * ops.convert_to_numpy(deviation) + ops.convert_to_numpy(mean)
        if self.quantizer is not None:
            z = self.call_compiled(_Nearest(self.quantizer), z)
        return as_uint8(self.call_compiled(self.decoder, z))

    def reconstruct(self, images):
        """Images as they come out again when only their latents are kept: uint8, same shape."""
        return self.decode(self.encode(images))

    def latents_of(self, images):
        """As `encode`, of a tensor of uint8 images, as a tensor: for models that work in this space."""
        found = ops.cast(self.encoder(self._pixels(images), training=False), "float32")
        return self._standard(found[..., : self.latent_channels])

    def full_evaluation(self, x, y=None):
        """What is lost (`evaluate(images, full=True)`): PSNR in dB, and, from 11 × 11 pixels on, SSIM."""
        x, again = x.astype("uint8"), self.reconstruct(x)
        return {"psnr": psnr(x, again), **({"ssim": ssim(x, again)} if min(x.shape[1:3]) >= SMALLEST else {})}

    # Inside ----------------------------------------------------------------------------------------------------------

    @staticmethod
    def _pixels(images):
        if len(images.shape) == 3:
            images = images[..., None]
        return ops.cast(images, "float32") / 127.5 - 1.0

    def _latents(self, x, training):
        found = ops.cast(self.encoder(x, training=training), "float32")
        if self.quantizer is not None:
            found = self.quantizer(found, training=training)
            return found["quantized"], ops.mean(found["loss"])
        mean, log_variance = ops.split(found, 2, axis=-1)
        log_variance = ops.clip(log_variance, -30.0, 10.0)
        kl = 0.5 * ops.mean(mean * mean + ops.exp(log_variance) - 1.0 - log_variance)
        if not training:
            return mean, kl
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.draws), kl

    def _scale(self):
        mean = ops.convert_to_tensor(self.latent_mean)
        return mean, ops.sqrt(ops.maximum(ops.convert_to_tensor(self.latent_power) - mean * mean, 1e-6))

    def _standard(self, z):
        mean, deviation = self._scale()
        if isinstance(z, np.ndarray):
            mean, deviation = ops.convert_to_numpy(mean), ops.convert_to_numpy(deviation)
        return (z - mean) / deviation

    @staticmethod
    def _perceptual(real, fake):
        distance = 0.0
        for one, other in zip(*(feature_maps(images) for images in (real, fake)), strict=True):
            distance += ops.mean(ops.sum(ops.square(_unit(one) - _unit(other)), axis=-1))
        return distance

    def _networks(self):
        dtype, channels, last = self.dtype_policy, self.image_shape[-1], self.widths[-1]

        def convolution(filters, name, kind=dtype, size=3, **options):
            return Conv2D(filters, size, padding="same", dtype=kind, name=name, **options)

        def residual(x, filters, name):
            kept = x if x.shape[-1] == filters else convolution(filters, f"{name}_skip", size=1)(x)
            for part in ("first", "last"):
                groups = group_count(x.shape[-1], 32)
                x = GroupNormalization(groups, dtype=dtype, name=f"{name}_normalize_{part}")(x)
                x = layers.Activation("silu", dtype=dtype, name=f"{name}_swish_{part}")(x)
                x = convolution(filters, f"{name}_{part}")(x)
            return layers.Add(dtype=dtype, name=f"{name}_add")([kept, x])

        images = keras.Input(self.image_shape, name="images")
        x = convolution(self.widths[0], "stem")(images)
        for level, width in enumerate(self.widths):
            x = residual(x, width, f"level_{level}")
            if level < len(self.widths) - 1:
                x = convolution(width, f"down_{level}", strides=2)(x)
        numbers = self.latent_channels * (2 if self.regularization == "kl" else 1)
        encoder = keras.Model(images, convolution(numbers, "latents", "float32")(x), name="encoder")

        latents = keras.Input(self.latent_shape, name="latents")
        x = residual(convolution(last, "stem")(latents), last, "middle")
        for level, width in reversed(list(enumerate(self.widths))):
            if level < len(self.widths) - 1:
                x = layers.UpSampling2D(2, interpolation="nearest", dtype=dtype, name=f"up_{level}")(x)
            x = residual(x, width, f"level_{level}")
        x = layers.Activation("silu", dtype=dtype, name="swish")(x)
        return encoder, keras.Model(latents, convolution(channels, "images", "float32")(x), name="decoder")

    def _judge(self):
        """Scores of patches, as in pix2pix."""
        network = [keras.Input(self.image_shape, name="images")]
        for i, width in enumerate(self.widths[:3]):
            network.append(
                Conv2D(width, 4, 2, "same", activation="leaky_relu", dtype=self.dtype_policy, name=f"level_{i}")
            )
        network.append(Conv2D(1, 3, padding="same", dtype="float32", name="scores"))
        return keras.Sequential(network, name="judge")


class _Nearest:
    """The codebook's nearest vectors, as `call_compiled` takes it."""

    name = "nearest"

    def __init__(self, quantizer):
        self.quantizer = quantizer
        self.variables = quantizer.variables

    def __call__(self, z, training=False):
        return self.quantizer(z, training=training)["quantized"]


def _unit(maps):
    return maps * ops.rsqrt(ops.sum(ops.square(maps), axis=-1, keepdims=True) + 1e-10)

"""The variational autoencoder.

An encoder turns an image x into a Gaussian q(z | x) over a small vector z, a decoder turns z into a distribution
p(x | z) over images. Both are trained to make the evidence lower bound large, which is at most log p(x):

    ELBO = E_q[log p(x | z)] - β · KL(q(z | x) || N(0, 1))

Kingma and Welling, Auto-Encoding Variational Bayes, 2014. β: Higgins et al., beta-VAE, 2017. Several samples in one
tighter bound: Burda et al., Importance Weighted Autoencoders, 2016.
"""

import math

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen import backend
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.checks import check_widths
from kgen.functional.fixed_noise import fixed_uniform
from kgen.functional.seeding import seeded
from kgen.layers.convolution import Conv2D
from kgen.layers.convolution import Conv2DTranspose
from kgen.layers.gaussian_sampling import GaussianSampling
from kgen.metrics.likelihood import bits_per_dimension
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive

LOG_2PI = math.log(2.0 * math.pi)
START_LOG_SCALE = math.log(0.2)  # about the spread of the pixels of a photograph in [0, 1]


@keras.saving.register_keras_serializable(package="kgen")
class VAE(GenerativeModel):
    """Variational autoencoder of images: `fit(images)`, then `generate`, `reconstruct`, `encode`, `interpolate`.

    Two likelihoods make the bound an honest number of nats:

    - "bernoulli": pixels are binary. A grey value is the probability of white and is drawn anew at each pass (dynamic
      binarisation), so the decoder learns grey values. For digits and drawings.
    - "gaussian": pixels are 256 levels. Each gets uniform noise inside its level, and a Gaussian of one learned width
      around the decoder's mean is its density. For photographs and colour.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels.
        latent_dim: length of z.
        architecture: "mlp" (dense layers of `hidden_dims` units) or "convolutional" (each width in `hidden_dims` is one
            level of half the resolution; odd sides are padded inside).
        hidden_dims: units of each dense layer, or filters of each level, from the image inwards.
        likelihood: "bernoulli" or "gaussian".
        beta: weight of the KL term, ≥ 0; 1 is the bound, 0 a plain autoencoder. Needs `num_samples=1` unless 1.
        num_samples: samples of z for each image in training; more than one trains the importance-weighted bound (IWAE).
        activation: name of a Keras activation of the hidden layers.
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`, in nats for each image: `loss` (minus the bound), `reconstruction`
    (minus log p(x | z)) and `kl`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), dtype="uint8")
    >>> model = kgen.models.VAE(image_shape=(8, 8, 1), latent_dim=4, architecture="mlp", hidden_dims=(32,), seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.generate(5, seed=1).shape
    (5, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=32,
        architecture="convolutional",
        hidden_dims=(32, 64),
        likelihood="bernoulli",
        beta=1.0,
        num_samples=1,
        activation="gelu",
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        check_int("latent_dim", latent_dim, minimum=1)
        check_in("architecture", architecture, ("mlp", "convolutional"))
        check_in("likelihood", likelihood, ("bernoulli", "gaussian"))
        check_number("beta", beta, minimum=0.0)
        check_int("num_samples", num_samples, minimum=1)
        check_widths("hidden_dims", hidden_dims)
        if beta != 1.0 and num_samples > 1:
            raise ValueError(f"beta: the importance-weighted bound has no β; got beta={beta} with {num_samples=}")
        super().__init__(seed=seed, **kwargs)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.architecture = architecture
        self.hidden_dims = hidden_dims
        self.likelihood = likelihood
        self.beta = beta
        self.num_samples = num_samples
        self.activation = activation

        make_networks = _mlp if architecture == "mlp" else _convolutional
        with seeded(seed):
            self.encoder, self.decoder = make_networks(
                tuple(image_shape), latent_dim, hidden_dims, activation, self.dtype_policy
            )
            self.sampling = GaussianSampling(num_samples=num_samples, dtype="float32", name="sampling")
            self.pixel_noise = keras.random.SeedGenerator()
        if likelihood == "gaussian":
            self.log_scale = self.add_weight(
                name="log_scale", shape=(), initializer=keras.initializers.Constant(START_LOG_SCALE), dtype="float32"
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def call(self, images, training=False):
        """Everything that the bound needs, from uint8 images `(n, height, width, channels)`."""
        if len(images.shape) == 3:
            images = images[..., None]
        if tuple(images.shape[1:]) != tuple(self.image_shape):
            raise ValueError(f"images: expected shape (n, {tuple(self.image_shape)}), got {tuple(images.shape)}")
        pixels = self._pixels(images, training)
        mean, log_variance = self._posterior(pixels)
        z = self.sampling((mean, log_variance), training=training)
        decoded = self.decoder(ops.reshape(z, (-1, self.latent_dim)), training=training)
        decoded = ops.reshape(decoded, (-1, self.num_samples, *self.image_shape))
        return {"pixels": pixels, "mean": mean, "log_variance": log_variance, "z": z, "decoded": decoded}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, log_variance = y_pred["mean"], y_pred["log_variance"]
        reconstruction = -self._log_likelihood(y_pred["pixels"][:, None], y_pred["decoded"])  # (n, num_samples)
        kl = gaussian_kl(mean, log_variance)
        self.reconstruction_tracker.update_state(reconstruction)
        self.kl_tracker.update_state(kl)
        if self.num_samples == 1:
            return ops.mean(reconstruction[:, 0] + self.beta * kl)
        log_weight = -reconstruction + self._log_prior_over_posterior(y_pred["z"], mean, log_variance)
        return -ops.mean(ops.logsumexp(log_weight, axis=1) - math.log(self.num_samples))

    def prepare(self, x, y=None):
        if y is not None:
            raise ValueError("y: a VAE learns from images alone: fit(images), evaluate(images)")
        return check_images("images", x, self.image_shape), None

    @classmethod
    def for_data(cls, data, **arguments):
        image_shape = data.shape[1:]
        return cls(**{"image_shape": image_shape, "likelihood": _likelihood_for(image_shape), **arguments})

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def encode(self, images):
        """Means of q(z | x): float32 `(n, latent_dim)` for uint8 images `(n, height, width, channels)`."""
        images, _ = self.prepare(images)
        return self.call_compiled(self.encoder, images.astype("float32") / 255.0)[:, : self.latent_dim]

    @exclusive
    def decode(self, z):
        """Expected images for latent vectors: uint8 `(n, height, width, channels)` for float `(n, latent_dim)`.

        Raises:
            ValueError: `z` has another shape.
        """
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.latent_dim or len(z) == 0:
            raise ValueError(f"z: expected shape (n, {self.latent_dim}) with n ≥ 1, got {z.shape}")
        decoded = self.call_compiled(self.decoder, z)
        if self.likelihood == "bernoulli":
            decoded = 1.0 / (1.0 + np.exp(-decoded))
        return np.rint(255.0 * np.clip(decoded, 0.0, 1.0)).astype("uint8")

    def generate(self, n=1, seed=None, temperature=1.0):
        """Images that the model dreams: uint8 `(n, height, width, channels)`, decoded from z ~ N(0, temperature²).

        Args:
            n: how many, ≥ 1.
            seed: int or None; the same seed gives the same images on the same backend.
            temperature: below 1 keeps closer to what is typical, ≥ 0.
        """
        check_int("n", n, minimum=1)
        check_number("temperature", temperature, minimum=0.0)
        return self.decode(temperature * np.random.default_rng(seed).standard_normal((n, self.latent_dim)))

    def reconstruct(self, images):
        """Images as they come out again when only their z is kept: uint8, same shape."""
        return self.decode(self.encode(images))

    def interpolate(self, start, end, steps=8):
        """A way from one image to another through latent space, ends included: uint8 `(steps, h, w, c)`.

        Args:
            start, end: uint8 images `(height, width, channels)`.
            steps: number of images on the way, ≥ 2.
        """
        check_int("steps", steps, minimum=2)
        ends = self.encode(np.stack([np.asarray(start), np.asarray(end)]))
        along = np.linspace(0.0, 1.0, steps)[:, None]
        return self.decode((1.0 - along) * ends[0] + along * ends[1])

    # The honest figure -----------------------------------------------------------------------------------------------

    def full_evaluation(self, x, y=None, num_samples=5000, seed=0, verbose=1):
        """The importance-weighted bound on -log p(x), which reaches it as samples grow (`evaluate(x, full=True)`).

            NLL ≤ -mean_x log 1/K Σ_k p(x, z_k) / q(z_k | x),  z_k ~ q(z | x)

        Args:
            x: uint8 images. Their binarisation or noise and all z come from `seed`, the same on every backend.
            num_samples: K, samples of z for each image.
            seed: int.
            verbose: 0 or 1 (a progress bar).

        Returns:
            dict: `nll` and `elbo` in nats for each image, `bits_per_dimension`, `num_samples`, `num_images`.
        """
        check_int("num_samples", num_samples, minimum=1)
        rng = np.random.default_rng(seed)
        if self.likelihood == "bernoulli":
            pixels = (rng.random(x.shape, "float32") < x / 255.0).astype("float32")
        else:
            pixels = (x + rng.random(x.shape, "float32")) / 256.0
        log_weights = backend.compiled(self._log_weights, self.variables)
        images_at_once, samples_at_once = 16, min(num_samples, 256)
        bounds, elbos = [], []
        progress = keras.utils.Progbar(len(x), verbose=verbose, unit_name="image")
        for start in range(0, len(x), images_at_once):
            chunk = ops.convert_to_tensor(pixels[start : start + images_at_once])
            parts = []
            for first in range(0, num_samples, samples_at_once):
                size = (chunk.shape[0], min(samples_at_once, num_samples - first), self.latent_dim)
                noise = ops.convert_to_tensor(rng.standard_normal(size, "float32"))
                parts.append(ops.convert_to_numpy(log_weights(chunk, noise)))
            log_weight = np.concatenate(parts, axis=1).astype("float64")
            bounds.append(np.logaddexp.reduce(log_weight, axis=1) - math.log(num_samples))
            elbos.append(log_weight.mean(axis=1))
            progress.add(chunk.shape[0])
        nll, elbo = -float(np.concatenate(bounds).mean()), float(np.concatenate(elbos).mean())
        dimensions = math.prod(self.image_shape)
        # A density over [0, 1] counts levels 1/256 wide: that many bits belong to each dimension of the discrete image.
        bits = bits_per_dimension(nll, dimensions) + (8.0 if self.likelihood == "gaussian" else 0.0)
        return {
            "nll": nll,
            "elbo": elbo,
            "bits_per_dimension": bits,
            "num_samples": num_samples,
            "num_images": len(x),
        }

    def _log_weights(self, pixels, noise):
        mean, log_variance = self._posterior(pixels)
        z = mean[:, None] + ops.exp(0.5 * log_variance)[:, None] * noise
        decoded = self.decoder(ops.reshape(z, (-1, self.latent_dim)), training=False)
        decoded = ops.reshape(decoded, (-1, noise.shape[1], *self.image_shape))
        log_likelihood = self._log_likelihood(pixels[:, None], decoded)
        return log_likelihood + self._log_prior_over_posterior(z, mean, log_variance)

    # Formulas --------------------------------------------------------------------------------------------------------

    def _pixels(self, images, training):
        """What the likelihood is about, in [0, 1]: binary pixels, or levels with noise inside them."""
        images = ops.cast(images, "float32")
        shape = (ops.shape(images)[0], *self.image_shape)
        noise = keras.random.uniform(shape, seed=self.pixel_noise) if training else fixed_uniform(shape, seed=1)
        if self.likelihood == "bernoulli":
            return ops.cast(noise < images / 255.0, "float32")
        return (images + noise) / 256.0

    def _posterior(self, pixels):
        encoded = ops.cast(self.encoder(pixels), "float32")
        return encoded[:, : self.latent_dim], encoded[:, self.latent_dim :]

    def _log_likelihood(self, pixels, decoded):
        """log p(x | z), summed over height, width and channels: shape (n, samples)."""
        if self.likelihood == "bernoulli":
            log_density = pixels * decoded - ops.softplus(decoded)
        else:
            deviation = (pixels - decoded) * ops.exp(-self.log_scale)
            log_density = -0.5 * (deviation * deviation + LOG_2PI) - self.log_scale
        return ops.sum(log_density, axis=(-3, -2, -1))

    def _log_prior_over_posterior(self, z, mean, log_variance):
        """log p(z) - log q(z | x) for samples z `(n, samples, latent_dim)`: shape (n, samples)."""
        deviation = z - mean[:, None]
        log_ratio = deviation * deviation * ops.exp(-log_variance)[:, None] + log_variance[:, None] - z * z
        return 0.5 * ops.sum(log_ratio, axis=-1)


def gaussian_kl(mean, log_variance):
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, summed over the last axis: Σ ½ (μ² + σ² - 1 - log σ²)."""
    return 0.5 * ops.sum(mean * mean + ops.exp(log_variance) - 1.0 - log_variance, axis=-1)


def _likelihood_for(image_shape):
    return "bernoulli" if image_shape[-1] == 1 else "gaussian"


def _mlp(image_shape, latent_dim, hidden_dims, activation, dtype):
    """Dense encoder to (mean, log variance) and dense decoder to logits or means, both ending in float32."""
    encoder = [keras.Input(image_shape), layers.Rescaling(2.0, -1.0, name="centre"), layers.Flatten(name="flatten")]
    decoder = [keras.Input((latent_dim,))]
    for i, width in enumerate(hidden_dims, start=1):
        encoder.append(layers.Dense(width, activation, dtype=dtype, name=f"hidden_{i}"))
    for i, width in enumerate(reversed(hidden_dims), start=1):
        decoder.append(layers.Dense(width, activation, dtype=dtype, name=f"hidden_{i}"))
    encoder.append(layers.Dense(2 * latent_dim, dtype="float32", name="gaussian"))
    decoder.append(layers.Dense(math.prod(image_shape), dtype="float32", name="pixels"))
    decoder.append(layers.Reshape(image_shape, dtype="float32", name="image"))
    return keras.Sequential(encoder, name="encoder"), keras.Sequential(decoder, name="decoder")


def _convolutional(image_shape, latent_dim, hidden_dims, activation, dtype):
    """Convolutions that halve the sides at each level, and their mirror image that doubles them again."""
    height, width, channels = image_shape
    step = 2 ** len(hidden_dims)
    grid = (math.ceil(height / step), math.ceil(width / step))  # sides of the innermost level
    extra = (grid[0] * step - height, grid[1] * step - width)  # rows and columns that the padding adds

    encoder = [
        keras.Input(image_shape),
        layers.Rescaling(2.0, -1.0, name="centre"),
        layers.ZeroPadding2D(((0, extra[0]), (0, extra[1])), name="pad"),
    ]
    for i, filters in enumerate(hidden_dims, start=1):
        encoder.append(Conv2D(filters, 4, 2, "same", activation=activation, dtype=dtype, name=f"level_{i}"))
    encoder.append(layers.Flatten(name="flatten"))
    encoder.append(layers.Dense(256, activation, dtype=dtype, name="hidden"))
    encoder.append(layers.Dense(2 * latent_dim, dtype="float32", name="gaussian"))

    decoder = [keras.Input((latent_dim,)), layers.Dense(256, activation, dtype=dtype, name="hidden")]
    decoder.append(layers.Dense(grid[0] * grid[1] * hidden_dims[-1], activation, dtype=dtype, name="grid"))
    decoder.append(layers.Reshape((*grid, hidden_dims[-1]), dtype=dtype, name="unflatten"))
    for i, filters in reversed(list(enumerate(hidden_dims, start=1))):
        decoder.append(Conv2DTranspose(filters, 4, 2, "same", activation=activation, dtype=dtype, name=f"level_{i}"))
    decoder.append(Conv2D(channels, 3, padding="same", dtype="float32", name="pixels"))
    decoder.append(layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32", name="crop"))
    return keras.Sequential(encoder, name="encoder"), keras.Sequential(decoder, name="decoder")

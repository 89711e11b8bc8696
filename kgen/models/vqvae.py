"""The vector-quantized autoencoder: images as small grids of codes, and a second model that knows likely grids.

    codes = nearest(encoder(x)),   x' = decoder(codebook[codes]),   codes ~ prior

First the autoencoder learns to say an image with few codes. Then any model of codes learns what images say: a
`PixelCNN` over the grid, or a language model over the codes in raster order. Dreams are decoded draws of the prior.

van den Oord, Vinyals and Kavukcuoglu, Neural Discrete Representation Learning, 2017.
"""

import math

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.decoding.samplers import Temperature
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.checks import check_same_length
from kgen.functional.checks import check_widths
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.convolution import Conv2D
from kgen.layers.convolution import Conv2DTranspose
from kgen.layers.vector_quantizer import VectorQuantizer
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from kgen.training.sample_images import SampleReconstructions

VARIANCE = 0.05  # about that of a pixel in [0, 1]: makes the squared error comparable with the loss of the codes


@keras.saving.register_keras_serializable(package="kgen")
class VQVAE(GenerativeModel):
    """Autoencoder with a codebook: `fit(images)`, then `encode`, `decode`, `reconstruct`; `fit_prior`, then `generate`.

        loss = mean (x - x')² / 0.05 + mean β (z - sg(e))²,  pixels in [0, 1]

    Args:
        image_shape: (height, width, channels), 1 or 3 channels.
        num_codes: K, size of the codebook, ≥ 2.
        code_dim: length of its vectors, ≥ 1.
        hidden_dims: filters of each level, from the image inwards; each halves both sides (odd ones are padded inside).
        codebook, commitment, decay, revive_below: see `kgen.layers.VectorQuantizer`.
        prior: None, or a model of the codes, whose grid is `VQVAE.grid_of(image_shape, hidden_dims)`: an untrained
            `PixelCNN((*grid, 1), likelihood="codes", levels=num_codes)`, or a `GPT` or `RNNLanguageModel` with
            `vocabulary_size=num_codes + 1`. It belongs to this model from then on, learns by `fit_prior`, and is saved
            with it.
        seed: int or None; seeds the weights and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`, `mse` (of pixels in [0, 1]), `commitment`, and `perplexity` (how many codes
    a batch uses, as exp of the entropy). `evaluate(images, full=True)`: see `full_evaluation`.

    Raises:
        ValueError: an argument outside its range, or a prior of other codes.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), dtype="uint8")
    >>> codes = kgen.models.PixelCNN((4, 4, 1), filters=4, num_blocks=1, likelihood="codes", levels=6, seed=1)
    >>> model = kgen.models.VQVAE((8, 8, 1), num_codes=6, code_dim=2, hidden_dims=(4,), prior=codes, seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.encode(images).shape
    (32, 4, 4)
    >>> history = model.fit_prior(images, epochs=1, verbose=0)
    >>> model.generate(5, seed=1).shape
    (5, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape=(28, 28, 1),
        num_codes=128,
        code_dim=16,
        hidden_dims=(32, 64),
        codebook="ema",
        commitment=0.25,
        decay=0.99,
        revive_below=0.1,
        prior=None,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        check_int("code_dim", code_dim, minimum=1)
        check_widths("hidden_dims", hidden_dims)
        super().__init__(seed=seed, **kwargs)
        self.image_shape = image_shape
        self.num_codes = num_codes
        self.code_dim = code_dim
        self.hidden_dims = hidden_dims
        self.codebook = codebook
        self.commitment = commitment
        self.decay = decay
        self.revive_below = revive_below
        with seeded(seed):
            self.quantizer = VectorQuantizer(
                num_codes,
                codebook,
                commitment,
                decay,
                revive_below,
                seed=drawn_seed(),
                dtype="float32",
                name="quantizer",
            )
            grid = self.grid_of(image_shape, hidden_dims)
            self.encoder, self.decoder = _networks(tuple(image_shape), grid, code_dim, hidden_dims, self.dtype_policy)
        self.quantizer.build((None, *grid, code_dim))
        self.prior = prior
        if prior is not None:
            self._check_prior(grid)
            prior.trainable = False  # while the autoencoder learns
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("mse", "commitment", "perplexity")}
        self.built = True

    @staticmethod
    def grid_of(image_shape, hidden_dims):
        """(rows, columns) of the codes of an image."""
        step = 2 ** len(hidden_dims)
        return math.ceil(image_shape[0] / step), math.ceil(image_shape[1] / step)

    # Training --------------------------------------------------------------------------------------------------------

    def call(self, images, training=False):
        """The pixels in [0, 1] of uint8 images `(n, height, width, channels)`, those that come back, and what the
        quantizer says."""
        if len(images.shape) == 3:
            images = images[..., None]
        pixels = ops.cast(images, "float32") / 255.0
        found = self.quantizer(ops.cast(self.encoder(pixels, training=training), "float32"), training=training)
        decoded = self.decoder(found["quantized"], training=training)
        return {"pixels": pixels, "decoded": decoded, "codes": found["codes"], "commitment": found["loss"]}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mse = ops.mean(ops.square(y_pred["pixels"] - y_pred["decoded"]))
        commitment = ops.mean(y_pred["commitment"])
        parts = {"mse": mse, "commitment": commitment, "perplexity": self.quantizer.perplexity(y_pred["codes"])}
        for name, value in parts.items():
            self.trackers[name].update_state(value)
        return mse / VARIANCE + commitment

    def prepare(self, x, y=None):
        if y is not None:
            raise ValueError(
                "y: the codes of a VQVAE are learned from images alone: fit(images); fit_prior takes labels"
            )
        return check_images("images", x, self.image_shape), None

    @exclusive
    def fit_prior(self, images, labels=None, **options):
        """Train the prior on the codes of these images, by its own `fit`. Train the autoencoder first.

        Args:
            images: uint8 `(n, height, width, channels)`.
            labels: for a prior with classes, integers `(n,)`.
            options: of that `fit`: epochs, batch_size, callbacks, validation_split …

        Returns:
            the History of that `fit`.

        Raises:
            ValueError: there is no prior.
        """
        prior = self._known_prior("fit_prior")
        codes = self.encode(images)
        prior.trainable = True
        try:
            if not prior.compiled:
                prior.compile()
            if _reads_grids(prior):
                if labels is not None:
                    check_same_length("images", codes, "labels", labels)
                return prior.fit(codes, labels, **options)
            if labels is not None:
                raise ValueError("labels: a prior that is a language model has no classes")
            return prior.fit(self._sentences(codes), **options)
        finally:
            prior.trainable = False

    @classmethod
    def for_data(cls, data, **arguments):
        return cls(**{"image_shape": data.shape[1:], **arguments})

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return SampleReconstructions(folder, data[0])

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def encode(self, images):
        """Codes of images: int32 `(n, rows, columns)` in [0, num_codes) for uint8 `(n, height, width, channels)`."""
        images, _ = self.prepare(images)

        def codes(images, training):
            z = self.encoder(ops.cast(images, "float32") / 255.0, training=training)
            return self.quantizer(ops.cast(z, "float32"), training=training)["codes"]

        return self.call_compiled(_Chain(codes, self.encoder, self.quantizer), images)

    @exclusive
    def decode(self, codes):
        """Images of codes: uint8 `(n, height, width, channels)` for integers `(n, rows, columns)`.

        Raises:
            ValueError: another shape, or codes outside [0, num_codes).
        """
        codes, grid = np.asarray(codes), self.grid_of(self.image_shape, self.hidden_dims)
        expected = f"integers in [0, {self.num_codes}) of shape (n, {grid[0]}, {grid[1]}) with n ≥ 1"
        if codes.dtype.kind not in "iu" or codes.shape[1:] != grid or not len(codes):
            raise ValueError(f"codes: expected {expected}, got {codes.dtype} of shape {codes.shape}")
        if codes.min() < 0 or codes.max() >= self.num_codes:
            raise ValueError(f"codes: expected {expected}, got some in [{codes.min()}, {codes.max()}]")

        def images(codes, training):
            return self.decoder(self.quantizer.decode(codes), training=training)

        decoded = self.call_compiled(_Chain(images, self.quantizer, self.decoder), codes.astype("int32"))
        return np.rint(255.0 * np.clip(decoded, 0.0, 1.0)).astype("uint8")

    def reconstruct(self, images):
        """Images as they come out again when only their codes are kept: uint8, same shape."""
        return self.decode(self.encode(images))

    @exclusive
    def generate(self, n=1, seed=None, labels=None, temperature=1.0):
        """Images that the prior dreams and the decoder paints: uint8 `(n, height, width, channels)`.

        Args:
            n: how many, ≥ 1.
            seed: int or None; the same seed gives the same images on the same backend.
            labels: for a prior with classes: an int for all images, or `(n,)`; None takes the classes in turn.
            temperature: of each code's distribution; below 1 keeps to what is likely, ≥ 0.

        Raises:
            ValueError: there is no prior, or an argument out of range.
        """
        check_int("n", n, minimum=1)
        check_number("temperature", temperature, minimum=0.0)
        prior, grid = self._known_prior("generate"), self.grid_of(self.image_shape, self.hidden_dims)
        if _reads_grids(prior):
            return self.decode(prior.generate(n, seed=seed, labels=labels, temperature=temperature)[..., 0])
        if labels is not None:
            raise ValueError("labels: a prior that is a language model has no classes")
        start, sampler = [self.num_codes], Temperature(max(temperature, 1e-3))
        sentences = np.array(prior.generate([start] * n, math.prod(grid), sampler, seed=seed))
        # A beginning in the middle of an image is a slip of the prior: any code will do.
        return self.decode((sentences % self.num_codes).reshape(n, *grid))

    # The honest figure -----------------------------------------------------------------------------------------------

    def full_evaluation(self, x, y=None):
        """What is lost, and how much of the codebook is used, over all images (`evaluate(images, full=True)`).

        Args:
            x: uint8 images.

        Returns:
            dict: `mse` of pixels in [0, 1], `psnr` in dB, `codes_used` (of num_codes), their `perplexity`, and `bits`,
            what an image's codes cost if each is drawn alone.
        """
        codes = self.encode(x)
        mse = float(np.mean(((x - self.decode(codes).astype("float64")) / 255.0) ** 2))
        share = np.bincount(codes.reshape(-1), minlength=self.num_codes) / codes.size
        entropy = float(-np.sum(share[share > 0] * np.log(share[share > 0])))
        return {
            "mse": mse,
            "psnr": -10.0 * math.log10(max(mse, 1e-12)),
            "codes_used": int((share > 0).sum()),
            "perplexity": math.exp(entropy),
            "bits": codes[0].size * entropy / math.log(2.0),
            "num_images": len(x),
        }

    # Files -----------------------------------------------------------------------------------------------------------

    def get_config(self):
        if self.prior is None:
            return super().get_config()
        self.prior.trainable = True  # as it was given: else its optimizer would come back without a state
        try:
            return super().get_config()
        finally:
            self.prior.trainable = False

    # Inside ----------------------------------------------------------------------------------------------------------

    def _known_prior(self, verb):
        if self.prior is None:
            rows, columns = self.grid_of(self.image_shape, self.hidden_dims)
            raise ValueError(
                f"prior: {verb} needs a model of the codes. Build the VQVAE with prior=kgen.models.PixelCNN(({rows}, "
                f'{columns}, 1), likelihood="codes", levels={self.num_codes}), fit it, then call fit_prior(images)'
            )
        return self.prior

    def _check_prior(self, grid):
        prior, came = self.prior, type(self.prior).__name__
        if _reads_grids(prior):
            found = tuple(prior.image_shape), getattr(prior, "likelihood", None), getattr(prior, "levels", None)
            if found != ((*grid, 1), "codes", self.num_codes):
                raise ValueError(
                    f'prior: expected image_shape {(*grid, 1)}, likelihood "codes" and levels {self.num_codes}, '
                    f"got a {came} with {found[0]}, {found[1]!r} and {found[2]}"
                )
        elif getattr(prior, "vocabulary_size", None) != self.num_codes + 1:
            raise ValueError(
                f"prior: expected a PixelCNN, or a language model with vocabulary_size={self.num_codes + 1}, the codes "
                f"and what begins an image; got {prior if isinstance(prior, str | int) else came}"
            )

    def _sentences(self, codes):
        """All grids one after the other, each after what begins an image."""
        flat = codes.reshape(len(codes), -1)
        return np.pad(flat, ((0, 0), (1, 0)), constant_values=self.num_codes).reshape(-1)


def _reads_grids(prior):
    return hasattr(prior, "image_shape")


class _Chain:
    """A function of several layers, as `call_compiled` takes it."""

    def __init__(self, function, *parts):
        self.function = function
        self.name = function.__name__
        self.variables = [variable for part in parts for variable in part.variables]

    def __call__(self, *inputs, training=False):
        return self.function(*inputs, training=training)


def _networks(image_shape, grid, code_dim, hidden_dims, dtype):
    """Convolutions that halve the sides at each level, and their mirror image; both end in float32."""
    height, width, channels = image_shape
    step = 2 ** len(hidden_dims)
    extra = grid[0] * step - height, grid[1] * step - width  # rows and columns that the padding adds

    def convolution(filters, size, name, kind=Conv2D, activation="gelu", dtype=dtype, **options):
        return kind(filters, size, padding="same", activation=activation, dtype=dtype, name=name, **options)

    encoder = [keras.Input(image_shape), layers.Rescaling(2.0, -1.0, name="centre")]
    encoder.append(layers.ZeroPadding2D(((0, extra[0]), (0, extra[1])), name="pad"))
    decoder = [keras.Input((*grid, code_dim)), convolution(hidden_dims[-1], 3, "inner")]
    for i, filters in enumerate(hidden_dims, start=1):
        encoder.append(convolution(filters, 4, f"level_{i}", strides=2))
    for i, filters in reversed(list(enumerate(hidden_dims, start=1))):
        decoder.append(convolution(filters, 4, f"level_{i}", Conv2DTranspose, strides=2))
    encoder.append(convolution(hidden_dims[-1], 3, "inner"))
    encoder.append(convolution(code_dim, 1, "code", activation=None, dtype="float32"))
    decoder.append(convolution(channels, 3, "pixels", activation=None, dtype="float32"))
    decoder.append(layers.Cropping2D(((0, extra[0]), (0, extra[1])), dtype="float32", name="crop"))
    return keras.Sequential(encoder, name="encoder"), keras.Sequential(decoder, name="decoder")

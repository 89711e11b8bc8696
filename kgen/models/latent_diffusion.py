"""Images from words, in the manner of Stable Diffusion: noise becomes an image in the small space of an autoencoder.

    z₀ = encoder(image),   loss = w(t) ‖network(α_t z₀ + σ_t ε, t, caption) - (c z₀ + d ε)‖²,   image = decoder(z)

Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, 2022.
"""

from pathlib import Path

import keras
from keras import ops

from kgen.functional.checks import check_widths
from kgen.layers.unet import UNet
from kgen.layers.unet import multiple_of
from kgen.models.base import exclusive
from kgen.models.base import load
from kgen.models.base_diffusion import ImageDiffusion
from kgen.models.base_diffusion import captions_of
from kgen.models.base_diffusion import check_teller
from kgen.tokenizers.byte_pair import BytePairTokenizer


@keras.saving.register_keras_serializable(package="kgen")
class LatentDiffusion(ImageDiffusion):
    """Dreams images that captions describe: `fit_autoencoder(images)`, then `fit(images, captions)`, then `generate`.

    Args:
        autoencoder: a `kgen.models.ImageAutoencoder`, trained or not; it belongs to this model from then on, learns by
            `fit_autoencoder` alone, and is saved with it.
        tokenizer: None, or a `kgen.tokenizers.Tokenizer`: then it learns from captions, which are read in lower case by
            a Transformer that learns with the rest; `generate(prompt="…")`.
        num_classes: None, or the number of classes; then it learns from labels.
        context_length: most tokens of a caption, ≥ 1; what goes beyond is cut off.
        widths, blocks, num_heads, dropout: of its `kgen.layers.UNet` in the space of latents; attention is on the two
            coarsest levels.
        schedule, prediction, min_snr_gamma, unconditional_share, ema_decay: see `kgen.models.DiffusionModel`.
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`. `evaluate(images, captions, full=True)` says how good the dreams are.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> captions = [f"the number {label}" for label in labels]
    >>> codec = kgen.models.ImageAutoencoder((8, 8, 1), latent_channels=2, widths=(8, 8), seed=1)
    >>> words = kgen.tokenizers.CharacterTokenizer.train(captions, progress=False)
    >>> model = kgen.models.LatentDiffusion(codec, words, widths=(8, 8), blocks=1, num_heads=2, seed=1)
    >>> history = model.fit_autoencoder(images[:64], epochs=1, verbose=0)
    >>> model.compile()
    >>> history = model.fit(images[:64], captions[:64], epochs=1, verbose=0)
    >>> model.generate(2, seed=1, prompt="the number 7", guidance=3.0, steps=2).shape
    (2, 8, 8, 1)
    """

    clips = False

    def __init__(
        self,
        autoencoder,
        tokenizer=None,
        num_classes=None,
        context_length=16,
        widths=(64, 128),
        blocks=2,
        num_heads=4,
        dropout=0.0,
        schedule=None,
        prediction=None,
        min_snr_gamma=None,
        unconditional_share=0.1,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        if not hasattr(autoencoder, "latent_shape"):
            raise ValueError(f"autoencoder: expected a kgen.models.ImageAutoencoder, got {autoencoder!r}")
        check_teller(num_classes, tokenizer, context_length)
        check_widths("widths", widths)
        multiple = multiple_of(widths)
        if any(side % multiple for side in autoencoder.latent_shape[:2]):
            raise ValueError(
                f"widths: expected few enough to halve latents of {autoencoder.latent_shape} that often, got {widths!r}"
            )
        super().__init__(schedule, prediction, min_snr_gamma, unconditional_share, ema_decay, seed, **kwargs)
        self.autoencoder = autoencoder
        self.tokenizer = tokenizer
        self.num_classes = num_classes
        self.context_length = context_length
        self.widths = widths
        self.blocks = blocks
        self.num_heads = num_heads
        self.dropout = dropout
        self.space_shape = tuple(autoencoder.latent_shape)
        autoencoder.trainable = False
        self._assemble()

    @property
    def image_shape(self):
        return self.autoencoder.image_shape

    # Training --------------------------------------------------------------------------------------------------------

    def fit(self, x=None, y=None, **options):
        """As `GenerativeModel.fit`.

        Raises:
            ValueError: the autoencoder has never been trained.
        """
        if not self.autoencoder.epochs_trained:
            raise ValueError("autoencoder: it has never been trained; call fit_autoencoder(images) first")
        return super().fit(x, y, **options)

    @exclusive
    def fit_autoencoder(self, images, **options):
        """Train the autoencoder on these images, by its own `fit`. Do it first: the space moves while it learns.

        Args:
            images: uint8 `(n, height, width, channels)`.
            options: of that `fit`: epochs, batch_size, callbacks, validation_split …

        Returns:
            the History of that `fit`.
        """
        self.autoencoder.trainable = True
        try:
            if not self.autoencoder.compiled:
                self.autoencoder.compile()
            return self.autoencoder.fit(images, **options)
        finally:
            self.autoencoder.trainable = False

    def make_denoiser(self, name):
        network = UNet(
            self.space_shape[-1],
            self.widths,
            self.blocks,
            attention_levels=tuple(range(-min(2, len(self.widths)), 0)),
            num_heads=self.num_heads,
            dropout=self.dropout,
            seed=self.seed,
            dtype=self.dtype_policy,
            name="network",
        )
        return self._told_network(network, name, 2 * self.widths[0])

    def batches(self, x, y, batch_size, shuffle=False):
        # Arrays are encoded once, for all epochs; a dataset batch by batch, in `clean`.
        return super().batches(self.into_space(x) if self._tells_latents else x, y, batch_size, shuffle)

    def clean(self, inputs):
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if self._tells_latents and tuple(images.shape[1:]) == self.space_shape:
            return ops.cast(images, "float32")
        return ops.stop_gradient(self.autoencoder.latents_of(images))

    @property
    def _tells_latents(self):
        """Whether latents can be told from images."""
        return self.space_shape != tuple(self.image_shape)

    def into_space(self, images):
        return self.autoencoder.encode(images)

    def out_of_space(self, x0):
        return self.autoencoder.decode(x0)

    def mask_in_space(self, mask):
        """A latent is dreamt where any pixel of its is."""
        rows, columns, _ = self.space_shape
        n, height, width, _ = mask.shape
        squares = mask.reshape(n, rows, height // rows, columns, width // columns, 1)
        return squares.any(axis=(2, 4)).astype("float32")

    @classmethod
    def choose_data(cls, *parts, num_classes=None, **arguments):
        return parts[:2] if num_classes is not None else (parts[0], captions_of(*parts))

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        """Images of a folder; each subfolder's name is their caption, or their class."""
        return super().read_data(path, image_size, num_classes=True)

    @classmethod
    def for_data(cls, images, told, autoencoder=None, tokenizer=None, num_classes=None, **arguments):
        """A model around an autoencoder, given as a model or as the path of one; its tokenizer learns from captions."""
        if autoencoder is None:
            raise ValueError(
                "autoencoder: expected a trained ImageAutoencoder or its path, got none. Train one first: kgen train "
                "image-autoencoder --data DATA --out runs/codec, then add --set autoencoder=runs/codec"
            )
        if isinstance(autoencoder, str | Path):
            autoencoder = load(autoencoder)
        if tokenizer is None and num_classes is None:
            tokenizer = BytePairTokenizer.train([text.lower() for text in told], 1024, progress=False)
        return cls(autoencoder, tokenizer, num_classes, **arguments)

    # Files -----------------------------------------------------------------------------------------------------------

    def get_config(self):
        self.autoencoder.trainable = True  # as it was given: else its optimizer would come back without a state
        try:
            return super().get_config()
        finally:
            self.autoencoder.trainable = False

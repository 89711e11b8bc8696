"""Images out of noise, a little cleaner at each step.

    loss = w(t) ‖network(α_t x₀ + σ_t ε, t) - (c x₀ + d ε)‖²        c, d: see `kgen.diffusion.predictions`

Ho et al., Denoising Diffusion Probabilistic Models, 2020.
"""

import keras
import numpy as np
from keras import ops

from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_widths
from kgen.layers.unet import UNet
from kgen.layers.unet import multiple_of
from kgen.models.base_diffusion import ImageDiffusion
from kgen.models.base_diffusion import check_teller
from kgen.models.base_images import as_uint8


@keras.saving.register_keras_serializable(package="kgen")
class DiffusionModel(ImageDiffusion):
    """Learns to take noise out of images, and so to make images out of noise: `fit(images)` or `fit(images, labels)`.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels. What the network cannot halve is filled up at the edge.
        num_classes: None, or the number of classes; then it learns from labels too, and dreams what it is told.
        tokenizer: None, or a `kgen.tokenizers.Tokenizer`; then it learns from captions, `fit(images, captions)`, and
            dreams what `prompt` says. Captions are read in lower case.
        context_length: most tokens of a caption, ≥ 1; what goes beyond is cut off.
        widths, blocks, num_heads, dropout: of its `kgen.layers.UNet`; attention is on the coarsest level.
        network: None for that U-Net, or a layer of your own that is called like it, such as a
            `kgen.layers.DiffusionTransformer`, with as many `out_channels` as the images have. It stays as it is: what
            learns is a new one of its configuration.
        schedule: how noise enters, see `kgen.diffusion`; None for `Cosine()`.
        prediction: what the network predicts: "epsilon", "x0", "v" or "velocity"; None for what suits the schedule:
            "v", or "velocity" for a `Flow`.
        min_snr_gamma: None, or γ of the weights by signal-to-noise ratio, see `kgen.diffusion.predictions.weights`.
        unconditional_share: share of the labels or captions that are hidden in training, in [0, 1), so that guidance
            knows what images look like without one.
        ema_decay: float in [0, 1); `generate` uses an average of the weights that follows those in training by this;
            0 uses those in training.
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`. `evaluate(images, full=True)` says how good the dreams are.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> model = kgen.models.DiffusionModel((8, 8, 1), widths=(8, 16), blocks=1, num_heads=2, seed=1)
    >>> model.compile()
    >>> history = model.fit(images[:64], epochs=1, verbose=0)
    >>> model.generate(4, steps=5, seed=1).shape
    (4, 8, 8, 1)
    """

    def __init__(
        self,
        image_shape,
        num_classes=None,
        tokenizer=None,
        context_length=16,
        widths=(64, 128, 256),
        blocks=2,
        num_heads=4,
        dropout=0.0,
        network=None,
        schedule=None,
        prediction=None,
        min_snr_gamma=None,
        unconditional_share=0.1,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        check_teller(num_classes, tokenizer, context_length)
        check_widths("widths", widths)
        if network is not None and not isinstance(network, keras.Layer):
            raise ValueError(f"network: expected None or a layer such as kgen.layers.UNet(…), got {network!r}")
        super().__init__(schedule, prediction, min_snr_gamma, unconditional_share, ema_decay, seed, **kwargs)
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.widths = widths
        self.blocks = blocks
        self.num_heads = num_heads
        self.dropout = dropout
        self.network = network
        multiple = multiple_of(widths) if network is None else getattr(network, "multiple", 1)
        height, width, channels = image_shape
        self.space_shape = (height + -height % multiple, width + -width % multiple, channels)
        self._assemble()

    def make_denoiser(self, name):
        channels = self.image_shape[-1]
        if self.network is None:
            network = UNet(
                channels,
                self.widths,
                self.blocks,
                num_heads=self.num_heads,
                dropout=self.dropout,
                seed=self.seed,
                dtype=self.dtype_policy,
                name="network",
            )
        else:
            network = type(self.network).from_config(self.network.get_config())
        return self._told_network(network, name, 4 * self.widths[0])

    def clean(self, inputs):
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if len(images.shape) == 3:
            images = images[..., None]
        for axis, (size, wanted) in enumerate(zip(self.image_shape[:2], self.space_shape[:2], strict=True), start=1):
            if wanted > size:  # the last row and column once more
                images = ops.take(images, np.minimum(np.arange(wanted), size - 1), axis=axis)
        return ops.cast(images, "float32") / 127.5 - 1.0

    def into_space(self, images):
        return ops.convert_to_numpy(self.clean(images))

    def out_of_space(self, x0):
        return as_uint8(x0[:, : self.image_shape[0], : self.image_shape[1]])

    def mask_in_space(self, mask):
        more = [(0, wanted - size) for size, wanted in zip(mask.shape[1:3], self.space_shape[:2], strict=True)]
        return np.pad(mask, [(0, 0), *more, (0, 0)], mode="edge").astype("float32")

"""PixelCNN: an image as a sentence of pixels, each drawn from a distribution over its levels given all before it.

    log p(x) = Σ_i log p(x_i | x_1, …, x_i-1)

in raster order, and within a pixel red, then green given red, then blue given both. A convolutional network that sees
earlier pixels only says all the factors of an image at once, so training and measuring are one pass, and the
likelihood is exact: no bound. Painting takes as many steps as there are pixels.

van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016 (the gated network). Mixtures of
logistics: Salimans et al., PixelCNN++, 2017.
"""

import math

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.decoding.pixel_loop import PixelLoop
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.fixed_noise import fixed_uniform
from kgen.functional.pixel_likelihoods import LIKELIHOODS
from kgen.functional.pixel_likelihoods import image_of
from kgen.functional.pixel_likelihoods import levels_of
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.masked_convolution import check_odd
from kgen.layers.pixel_network import PixelNetwork
from kgen.metrics.likelihood import bits_per_dimension
from kgen.models.base import exclusive
from kgen.models.base_images import ImageModel

AT_ONCE = 256  # images that are painted or measured together


@keras.saving.register_keras_serializable(package="kgen")
class PixelCNN(ImageModel):
    """Gated PixelCNN of images: `fit(images)` or `fit(images, labels)`, then `generate`, `complete`.

    Four likelihoods, each exact:

    - "bernoulli": pixels are binary. A grey value is the probability of white and is drawn anew at each pass (dynamic
      binarisation, as in `VAE`). For digits and drawings.
    - "categorical": `levels` of brightness, each with a probability of its own. For few levels, or much data.
    - "logistic": `levels` of brightness in their order, a mixture of logistics. For photographs and colour.
    - "codes": data are integers in [0, levels) without order, such as those of a `VQVAE`, instead of images.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels.
        num_classes: None, or the number of classes; then it learns from labels too, and paints what it is told.
        filters: channels of the two stacks, ≥ 1.
        num_blocks: gated blocks, ≥ 1; each looks kernel_size // 2 rows farther up.
        kernel_size: of the blocks, odd, ≥ 3.
        first_kernel_size: of what looks at the image itself, odd, ≥ 3.
        head_dim: units of each channel between the last block and the likelihood, ≥ 1.
        likelihood: "bernoulli", "categorical", "logistic" or "codes".
        levels: 2 to 256, into which brightness is cut; for codes any number ≥ 2. "bernoulli" has two whatever this is.
        dropout: in [0, 1), in each block.
        seed: int or None; seeds the weights, the binarisation and the order of the data.

    Metrics in `fit` and `evaluate`: `loss` (nats for each image) and `bits_per_dimension`.
    `evaluate(images, full=True)`: see `full_evaluation`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).integers(0, 256, (32, 6, 6, 1), dtype="uint8")
    >>> model = kgen.models.PixelCNN((6, 6, 1), filters=4, num_blocks=1, first_kernel_size=3, head_dim=4, seed=1)
    >>> model.compile()
    >>> history = model.fit(images, epochs=1, verbose=0)
    >>> model.generate(5, seed=1).shape
    (5, 6, 6, 1)
    >>> model.complete(images[:2], rows=3, n=4, seed=1).shape
    (2, 4, 6, 6, 1)
    """

    xla_pays_on_cpu = True  # 270 instead of 580 ms a step of 32 digits on one core

    def __init__(
        self,
        image_shape=(28, 28, 1),
        num_classes=None,
        filters=32,
        num_blocks=8,
        kernel_size=3,
        first_kernel_size=7,
        head_dim=64,
        likelihood="bernoulli",
        levels=256,
        dropout=0.0,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        if num_classes is not None:
            check_int("num_classes", num_classes, minimum=2)
        for name, value in (("filters", filters), ("num_blocks", num_blocks), ("head_dim", head_dim)):
            check_int(name, value, minimum=1)
        for name, value in (("kernel_size", kernel_size), ("first_kernel_size", first_kernel_size)):
            check_int(name, value, minimum=3)
            check_odd(name, value)
        check_in("likelihood", likelihood, tuple(LIKELIHOODS))
        check_int("levels", levels, minimum=2)
        if levels > 256 and likelihood != "codes":
            raise ValueError(f"levels: expected at most 256 of brightness, got {levels}")
        check_number("dropout", dropout, minimum=0.0, maximum=0.999)
        super().__init__(seed=seed, **kwargs)
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.filters = filters
        self.num_blocks = num_blocks
        self.kernel_size = kernel_size
        self.first_kernel_size = first_kernel_size
        self.head_dim = head_dim
        self.likelihood = likelihood
        self.levels = levels
        self.dropout = dropout
        with seeded(seed):
            self.network = PixelNetwork(
                image_shape,
                num_classes,
                filters,
                num_blocks,
                kernel_size,
                first_kernel_size,
                head_dim,
                likelihood,
                self._steps,
                dropout,
                dtype=self.dtype_policy,
                name="network",
            )
            self.binarisation = keras.random.SeedGenerator(drawn_seed())
        self.bits_tracker = keras.metrics.Mean(name="bits_per_dimension")
        self._loop = self._measure = None  # compiled at their first use
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def call(self, images, training=False):
        """Levels, int32 `(n, height, width, channels)`, and the parameters of their likelihood `(…, parameters)`, from
        uint8 images or codes of that shape, or a dict with labels `{"images": …, "labels": …}`."""
        images, labels = (images["images"], images["labels"]) if isinstance(images, dict) else (images, None)
        if len(images.shape) == 3:
            images = images[..., None]
        values = self._values(images, training)
        return {"values": values, "parameters": self.network(values, labels, training=training)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        nats = -self._log_likelihood(y_pred["values"], y_pred["parameters"])
        self.bits_tracker.update_state(bits_per_dimension(nats, math.prod(self.image_shape)))
        return ops.mean(nats)

    def prepare(self, x, y=None):
        if self.likelihood != "codes":
            return super().prepare(x, y)
        codes = np.asarray(x)
        codes = codes[..., None] if codes.ndim == 3 and self.image_shape[-1] == 1 else codes
        expected = f"integers in [0, {self.levels}) of shape (n, {', '.join(map(str, self.image_shape))}) with n ≥ 1"
        if codes.dtype.kind not in "iu" or codes.shape[1:] != tuple(self.image_shape) or not len(codes):
            raise ValueError(f"images: expected {expected}, got {codes.dtype} of shape {codes.shape}")
        if codes.min() < 0 or codes.max() >= self.levels:
            raise ValueError(f"images: expected {expected}, got some in [{codes.min()}, {codes.max()}]")
        _, labels = super().prepare(np.zeros(codes.shape, "uint8"), y)  # there is nothing left to say about the codes
        return codes.astype("int32"), labels

    @classmethod
    def for_data(cls, images, labels=None, **arguments):
        shape = images.shape[1:]
        likelihood = "bernoulli" if shape[-1] == 1 else "logistic"
        return super().for_data(images, labels, **{"likelihood": likelihood, **arguments})

    # The honest figure -----------------------------------------------------------------------------------------------

    def full_evaluation(self, x, y=None, seed=0, verbose=1):
        """-log p(x), exactly (`evaluate(x, full=True)`).

        Args:
            x: uint8 images, or codes. Where pixels are binary, `seed` decides which, the same on every backend and the
                same as in `VAE.full_evaluation`.
            y: labels of a model with classes: then it is -log p(x | y).
            seed: int.
            verbose: 0 or 1 (a progress bar).

        Returns:
            dict: `nll` in nats for each image, `bits_per_dimension`, `num_images`.
        """
        if self.likelihood == "bernoulli":
            values = (np.random.default_rng(seed).random(x.shape, "float32") < x / 255.0).astype("int32")
        else:
            values = ops.convert_to_numpy(self._values(ops.convert_to_tensor(x), training=False))
        if self._measure is None:
            self._measure = backend.compiled(self._cost, self.network.variables)
        progress = keras.utils.Progbar(len(x), verbose=verbose, unit_name="image")
        nats = []
        group = min(AT_ONCE, 1 << (len(x) - 1).bit_length())
        for rows, arrays in _groups(group, values, *(() if y is None else (y,))):
            cost = self._measure(*(ops.convert_to_tensor(one.astype("int32")) for one in arrays))
            nats.append(ops.convert_to_numpy(cost)[:rows].astype("float64"))
            progress.add(rows)
        nll = float(np.concatenate(nats).mean())
        bits = bits_per_dimension(nll, math.prod(self.image_shape))
        return {"nll": nll, "bits_per_dimension": bits, "num_images": len(x)}

    # Use -------------------------------------------------------------------------------------------------------------

    def generate(self, n=1, seed=None, labels=None, temperature=1.0, progress=None):
        """Images that the model paints: uint8 `(n, height, width, channels)`; for codes int32.

        Args:
            n: how many, ≥ 1.
            seed: int or None; the same seed gives the same images on the same backend.
            labels: for a model with classes: an int for all images, or `(n,)`; None takes the classes in turn.
            temperature: of each pixel's distribution: below 1 keeps to what is likely, 0 takes the likeliest, ≥ 0.
            progress: None, or a function (rows done, rows in all) that is called now and then; what it raises ends the
                painting.

        Raises:
            ValueError: an argument out of range, or labels for a model without classes.
        """
        check_int("n", n, minimum=1)
        return self._shown(self._painted(n, seed, self._labels(labels, n), temperature, progress))

    def complete(self, images, rows=None, mask=None, n=1, seed=None, labels=None, temperature=1.0, progress=None):
        """Images that go on where the given ones end: uint8 `(len(images), n, height, width, channels)`.

        A pixel is painted given all before it; what a mask keeps further below has no say in it.

        Args:
            images: uint8 `(m, height, width, channels)`, or codes. Where pixels are binary, `seed` decides those that
                are kept.
            rows: how many rows from the top are kept, 0 to height; or None, and
            mask: bool `(height, width)` or `(m, height, width)`, true where a pixel is kept.
            n: different ways to go on from each image, ≥ 1.
            labels: for a model with classes: an int, or one for each image `(m,)`.
            seed, temperature, progress: as in `generate`.

        Raises:
            ValueError: an argument out of range, or not exactly one of `rows` and `mask`.
        """
        images, _ = self.prepare(images, self._labels(labels, len(images)))
        check_int("n", n, minimum=1)
        height, width, _ = self.image_shape
        if (rows is None) == (mask is None):
            raise ValueError(
                f"rows, mask: expected one of the two, got {rows=} and {'no' if mask is None else 'a'} mask"
            )
        if rows is not None:
            check_int("rows", rows, minimum=0)
            if rows > height:
                raise ValueError(f"rows: expected at most the {height} of the image, got {rows}")
            mask = np.repeat(np.arange(height)[:, None] < rows, width, axis=1)
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape not in ((height, width), (len(images), height, width)):
            expected = f"bool of shape ({height}, {width}) or ({len(images)}, {height}, {width})"
            raise ValueError(f"mask: expected {expected}, got {mask.dtype} of shape {mask.shape}")
        labels = self._labels(labels, len(images))
        if self.likelihood == "bernoulli":
            known = (np.random.default_rng(seed).random(images.shape, "float32") < images / 255.0).astype("int32")
        else:
            known = ops.convert_to_numpy(self._values(ops.convert_to_tensor(images), training=False))
        mask = np.broadcast_to(mask[..., None], images.shape)
        known, mask, labels = (None if one is None else np.repeat(one, n, axis=0) for one in (known, mask, labels))
        painted = self._painted(len(known), seed, labels, temperature, progress, known, mask)
        return self._shown(painted).reshape(len(images), n, *self.image_shape)

    # Inside ----------------------------------------------------------------------------------------------------------

    @property
    def _steps(self):
        """The levels that there are."""
        return 2 if self.likelihood == "bernoulli" else self.levels

    def _values(self, images, training):
        """What the likelihood is about: integers in [0, levels)."""
        if self.likelihood == "codes":
            return ops.cast(images, "int32")
        if self.likelihood != "bernoulli":
            return levels_of(images, self.levels)
        shape = (ops.shape(images)[0], *self.image_shape)
        noise = keras.random.uniform(shape, seed=self.binarisation) if training else fixed_uniform(shape, seed=1)
        return ops.cast(noise < ops.cast(images, "float32") / 255.0, "int32")

    def _log_likelihood(self, values, parameters):
        """log p(x) in nats: float32 `(n,)`."""
        return ops.sum(self.network.distribution.log_probability(parameters, values), axis=(1, 2, 3))

    def _cost(self, values, labels=None):
        return -self._log_likelihood(values, self.network(values, labels, training=False))

    @exclusive
    def _painted(self, n, seed, labels, temperature, progress, known=None, mask=None):
        """Levels `(n, height, width, channels)`, int32."""
        check_number("temperature", temperature, minimum=0.0)
        if progress is not None and not callable(progress):
            raise ValueError(f"progress: expected a function (done, all) or None, got {progress!r}")
        if self._loop is None:
            self._loop = PixelLoop(self.network, self.image_shape, self.network.variables)
        shape = (n, *self.image_shape)
        uniforms = np.random.default_rng(seed).random(shape, "float32")
        known = np.zeros(shape, "int32") if known is None else known
        mask = np.zeros(shape, bool) if mask is None else mask
        group, height = min(AT_ONCE, 1 << (n - 1).bit_length()), self.image_shape[0]
        groups = _groups(group, uniforms, known, mask, *(() if labels is None else (labels.astype("int32"),)))
        painted, rows_in_all = [], height * -(-n // group)
        for rows, (uniforms, known, mask, *condition) in groups:
            every = None if progress is None else max(1, height // 8)
            values = None
            for done, values in self._loop.stream(uniforms, temperature, condition, known, mask, every):  # noqa: B007
                if progress is not None:
                    progress(height * len(painted) + done, rows_in_all)
            painted.append(values[:rows])
        return np.concatenate(painted)

    def _shown(self, values):
        """Levels as people see them; codes stay what they are."""
        if self.likelihood == "codes":
            return values
        return np.rint(image_of(values, self._steps)).astype("uint8")


def _groups(size, *arrays):
    """Yields (rows, arrays of `size` rows), the last ones filled up with rows that do not count."""
    for start in range(0, len(arrays[0]), size):
        parts = [np.asarray(array[start : start + size]) for array in arrays]
        rows = len(parts[0])
        yield rows, [np.pad(one, [(0, size - rows)] + [(0, 0)] * (one.ndim - 1)) for one in parts]

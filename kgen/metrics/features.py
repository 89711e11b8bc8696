"""What a small classifier sees in images: the features in which sets of images are compared.

The weights are in `features.safetensors` beside this file, with data, licences and accuracies in `features.md`;
`examples/feature_classifier.py` trains them. A figure counted in these features compares with others counted in them,
and with none that are counted in Inception's.
"""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
from keras import ops

from kgen import backend
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.metrics.resizing import resized
from kgen.presets.files import atomic_write

SHIPPED = Path(__file__).with_name("features.safetensors")
SIDE = 32


class FeatureClassifier:
    """A small convolutional classifier of images, read from a file and run without layers.

        h₀ = relu(conv(x) + b₀),  hᵢ = relu(conv(mean₂ₓ₂(hᵢ₋₁)) + bᵢ),  features = mean of the last h over the image
        probabilities = softmax(features · W + b)

    with 3 × 3 convolutions, and x the image at 32 × 32 in [-1, 1], grey repeated to three channels. Calling it gives
    the features, so that it is an `extractor` for `frechet_distance` and its kind.

    Args:
        arrays: dict of arrays: "kernel_0" `(3, 3, 3, channels)` and "bias_0" `(channels,)` of the first stage, and so
            on; "head_kernel" `(features, classes)` and "head_bias" `(classes,)`.
        classes: dict of the data sets to the names of their classes, all of them in the order of the head.
        name: str, printed beside each figure that is counted with it: a name of its own for weights of its own.

    Example:

    >>> import kgen
    >>> classifier = kgen.metrics.FeatureClassifier.read()
    >>> classifier.name, classifier.classes["fashion_mnist"][9]
    ('kgen-features-1', 'Ankle boot')
    >>> images, labels = kgen.datasets.load("digits", split="test")
    >>> classifier(images[:4]).shape
    (4, 128)
    """

    def __init__(self, arrays, classes, name):
        self.arrays = {key: np.asarray(array, "float32") for key, array in arrays.items()}
        self.classes = {data: list(names) for data, names in classes.items()}
        self.name = name
        self._maps = backend.compiled(_maps)
        self._features = backend.compiled(_features)

    @classmethod
    def read(cls, path=SHIPPED):
        """The classifier in a file that `save` wrote; by default the shipped one.

        Raises:
            FileNotFoundError: no such file.
            ValueError: truncated, altered, or another kind of file.
        """
        from safetensors import SafetensorError
        from safetensors import safe_open

        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file; the shipped one comes with keras-kgen: reinstall it")
        try:
            with safe_open(path, framework="np") as file:
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no dict)
                about = dict(file.metadata() or {})
        except SafetensorError as error:
            raise ValueError(f"{path}: damaged or not a safetensors file ({error}); restore it from a copy") from None
        if about.pop("sha256", None) != _checksum(arrays, about):
            raise ValueError(f"{path}: damaged or no feature classifier, wrong checksum; restore it from a copy")
        return cls(arrays, json.loads(about["classes"]), about["name"])

    def save(self, path):
        """Write it as safetensors, in half precision, with names and a checksum."""
        from safetensors.numpy import save_file

        halves = {key: np.array(array, "float16", order="C") for key, array in self.arrays.items()}
        about = {"name": self.name, "classes": json.dumps(self.classes)}
        with atomic_write(path) as temporary:
            save_file(halves, temporary, {**about, "sha256": _checksum(halves, about)})

    def __call__(self, images):
        return self.features(images)

    def features(self, images, batch_size=256):
        """See `classifier_features`."""
        return np.concatenate([features for (features,) in self._in_batches(self._features, images, batch_size)])

    def maps(self, images, batch_size=256):
        """See `classifier_maps`."""
        batches = self._in_batches(self._maps, images, batch_size)
        return [np.concatenate(stage) for stage in zip(*batches, strict=True)]

    def probabilities(self, images, among=None, batch_size=256):
        """See `classifier_probabilities`."""
        check_in("among", among, (None, *self.classes))
        logits = self.features(images, batch_size) @ self.arrays["head_kernel"] + self.arrays["head_bias"]
        logits = logits[:, self._columns(among)]
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def labels(self, images, among=None, batch_size=256):
        """See `classifier_labels`."""
        return self.probabilities(images, among, batch_size).argmax(1)

    def _columns(self, among):
        start = 0
        for data, names in self.classes.items():
            if data == among:
                return slice(start, start + len(names))
            start += len(names)
        return slice(None)

    def _in_batches(self, function, images, batch_size):
        """Yields what a function of `(pixels, weights)` gives, a list of NumPy arrays for each batch of images."""
        check_int("batch_size", batch_size, minimum=1)
        images = checked_images("images", images)
        size = min(batch_size, 1 << (len(images) - 1).bit_length())  # few sizes: each is a program of its own
        weights = {key: ops.convert_to_tensor(array) for key, array in self.arrays.items()}
        for start in range(0, len(images), size):
            rows = images[start : start + size]
            pixels = np.zeros((size, SIDE, SIDE, 3), "float32")  # what is missing in the last batch stays black
            pixels[: len(rows)] = resized(rows, SIDE)
            yield [ops.convert_to_numpy(one)[: len(rows)] for one in function(ops.convert_to_tensor(pixels), weights)]


def classifier_features(images, batch_size=256):
    """What the shipped classifier sees in images: its penultimate layer.

        features = mean over the image of h₃, the last of the four stages

    Args:
        images: uint8 `(n, height, width, 1 or 3)`, or `(n, height, width)`, of any size; floats in [0, 255] also do.
            They are brought to 32 × 32 in NumPy, grey is repeated to three channels.
        batch_size: int ≥ 1, how many are looked at together.

    Returns:
        float32 `(n, 128)`, not negative; on every backend the same to 1e-4.

    Raises:
        ValueError: no images, or something else than images; or the file with the weights is damaged.

    Example:

    >>> import kgen
    >>> images, _ = kgen.datasets.load("digits", split="test")
    >>> features = kgen.metrics.classifier_features(images[:4])
    >>> features.shape, features.dtype
    ((4, 128), dtype('float32'))

    Reference: Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, 2017,
    for the use of a classifier's penultimate layer.
    """
    return shipped().features(images, batch_size)


def classifier_maps(images, batch_size=256):
    """What each stage of the shipped classifier sees in images, from edges to parts of things.

        h₀ = relu(conv(x) + b₀),  hᵢ = relu(conv(mean₂ₓ₂(hᵢ₋₁)) + bᵢ)

    Args:
        images: as `classifier_features` takes them.
        batch_size: int ≥ 1, how many are looked at together.

    Returns:
        list of float32 `(n, 32, 32, 16)`, `(n, 16, 16, 32)`, `(n, 8, 8, 64)` and `(n, 4, 4, 128)`: 120 kB an image, so
        call it for some hundreds at a time.

    Raises:
        ValueError: no images, or something else than images; or the file with the weights is damaged.

    Example:

    >>> import kgen
    >>> images, _ = kgen.datasets.load("digits", split="test")
    >>> [stage.shape for stage in kgen.metrics.classifier_maps(images[:4])]
    [(4, 32, 32, 16), (4, 16, 16, 32), (4, 8, 8, 64), (4, 4, 4, 128)]

    Reference: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, 2018.
    """
    return shipped().maps(images, batch_size)


def classifier_probabilities(images, among=None, batch_size=256):
    """How probable the shipped classifier finds each class.

        p(class | image) = softmax(features · W + b),  over the classes of `among` alone where it is given

    Args:
        images: as `classifier_features` takes them.
        among: "mnist", "fashion_mnist" or "emoji" (groups of emoji): classes of this data set only; or None for all,
            one data set after the other.
        batch_size: int ≥ 1, how many are looked at together.

    Returns:
        float32 `(n, classes)`; `FeatureClassifier.read().classes` has the names.

    Raises:
        ValueError: no images, or something else than images, or no such data set.

    Example:

    >>> import kgen
    >>> images, _ = kgen.datasets.load("digits", split="test")
    >>> kgen.metrics.classifier_probabilities(images[:4]).shape
    (4, 29)
    >>> kgen.metrics.classifier_probabilities(images[:4], among="mnist").shape
    (4, 10)
    """
    return shipped().probabilities(images, among, batch_size)


def classifier_labels(images, among=None, batch_size=256):
    """What the shipped classifier takes images for.

        label = argmax over the classes of p(class | image)

    The share of `classifier_labels(model.generate(n, labels=labels), among="fashion_mnist") == labels` is the class
    accuracy of a conditional model.

    Args:
        images: as `classifier_features` takes them.
        among: "mnist", "fashion_mnist" or "emoji" (groups of emoji): the data set whose classes come into question; or
            None for all, one data set after the other.
        batch_size: int ≥ 1, how many are looked at together.

    Returns:
        int64 `(n,)`, the data set's own labels; among all, MNIST has 0 to 9, Fashion-MNIST 10 to 19, emoji 20 to 28.

    Raises:
        ValueError: no images, or something else than images, or no such data set.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits", split="test")
    >>> kgen.metrics.classifier_labels(images, among="mnist").shape
    (297,)
    """
    return shipped().labels(images, among, batch_size)


@functools.cache
def shipped():
    """The classifier that comes with kgen."""
    return FeatureClassifier.read()


def checked_images(name, images):
    """Images of any size as an array `(n, height, width, 1 or 3)`; refuses what is none."""
    images = np.asarray(images)
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise ValueError(f"{name}: expected images of shape (n, height, width, 1 or 3), got shape {images.shape}")
    return check_images(name, images, images.shape[1:])


def _maps(pixels, weights):
    """The maps of all stages, for pixels float32 `(n, 32, 32, 3)` in [0, 255]."""
    x, maps = pixels / 127.5 - 1.0, []
    for stage in range(sum(key.startswith("kernel_") for key in weights)):
        if stage:
            x = ops.average_pool(x, 2, strides=2, data_format="channels_last")
        x = ops.conv(x, weights[f"kernel_{stage}"], padding="same", data_format="channels_last")
        x = ops.relu(x + weights[f"bias_{stage}"])
        maps.append(x)
    return maps


def feature_maps(images):
    """The maps of all stages of the shipped classifier as tensors through which gradients flow: for losses.

    Args:
        images: float tensor `(n, height, width, 1 or 3)` in [-1, 1]; resized to 32 × 32.
    """
    pixels = 127.5 * (images + 1.0)
    if images.shape[-1] == 1:
        pixels = ops.repeat(pixels, 3, axis=-1)
    height, width = images.shape[1:3]
    if height == width and height % SIDE == 0 and height > SIDE:
        factor = height // SIDE
        pixels = ops.average_pool(pixels, factor, strides=factor, data_format="channels_last")
    elif (height, width) != (SIDE, SIDE):
        pixels = ops.image.resize(pixels, (SIDE, SIDE), data_format="channels_last")
    return _maps(pixels, {key: ops.convert_to_tensor(array) for key, array in shipped().arrays.items()})


def _features(pixels, weights):
    return [ops.mean(_maps(pixels, weights)[-1], axis=(1, 2))]


def _checksum(arrays, about):
    """A fingerprint of weights and names: a figure is worth nothing when its extractor is not the one it names."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for key in sorted(arrays):
        digest.update(f"{key} {arrays[key].dtype} {arrays[key].shape}".encode())
        digest.update(arrays[key].tobytes())
    return digest.hexdigest()

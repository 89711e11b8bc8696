"""Small images in ten classes, each set as (images uint8 `(n, height, width, channels)`, labels int64 `(n,)`).

A machine without network needs one file, written on another one where Keras has downloaded the data:

    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
    np.savez_compressed("cifar10.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
"""

import os
from pathlib import Path

import keras
import numpy as np

from kgen.datasets.files import file_in
from kgen.datasets.npz import read_npz
from kgen.functional.checks import check_in

SPLITS = ("train", "test")
NUM_CLASSES = 10
DIGITS_TRAIN = 1500


def digits(split, data_dir=None):
    """Handwritten digits, 8 × 8 grey: the first 1,500 rows are "train", the last 297 "test".

    Embedded: scikit-learn brings it (the test part of UCI's "Optical Recognition of Handwritten Digits", by E. Alpaydin
    and C. Kaynak), so `data_dir` is not looked at. Its 17 levels 0..16 become 0..255. Licence: CC BY 4.0.
    """
    from sklearn.datasets import load_digits  # a second of import that no other data set should pay

    check_in("split", split, SPLITS)
    data = load_digits()
    rows = slice(None, DIGITS_TRAIN) if split == "train" else slice(DIGITS_TRAIN, None)
    images = np.rint(data.images[rows, ..., None] * (255 / 16)).astype("uint8")
    return images, data.target[rows].astype("int64")


def digits_and_negatives(split, data_dir=None):
    """Two kinds of images without pairs: white digits on black, and others, black on white, 16 × 16 grey.

    Of the digits of "digits", enlarged, the even rows are of one kind and the odd rows of the other. Embedded, and for
    a first try: what leads from one kind to the other is 255 minus the image. Licence: as "digits".
    """
    images = digits(split)[0].repeat(2, axis=1).repeat(2, axis=2)
    return images[::2], 255 - images[1::2]


def mnist(split, data_dir=None):
    """MNIST, handwritten digits, 28 × 28 grey: 60,000 and 10,000, by Y. LeCun, C. Cortes and C. Burges.

    Keras downloads it (11 MB); that same file,
    https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz, also fits into `data_dir`.
    Licence: CC BY-SA 3.0.
    """
    return _from_folder_or_keras("mnist", (28, 28, 1), split, data_dir, keras_file="mnist.npz")


def fashion_mnist(split, data_dir=None):
    """Fashion-MNIST, photographs of clothes, 28 × 28 grey: 60,000 and 10,000, by Zalando.

    Keras downloads it (30 MB). Origin: https://github.com/zalandoresearch/fashion-mnist. Licence: MIT.
    """
    return _from_folder_or_keras("fashion_mnist", (28, 28, 1), split, data_dir)


def cifar10(split, data_dir=None):
    """CIFAR-10, photographs of animals and vehicles, 32 × 32 colour: 50,000 and 10,000, by A. Krizhevsky.

    Keras downloads it (170 MB) from https://www.cs.toronto.edu/~kriz/cifar.html. Licence: none is stated; research use,
    with a citation of "Learning Multiple Layers of Features from Tiny Images", 2009.
    """
    return _from_folder_or_keras("cifar10", (32, 32, 3), split, data_dir)


def _from_folder_or_keras(name, image_shape, split, data_dir, keras_file=None):
    check_in("split", split, SPLITS)
    if data_dir is None:
        images, labels = _download(name, split, keras_file)
        if images.ndim == 4 and keras.config.image_data_format() == "channels_first":
            images = np.moveaxis(images, 1, -1)
        return _checked(f"keras.datasets.{name}", images, labels, image_shape)
    path = file_in(data_dir, f"{name}.npz", f"the arrays {_arrays()}")
    images, labels = read_npz(path, (f"x_{split}", f"y_{split}"))
    return _checked(path, images, labels, image_shape)


def _download(name, split, keras_file):
    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises bare Exception where a download fails
        cache = Path(os.environ.get("KERAS_HOME") or "~/.keras", "datasets", keras_file or "")
        raise FileNotFoundError(
            f"name: {name!r} could not be downloaded ({error}). Without network, put a file {name}.npz with the arrays "
            f"{_arrays()} into a folder and pass data_dir='that folder'"
            + (f", or put Keras's own {keras_file} at {cache}." if keras_file else ".")
        ) from error
    return train if split == "train" else test


def _checked(source, images, labels, image_shape):
    shape, n = images.shape, len(images) if images.ndim else 0
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.shape[1:] != image_shape or n == 0:
        expected = ", ".join(map(str, image_shape))
        raise ValueError(
            f"{source}: expected images as uint8 of shape (n, {expected}), got {images.dtype} of shape {shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"{source}: expected one integer label for each of {n} images, got {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= NUM_CLASSES:
        raise ValueError(f"{source}: expected labels in 0..9, got some in {labels.min()}..{labels.max()}")
    return images, labels.reshape(n).astype("int64")


def _arrays():
    return ", ".join(f"{kind}_{split}" for split in SPLITS for kind in "xy")

"""Three digits in one image: a thousand modes that a classifier of digits can count."""

import numpy as np

from kgen.datasets.labelled_images import mnist

SEED = 3


def stacked_mnist(split, data_dir=None):
    """Stacked MNIST: three random digits as red, green and blue, 28 × 28 × 3: 60,000 and 10,000, in 1,000 modes.

    A label is the number that the digits spell, 0..999, int64 `(n,)`: 100 · red + 10 · green + blue. Each channel is
    the whole split of MNIST in another order, the same every time, so every digit is used three times. It is made when
    asked for, out of MNIST: downloaded, or `mnist.npz` in `data_dir`. 141 MB of memory for "train".

    Metz et al., Unrolled Generative Adversarial Networks, 2017. Licence: CC BY-SA 3.0, that of MNIST.
    """
    digits, labels = mnist(split, data_dir)
    images = np.empty((*digits.shape[:3], 3), "uint8")
    numbers = np.zeros(len(digits), "int64")
    for channel in range(3):
        order = np.random.default_rng([SEED, channel]).permutation(len(digits))
        images[..., channel] = digits[order, :, :, 0]
        numbers = 10 * numbers + labels[order]
    return images, numbers

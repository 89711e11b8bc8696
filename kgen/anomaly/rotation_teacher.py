"""A teacher that nobody had to label anything for: it learns to tell how an image was turned and moved.

To see that a 7 stands on its head one must know what a 7 looks like: features that solve this task describe the normal
images. Golan and El-Yaniv, Deep Anomaly Detection Using Geometric Transformations, 2018.
"""

import keras
import numpy as np
from keras import layers

from kgen.anomaly.learning import RandomRows
from kgen.functional.seeding import drawn_seed
from kgen.layers.convolution import Conv2D

CHANGES = 12  # four turns, and after each three moves
SHIFT = 4  # images move by a fourth of their side, what leaves comes in again on the other


def changed(images, which):
    """Images `(n, height, width, channels)`, each turned and moved as `which` in [0, CHANGES) says."""
    height, width = images.shape[1:3]
    turns = (0, 1, 2, 3) if height == width else (0, 2, 0, 2)
    moves = ((0, 0), (height // SHIFT, 0), (0, width // SHIFT))
    out = np.empty_like(images)
    for change in range(CHANGES):
        rows = np.flatnonzero(which == change)
        turned = np.rot90(images[rows], turns[change % 4], axes=(1, 2))
        if height != width and change % 4 >= 2:
            turned = turned[:, :, ::-1]
        out[rows] = np.roll(turned, moves[change // 4], axis=(1, 2))
    return out


def convolutions(image_shape, features, name):
    """Images in [0, 255] → feature maps of a fourth of their sides: `(n, height/4, width/4, features)`."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Rescaling(2.0 / 255.0, -1.0, name="centre"),
            _convolution(features // 2, "level_1", "leaky_relu"),
            _convolution(features, "level_2", "leaky_relu"),
            Conv2D(features, 1, kernel_initializer=he_normal(), name="features"),
        ],
        name=name,
    )


def trained_teacher(images, features, steps, batch_size, seed, verbose, callbacks=()):
    """A network of `convolutions` that has learned to recognise the changes of these images."""
    trunk = convolutions(images.shape[1:], features, "teacher")
    head = [
        layers.Activation("leaky_relu", name="activation"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(CHANGES, kernel_initializer=he_normal(), name="changes"),
    ]
    classifier = keras.Sequential([trunk, *head], name="which_change")
    classifier.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = ChangedImages(images, batch_size, steps, seed)
    classifier.fit(batches, epochs=1, shuffle=False, callbacks=[*callbacks], verbose=verbose)
    return trunk


class ChangedImages(RandomRows):
    """Batches of changed images and which change it was; each a function of (seed, batch)."""

    def __getitem__(self, index):
        (images,) = super().__getitem__(index)
        which = np.random.default_rng([self.seed, index, 1]).integers(CHANGES, size=len(images))
        return changed(images, which), which


def _convolution(filters, name, activation):
    return Conv2D(filters, 4, 2, "same", activation=activation, kernel_initializer=he_normal(), name=name)


def he_normal():
    """An initializer with a seed of its own."""
    return keras.initializers.HeNormal(seed=drawn_seed())

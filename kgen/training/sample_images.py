"""Callbacks that show, epoch by epoch, what the model dreams, or what it makes of images."""

import numpy as np

from kgen.functional.checks import check_int
from kgen.plots.grid import image_grid
from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file


class SampleImages(EveryFewEpochs):
    """Writes a grid of `model.generate(n, seed=seed)` as `epoch_0001.png` … at the end of epochs.

    The seed is the same each time, so the pictures show one dream becoming sharper.

    Args:
        folder: where to write; created when missing.
        n: number of images in the grid.
        every: write after every so many epochs, and after the first.
        seed: int.

    Raises:
        ValueError: `n` or `every` is not an integer ≥ 1.
    """

    def __init__(self, folder, n=64, every=1, seed=0):
        super().__init__(every, verb="generate")
        check_int("n", n, minimum=1)
        self.folder = folder
        self.n = n
        self.seed = seed

    def after_epoch(self, number, logs):
        figure = image_grid(self.model.generate(self.n, seed=self.seed))
        figure.savefig(epoch_file(self.folder, number, ".png"))


class SampleTranslatedImages(EveryFewEpochs):
    """Writes images beside what `model.translate(images)` makes of them as `epoch_0001.png` … at the end of epochs.

    Args:
        folder: where to write; created when missing.
        images: uint8 `(n, height, width, channels)`; the first of them are shown.
        n: how many, ≥ 1.
        every: write after every so many epochs, and after the first.

    Raises:
        ValueError: `n` or `every` is not an integer ≥ 1.
    """

    shown = "translate"  # the verb of the model

    def __init__(self, folder, images, n=24, every=1):
        super().__init__(every, verb=self.shown)
        check_int("n", n, minimum=1)
        self.folder = folder
        self.images = np.asarray(images[:n])

    def after_epoch(self, number, logs):
        both = np.stack([self.images, getattr(self.model, self.shown)(self.images)], axis=1)
        figure = image_grid(both.reshape(-1, *self.images.shape[1:]), columns=8)
        figure.savefig(epoch_file(self.folder, number, ".png"))


class SampleReconstructions(SampleTranslatedImages):
    """Writes images beside what `model.reconstruct(images)` makes of them as `epoch_0001.png` … at the end of epochs.

    Args:
        folder, images, n, every: as for `SampleTranslatedImages`.
    """

    shown = "reconstruct"


class SampleRestorations(EveryFewEpochs):
    """Writes what an `ImageRestorer` makes of damaged images as `epoch_0001.png` … at the end of epochs.

    A row for each of its tasks; in it, for each image, what was given, the mean of all answers, and the truth. The
    damage is the same each time.

    Args:
        folder: where to write; created when missing.
        images: uint8 `(n, height, width, channels)`, whole; the first of them are shown.
        n: how many, ≥ 1.
        every: write after every so many epochs, and after the first.
        seed: int, of the damage.

    Raises:
        ValueError: `n` or `every` is not an integer ≥ 1.
    """

    def __init__(self, folder, images, n=4, every=1, seed=0):
        super().__init__(every, verb="restore")
        check_int("n", n, minimum=1)
        self.folder = folder
        self.images = np.asarray(images[:n])
        self.seed = seed

    def after_epoch(self, number, logs):
        rows = []
        for task in self.model.able:
            given = self.model.damaged(task, self.images, self.seed)
            made = self.model.restore(task, given, seed=self.seed, steps=0)
            rows.append(np.stack([_seen(given, self.images.shape), made, self.images], axis=1))
        grid = np.concatenate(rows).reshape(-1, *self.images.shape[1:])
        figure = image_grid(grid, columns=3 * len(self.images))
        figure.savefig(epoch_file(self.folder, number, ".png"))


def _seen(given, shape):
    """What is left of images, large as they were; a hole is grey."""
    if isinstance(given, tuple):
        images, mask = given
        return np.where(mask[..., None], 127, images).astype("uint8")
    factor = shape[1] // given.shape[1]
    return given.repeat(factor, axis=1).repeat(factor, axis=2)

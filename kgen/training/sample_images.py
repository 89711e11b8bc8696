"""A callback that shows, epoch by epoch, what the model dreams."""

from pathlib import Path

import keras

from kgen.functional.checks import check_int
from kgen.plots.grid import image_grid


class SampleImages(keras.callbacks.Callback):
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
        super().__init__()
        check_int("n", n, minimum=1)
        check_int("every", every, minimum=1)
        self.folder = Path(folder)
        self.n = n
        self.every = every
        self.seed = seed

    def on_epoch_end(self, epoch, logs=None):
        if epoch and (epoch + 1) % self.every:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        figure = image_grid(self.model.generate(self.n, seed=self.seed))
        figure.savefig(self.folder / f"epoch_{epoch + 1:04d}.png")

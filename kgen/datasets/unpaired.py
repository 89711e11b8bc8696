"""Two sets of images that do not belong together pair by pair: what a CycleGAN learns from."""

import keras
import numpy as np

from kgen.datasets.folder_of_images import image_folder
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int


class UnpairedImages(keras.utils.PyDataset):
    """Batches `({"a": …, "b": …},)` of two sets of images, each shuffled on its own: `fit(UnpairedImages(a, b))`.

    Each side is dealt out like a deck of cards, and shuffled anew when all of it was dealt: the images of the smaller
    side come several times in an epoch, equally often but for one. All batches have `batch_size` rows, so that one
    program is compiled: an epoch is rounded up to whole batches.

    The order of epoch e is a function of (seed, e) alone, so a resumed training goes on exactly. `evaluate` takes it,
    too; with `shuffle=False` it sees the same pairs each time, also after a `fit` with the same object.

    Args:
        a, b: uint8 images `(n_a, height, width, channels)` and `(n_b, …)`, or floats in the same range [0, 255]; 1 or 3
            channels, an only channel may be left out. n_a and n_b may differ.
        batch_size: int ≥ 1, rows of each side in a batch.
        num_rows: rows of each side in an epoch, an int ≥ 1; None: as many as the larger side has.
        shuffle: bool; False deals both sides in their own order.
        seed: int ≥ 0.

    Attributes:
        a, b: the images, as arrays with four axes.

    Raises:
        ValueError: images of another kind, none at all, or an argument out of range.

    Example:

    >>> import numpy as np, kgen
    >>> drawings, photographs = np.zeros((10, 8, 8, 3), "uint8"), np.zeros((7, 8, 8, 3), "uint8")
    >>> dataset = kgen.datasets.UnpairedImages(drawings, photographs, batch_size=4)
    >>> len(dataset)
    3
    >>> (batch,) = dataset[2]
    >>> batch["a"].shape, batch["b"].shape
    ((4, 8, 8, 3), (4, 8, 8, 3))
    """

    def __init__(self, a, b, batch_size=4, num_rows=None, shuffle=True, seed=0):
        super().__init__()
        check_int("batch_size", batch_size, minimum=1)
        if num_rows is not None:
            check_int("num_rows", num_rows, minimum=1)
        check_in("shuffle", shuffle, (False, True))
        check_int("seed", seed, minimum=0)
        self.a = _images("a", a)
        self.b = _images("b", b)
        self.batch_size = batch_size
        self.num_rows = num_rows or max(len(self.a), len(self.b))
        self.shuffle = shuffle
        self.seed = seed
        self.start_epoch(0)

    @classmethod
    def from_folders(cls, path_a, path_b, image_size=None, channels=3, **options):
        """The images in two folders and their subfolders; what cannot be read is skipped, with a warning.

        Args:
            path_a, path_b: the folders.
            image_size, channels: as of `kgen.datasets.image_folder`, for both sides.
            **options: further arguments of the class.

        Raises:
            FileNotFoundError: there is no such folder.
            ValueError: no image could be read, or an argument is out of range.
        """
        a, b = (image_folder(path, image_size=image_size, channels=channels) for path in (path_a, path_b))
        return cls(a, b, **options)

    def start_epoch(self, epoch):
        """Put both sides into the order of this epoch."""
        self.order = [self._dealt(len(side), [self.seed, epoch, i]) for i, side in enumerate((self.a, self.b))]

    def _dealt(self, n, seeds):
        count = len(self) * self.batch_size
        if not self.shuffle:
            return np.resize(np.arange(n), count)
        rng = np.random.default_rng(seeds)
        return np.concatenate([rng.permutation(n) for _ in range(-(-count // n))])[:count]

    def __len__(self):
        return -(-self.num_rows // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return ({"a": self.a[self.order[0][rows]], "b": self.b[self.order[1][rows]]},)


def _images(name, images):
    images = np.asarray(images)
    if images.ndim not in (3, 4):
        raise ValueError(
            f"{name}: expected uint8 images of shape (n, height, width, channels) with values in [0, 255], "
            f"got {images.dtype} of shape {images.shape}"
        )
    image_shape = (*images.shape[1:], 1)[:3]
    check_image_shape(name, image_shape)
    return check_images(name, images, image_shape)

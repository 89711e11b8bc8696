"""Data sets by name.

Each is one function `(split, data_dir)` whose docstring says what it holds, where a user gets it and its licence. A new
data set is that function, a line in `DATASETS` and a line in the docstring of `load`.
"""

from kgen.datasets import labelled_images
from kgen.functional.checks import check_in

DATASETS = {
    "digits": labelled_images.digits,
    "mnist": labelled_images.mnist,
    "fashion_mnist": labelled_images.fashion_mnist,
    "cifar10": labelled_images.cifar10,
}


def load(name, split="train", data_dir=None):
    """One split of a data set by its name.

    Images come with labels, as `(images uint8 (n, height, width, channels) in [0, 255], labels int64 (n,))`:

    - "digits": 8 × 8 grey, 1,500 and 297, embedded (no download)
    - "mnist": 28 × 28 grey, 60,000 and 10,000
    - "fashion_mnist": 28 × 28 grey, 60,000 and 10,000
    - "cifar10": 32 × 32 colour, 50,000 and 10,000

    Licences and sources: `help(kgen.datasets.labelled_images)`.

    Args:
        name: str, one of the above.
        split: "train" or "test".
        data_dir: a folder that holds `<name>.npz` with the arrays x_train, y_train, x_test and y_test, which is read
            instead of downloading; only the wanted split is read, and no pickle. None downloads once, through
            `keras.datasets`. Embedded data needs neither.

    Raises:
        ValueError: no such name or split; or the file is damaged or holds something else.
        FileNotFoundError: no such file, or the download failed; says which file to put where.

    Example:

    >>> import kgen
    >>> images, labels = kgen.datasets.load("digits", split="test")
    >>> images.shape, images.dtype, labels.shape
    ((297, 8, 8, 1), dtype('uint8'), (297,))
    """
    check_in("name", name, tuple(DATASETS))
    return DATASETS[name](split, data_dir)

"""Data sets by name.

Each is one function `(split, data_dir)` whose docstring says what it holds, where a user gets it and its licence. A new
data set is that function, a line in `DATASETS` and a line in the docstring of `load`.
"""

from kgen.datasets import dates
from kgen.datasets import emoji_images
from kgen.datasets import gaussians
from kgen.datasets import labelled_images
from kgen.datasets import prose
from kgen.datasets import stacked_digits
from kgen.datasets import translations
from kgen.functional.checks import check_in

DATASETS = {
    "digits": labelled_images.digits,
    "digits_and_negatives": labelled_images.digits_and_negatives,
    "mnist": labelled_images.mnist,
    "fashion_mnist": labelled_images.fashion_mnist,
    "cifar10": labelled_images.cifar10,
    "stacked_mnist": stacked_digits.stacked_mnist,
    "emoji": emoji_images.emoji,
    "emoji_twemoji": emoji_images.emoji_twemoji,
    "gaussian_grid": gaussians.gaussian_grid,
    "gaussian_ring": gaussians.gaussian_ring,
    "pydoc": prose.pydoc,
    "stdlib_code": prose.stdlib_code,
    "shakespeare": prose.shakespeare,
    "dates": dates.dates,
    "tatoeba_en_fr": translations.tatoeba_en_fr,
    "multi30k": translations.multi30k,
    "multi30k_en_fr": translations.multi30k_en_fr,
}


def load(name, split="train", data_dir=None):
    """One split of a data set by its name.

    Images come with labels, as `(images uint8 (n, height, width, channels) in [0, 255], labels int64 (n,))`:

    - "digits": 8 × 8 grey, 1,500 and 297, embedded (no download)
    - "mnist": 28 × 28 grey, 60,000 and 10,000
    - "fashion_mnist": 28 × 28 grey, 60,000 and 10,000
    - "cifar10": 32 × 32 colour, 50,000 and 10,000
    - "stacked_mnist": three digits as the channels of one image, 60,000 and 10,000, labels 0..999
    - "emoji": 64 × 64 colour, as `(images, labels, names, class_names)`, with a name for each and for each group
    - "emoji_twemoji": the same emoji by two hands, as two arrays of images `(noto, twemoji)`, row by row alike
    - "digits_and_negatives": 16 × 16 grey, as two arrays of images without pairs, white on black and black on white

    Points in the plane come with the mode that each was drawn from, as `(points float32 (n, 2), modes int64 (n,))`:

    - "gaussian_grid": 25 narrow Gaussians on a grid, 100,000 and 10,000, made up (no download)
    - "gaussian_ring": 8 on a circle, as many, made up (no download); `kgen.datasets.gaussian_modes` says where

    Texts come as a list of str, one a document:

    - "pydoc": English prose about Python, 79 topics of the language reference, embedded in Python
    - "stdlib_code": Python, the 700 files of the standard library, embedded in Python
    - "shakespeare": plays, as one document of 1,003,854 characters for "train" and one of 111,540 for "test"

    Sentences and their translations come as two lists of str, `(sources, targets)`:

    - "dates": dates in words → ISO 8601, 10,000, 500 and 500 pairs, made up (no download)
    - "tatoeba_en_fr": short everyday sentences, English → French, 120,000 pairs; no English sentence is in two splits
    - "multi30k": descriptions of pictures, English → German, 29,000, 1,014 and 1,000 pairs
    - "multi30k_en_fr": the same, English → French

    Licences and sources: `help` of `kgen.datasets.labelled_images`, `.stacked_digits`, `.emoji_images`, `.gaussians`,
    `.prose`, `.translations` and `.dates`.

    Args:
        name: str, one of the above.
        split: "train" or "test"; translations have "validation", too.
        data_dir: a folder to read from instead of downloading. Images: `<name>.npz` with the arrays x_train, y_train,
            x_test and y_test; only the wanted split is read, and no pickle. Texts, emoji and "stacked_mnist": the files
            that the function of the data set names. None downloads once, through Keras, what can be downloaded.
            Embedded and made-up data needs neither.

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

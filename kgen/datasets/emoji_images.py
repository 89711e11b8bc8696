"""Emoji as small pictures with names and groups, and the same emoji by two hands.

Nobody offers these files ready made. `emoji.npz` holds, for n emoji, plain arrays (no pickles):

    images      uint8 (n, height, width, 3), of https://github.com/googlefonts/noto-emoji (png/128), over white, 64 × 64
    names       str (n,), Unicode's English short name (CLDR): "grinning face"
    groups      str (n,), as Unicode's emoji-test.txt groups them: "Smileys & Emotion"

`emoji_twemoji.npz` holds the same emoji, or some of them, by another hand:

    images      uint8 (m, height, width, 3), of https://github.com/jdecked/twemoji
    noto_row    int (m,), which row of emoji.npz shows the same emoji

Emoji that only differ in the colour of skin, and flags, are better left out: they would be most of the set.
"""

import contextlib
import re
from typing import NamedTuple

import numpy as np

from kgen.datasets.files import file_in
from kgen.datasets.npz import read_npz
from kgen.datasets.splitting import bucket
from kgen.functional.checks import check_in

SPLITS = ("train", "test")
TEST_ONE_IN = 10
TWINS = re.compile("^(man|woman|person|men|women|people):? ")


class Emoji(NamedTuple):
    """What `load("emoji")` returns; `class_names[labels[i]]` is the group of image i, `names[i]` its name."""

    images: np.ndarray  # uint8 (n, height, width, 3)
    labels: np.ndarray  # int64 (n,)
    names: list
    class_names: list


class EmojiPairs(NamedTuple):
    """What `load("emoji_twemoji")` returns: row i of both shows the same emoji."""

    noto: np.ndarray  # uint8 (n, height, width, 3)
    twemoji: np.ndarray  # uint8 (n, height, width, 3)


def emoji(split, data_dir=None):
    """Emoji as Google draws them (Noto), on white, with their names and groups: `(images, labels, names, class_names)`.

    A label is the number of the emoji's group, `class_names` its name: the same for both splits. `names` are short
    descriptions in English, a list of str. About one emoji in ten is "test", by a hash of its name without "man",
    "woman" or "person" in front: such twins are together. So a file may hold more emoji, in any order.

    `data_dir` holds `emoji.npz`; `help(kgen.datasets.emoji_images)` says what is in it and where that comes from.
    Licence: Apache 2.0 (Noto Emoji); the names are Unicode's.
    """
    check_in("split", split, SPLITS)
    path, images, names, groups = _noto(data_dir)
    rows = _rows(path, names, split)
    class_names, labels = np.unique(groups, return_inverse=True)
    return Emoji(images[rows], labels[rows].astype("int64"), names[rows].tolist(), class_names.tolist())


def emoji_twemoji(split, data_dir=None):
    """The same emoji as Google and as Twitter draw them: `(noto, twemoji)`, two arrays of images, row by row alike.

    The split is that of "emoji": of an emoji that is tested neither picture is ever trained on. For training without
    pairs, shuffle each side on its own: `kgen.datasets.UnpairedImages` does.

    `data_dir` holds `emoji.npz` and `emoji_twemoji.npz`; `help(kgen.datasets.emoji_images)` says what is in them.
    Licence: Apache 2.0 (Noto Emoji) and CC BY 4.0 (Twemoji: Twitter and other contributors).
    """
    check_in("split", split, SPLITS)
    noto_path, noto, names, _ = _noto(data_dir)
    path = _file("emoji_twemoji.npz", data_dir, "images and noto_row")
    twemoji, noto_row = read_npz(path, ("images", "noto_row"))
    _check_images(path, twemoji)
    if noto_row.dtype.kind not in "iu" or noto_row.shape != (len(twemoji),):
        raise ValueError(
            f"{path}: expected noto_row as {len(twemoji)} integers, got {noto_row.dtype} of shape {noto_row.shape}"
        )
    if noto_row.min() < 0 or noto_row.max() >= len(noto):
        raise ValueError(
            f"{path}: expected noto_row in 0..{len(noto) - 1}, the rows of {noto_path.name}, "
            f"got some in {noto_row.min()}..{noto_row.max()}"
        )
    rows = _rows(path, names[noto_row], split)
    return EmojiPairs(noto[noto_row[rows]], twemoji[rows])


def _noto(data_dir):
    """The path of emoji.npz and its images, names and groups, checked."""
    path = _file("emoji.npz", data_dir, "images, names and groups")
    images, names, groups = read_npz(path, ("images", "names", "groups"))
    _check_images(path, images)
    for name, array in (("names", names), ("groups", groups)):
        if array.dtype.kind != "U" or array.shape != (len(images),):
            raise ValueError(
                f"{path}: expected {name} as {len(images)} strings, one an image, "
                f"got {array.dtype} of shape {array.shape}"
            )
    return path, images, names, groups


def _file(name, data_dir, holds):
    if data_dir is not None:
        with contextlib.suppress(FileNotFoundError):  # its advice is to download
            return file_in(data_dir, name, holds)
    raise FileNotFoundError(
        f"data_dir: expected a folder that holds {name} with the arrays {holds}, got {data_dir!r}. "
        "There is nothing to download; help(kgen.datasets.emoji_images) says how to make the file."
    )


def _check_images(path, images):
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise ValueError(
            f"{path}: expected images as uint8 of shape (n, height, width, 3), "
            f"got {images.dtype} of shape {images.shape}"
        )


def _rows(path, names, split):
    """The rows of a split, as a boolean array."""
    test = np.array([bucket(TWINS.sub("", name), TEST_ONE_IN) == 0 for name in names.tolist()])
    rows = test if split == "test" else ~test
    if not rows.any():
        raise ValueError(f"{path}: {len(rows)} emoji are too few for two splits, {split!r} is empty")
    return rows

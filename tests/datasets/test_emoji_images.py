"""Emoji: images, names and groups stay together, and no emoji is in two splits, by whichever hand."""

import re

import numpy as np
import pytest

import kgen

N = 60
SPLITS = ("train", "test")


def noto(**changes):
    """An emoji.npz in small: the first pixel of image i is i."""
    images = np.zeros((N, 4, 4, 3), "uint8")
    images[:, 0, 0, 0] = np.arange(N)
    made = {
        "images": images,
        "names": np.array([f"face {i}" for i in range(N)]),
        "groups": np.array(["Symbols", "Flags", "Objects"])[np.arange(N) % 3],
    }
    return {**made, **changes}


def twemoji(**changes):
    """The same upside down, from the last to the first, without one: the first pixel is 255 - i."""
    row = np.arange(N)[:0:-1]
    images = np.full((N - 1, 5, 5, 3), 9, "uint8")
    images[:, 0, 0, 0] = 255 - row
    return {"images": images, "noto_row": row.astype("int32"), **changes}


def write(folder, noto_changes=(), twemoji_changes=()):
    for name, made in (("emoji", noto(**dict(noto_changes))), ("emoji_twemoji", twemoji(**dict(twemoji_changes)))):
        np.savez(folder / f"{name}.npz", **{key: value for key, value in made.items() if value is not None})
    return folder


def rows_of(images):
    return images[:, 0, 0, 0].astype(int)


# Laws


def test_every_emoji_is_in_one_split_with_its_name_and_group(tmp_path):
    write(tmp_path)
    seen = []
    for split in SPLITS:
        images, labels, names, class_names = emoji = kgen.datasets.load("emoji", split, tmp_path)
        assert images.dtype == np.uint8
        assert labels.dtype == np.int64
        assert class_names == ["Flags", "Objects", "Symbols"] == emoji.class_names  # the same for both splits
        for row, label, name in zip(rows_of(images), labels, names, strict=True):
            assert name == f"face {row}"
            assert class_names[label] == ["Symbols", "Flags", "Objects"][row % 3]
        seen += rows_of(images).tolist()
    assert sorted(seen) == list(range(N))


def test_pairs_show_the_same_emoji_in_the_split_of_that_emoji(tmp_path):
    write(tmp_path)
    for split in SPLITS:
        pairs = kgen.datasets.load("emoji_twemoji", split, str(tmp_path))
        np.testing.assert_array_equal(rows_of(pairs.noto), 255 - rows_of(pairs.twemoji))
        assert pairs.noto.shape[1:] == (4, 4, 3)
        assert pairs.twemoji.shape[1:] == (5, 5, 3)
        own = set(rows_of(kgen.datasets.load("emoji", split, tmp_path)[0]).tolist())
        assert set(rows_of(pairs.noto).tolist()) == own - {0}


def test_the_split_does_not_depend_on_the_order_of_the_file(tmp_path):
    order = np.random.default_rng(0).permutation(N)
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, changes in ((here, {}), (there, {key: value[order] for key, value in noto().items()})):
        folder.mkdir()
        write(folder, changes)
    names, reordered = (kgen.datasets.load("emoji", "test", folder).names for folder in (here, there))
    assert names != reordered
    assert sorted(names) == sorted(reordered)


def test_twins_are_in_one_split(tmp_path):
    kinds = [f"juggler {i}" for i in range(N // 3)]
    write(tmp_path, {"names": np.array([f"{who}{kind}" for who in ("", "man ", "woman: ") for kind in kinds])})
    test = kgen.datasets.load("emoji", "test", tmp_path).names
    assert 0 < len(test) < N
    for kind in kinds:
        assert sum(name.endswith(kind.removeprefix("juggler")) for name in test) in (0, 3)


def test_what_models_of_images_take_is_the_first_part(tmp_path):
    write(tmp_path)
    (images,) = kgen.models.VAE.choose_data(*kgen.datasets.load("emoji", "train", tmp_path))
    assert images.shape[1:] == (4, 4, 3)


# Errors


@pytest.mark.parametrize("data_dir", [None, "empty"])
@pytest.mark.parametrize(
    ("name", "arrays"), [("emoji", "images, names and groups"), ("emoji_twemoji", "images and noto_row")]
)
def test_a_missing_file_says_what_must_be_in_it(name, arrays, data_dir, tmp_path):
    if data_dir:
        np.savez(tmp_path / "emoji.npz", **noto())
        data_dir = tmp_path / data_dir if name == "emoji" else tmp_path
    else:
        arrays = "images, names and groups"  # asked for first
    with pytest.raises(FileNotFoundError, match=f"expected a folder that holds emoji.*npz with the arrays {arrays}"):
        kgen.datasets.load(name, data_dir=data_dir)


def test_a_folder_of_the_wrong_type():
    with pytest.raises(TypeError, match=r"data_dir: .* got 3"):
        kgen.datasets.load("emoji", data_dir=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": noto()["images"].astype("float32")}, r"images as uint8 .* got float32 of shape \(60, 4, 4, 3\)"),
        ({"images": noto()["images"][..., :1]}, r"got uint8 of shape \(60, 4, 4, 1\)"),
        ({"images": noto()["images"][:0]}, r"got uint8 of shape \(0, 4, 4, 3\)"),
        ({"names": np.arange(N)}, "names as 60 strings, one an image, got int64"),
        ({"groups": noto()["groups"][1:]}, r"groups as 60 strings, .* of shape \(59,\)"),
        ({"groups": None}, "groups missing"),
        ({"names": np.array([{}] * N, object)}, "not plain arrays"),
        ({"names": np.array(["grinning face"] * N)}, "60 emoji are too few for two splits, 'test' is empty"),
    ],
)
def test_a_foreign_file(changes, message, tmp_path):
    write(tmp_path, noto_changes=changes)
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "emoji.npz")) + ".*" + message):
        kgen.datasets.load("emoji", "test", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noto_row": np.arange(N)}, r"noto_row as 59 integers, got int64 of shape \(60,\)"),
        ({"noto_row": np.arange(N - 1) + 0.5}, "got float64"),
        ({"noto_row": np.arange(N - 1) + 5}, r"0..59, the rows of emoji.npz, got some in 5..63"),
        ({"images": np.zeros((N - 1, 4, 4), "uint8")}, r"got uint8 of shape \(59, 4, 4\)"),
        ({"noto_row": None}, "noto_row missing"),
    ],
)
def test_a_foreign_file_of_pairs(changes, message, tmp_path):
    write(tmp_path, twemoji_changes=changes)
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "emoji_twemoji.npz")) + ".*" + message):
        kgen.datasets.load("emoji_twemoji", data_dir=tmp_path)

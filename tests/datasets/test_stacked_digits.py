"""Stacked MNIST: each channel is all of MNIST in its own order, and the label is what the digits spell."""

import numpy as np
import pytest

import kgen

N = {"train": 12_000, "test": 60}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An mnist.npz in which the first three pixels of a digit are its row number, and the next one is its label."""
    path = tmp_path_factory.mktemp("mnist")
    arrays = {}
    for split, n in N.items():
        arrays[f"x_{split}"] = np.zeros((n, 28, 28), "uint8")
        arrays[f"y_{split}"] = np.random.default_rng(0).integers(0, 10, n, dtype="uint8")
        rows = np.arange(n)
        pixels = np.stack([rows // 256, rows % 256, arrays[f"y_{split}"]], axis=-1)
        arrays[f"x_{split}"][:, 0, :3] = pixels
    np.savez(path / "mnist.npz", **arrays)
    return path


@pytest.mark.parametrize("split", N)
def test_every_channel_is_all_of_mnist_and_the_label_spells_it(split, folder):
    images, labels = kgen.datasets.load("stacked_mnist", split, folder)
    assert images.shape == (N[split], 28, 28, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    high, low, digits = np.moveaxis(images[:, 0, :3].astype(int), 1, 0)  # each (n, channel)
    rows = 256 * high + low
    for channel in range(3):
        assert sorted(rows[:, channel]) == list(range(N[split]))
    assert (rows[:, 0] != rows[:, 1]).any() and (rows[:, 1] != rows[:, 2]).any()
    np.testing.assert_array_equal(labels, digits @ [100, 10, 1])


def test_the_training_split_has_all_thousand_modes(folder):
    assert len(np.unique(kgen.datasets.load("stacked_mnist", "train", folder)[1])) == 1000


def test_it_is_the_same_every_time(folder):
    (first, labels), (again, same) = (kgen.datasets.load("stacked_mnist", "test", folder) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(labels, same)


def test_without_mnist_it_says_which_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mnist\.npz with the arrays x_train, y_train"):
        kgen.datasets.load("stacked_mnist", data_dir=tmp_path)

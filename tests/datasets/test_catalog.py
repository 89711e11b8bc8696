import re
import zipfile

import keras
import numpy as np
import pytest

import kgen
from kgen.datasets.catalog import DATASETS
from kgen.datasets.catalog import MEMBERS

SHAPES = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3)}


def arrays(name, rows=6, labels_shape=lambda n: (n,)):
    """What the .npz of a data set holds, in small: x_train, y_train, x_test, y_test."""
    rng = np.random.default_rng(0)
    made = {}
    for split, n in (("train", rows), ("test", rows // 2)):
        made[f"x_{split}"] = rng.integers(0, 256, (n, *SHAPES[name]), dtype="uint8")
        made[f"y_{split}"] = rng.integers(0, 10, labels_shape(n), dtype="uint8")
    return made


def write(folder, name, **changes):
    path = folder / f"{name}.npz"
    held = {**arrays(name), **changes}
    np.savez(path, **{key: value for key, value in held.items() if value is not None})
    return path


def fake_download(monkeypatch, name, made):
    splits = (made["x_train"], made["y_train"]), (made["x_test"], made["y_test"])
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: splits)


def fail_download(monkeypatch, name):
    def load_data():
        raise Exception("URL fetch failure on https://example.org: None -- Name or service not known")

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)


# Laws


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_folder_and_download_give_the_same(name, split, tmp_path, monkeypatch):
    made = arrays(name, labels_shape=lambda n: (n, 1) if name == "cifar10" else (n,))  # as Keras returns them
    write(tmp_path, name, **made)
    fake_download(monkeypatch, name, made)
    for images, labels in (kgen.datasets.load(name, split, tmp_path), kgen.datasets.load(name, split=split)):
        assert images.dtype == np.uint8
        assert images.ndim == 4
        np.testing.assert_array_equal(images.reshape(made[f"x_{split}"].shape), made[f"x_{split}"])
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, made[f"y_{split}"].reshape(-1))


def test_images_are_channels_last_whatever_keras_is_set_to(monkeypatch):
    made = arrays("cifar10")
    channels_first = {**made, "x_train": np.moveaxis(made["x_train"], -1, 1)}
    fake_download(monkeypatch, "cifar10", channels_first)
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    np.testing.assert_array_equal(kgen.datasets.load("cifar10")[0], made["x_train"])


def test_only_the_wanted_split_is_needed(tmp_path):
    write(tmp_path, "mnist", x_train=None, y_train=None)
    assert len(kgen.datasets.load("mnist", "test", str(tmp_path))[0]) == 3


def test_every_data_set_states_its_source_and_licence():
    for name, function in DATASETS.items():
        assert (f'"{name}/' if name in MEMBERS else f'"{name}"') in kgen.datasets.load.__doc__
        assert all(one in kgen.datasets.load.__doc__ for one in MEMBERS.get(name, ()))
        assert "Licence" in function.__doc__


# Numbers


def test_digits_are_all_of_scikit_learns():
    from sklearn.datasets import load_digits

    (x_train, y_train), (x_test, y_test) = (kgen.datasets.load("digits", split) for split in ("train", "test"))
    assert x_train.shape == (1500, 8, 8, 1)
    assert x_test.shape == (297, 8, 8, 1)
    assert x_train.dtype == np.uint8
    assert y_train.dtype == np.int64
    data = load_digits()
    np.testing.assert_allclose(np.concatenate([x_train, x_test])[..., 0] / 255 * 16, data.images, atol=16 / 255 / 2)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), data.target)
    assert x_train.max() == 255
    assert np.bincount(y_test).min() >= 27  # every class is tested


# Errors


def test_wrong_name():
    with pytest.raises(ValueError, match=r"name: expected one of 'digits', .*'mnist'.*got 'minst'"):
        kgen.datasets.load("minst")


@pytest.mark.parametrize("name", ["adbench", "adbench/", "adbench/Cardio", "mnist/0", "nab/nyc_taxi/1"])
def test_wrong_part_of_a_name(name):
    with pytest.raises(ValueError, match=rf"name: .*'(adbench/cardio|mnist|nab/nyc_taxi)'.* got '{name}'"):
        kgen.datasets.load(name)


@pytest.mark.parametrize("name", [f"{name}/{MEMBERS[name][0]}" if name in MEMBERS else name for name in DATASETS])
def test_wrong_split(name):
    with pytest.raises(ValueError, match=r"split: expected one of 'train', 'test'.*, got 'valid'"):
        kgen.datasets.load(name, split="valid")


def test_wrong_type_of_folder():
    with pytest.raises(TypeError, match=r"data_dir: .* got 3"):
        kgen.datasets.load("mnist", data_dir=3)


def test_missing_file_says_what_to_put_where(tmp_path):
    expected = re.escape(str(tmp_path / "mnist.npz")) + ".*x_train, y_train, x_test, y_test"
    with pytest.raises(FileNotFoundError, match=expected):
        kgen.datasets.load("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("name", SHAPES)
def test_failed_download_says_what_to_put_where(name, monkeypatch):
    fail_download(monkeypatch, name)
    with pytest.raises(FileNotFoundError, match=f"'{name}' could not be downloaded.*Name or service") as error:
        kgen.datasets.load(name)
    assert f"{name}.npz with the arrays x_train, y_train, x_test, y_test" in str(error.value)
    assert "data_dir=" in str(error.value)


def test_failed_download_names_the_cache_of_keras(monkeypatch):
    fail_download(monkeypatch, "mnist")
    monkeypatch.setenv("KERAS_HOME", "/somewhere")
    with pytest.raises(FileNotFoundError, match=r"/somewhere/datasets/mnist\.npz"):
        kgen.datasets.load("mnist")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"x_train": None}, "x_train missing"),
        ({"x_train": np.zeros((6, 28, 28), "float32")}, "uint8 of shape .n, 28, 28, 1., got float32"),
        ({"x_train": np.zeros((6, 32, 32), "uint8")}, "got uint8 of shape .6, 32, 32."),
        ({"x_train": np.zeros((0, 28, 28), "uint8")}, "got uint8 of shape .0, 28, 28."),
        ({"x_train": np.uint8(3)}, "got uint8 of shape "),
        ({"y_train": np.zeros(5, "uint8")}, "one integer label for each of 6 images"),
        ({"y_train": np.zeros(6)}, "got float64"),
        ({"y_train": np.full(6, 10)}, "labels in 0..9, got some in 10..10"),
        ({"y_train": np.array([{}] * 6, object)}, "not plain arrays"),
    ],
)
def test_foreign_file(changes, message, tmp_path):
    path = write(tmp_path, "mnist", **changes)
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
        kgen.datasets.load("mnist", data_dir=tmp_path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)


def replace_by_text(path):
    path.write_text("not found")


def replace_by_foreign_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train", "text")
        archive.writestr("y_train", "text")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, replace_by_text, replace_by_foreign_zip])
def test_damaged_file(damage, tmp_path):
    path = write(tmp_path, "mnist")
    damage(path)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        kgen.datasets.load("mnist", data_dir=tmp_path)

"""The shipped classifier: equal to its formula on every backend, any size of image, and a file that is looked at."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from safetensors.numpy import save_file

import kgen
from kgen.metrics.features import SHIPPED
from kgen.metrics.features import FeatureClassifier
from kgen.metrics.resizing import resized

DIGITS, LABELS = kgen.datasets.load("digits", split="test")
NOISE = np.random.default_rng(0).integers(0, 256, (5, 20, 40, 3), "uint8")


def maps_by_hand(images):
    """The formula, in NumPy and float64."""
    arrays = {key: array.astype("float64") for key, array in load_file(SHIPPED).items()}
    x = resized(images, 32).astype("float64") / 127.5 - 1.0
    x, maps = np.repeat(x, 3 // x.shape[3], 3), []
    for stage in range(4):
        if stage:
            n, side, _, channels = x.shape
            x = x.reshape(n, side // 2, 2, side // 2, 2, channels).mean((2, 4))
        patches = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))
        x = np.einsum("nhwcij,ijcd->nhwd", patches, arrays[f"kernel_{stage}"]) + arrays[f"bias_{stage}"]
        maps.append(x := np.maximum(x, 0.0))
    return maps


@pytest.mark.parametrize("images", [DIGITS[:3], NOISE], ids=["grey", "colour"])
def test_it_is_its_formula_on_this_backend(images):
    maps = kgen.metrics.classifier_maps(images)
    for found, expected in zip(maps, maps_by_hand(images), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(kgen.metrics.classifier_features(images), maps[-1].mean((1, 2)), atol=1e-5)


def test_it_knows_digits_it_was_not_trained_on():
    framed = np.pad(DIGITS, ((0, 0), (2, 2), (2, 2), (0, 0)))  # as in MNIST, where a border is black
    found = kgen.metrics.classifier_labels(framed, among="mnist")
    assert (found == LABELS).mean() > 0.8
    assert found.dtype == np.int64


def test_classes_of_one_data_set_are_those_of_all_renormalised():
    joint = kgen.metrics.classifier_probabilities(DIGITS[:20])
    start = 0
    for data, names in FeatureClassifier.read().classes.items():
        part = joint[:, start : start + len(names)]
        alone = kgen.metrics.classifier_probabilities(DIGITS[:20], among=data)
        np.testing.assert_allclose(alone, part / part.sum(1, keepdims=True), rtol=1e-3, atol=1e-6)
        start += len(names)
    np.testing.assert_allclose(joint.sum(1), 1.0, rtol=1e-5)
    assert start == joint.shape[1]


def test_batches_do_not_matter():
    whole = kgen.metrics.classifier_features(DIGITS[:7])
    for size in (1, 4, 100):
        np.testing.assert_allclose(kgen.metrics.classifier_features(DIGITS[:7], batch_size=size), whole, atol=1e-5)


def test_grey_is_three_equal_channels_with_or_without_its_axis():
    grey = kgen.metrics.classifier_features(DIGITS[:3])
    np.testing.assert_array_equal(kgen.metrics.classifier_features(DIGITS[:3, ..., 0]), grey)
    np.testing.assert_allclose(kgen.metrics.classifier_features(np.repeat(DIGITS[:3], 3, 3)), grey, atol=1e-5)
    np.testing.assert_allclose(kgen.metrics.classifier_features(DIGITS[:3].astype("float32")), grey, atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 32), (64, 64), (45, 100)])
def test_resizing_is_pillows(size):
    image = np.random.default_rng(1).uniform(0, 255, size).astype("float32")
    expected = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resized(image[None, ..., None], 32)[0, ..., 0], expected, atol=1e-3)


def test_resizing_keeps_what_is_flat():
    np.testing.assert_allclose(resized(np.full((1, 50, 20, 3), 77, "uint8"), 32), 77.0, rtol=1e-6)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 8, 8, 1), "uint8"),
        np.zeros((2, 8, 8, 2), "uint8"),
        np.zeros((2, 8), "uint8"),
        np.zeros((2, 0, 8, 1), "uint8"),
        np.full((2, 8, 8, 1), np.nan),
        np.full((2, 8, 8, 1), 300.0),
        np.full((2, 8, 8, 1), 0.5),
        np.full((2, 8, 8, 1), "a"),
    ],
    ids=["none", "two channels", "rows", "empty", "NaN", "too bright", "rescaled", "strings"],
)
def test_what_is_no_image_is_refused(images):
    with pytest.raises(ValueError, match=r"^images: expected"):
        kgen.metrics.classifier_features(images)


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"^among: expected one of None, 'mnist'.*got 'cifar'"):
        kgen.metrics.classifier_labels(DIGITS, among="cifar")
    with pytest.raises(ValueError, match=r"^batch_size: expected an integer of at least 1, got 0"):
        kgen.metrics.classifier_features(DIGITS, batch_size=0)


# The file ------------------------------------------------------------------------------------------------------------


def test_the_file_is_small_and_its_card_says_licences():
    assert SHIPPED.stat().st_size < 1_500_000
    assert {array.dtype for array in load_file(SHIPPED).values()} == {np.dtype("float16")}
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith(f"# {FeatureClassifier.read().name}\n")
    for word in ("CC BY-SA 3.0", "MIT", "Apache-2.0", "examples/feature_classifier.py"):
        assert word in card


def test_saving_and_reading_keeps_everything(tmp_path):
    shipped = FeatureClassifier.read()
    shipped.save(tmp_path / "again.safetensors")
    again = FeatureClassifier.read(tmp_path / "again.safetensors")
    assert (again.name, again.classes) == (shipped.name, shipped.classes)
    np.testing.assert_array_equal(again(DIGITS[:3]), shipped(DIGITS[:3]))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors: no such file"):
        FeatureClassifier.read(tmp_path / "none.safetensors")


@pytest.mark.parametrize("damage", ["cut off", "a flipped bit", "no names", "another kind", "another name"])
def test_a_file_that_was_altered_is_refused(tmp_path, damage):
    content, path = SHIPPED.read_bytes(), Path(tmp_path, "bad.safetensors")
    if damage == "cut off":
        path.write_bytes(content[:-1000])
    elif damage == "a flipped bit":
        path.write_bytes(content[:-1000] + bytes([content[-1000] ^ 1]) + content[-999:])
    elif damage == "no names":
        save_file(load_file(SHIPPED), path)
    elif damage == "another kind":
        path.write_text(json.dumps({"a": 1}))
    else:
        path.write_bytes(content.replace(b"kgen-features-1", b"kgen-features-2"))
    with pytest.raises(ValueError, match=r"bad\.safetensors: damaged or "):
        FeatureClassifier.read(path)

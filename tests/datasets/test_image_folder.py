import os
import warnings

import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.datasets import image_folder

RNG = np.random.default_rng(0)


def put(path, height=8, width=8, channels=3):
    """Save random pixels at this path and return them as (height, width, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (height, width, channels), dtype="uint8")
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(path)
    return pixels


# Laws


def test_pixels_come_back_sorted_by_path(tmp_path):
    expected = {name: put(tmp_path / name) for name in ("b/2.png", "c.png", "a/x/1.png", "b/10.png", "B.png")}
    order = ["B.png", "a/x/1.png", "b/10.png", "b/2.png", "c.png"]
    images = image_folder(tmp_path)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, [expected[name] for name in order])


def test_labels_name_the_folder_an_image_came_from(tmp_path):
    for name in ("dog/1.png", "cat/2.png", "cat/deep/3.png", "ape/4.png"):
        put(tmp_path / name)
    images, labels, class_names = image_folder(str(tmp_path), labels=True)
    assert class_names == ["ape", "cat", "dog"]
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1, 1, 2]
    np.testing.assert_array_equal(images, image_folder(tmp_path))


def test_image_size_of_the_images_changes_nothing(tmp_path):
    put(tmp_path / "a.png", 6, 9)
    np.testing.assert_array_equal(image_folder(tmp_path, image_size=(6, 9)), image_folder(tmp_path))


def test_resizing_keeps_the_centre_and_the_aspect(tmp_path):
    pixels = np.full((20, 60, 3), 77, "uint8")
    pixels[:, :15] = pixels[:, 45:] = 255  # a crop to a square loses these sides
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(image_folder(tmp_path, image_size=10), np.full((1, 10, 10, 3), 77))


def test_resizing_averages_as_much_from_a_large_jpeg_as_from_a_png(tmp_path):
    smooth = Image.fromarray(put(tmp_path / "seed.png")).resize((640, 640), Image.Resampling.BICUBIC)
    (tmp_path / "seed.png").unlink()
    smooth.save(tmp_path / "a.png")
    smooth.save(tmp_path / "b.jpg", quality=95)
    from_png, from_jpeg = image_folder(tmp_path, image_size=16).astype(int)
    assert abs(from_png - from_jpeg).mean() < 2


@pytest.mark.parametrize("channels", [1, 3, None])
def test_channels(channels, tmp_path):
    grey = put(tmp_path / "a.png", channels=1)
    images = image_folder(tmp_path, channels=channels)
    assert images.shape == (1, 8, 8, channels or 1)
    np.testing.assert_array_equal(images[0], np.broadcast_to(grey, images.shape[1:]))

    colour = put(tmp_path / "b.png")
    images = image_folder(tmp_path, channels=channels)
    assert images.shape == (2, 8, 8, channels or 3)
    np.testing.assert_array_equal(images[0], np.broadcast_to(grey, images.shape[1:]))
    if channels != 1:
        np.testing.assert_array_equal(images[1], colour)


def test_the_name_is_the_function_however_often_it_is_asked_for():
    assert callable(kgen.datasets.image_folder)
    assert kgen.datasets.image_folder is kgen.datasets.image_folder


# What is skipped


def test_one_warning_counts_what_is_skipped_and_why(tmp_path):
    good = put(tmp_path / "good.png")
    put(tmp_path / "tiny.png", 1, 1)
    put(tmp_path / ".hidden.png")
    put(tmp_path / ".cache" / "a.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "table.csv").write_text("1,2")
    (tmp_path / "half.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.warns(UserWarning) as caught:
        images = image_folder(tmp_path, image_size=(10, 10))
    assert images.shape == (1, 10, 10, 3)
    assert abs(images.mean() - good.mean()) < 20
    assert len(caught) == 1
    message = str(caught[0].message)
    assert caught[0].filename == __file__
    assert f"read 1 images from {tmp_path}, skipped 7: " in message
    assert "2 hidden (.cache, …)" in message
    assert "1 dangling links, pipes or devices (gone.png)" in message
    assert "1 broken (half.png)" in message
    assert "2 not an image (notes.txt, …)" in message
    assert "1 too small for image_size (tiny.png)" in message


def test_files_outside_of_classes_are_skipped(tmp_path):
    put(tmp_path / "stray.png")
    put(tmp_path / "cat" / "1.png")
    with pytest.warns(UserWarning, match=r"1 outside the folder of a class \(stray.png\)"):
        images, _, class_names = image_folder(tmp_path, labels=True)
    assert len(images) == 1
    assert class_names == ["cat"]


def test_a_skipped_file_leaves_no_gap(tmp_path):
    first, last = put(tmp_path / "a.png", channels=1), put(tmp_path / "c.png", channels=1)
    (tmp_path / "b.png").write_text("hello")
    with pytest.warns(UserWarning, match="1 not an image"):
        np.testing.assert_array_equal(image_folder(tmp_path), [first, last])


def test_links_are_followed_and_loops_end(tmp_path):
    linked = put(tmp_path / "elsewhere" / "1.png")
    root = tmp_path / "root"
    own = put(root / "own" / "2.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    assert len(image_folder(root)) == 2
    (root / "own" / "up").symlink_to(root)
    (tmp_path / "elsewhere" / "other").symlink_to(root / "own")
    with pytest.warns(UserWarning, match="met a second time through a link"):
        np.testing.assert_array_equal(image_folder(root), [linked, own])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path):
    put(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.warns(UserWarning, match="pipes"):
        assert len(image_folder(tmp_path)) == 1


def test_nothing_skipped_no_warning(tmp_path):
    put(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image_folder(tmp_path)


# Errors


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path: no such folder: .*nowhere"):
        image_folder(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path):
    put(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"path: expected a folder, got the file .*a\.png"):
        image_folder(tmp_path / "a.png")


def test_wrong_type_of_path():
    with pytest.raises(TypeError, match=r"path: .* got 3"):
        image_folder(3)


def test_empty_folder(tmp_path):
    with pytest.raises(ValueError, match=f"path: no image could be read from {tmp_path} .it is empty"):
        image_folder(tmp_path)


def test_no_image_left(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=rf"no image could be read from {tmp_path} .*1 not an image \(notes.txt\)"):
        image_folder(tmp_path)


def test_no_class(tmp_path):
    put(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"1 outside the folder of a class \(a.png\)"):
        image_folder(tmp_path, labels=True)


def test_mixed_sizes_need_image_size(tmp_path):
    put(tmp_path / "a.png", 8, 9)
    put(tmp_path / "b.png", 10, 8)
    with pytest.raises(ValueError, match=r"image_size: .* 8 × 9 in .*a\.png, 10 × 8 in .*b\.png; pass image_size="):
        image_folder(tmp_path)
    assert image_folder(tmp_path, image_size=8).shape == (2, 8, 8, 3)


@pytest.mark.parametrize("image_size", [0, -1, 2.5, True, "8", (8,), (8, 8, 3), (8, 0)])
def test_wrong_image_size(image_size, tmp_path):
    with pytest.raises(ValueError, match="image_size: expected an integer"):
        image_folder(tmp_path, image_size=image_size)


def test_wrong_channels(tmp_path):
    with pytest.raises(ValueError, match="channels: expected one of None, 1, 3, got 4"):
        image_folder(tmp_path, channels=4)


def test_wrong_labels(tmp_path):
    with pytest.raises(ValueError, match="labels: expected one of False, True, got 'inferred'"):
        image_folder(tmp_path, labels="inferred")

import numpy as np
import pytest
from PIL import Image

from kgen.datasets.image_file import Unusable
from kgen.datasets.image_file import read_image

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8), dtype="uint8")
COLOUR = RNG.integers(0, 256, (6, 8, 3), dtype="uint8")


def read_back(image, path, **options):
    image.save(path, **options)
    read = read_image(path)
    return read.mode, np.asarray(read)


# Meaning is kept


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "tiff"])
def test_lossless_formats_give_the_very_pixels(suffix, tmp_path):
    for pixels, mode in ((GREY, "L"), (COLOUR, "RGB")):
        read_mode, read = read_back(Image.fromarray(pixels), tmp_path / f"a.{suffix}")
        assert read_mode == mode
        np.testing.assert_array_equal(read, pixels)


def test_the_name_does_not_decide(tmp_path):
    _, read = read_back(Image.fromarray(COLOUR), tmp_path / "picture.txt", format="PNG")
    np.testing.assert_array_equal(read, COLOUR)


def test_black_and_white(tmp_path):
    mode, read = read_back(Image.fromarray(GREY > 99), tmp_path / "a.png")
    assert mode == "L"
    np.testing.assert_array_equal(read, 255 * (GREY > 99))


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_sixteen_bits_become_the_high_eight(suffix, tmp_path):
    levels = GREY.astype("uint16") * 256 + 17
    mode, read = read_back(Image.fromarray(levels), tmp_path / f"a.{suffix}")
    assert mode == "L"
    np.testing.assert_array_equal(read, GREY)


def test_palette(tmp_path):
    image = Image.fromarray(COLOUR).quantize(5)
    mode, read = read_back(image, tmp_path / "a.png")
    assert mode == "RGB"
    np.testing.assert_array_equal(read, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk(suffix, tmp_path):
    mode, read = read_back(Image.new("RGB", (8, 6), (250, 40, 10)).convert("CMYK"), tmp_path / f"a.{suffix}")
    assert mode == "RGB"
    np.testing.assert_allclose(read.reshape(-1, 3), [[250, 40, 10]] * 48, atol=6)


def test_transparency_is_put_over_white(tmp_path):
    clear, half, solid = (200, 0, 0, 0), (200, 0, 0, 128), (200, 0, 0, 255)
    image = Image.fromarray(np.array([[clear, half, solid]], "uint8"))
    mode, read = read_back(image, tmp_path / "a.png")
    assert mode == "RGB"
    np.testing.assert_allclose(read[0], [(255, 255, 255), (227, 127, 127), (200, 0, 0)], atol=1)


def test_grey_with_transparency_stays_grey(tmp_path):
    mode, read = read_back(Image.fromarray(np.array([[[9, 0], [9, 255]]], "uint8")), tmp_path / "a.png")
    assert mode == "L"
    np.testing.assert_array_equal(read, [[255, 9]])


def test_one_transparent_colour_of_a_palette(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], "uint8"), mode=None).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    _, read = read_back(image, tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(read[0], [(255, 255, 255), (40, 50, 60)])


def test_rotation_by_exif_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to see it"
    _, read = read_back(Image.fromarray(COLOUR), tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read, np.rot90(COLOUR, -1))


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_first_frame_of_an_animation(suffix, tmp_path):
    options = {"lossless": True} if suffix == "webp" else {}
    frames = [Image.fromarray(255 - COLOUR)]
    _, read = read_back(
        Image.fromarray(COLOUR), tmp_path / f"a.{suffix}", save_all=True, append_images=frames, **options
    )
    np.testing.assert_array_equal(read, COLOUR)


def test_least_side_saves_decoding_and_keeps_enough_pixels(tmp_path):
    smooth = Image.fromarray(COLOUR).resize((800, 600), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "a.jpg", quality=95)
    assert read_image(tmp_path / "a.jpg", least_side=100).size == (200, 150)
    assert read_image(tmp_path / "a.jpg", least_side=601).size == (800, 600)


# What is refused, and why


def refusal(path):
    with pytest.raises(Unusable) as error:
        read_image(path)
    return str(error.value)


def test_no_image(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    assert refusal(tmp_path / "a.png") == "not an image"
    assert refusal(tmp_path / "empty.png") == "not an image"


def test_postscript_is_not_run(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.eps")
    assert refusal(tmp_path / "a.eps") == "not an image"


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
def test_truncated(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype="uint8")).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(path) in ("broken", "not an image")


@pytest.mark.parametrize("limit", [47, 20])  # beyond its limit Pillow warns, beyond twice that it raises
def test_decompression_bomb(limit, tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert refusal(tmp_path / "a.png") == "larger than PIL.Image.MAX_IMAGE_PIXELS"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48)
    assert read_image(tmp_path / "a.png").size == (8, 6)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_thirty_two_bits(dtype, tmp_path):
    Image.fromarray(GREY.astype(dtype)).save(tmp_path / "a.tiff")
    assert refusal(tmp_path / "a.tiff") == "of 32 bits, whose white is unknown"

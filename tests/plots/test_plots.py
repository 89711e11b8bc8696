"""Pictures, checked by their pixels."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import kgen


def pixels(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def test_every_pixel_of_the_grid_is_a_sharp_square_in_its_place():
    images = np.arange(6, dtype="uint8").reshape(6, 1, 1, 1).repeat(2, 1).repeat(2, 2) * 40
    drawn = pixels(kgen.plots.image_grid(images, columns=3, cell=8))
    assert drawn.shape == (2 * 12 + 4, 3 * 12 + 4, 3)
    for i in range(6):
        row, column = divmod(i, 3)
        cell = drawn[4 + 12 * row : 12 + 12 * row, 4 + 12 * column : 12 + 12 * column]
        assert (cell == 40 * i).all()
    assert (drawn[:4] == 255).all()


def test_the_grid_keeps_colours_and_shapes():
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 5, 3), "uint8")
    drawn = pixels(kgen.plots.image_grid(image, cell=10))
    np.testing.assert_array_equal(drawn[4:-4:2, 4:-4:2], image[0])


def test_titles_take_room_above_the_images():
    images = np.zeros((2, 8, 8, 1), "uint8")
    plain, titled = (pixels(kgen.plots.image_grid(images, titles=titles)) for titles in (None, ["cat", "dog"]))
    assert titled.shape[0] > plain.shape[0]
    assert (titled[:18] < 128).any()


@pytest.mark.parametrize(
    ("images", "titles", "reason"),
    [
        (np.zeros((2, 8, 8), "uint8"), None, r"images: expected .* got uint8 of shape \(2, 8, 8\)"),
        (np.zeros((2, 8, 8, 1)), None, "images: expected .* got float64"),
        (np.zeros((0, 8, 8, 1), "uint8"), None, "images: expected"),
        (np.zeros((2, 8, 8, 1), "uint8"), ["one"], "titles: expected one for each of 2 images, got 1"),
    ],
)
def test_bad_input_is_refused(images, titles, reason):
    with pytest.raises(ValueError, match=reason):
        kgen.plots.image_grid(images, titles=titles)


@pytest.mark.parametrize("latent_dim", [2, 5])
def test_the_latent_map_shows_codes_beside_a_pca(latent_dim):
    digits = load_digits()
    images = np.rint(digits.images[:200] * 255 / 16).astype("uint8")
    model = kgen.models.VAE((8, 8, 1), latent_dim, architecture="mlp", hidden_dims=(16,), seed=1)
    figure = kgen.plots.latent_map(model, images, digits.target[:200], max_points=100)
    left, right = figure.axes
    assert ("principal components" in left.get_title()) == (latent_dim > 2)
    assert "PCA" in right.get_title()
    for axes in (left, right):
        assert axes.collections[0].get_offsets().shape == (100, 2)
    assert pixels(figure).std() > 1


def test_the_latent_map_wants_a_label_for_each_image():
    with pytest.raises(ValueError, match="labels: expected one for each of 3 images, got 2"):
        kgen.plots.latent_map(None, np.zeros((3, 8, 8, 1), "uint8"), [0, 1])


def test_an_overlay_is_bright_where_the_map_is_large():
    images, maps = np.full((2, 8, 8, 1), 100, "uint8"), np.zeros((2, 2, 2))
    maps[:, 0, 1] = 1.0
    figure = kgen.plots.attention_overlay(images, maps, columns=1)
    canvas = figure.images[0].get_array().astype(int).sum(axis=-1)
    dark, bright = canvas[4:52, 100:148], canvas[4:52, 148:196]  # behind the image itself, of 96 pixels
    assert dark.max() < canvas[4:52, 4:100].min() < bright.min()
    with pytest.raises(ValueError, match="maps: expected"):
        kgen.plots.attention_overlay(images, np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match="finite"):
        kgen.plots.attention_overlay(images, np.full((2, 2, 2), np.nan))

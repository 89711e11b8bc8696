"""Patches: every value has its place, nothing is lost, and what does not fit is refused."""

import numpy as np
import pytest
from keras import ops

from kgen.functional.patches import patchify
from kgen.functional.patches import spread
from kgen.functional.patches import unpatchify


def numbered(n=2, height=6, width=4, channels=3):
    return np.arange(n * height * width * channels, dtype="float32").reshape(n, height, width, channels)


def test_a_patch_is_the_square_it_stands_for():
    images = numbered()
    patches = ops.convert_to_numpy(patchify(images, 2))
    for i in range(3):
        for j in range(2):
            square = images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            np.testing.assert_array_equal(patches[:, 2 * i + j].reshape(2, 2, 2, 3), square)


def test_spread_puts_the_values_of_a_place_beside_each_other():
    images = numbered()
    places = ops.reshape(patchify(images, 2), (2, 3, 2, 12))
    np.testing.assert_array_equal(ops.convert_to_numpy(spread(places, 2)), images)
    series = np.arange(24.0).reshape(2, 4, 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(spread(series.reshape(2, 2, 6), 2)), series)


@pytest.mark.parametrize("size", [1, 2])
def test_unpatchify_inverts_patchify(size):
    images = numbered()
    np.testing.assert_array_equal(ops.convert_to_numpy(unpatchify(patchify(images, size), size, 6, 4)), images)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((numbered(), 4), "images"),
        ((numbered(), 0), "size"),
        ((numbered()[0], 2), "images"),
    ],
)
def test_what_has_no_patches_is_refused(arguments, word):
    with pytest.raises(ValueError, match=rf"^{word}: expected .*got"):
        patchify(*arguments)


@pytest.mark.parametrize("patches", [np.zeros((2, 5, 12)), np.zeros((2, 6, 13)), np.zeros((6, 12))])
def test_patches_of_another_image_are_refused(patches):
    with pytest.raises(ValueError, match=r"^patches: expected .*got"):
        unpatchify(patches, 2, 6, 4)

"""Images that would train on nonsense are refused before the first step, and the message says how to mend them."""

import numpy as np
import pytest

from kgen.functional.checks import check_images

SHAPE = (4, 6, 1)
GOOD = np.arange(48, dtype="uint8").reshape(2, 4, 6, 1)


def test_uint8_images_pass_untouched():
    assert check_images("images", GOOD, SHAPE) is GOOD


def test_the_channel_axis_of_grey_images_may_be_left_out():
    np.testing.assert_array_equal(check_images("images", GOOD[..., 0], SHAPE), GOOD)


def test_floats_in_the_same_range_and_other_integers_pass():
    assert check_images("images", GOOD.astype("float64"), SHAPE).dtype == np.float32
    assert check_images("images", GOOD.astype("int64"), SHAPE).dtype == np.uint8


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (GOOD[:0], "no image at all"),
        (GOOD[:, :3], r"got shape \(2, 3, 6, 1\)"),
        (np.repeat(GOOD, 3, axis=-1), r"got shape \(2, 4, 6, 3\)"),
        (GOOD[0], r"got shape \(1, 4, 6, 1\)|got shape"),
        (GOOD / 255.0, "Rescaling happens inside the model"),
        (GOOD.astype("float32") * 10, r"got float32 in \[0, 470\]"),
        (GOOD.astype("int16") - 5, r"got int16 in \[-5, 42\]"),
        (np.where(GOOD == 3, np.nan, GOOD), "NaN"),
        (np.where(GOOD == 3, np.inf, GOOD), "infinite"),
        (GOOD.astype(str), "got dtype <U"),
        (GOOD.astype(bool), "got dtype bool"),
        (["a.png"], "got dtype"),
    ],
)
def test_what_is_refused(images, reason):
    with pytest.raises(ValueError, match=reason) as error:
        check_images("images", images, SHAPE)
    assert str(error.value).startswith("images: expected uint8 images of shape (n, 4, 6, 1)")

"""The past alone decides: what a masked convolution, and two gated stacks, can see and what they cannot."""

import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend


def seen(function, image, row, column):
    """Which inputs `(height, width, channels)` the outputs of one place depend on."""
    gradient = backend.input_gradient(lambda x: function(x)[:, row, column], ops.convert_to_tensor(image))
    return ops.convert_to_numpy(gradient)[0] != 0


def earlier(height, width, row, column):
    """The places before one, in raster order."""
    return np.arange(height * width).reshape(height, width) < row * width + column


def test_it_sees_every_earlier_pixel_in_reach_and_no_other():
    image = np.random.default_rng(0).normal(size=(1, 6, 7, 2)).astype("float32")
    near = np.zeros((6, 7), bool)
    near[1:6, 1:6] = True  # a kernel of 5 around (3, 3)
    for mask_type, itself in (("A", False), ("B", True)):
        found = seen(kgen.layers.MaskedConv2D(3, 5, mask_type), image, 3, 3).all(axis=-1)
        expected = earlier(6, 7, 3, 3) & near
        expected[3, 3] = itself
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("mask_type", "expected"), [("A", [[0, 0, 0], [1, 0, 0], [1, 1, 0]]), ("B", np.tri(3))])
def test_colours_know_those_before_them(mask_type, expected):
    layer = kgen.layers.MaskedConv2D(6, 3, mask_type, groups=3)  # two filters a colour
    image = np.random.default_rng(0).normal(size=(1, 3, 3, 3)).astype("float32")
    for colour in range(3):
        pair = slice(2 * colour, 2 * colour + 2)
        found = seen(lambda x, pair=pair: layer(x)[..., pair], image, 1, 1)
        np.testing.assert_array_equal(found[1, 1], np.array(expected[colour], bool))
        assert found[0].all() and found[1, 0].all() and not found[1, 2].any() and not found[2].any()


def test_gated_stacks_have_no_blind_spot():
    # Of the rows above, v sees what lies within the blocks' reach to both sides; h all that, and the row so far.
    blocks = [kgen.layers.GatedPixelBlock(3) for _ in range(3)]

    def stacks(x, which):
        v = ops.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]  # the row above
        h = ops.pad(x, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]  # the pixel to the left
        for block in blocks:
            v, h = block(v, h)
        return (v, h)[which]

    image = np.random.default_rng(0).normal(size=(1, 7, 9, 2)).astype("float32")
    row, column = 5, 4
    rows, columns = np.arange(7)[:, None], np.arange(9)[None]
    above = (rows < row) & (rows >= row - 4) & (abs(columns - column) <= 3)
    before = (rows == row) & (columns < column) & (columns >= column - 4)
    np.testing.assert_array_equal(seen(lambda x: stacks(x, 0), image, row, column).all(axis=-1), above)
    found = seen(lambda x: stacks(x, 1), image, row, column)
    # What h hears of v comes from the place itself and, of earlier blocks, from those to the left of it.
    assert (found.all(axis=-1) >= above | before).all()
    assert not found[~earlier(7, 9, row, column)].any()


def test_the_condition_moves_both_stacks():
    block = kgen.layers.GatedPixelBlock(3)
    v = h = np.zeros((2, 3, 3, 4), "float32")
    for stack in block(v, h, np.eye(2, dtype="float32")):
        one, other = ops.convert_to_numpy(stack)
        assert (one != other).any()


def test_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="inputs: expected a multiple of the 3 groups as channels, got 4"):
        kgen.layers.MaskedConv2D(6, groups=3)(np.zeros((1, 3, 3, 4)))
    with pytest.raises(ValueError, match="filters: expected a multiple of the 3 groups, got 4"):
        kgen.layers.MaskedConv2D(4, groups=3)
    with pytest.raises(ValueError, match="horizontal: expected the shape of vertical"):
        kgen.layers.GatedPixelBlock()(np.zeros((1, 3, 3, 4)), np.zeros((1, 3, 3, 5)))

"""Masks: boolean, True may attend."""

import numpy as np
import pytest
from keras import ops

from kgen.functional.masks import causal_mask
from kgen.functional.masks import combine_masks
from kgen.functional.masks import padding_mask


def test_causal_mask_is_the_lower_triangle():
    np.testing.assert_array_equal(ops.convert_to_numpy(causal_mask(4))[0], np.tri(4, dtype=bool))


def test_causal_mask_of_later_queries_is_rows_of_the_triangle():
    for offset in (3, np.int32(3), ops.convert_to_tensor(3)):
        mask = ops.convert_to_numpy(causal_mask(2, 8, offset))
        np.testing.assert_array_equal(mask[0], np.tri(8, dtype=bool)[3:5])
    mask = ops.convert_to_numpy(causal_mask(2, 8, np.array([3, 0])))
    np.testing.assert_array_equal(mask, [np.tri(8, dtype=bool)[3:5], np.tri(8, dtype=bool)[:2]])


def test_padding_mask_on_the_right_and_on_the_left():
    right = ops.convert_to_numpy(padding_mask(4, stop=np.array([1, 3, 4])))
    np.testing.assert_array_equal(right, [[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]])
    left = ops.convert_to_numpy(padding_mask(4, start=np.array([0, 3])))
    np.testing.assert_array_equal(left, [[1, 1, 1, 1], [0, 0, 0, 1]])
    both = ops.convert_to_numpy(padding_mask(4, start=np.array([1, 2]), stop=3))
    np.testing.assert_array_equal(both, [[0, 1, 1, 0], [0, 0, 1, 0]])


def test_combined_masks_allow_what_all_allow():
    assert combine_masks(None, None) is None
    padding = np.array([[True, True, False], [True, False, True]])
    mask = ops.convert_to_numpy(combine_masks(padding, None, causal_mask(3)))
    assert mask.shape == (2, 1, 3, 3)
    np.testing.assert_array_equal(mask[:, 0], padding[:, None, :] & np.tri(3, dtype=bool))
    heads = np.random.default_rng(0).random((2, 4, 3, 3)) < 0.5
    np.testing.assert_array_equal(ops.convert_to_numpy(combine_masks(heads, padding)), heads & padding[:, None, None])


def test_zeros_and_ones_are_a_mask_but_floats_are_none():
    np.testing.assert_array_equal(ops.convert_to_numpy(combine_masks(np.array([[1, 0]])))[0, 0, 0], [True, False])
    with pytest.raises(ValueError, match=r"mask: expected bool.*float32.*bias"):
        combine_masks(np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"mask: expected .*\(3,\)"):
        combine_masks(np.ones(3, bool))

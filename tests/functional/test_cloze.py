"""Gaps: as many as asked for, only where they may be, and what was there is the target."""

import numpy as np
import pytest
from keras import ops

from kgen.functional.cloze import hide

MASK, TOKENS = 3, 50


def gaps(ids, allowed, share=0.15, seed=0):
    draws = np.random.default_rng(seed).random((3, *ids.shape), "float32")
    return [
        ops.convert_to_numpy(one)
        for one in hide(*map(ops.convert_to_tensor, (ids, allowed, draws)), share, MASK, TOKENS)
    ]


def texts(n=200, length=40):
    ids = np.random.default_rng(1).integers(5, TOKENS, (n, length), "int32")
    ends = np.random.default_rng(2).integers(0, length + 1, (n, 1))
    return ids, np.arange(length) < ends


def test_as_many_gaps_as_the_share_says_and_at_least_one():
    ids, allowed = texts()
    _, places, targets = gaps(ids, allowed)
    expected = np.maximum(np.rint(0.15 * allowed.sum(axis=1)), 1) * allowed.any(axis=1)
    np.testing.assert_array_equal((targets >= 0).sum(axis=1), expected)
    assert places.shape[1] == 7


def test_targets_are_what_was_there_and_nothing_else_changes():
    ids, allowed = texts()
    hidden, places, targets = gaps(ids, allowed)
    counted = targets >= 0
    np.testing.assert_array_equal(np.take_along_axis(ids, places, axis=1)[counted], targets[counted])
    assert np.take_along_axis(allowed, places, axis=1)[counted].all()
    chosen = np.zeros_like(allowed)
    for row in range(len(ids)):
        chosen[row, places[row, counted[row]]] = True
    np.testing.assert_array_equal(hidden[~chosen], ids[~chosen])


def test_of_the_gaps_eight_in_ten_are_masked_one_is_another_token_one_stays():
    ids, allowed = texts(n=4000)
    hidden, places, targets = gaps(ids, allowed)
    there = np.take_along_axis(hidden, places, axis=1)[targets >= 0]
    same = (there == targets[targets >= 0]).mean()
    masked = (there == MASK).mean()
    assert masked == pytest.approx(0.8 + 0.1 / TOKENS, abs=0.01)  # a random token may be the mask, or the same again
    assert same == pytest.approx(0.1 + 0.1 / TOKENS, abs=0.01)


def test_nothing_is_hidden_where_nothing_may_be():
    ids, _ = texts(n=3)
    hidden, _, targets = gaps(ids, np.zeros(ids.shape, bool))
    np.testing.assert_array_equal(hidden, ids)
    assert (targets == -1).all()


def test_everything_can_be_hidden():
    ids, allowed = texts(n=3)
    _, places, targets = gaps(ids, allowed, share=1.0)
    np.testing.assert_array_equal((targets >= 0).sum(axis=1), allowed.sum(axis=1))
    assert places.shape == ids.shape

"""Attention roll-out: shares stay shares, and the order of the layers is that of the network."""

import numpy as np
import pytest

from kgen.functional.rollout import attention_rollout


def scores(layers=3, heads=2, tokens=4):
    drawn = np.random.default_rng(0).random((layers, heads, tokens, tokens))
    return drawn / drawn.sum(axis=-1, keepdims=True)


def test_rows_sum_to_one():
    np.testing.assert_allclose(attention_rollout(scores()).sum(axis=-1), 1.0, rtol=1e-6)


def test_one_layer_passes_on_half_of_itself():
    found = attention_rollout(scores(layers=1))
    np.testing.assert_allclose(found, 0.5 * scores(layers=1)[0].mean(axis=0) + 0.5 * np.eye(4), rtol=1e-6)


def test_the_last_layer_reads_what_the_first_has_made():
    first, last = np.eye(3), np.eye(3)
    first[0], last[1] = [0, 0, 1], [1, 0, 0]  # 0 looks at 2, then 1 looks at 0
    found = attention_rollout(np.stack([first, last])[:, None])
    np.testing.assert_allclose(found[1], [0.25, 0.5, 0.25])


def test_batches_are_rolled_out_one_by_one():
    some = np.stack([scores(), scores()[::-1]])
    np.testing.assert_allclose(attention_rollout(some)[1], attention_rollout(some[1]))
    with pytest.raises(ValueError, match=r"^scores: expected .*got"):
        attention_rollout(np.eye(3))

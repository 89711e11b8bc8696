"""Rows in batches: every row once, with its label, in an order that seed and epoch decide."""

import numpy as np

from kgen.datasets.row_batches import RowBatches
from kgen.datasets.row_batches import in_groups

RNG = np.random.default_rng(0)
ROWS = [
    np.array([100 + i, *RNG.integers(5, 9, RNG.integers(0, 30))]) for i in range(300)
]  # each begins with its number


def test_every_row_comes_once_an_epoch_with_its_label():
    batches = RowBatches(ROWS, np.arange(300), pad_id=0, batch_size=16, shuffle=True)
    seen = []
    for i in range(len(batches)):
        x, y = batches[i]
        np.testing.assert_array_equal(x[:, 0] - 100, y)
        for row, label in zip(x, y, strict=True):
            np.testing.assert_array_equal(row[row != 0], ROWS[label])
        seen += y.tolist()
    assert sorted(seen) == list(range(300))


def test_the_order_is_a_function_of_seed_and_epoch():
    first, second = (RowBatches(ROWS, None, 0, 16, shuffle=True, seed=1, named="text") for _ in range(2))
    first.start_epoch(3)
    assert any(
        (a["text"].shape != b["text"].shape) or (a["text"] != b["text"]).any()
        for (a,), (b,) in zip(first, second, strict=True)
    )
    second.start_epoch(3)
    for (a,), (b,) in zip(first, second, strict=True):
        np.testing.assert_array_equal(a["text"], b["text"])


def test_little_is_padded():
    batches = RowBatches(ROWS, None, pad_id=0, batch_size=4, shuffle=True)
    filled = np.mean([(batches[i][0] != 0).mean() for i in range(len(batches))])
    assert filled > 0.75 > sum(map(len, ROWS)) / (300 * 30)


def test_groups_for_inference_hold_every_row_in_few_lengths():
    seen, lengths = [], set()
    for numbers, ids in in_groups(ROWS, 0, 32, most=30):
        seen += numbers.tolist()
        lengths.add(ids.shape[1])
        for number, row in zip(numbers, ids, strict=True):
            np.testing.assert_array_equal(row[row != 0], ROWS[number])
    assert sorted(seen) == list(range(300)) and lengths <= {8, 16, 30}

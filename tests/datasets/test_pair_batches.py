"""Batches of pairs: nothing lost, little padded, few shapes, the same order for the same seed."""

import numpy as np
import pytest

from kgen.datasets.pair_batches import PairBatches
from kgen.datasets.pair_batches import shapes_for

START, END = 1, 0


def sentences(count, seed=0):
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.gamma(8.0, 1.8, count).astype(int) + 2, 2, 60)
    others = np.maximum(2, lengths + rng.integers(-3, 4, count))
    return tuple([np.append(rng.integers(2, 99, n - 1), END) for n in some] for some in (lengths, others))


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_pair_comes_once(shuffle):
    sources, targets = sentences(500)
    batches = PairBatches(sources, targets, START, END, batch_size=16, shuffle=shuffle, seed=3)
    found = []
    for x, y in (batches[i] for i in range(len(batches))):
        assert x["target"].shape == y.shape and len(x["source"]) <= 16
        for source, target, after in zip(x["source"], x["target"], y, strict=True):
            length = int((after >= 0).sum())
            assert target[0] == START and (target[1:length] == after[: length - 1]).all()
            assert (after[length:] == -1).all() and (target[length:] == END).all()
            found.append((tuple(source[: list(source).index(END) + 1]), tuple(after[:length])))
    expected = [(tuple(s), tuple(t)) for s, t in zip(sources, targets, strict=True)]
    assert sorted(found) == sorted(expected)


def test_little_is_padding_and_few_shapes_do():
    batches = PairBatches(*sentences(20_000), START, END, batch_size=64, shuffle=True, seed=1)
    assert batches.padding < 0.11 and len(batches.shapes) <= 14
    room = sum(x["source"].size + y.size for x, y in (batches[i] for i in range(len(batches))))
    tokens = sum(map(len, batches.sources)) + sum(map(len, batches.targets))
    assert batches.padding == pytest.approx(1 - tokens / room)
    full = [len(rows) for _, rows in batches.batches]
    assert sorted(full)[1] == 64  # only one may be smaller


def test_the_order_is_a_function_of_seed_and_epoch():
    data = sentences(300)

    def order(seed, epoch):
        batches = PairBatches(*data, START, END, batch_size=8, shuffle=True, seed=seed)
        batches.start_epoch(epoch)
        return [rows.tolist() for _, rows in batches.batches]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3) and order(1, 2) != order(2, 2)


def test_the_first_batches_differ_in_both_lengths():
    batches = PairBatches(*sentences(5_000), START, END, batch_size=16, shuffle=True, seed=1)
    for epoch in range(5):
        batches.start_epoch(epoch)
        (first, _), (second, _) = batches.batches[:2]
        assert first[0] != second[0] and first[1] != second[1]


def test_shapes_have_room_for_all():
    lengths = np.array([[3, 4], [9, 2], [1, 12]])
    assert shapes_for(lengths, 1) == [(9, 12)]
    many = shapes_for(lengths, 5)
    assert many[-1] == (9, 12) and all((np.array(many) >= row).all(1).any() for row in lengths)

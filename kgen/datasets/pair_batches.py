"""Pairs of sequences in batches that waste little on padding, of few shapes, so that few programs are compiled."""

import keras
import numpy as np

from kgen.datasets.token_windows import IGNORED

MOST_SHAPES = 14
WORTH_A_SHAPE = 0.003  # of all tokens: what another shape must save
BATCHES_A_SHAPE = 16
QUANTILES = 48  # of the lengths of each side, that a shape may have


class PairBatches(keras.utils.PyDataset):
    """Batches for teacher forcing: `({"source", "target"}, y)`, int32 `(batch, length)`.

    A sequence ends with its first end token, and is padded with further ones. "target" is the start token and all of
    the target but its end; y is one step ahead of it, and -1 where there is nothing. Pairs of like lengths share a
    batch. The batches have a few shapes only, chosen so that little is padded.

    Args:
        sources, targets: lists of integer arrays, each ending with `end_id`.
        start_id, end_id: int.
        batch_size: int; all batches of an epoch have so many rows, except that the last pairs may be fewer.
        shuffle: bool. The order of epoch e is drawn by `numpy.random.default_rng([seed, e])`: which pairs share a
            batch, and the order of the batches.
        seed: int ≥ 0.

    Attributes:
        shapes: list of (source length, target length).
        padding: share of all tokens of this epoch's batches that are padding, in [0, 1).
    """

    def __init__(self, sources, targets, start_id, end_id, batch_size=32, shuffle=False, seed=0):
        super().__init__()
        self.sources, self.targets = sources, targets
        self.start_id, self.end_id = start_id, end_id
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self._lengths = np.array([[len(s), len(t)] for s, t in zip(sources, targets, strict=True)], "int64")
        most = min(MOST_SHAPES, max(1, len(sources) // (BATCHES_A_SHAPE * batch_size)))
        self.shapes = shapes_for(self._lengths, most)
        self._shape_of = _cheapest(self._lengths, self.shapes)
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Put the pairs into the batches of this epoch."""
        rng = np.random.default_rng([self.seed, epoch]) if self.shuffle else None
        batches, waiting = [], []
        for i, shape in enumerate(self.shapes):  # the last one has room for all
            fitting = [row for row in waiting if (self._lengths[row] <= shape).all()]
            waiting = [row for row in waiting if not (self._lengths[row] <= shape).all()]
            own = np.flatnonzero(self._shape_of == i)
            if rng is not None:
                own = rng.permutation(own)
            rows = np.concatenate([np.array(fitting, "int64"), own])
            last = i == len(self.shapes) - 1
            full = len(rows) if last else len(rows) - len(rows) % self.batch_size
            batches += [(shape, rows[at : at + self.batch_size]) for at in range(0, full, self.batch_size)]
            waiting += rows[full:].tolist()
        order = range(len(batches)) if rng is None else rng.permutation(len(batches))
        self.batches = [batches[i] for i in order]
        _differ_at_first(self.batches)
        room = sum(sum(shape) * len(rows) for shape, rows in self.batches)
        self.padding = 1 - float(self._lengths.sum()) / room

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        (source_length, target_length), rows = self.batches[index]
        sources, targets = ([some[row] for row in rows] for some in (self.sources, self.targets))
        return pair_batch(sources, targets, self.start_id, self.end_id, source_length, target_length)


def pair_batch(sources, targets, start_id, end_id, source_length, target_length):
    """The arrays of one batch, padded to these lengths; see `PairBatches`."""
    y = padded(targets, target_length, IGNORED)
    target = np.where(y == IGNORED, end_id, y)
    target = np.concatenate([np.full((len(y), 1), start_id, "int32"), target[:, :-1]], axis=1)
    return {"source": padded(sources, source_length, end_id), "target": target}, y


def padded(rows, length, filler):
    """Rows of ids as int32 `(n, length)`, padded on the right."""
    array = np.full((len(rows), length), filler, "int32")
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return array


def shapes_for(lengths, most):
    """Up to `most` shapes `(source, target)` into which pairs of these lengths fit with little padding, small first.

    Greedy: the shape that saves most is added to those there are, as long as it saves enough.

    Args:
        lengths: integers `(n, 2)`.
        most: int ≥ 1.
    """
    largest = lengths.max(axis=0)
    numbers, counts = np.unique(lengths @ [largest[1] + 1, 1], return_counts=True)
    kinds = np.stack(np.divmod(numbers, largest[1] + 1), axis=-1)
    places = np.arange(1, QUANTILES + 1) * len(lengths) // QUANTILES - 1
    sides = [np.unique(np.sort(lengths[:, i])[np.maximum(places, 0)]) for i in (0, 1)]
    candidates = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    costs = np.where((kinds[:, None] <= candidates).all(-1), candidates.sum(1), np.inf)  # of a pair in each candidate
    shapes, cost = [largest], np.full(len(kinds), largest.sum(), "float64")
    while len(shapes) < most:
        totals = counts @ np.minimum(cost[:, None], costs)
        best = int(totals.argmin())
        if counts @ cost - totals[best] < WORTH_A_SHAPE * (counts @ cost):
            break
        shapes.append(candidates[best])
        cost = np.minimum(cost, costs[:, best])
    return sorted((tuple(map(int, shape)) for shape in shapes), key=lambda shape: (sum(shape), shape))


def _cheapest(lengths, shapes):
    """For each pair the number of the smallest shape that it fits into."""
    chosen = np.full(len(lengths), len(shapes) - 1)
    for i in reversed(range(len(shapes))):
        chosen[(lengths <= shapes[i]).all(axis=1)] = i
    return chosen


def _differ_at_first(batches):
    """Bring batches that differ in both lengths to the front: TensorFlow takes what the first two share for fixed."""
    for axis in (0, 1):
        first = batches[0][0][axis]
        other = next((i for i in range(1, len(batches)) if batches[i][0][axis] != first), None)
        if other is not None and all(batch[0][axis] == first for batch in batches[:2]):
            batches[1], batches[other] = batches[other], batches[1]

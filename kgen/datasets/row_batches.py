"""Rows of ids in batches that waste little on padding, of few shapes, so that few programs are compiled."""

import numpy as np

from kgen.datasets.pair_batches import PairBatches
from kgen.datasets.pair_batches import padded


class RowBatches(PairBatches):
    """Batches of rows of ids, int32 `(batch, length)`, padded on the right: `(x,)`, or `(x, labels)`.

    Rows of like lengths share a batch: they are the pairs of `PairBatches` with an empty second side.

    Args:
        rows: list of integer arrays.
        labels: array with a row for each, or None.
        pad_id: int.
        batch_size, shuffle, seed: as in `PairBatches`.
        named: None, or the name under which x comes: `({named: x},)`.
    """

    def __init__(self, rows, labels, pad_id, batch_size=32, shuffle=False, seed=0, named=None):
        self.labels = labels
        self.pad_id = pad_id
        self.named = named
        super().__init__(rows, [()] * len(rows), None, None, batch_size, shuffle, seed)

    def __getitem__(self, index):
        (length, _), rows = self.batches[index]
        x = padded([self.sources[row] for row in rows], length, self.pad_id)
        x = x if self.named is None else {self.named: x}
        return (x,) if self.labels is None else (x, self.labels[rows])


def in_groups(rows, pad_id, batch_size, most):
    """Yields (numbers of the rows, ids int32 `(batch, length)`) for inference: like lengths together.

    Lengths are powers of two, or `most`, which no row exceeds: so few programs are compiled.
    """
    order = np.argsort([len(row) for row in rows], kind="stable")
    for start in range(0, len(rows), batch_size):
        numbers = order[start : start + batch_size]
        length = min(most, max(8, 1 << (max(len(rows[i]) for i in numbers) - 1).bit_length()))
        yield numbers, padded([rows[i] for i in numbers], length, pad_id)

"""Rows of ids of which a part is an answer: the rest is read, and only the answer is learned."""

import numpy as np

from kgen.datasets.pair_batches import PairBatches
from kgen.datasets.pair_batches import padded
from kgen.datasets.token_windows import IGNORED


class AnswerBatches(PairBatches):
    """Batches for next-token training: `(x, y)`, int32 `(batch, length)`, y one step ahead of x.

    y is -1 where no answer stands, and behind the end. Rows of like lengths share a batch: they are the pairs of
    `PairBatches` with an empty second side.

    Args:
        rows: list of integer arrays, each of two or more ids.
        learned: list of bool arrays of the same lengths: which ids are to be learned.
        pad_id: int.
        batch_size, shuffle, seed: as in `PairBatches`.
    """

    def __init__(self, rows, learned, pad_id, batch_size=32, shuffle=False, seed=0):
        self.learned = learned
        self.pad_id = pad_id
        # As long as what is read: the last id is only a target.
        super().__init__([row[:-1] for row in rows], [()] * len(rows), None, None, batch_size, shuffle, seed)
        self.targets = [targets_of(row, says) for row, says in zip(rows, learned, strict=True)]

    def __getitem__(self, index):
        (length, _), numbers = self.batches[index]
        x = padded([self.sources[i] for i in numbers], length, self.pad_id)
        return x, padded([self.targets[i] for i in numbers], length, IGNORED)


def targets_of(row, learned):
    """What each id but the last is to be followed by; -1 where that is not to be learned."""
    return np.where(learned[1:], row[1:], IGNORED)


def answer_batch(rows, learned, length, pad_id):
    """One batch `(x, y)` of these rows, of at most `length` steps; what is longer loses its end."""
    rows, learned = ([one[: length + 1] for one in some] for some in (rows, learned))
    targets = [targets_of(row, says) for row, says in zip(rows, learned, strict=True)]
    width = -(-max(map(len, targets)) // 8) * 8
    width = min(width, length)
    return padded([row[:-1] for row in rows], width, pad_id), padded(targets, width, IGNORED)

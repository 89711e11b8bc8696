"""Running words in rows of one length, frequent words thinned out: what skip-gram models learn from."""

import keras
import numpy as np


class WordRows(keras.utils.PyDataset):
    """Batches of consecutive words: `(words, texts)`, both int32 `(batch, length)`.

    A word of frequency f stays with the probability `kept_shares`, drawn anew for each epoch. What stays moves
    together, so that a window reaches further, and is cut into rows from a place on that is drawn, too. All epochs have
    as many rows as words are expected to stay: if more do, some are left out, if fewer do, the first ones come again.

    Args:
        words: integers `(n,)`, the words of all texts, one text after the other.
        texts: integers `(n,)`, the number of the text that each word stands in; they never fall.
        kept_shares: float `(vocabulary,)` in [0, 1].
        length: int ≥ 2, words a row.
        batch_size: int; the last batch of an epoch may have fewer rows.
        shuffle: bool. Epoch e is drawn by `numpy.random.default_rng([seed, e])`. Without it all are drawn as epoch 0,
            and the rows keep their order.
        seed: int ≥ 0.
    """

    def __init__(self, words, texts, kept_shares, length=64, batch_size=32, shuffle=False, seed=0):
        super().__init__()
        self.all_words, self.all_texts = (np.asarray(part, "int32") for part in (words, texts))
        self.shares = np.asarray(kept_shares, "float32")[self.all_words]
        self.length = length
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.num_rows = max(1, round(float(self.shares.sum(dtype="float64")) / length))
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Draw the rows of this epoch."""
        rng = np.random.default_rng([self.seed, epoch if self.shuffle else 0])
        kept = np.flatnonzero(rng.random(len(self.shares), dtype="float32") < self.shares)
        kept = kept if len(kept) else np.arange(len(self.shares))
        lap, place = np.divmod(rng.integers(len(kept)) + np.arange(self.num_rows * self.length), len(kept))
        rows = (self.num_rows, self.length)
        order = rng.permutation(self.num_rows) if self.shuffle else slice(None)
        self.words = self.all_words[kept[place]].reshape(rows)[order]
        # What comes again is another text: the last word and the first one are no neighbours.
        texts = self.all_texts[kept[place]] + lap * (int(self.all_texts[-1]) + 1)
        self.texts = texts.astype("int32").reshape(rows)[order]

    def __len__(self):
        return -(-self.num_rows // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.words[rows], self.texts[rows]


def kept_shares(frequencies, subsample):
    """The share of its occurrences that a word keeps: min(1, √(t / f) + t / f), float64 `(words,)`; 1 without t."""
    frequencies = np.asarray(frequencies, "float64")
    if subsample is None:
        return np.ones_like(frequencies)
    return np.minimum(1.0, np.sqrt(subsample / frequencies) + subsample / frequencies)

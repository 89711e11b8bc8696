"""Running text with gaps, and what stood in them: the pairs from which T5 learns a language.

Thank you <0> inviting me to your <1> week.   →   <0> for <1> party last
"""

import keras
import numpy as np

from kgen.datasets.pair_batches import pair_batch
from kgen.datasets.token_windows import TokenWindows

DENSITY = 0.15  # share of the tokens that are taken out
MEAN_SPAN = 3.0  # of them in a row


class SpanCorruption(keras.utils.PyDataset):
    """Batches of windows of a text with gaps: `({"source", "target"}, y)`, int32 `(batch, length)`.

    A window of n tokens loses `DENSITY` of them in spans of `MEAN_SPAN` on average. In the source a sentinel stands for
    each span; the target is each sentinel, followed by what it stands for. Both have the same lengths in all windows,
    so that nothing is padded. As in T5 a window begins with a token that stays and ends with one that does not.

    Args:
        tokens: `MappedIds`, or integers `(n,)`.
        length: int ≥ 2, the most tokens of a source and of a target, their end tokens included.
        sentinels: list of int ≥ 1, the ids that stand for the first span, the second, ….
        start_id, end_id: int.
        batch_size: int; the last batch of an epoch may be smaller.
        shuffle: bool. In epoch e windows begin where `numpy.random.default_rng([seed, e])` says, and the spans of batch
            i are drawn by `default_rng([seed, e, i])`. Without it the windows lie side by side and e is 0.
        seed: int ≥ 0.

    Reference: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020,
    section 3.1.4.
    """

    def __init__(self, tokens, length, sentinels, start_id, end_id, batch_size=32, shuffle=False, seed=0):
        super().__init__()
        window = min(window_for(length, len(sentinels)), len(tokens))
        self.num_noise, self.num_spans = noise_of(window)
        # `TokenWindows` gives n - 1 tokens, and the same one step later.
        order = "random" if shuffle else "sequential"
        self.windows = TokenWindows(tokens, window - 1, batch_size, order=order, seed=seed)
        self.sentinels = np.asarray(sentinels, "int32")
        self.start_id, self.end_id = start_id, end_id
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0

    def start_epoch(self, epoch):
        """Draw the windows and the spans of this epoch."""
        self.windows.start_epoch(epoch)
        self.epoch = epoch if self.shuffle else 0

    def __len__(self):
        return len(self.windows)

    def __getitem__(self, index):
        x, y = self.windows[index]
        ids = np.concatenate([x, y[:, -1:]], axis=1)
        hidden = random_spans(np.random.default_rng([self.seed, self.epoch, index]), *ids.shape)
        sources = corrupted(ids, hidden, self.sentinels, self.end_id)
        targets = corrupted(ids, ~hidden, self.sentinels, self.end_id)
        return pair_batch(sources, targets, self.start_id, self.end_id, sources.shape[1], targets.shape[1])


def noise_of(length):
    """(tokens that a window of this length loses, spans that they are in)."""
    noise = min(max(round(length * DENSITY), 1), length - 1)
    spans = min(max(round(noise / MEAN_SPAN), 1), noise, length - noise)
    return noise, spans


def window_for(length, num_sentinels):
    """The longest window whose source and target have at most `length` tokens and which needs no more sentinels."""

    def fits(window):
        noise, spans = noise_of(window)
        return window - noise + spans + 1 <= length and noise + spans + 1 <= length and spans <= num_sentinels

    window = 2
    while fits(window + 1):
        window += 1
    return window


def random_spans(rng, rows, length):
    """Which tokens are taken out, bool `(rows, length)`: in all rows as many, in as many spans, else at random.

    What stays and what goes are both cut into so many pieces, at random places, and the pieces take turns.
    """
    noise, spans = noise_of(length)
    pieces = np.stack([_pieces(rng, rows, length - noise, spans), _pieces(rng, rows, noise, spans)], axis=-1)
    ends = pieces.reshape(rows, 2 * spans).cumsum(axis=1)  # of what stays, what goes, what stays, …
    number = (np.arange(length) >= ends[:, :, None]).sum(axis=1)
    return number % 2 == 1


def corrupted(ids, hidden, sentinels, end_id):
    """Each span of what is hidden replaced by the next sentinel, with an end token: int32 `(rows, shorter length)`.

    All rows hide as many tokens, in as many spans.
    """
    begins = hidden & ~np.pad(hidden, ((0, 0), (1, 0)))[:, :-1]
    number = np.maximum(begins.cumsum(axis=1) - 1, 0)
    marked = np.where(begins, sentinels[number], ids)
    kept = marked[begins | ~hidden].reshape(len(ids), -1)
    return np.pad(kept, ((0, 0), (0, 1)), constant_values=end_id).astype("int32")


def _pieces(rng, rows, length, number):
    """Lengths ≥ 1 of so many pieces of a line, cut at random places: integers `(rows, number)`."""
    places = rng.random((rows, length - 1)).argsort(axis=1)[:, : number - 1] + 1
    cuts = np.pad(np.sort(places, axis=1), ((0, 0), (1, 1)), constant_values=(0, 0))
    cuts[:, -1] = length
    return np.diff(cuts, axis=1)

"""A callback that shows, epoch by epoch, which words lie together."""

from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file

RANKS = (30, 50, 80, 120, 200, 300, 500, 800)  # of words that are neither rare nor in every sentence


class SampleNeighbours(EveryFewEpochs):
    """Writes `model.most_similar(word, top)` of some words into `epoch_0001.txt` … at the end of epochs.

    Args:
        folder: where to write; created when missing.
        words: list of str; None for some of the model's vocabulary.
        top: int ≥ 1, neighbours of each.
        every: write after every so many epochs, and after the first.

    Raises:
        ValueError: `every` is not an integer ≥ 1, or, when training begins, a model without neighbours.

    Example:

    >>> import kgen
    >>> callback = kgen.training.SampleNeighbours("samples", ["king", "red"], every=5)
    """

    def __init__(self, folder, words=None, top=8, every=1):
        super().__init__(every, verb="most_similar")
        self.folder = folder
        self.words = words
        self.top = top

    def after_epoch(self, number, logs):
        known, lines = self.model.vocabulary, []
        words = self.words or [known[rank] for rank in RANKS if rank < len(known)] or known[-3:]
        for word in words:
            near = ", ".join(f"{other} {cosine:.2f}" for other, cosine in self.model.most_similar(word, self.top))
            lines.append(f"{word}: {near}\n")
        epoch_file(self.folder, number, ".txt").write_text("".join(lines), encoding="utf-8")

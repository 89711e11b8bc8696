"""A callback that shows, epoch by epoch, how the model translates."""

from kgen.functional.checks import check_same_length
from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file


class SampleTranslations(EveryFewEpochs):
    """Writes how the model translates a few sentences into `epoch_0001.txt` … at the end of epochs.

    Args:
        folder: where to write; created when missing.
        sources: str or list of str.
        references: str or list of str, how they should be translated; or None.
        every: write after every so many epochs, and after the first.
        seed: int; the same each time, for samplers that draw.
        options: further arguments of `generate`, such as `sampler`.

    Raises:
        ValueError: `every` is not an integer ≥ 1, another number of references than of sources, or, when training
            begins, a model that does not translate.

    Example:

    >>> import kgen
    >>> callback = kgen.training.SampleTranslations("samples", ["A man sleeps."], ["Un homme dort."], every=5)
    """

    def __init__(self, folder, sources, references=None, every=1, seed=0, **options):
        super().__init__(every, verb="candidates")
        self.folder = folder
        self.sources = [sources] if isinstance(sources, str) else sources
        self.references = [references] if isinstance(references, str) else references
        self.seed = seed
        self.options = options
        if references is not None:
            check_same_length("sources", self.sources, "references", self.references)

    def after_epoch(self, number, logs):
        text = translations_of(self.model, self.sources, self.references, seed=self.seed, **self.options)
        epoch_file(self.folder, number, ".txt").write_text(text, encoding="utf-8")


def translations_of(model, sources, references=None, **options):
    """Sources, their references and the model's translations below each other, as one text."""
    columns = {"source": sources, "reference": references, "translation": model.generate(sources, **options)}
    columns = {name: column for name, column in columns.items() if column is not None}
    blocks = []
    for row in zip(*columns.values(), strict=True):
        blocks.append("".join(f"{name:<12} {_line(one)}\n" for name, one in zip(columns, row, strict=True)))
    return "\n".join(blocks)


def _line(text):
    return " ".join(str(text).splitlines())

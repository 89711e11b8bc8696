"""A callback that computes a family's honest figure while it trains."""

import numpy as np

from kgen.functional.checks import check_int
from kgen.functional.checks import check_same_length
from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file
from kgen.training.sample_translations import translations_of


class EvaluateSamples(EveryFewEpochs):
    """Puts the figures of `model.evaluate(x, y, full=True)` into the history of a training: "val_bleu" and the like.

    Callbacks that come after it see them too: `EarlyStopping("val_bleu", mode="max")`, `ModelCheckpoint(path,
    "val_bleu", mode="max")`; name the mode, for Keras knows only its own metrics. In epochs without evaluation the
    figures are missing, as with Keras's `validation_freq`. A figure that `validation_data` gave the same name stays as
    it is; another `prefix` shows both. Models that translate also show a few translations.

    Args:
        x: what `evaluate` takes: images, texts, sources.
        y: what belongs to it, such as references; or None.
        folder: where translations are written, as `epoch_0001.txt` …; None prints them, unless `fit` has verbose=0.
        every: evaluate after every so many epochs, and after the first.
        limit: int ≥ 1, evaluate the first so many rows only (of a string: characters), as sorted as they are; or None.
        samples: int ≥ 0, how many translations to show.
        prefix: str before the names of the figures.
        options: further arguments of `evaluate(full=True)`, such as `sampler`.

    Raises:
        ValueError: a number out of range, x and y of unequal length, a `limit` for data that cannot be cut, or, when
            training begins, a model without `evaluate(full=True)`.

    Example:

    >>> import keras, kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> model = kgen.models.VAE((8, 8, 1), latent_dim=2, architecture="mlp", hidden_dims=(8,), seed=1)
    >>> model.compile()
    >>> evaluation = kgen.training.EvaluateSamples(images, limit=16, num_samples=4, verbose=0)
    >>> stopping = keras.callbacks.EarlyStopping("val_nll", mode="min")
    >>> history = model.fit(images, epochs=2, callbacks=[evaluation, stopping], verbose=0).history
    >>> len(history["val_nll"])
    2
    """

    def __init__(self, x, y=None, folder=None, every=1, limit=None, samples=5, prefix="val_", **options):
        super().__init__(every, verb="full_evaluation")
        check_int("samples", samples, minimum=0)
        if y is not None:
            check_same_length("x", x, "y", y)
        if limit is not None:
            check_int("limit", limit, minimum=1)
            if not hasattr(x, "__getitem__"):
                raise ValueError(
                    f"limit: expected x to be a list, array or string, got {type(x).__name__}; cut it first"
                )
            x, y = x[:limit], None if y is None else y[:limit]
        self.x = x
        self.y = y
        self.folder = folder
        self.limit = limit
        self.samples = samples
        self.prefix = prefix
        self.options = options

    def after_epoch(self, number, logs):
        figures = self.model.evaluate(self.x, self.y, full=True, **self.options)
        for name, value in figures.items():
            if isinstance(value, float | np.floating):  # integers say how much was evaluated
                logs.setdefault(f"{self.prefix}{name}", float(value))
        if self.samples and hasattr(self.model, "candidates"):
            self._show(number)

    def _show(self, number):
        if self.folder is None and not self.params.get("verbose"):
            return
        references = None if self.y is None else self.y[: self.samples]
        sampler = {"sampler": self.options["sampler"]} if "sampler" in self.options else {}
        text = translations_of(self.model, self.x[: self.samples], references, seed=0, **sampler)
        if self.folder is None:
            print(f"\n{text}")
        else:
            epoch_file(self.folder, number, ".txt").write_text(text, encoding="utf-8")

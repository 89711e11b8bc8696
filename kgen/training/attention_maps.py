"""A callback that shows, epoch by epoch, what the model looks at."""

from kgen.plots.attention import attention_map
from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file


class AttentionMaps(EveryFewEpochs):
    """Writes `kgen.plots.attention_map` of one text into `epoch_0001.png` … at the end of epochs.

    Of a model that translates it shows what each token of the translation looks at in the source: when the model has
    learned to translate, a line from the upper left to the lower right that jumps where the languages order words
    differently. Of a language model it shows what each token looks at in what comes before it.

    Args:
        folder: where to write; created when missing.
        source: str, or ids for a model without a tokenizer.
        target: the same, a translation to look at; None for the model's own. Language models take none.
        every: write after every so many epochs, and after the first.

    Raises:
        ValueError: `every` is not an integer ≥ 1, or, when training begins, a model without attention, or a target for
            a model that takes none.

    Example:

    >>> import kgen
    >>> callback = kgen.training.AttentionMaps("attention", "A man sleeps.", "Un homme dort.", every=5)

    Reference: Bahdanau et al., Neural Machine Translation by Jointly Learning to Align and Translate, 2015, figure 3.
    """

    def __init__(self, folder, source, target=None, every=1):
        super().__init__(every, verb="attention")
        self.folder = folder
        self.source = source
        self.target = target

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self.target is not None and not hasattr(self.model, "attention_tokens"):
            raise ValueError(f"target: a {type(self.model).__name__} looks at one text only, expected None")

    def after_epoch(self, number, logs):
        if hasattr(self.model, "attention_tokens"):
            scores = self.model.attention(self.source, self.target)
            keys, queries = self.model.attention_tokens(self.source, self.target)
        else:
            scores = self.model.attention(self.source)
            keys, queries = _tokens(self.model.tokenizer, self.source), None
        layers = {f"layer {i}": heads for i, heads in enumerate(scores, 1)} if len(scores) > 1 else scores[0]
        figure = attention_map(layers, keys, queries, title=f"epoch {number}")
        figure.savefig(epoch_file(self.folder, number, ".png"))


def _tokens(tokenizer, text):
    """A string for each token of a text, or for each of its ids."""
    if tokenizer is None:
        return [str(one) for one in text]
    ids = tokenizer.encode(text) if isinstance(text, str) else text
    return [tokenizer.decode([one], skip_special=False) for one in ids]

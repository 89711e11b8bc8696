"""A model with the verbs of one that translates, of which all that it does is known."""

import keras
import numpy as np

from kgen.models.base import GenerativeModel


class Translator(GenerativeModel):
    """Translates into upper case. Learns numbers; `evaluate(full=True)` notes what it was given."""

    def __init__(self):
        super().__init__(seed=1)
        self.dense = keras.layers.Dense(1, name="dense")
        self.evaluated = []
        self.bleu = iter([10.0, 30.0, 20.0, 15.0, 40.0])

    def call(self, x):
        return self.dense(x)

    def full_evaluation(self, x, y=None, **options):
        self.evaluated.append((list(x), None if y is None else list(y), options))
        return {"bleu": next(self.bleu), "chrf": np.float32(50.0), "loss": 7.0, "sentences": len(x)}

    def generate(self, sources, sampler=None, seed=None):
        return [f"{source.upper()}{sampler or ''}" for source in sources]

    def candidates(self, sources):
        return [[(text, 0.0)] for text in self.generate(sources)]

    def attention_tokens(self, source, target=None):
        return source.split(), (target or source.upper()).split()

    def attention(self, source, target=None):
        keys, queries = self.attention_tokens(source, target)
        return np.full((2, 3, len(queries), len(keys)), 1 / len(keys), "float32")


def trained(epochs, *callbacks, **options):
    """A translator after `epochs` epochs, and the history of its training."""
    model = Translator()
    model.compile("sgd", loss="mse")
    x = np.ones((8, 1), "float32")
    history = model.fit(x, x, epochs=epochs, callbacks=list(callbacks), **{"verbose": 0, **options})
    return model, history.history

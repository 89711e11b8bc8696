"""Models so small that what they write can be computed by hand."""

import keras
import numpy as np
from keras import ops

import kgen
from kgen.decoding.loop import TokenLoop


class Toy:
    """A model whose hidden state depends on all tokens so far, and on their order, through one number.

    number = Σ_i (i + 1) · (token_i + 1) mod `states`,   hidden = table[number],   logits = hidden · readout

    With attention's kind of cache, in which every place may be written again, or with a state as recurrent models have.
    """

    def __init__(self, vocabulary=5, states=11, dim=4, seed=0, spread=1.5, max_length=None, positional=True):
        self.states, self.vocabulary, self.spread = states, vocabulary, spread
        self.table = keras.Variable(np.zeros((states, dim), "float32"), trainable=False)
        self.weights = keras.Variable(np.zeros((dim, vocabulary), "float32"), trainable=False)
        self.draw(seed)
        self.loop = TokenLoop(
            self._step_places if positional else self._step_state,
            lambda hidden: ops.matmul(hidden, self.weights),
            self._make_places if positional else self._make_state,
            [self.table, self.weights],
            max_length,
            positional,
        )

    def draw(self, seed):
        """Other weights, for the same program."""
        rng = np.random.default_rng(seed)
        self.hidden, self.readout = (rng.normal(size=one.shape).astype("float32") for one in (self.table, self.weights))
        self.readout *= self.spread
        self.table.assign(self.hidden)
        self.weights.assign(self.readout)

    def token_loop(self):
        return self.loop

    def hidden_of(self, text):
        return self.hidden[sum((i + 1) * (one + 1) for i, one in enumerate(text)) % self.states]

    def logits_of(self, text):
        return self.hidden_of(text).astype("float64") @ self.readout.astype("float64")

    def log_probabilities_of(self, text):
        logits = self.logits_of(text)
        return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()

    def _make_places(self, batch, length):
        return [{"ids": ops.zeros((batch, length), "int32")}]

    def _step_places(self, ids, cache, index, padding):
        places = ops.reshape(index, (-1, 1)) + ops.arange(ids.shape[1], dtype="int32")  # (1 or batch, t)
        kept = cache[0]["ids"]
        for i in range(ids.shape[1]):
            here = ops.arange(kept.shape[1], dtype="int32") == places[:, i : i + 1]
            kept = ops.where(here, ids[:, i : i + 1], kept)
        order = ops.arange(kept.shape[1], dtype="int32")[None] - padding[:, None]
        terms = ops.where(order >= 0, (order + 1) * (kept + 1), 0)
        totals = ops.cumsum(terms, axis=1)
        places = ops.broadcast_to(places, ids.shape)
        return self._look_up(ops.take_along_axis(totals, places, axis=1)), [{"ids": kept}]

    def _make_state(self, batch, length):
        return {"total": ops.zeros((batch,), "int32")}

    def _step_state(self, ids, cache, index, padding):
        order = index + ops.arange(ids.shape[1], dtype="int32")[None] - padding[:, None]
        terms = ops.where(order >= 0, (order + 1) * (ids + 1), 0)
        totals = cache["total"][:, None] + ops.cumsum(terms, axis=1)
        return self._look_up(totals), {"total": totals[:, -1]}

    def _look_up(self, totals):
        return ops.take(self.table, totals % self.states, axis=0)


def tiny_gpt(num_layers=2, vocabulary=12, seed=1, spread=0.4):
    """A GPT with the same random weights on every backend."""
    model = kgen.models.GPT(
        vocabulary_size=vocabulary, context_length=64, num_layers=num_layers, num_heads=2, model_dim=16, seed=seed
    )
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) * spread for weight in model.weights])
    return model


def written(strategy, loop, prompts, count, **options):
    """All that a strategy writes, as lists of ids."""
    return np.concatenate(list(strategy.stream(loop, prompts, count, **options)), axis=1).tolist()

"""Contrastive search: a likely token that does not say again what stands there already."""

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.decoding.loop import write_places
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number


class Contrastive:
    """Of the k likeliest tokens the one that is likely and whose hidden state is unlike all before it.

    score(v) = (1 - α) p(v) - α max_j cos(h_v, h_j)

    h_v is the hidden state that the model has after v, h_j those of all tokens of the text so far, prompt included. The
    k candidates of each row are tried in one step. Nothing is drawn: the same prompt gives the same text.

    Args:
        k: how many candidates, int ≥ 1; 1 is greedy search.
        alpha: α in [0, 1]; 0 is greedy search.

    Raises:
        ValueError: an argument outside its range.

    Reference: Su et al., A Contrastive Framework for Neural Text Generation, 2022.

    Example:

    >>> import kgen
    >>> kgen.decoding.Contrastive(k=5, alpha=0.5)
    Contrastive(k=5, alpha=0.5)
    """

    least_width = 1

    def __init__(self, k=4, alpha=0.6):
        check_int("k", k, minimum=1)
        check_number("alpha", alpha, minimum=0.0, maximum=1.0)
        self.k = k
        self.alpha = alpha

    def stream(self, loop, prompts, max_new_tokens, **options):
        """Yields arrays of new ids, int32 `(batch, k)`; see `TokenLoop.stream`."""
        return loop.stream(prompts, max_new_tokens, self, **options)

    def room(self, loop):
        """How many places a window may have; see `TokenLoop.stream`."""
        return loop.max_length

    def start(self, loop, window, done, stops, rng, context):
        """Begin a window; see `TokenLoop.stream`."""
        run = loop.program(f"Contrastive({self.k})", lambda: _program(self.k, loop))
        batch, length = window.tokens.shape
        hidden, cache = loop.prefill(window, context, read=loop.step)
        before = ops.pad(_unit(hidden), ((0, 0), (0, length - window.width), (0, 0)))
        state = {
            "index": ops.convert_to_tensor(window.width, "int32"),
            "tokens": ops.convert_to_tensor(window.tokens),
            "done": ops.convert_to_tensor(done),
            "logits": loop.logits(hidden[:, -1:])[:, 0],
            "before": before,
        }
        padding, alpha = ops.convert_to_tensor(window.padding), ops.convert_to_tensor(self.alpha, "float32")
        settings = (padding, alpha, ops.convert_to_tensor(stops))

        def advance(until):
            nonlocal state, cache
            state, cache = run(state, cache, ops.convert_to_tensor(until, "int32"), *settings)
            tokens, index, done = (ops.convert_to_numpy(state[name]) for name in ("tokens", "index", "done"))
            return tokens, np.full(batch, index), done

        return advance

    def __repr__(self):
        return f"Contrastive(k={self.k}, alpha={self.alpha:g})"


def _program(k, loop):
    def choose(probabilities, hidden, before, index, padding, alpha):
        """Which of the candidates, int32 (batch,), and its hidden state as a unit vector."""
        candidates = _unit(hidden)
        cosines = ops.matmul(candidates, ops.transpose(before, (0, 2, 1)))  # (batch, k, places)
        places = ops.arange(cosines.shape[-1], dtype="int32")[None]
        there = ops.logical_and(places >= padding[:, None], places < index)
        worst = ops.max(ops.where(there[:, None], cosines, -1.0), axis=-1)
        best = ops.argmax((1.0 - alpha) * probabilities - alpha * worst, axis=-1)
        return ops.cast(best, "int32"), ops.take_along_axis(candidates, best[:, None, None], axis=1)[:, 0]

    choose = backend.compiled(choose)

    def run(state, cache, until, padding, alpha, stops):
        loop.traces += 1
        batch, vocabulary = state["logits"].shape
        n = min(k, vocabulary)  # candidates

        def unfinished(state, cache):
            return ops.logical_and(state["index"] < until, ops.logical_not(ops.all(state["done"])))

        def advance(state, cache):
            index = state["index"]
            probabilities, candidates = ops.top_k(ops.softmax(state["logits"], axis=-1), n)
            candidates = ops.cast(candidates, "int32")
            copies = keras.tree.map_structure(lambda leaf: ops.repeat(leaf, n, axis=0), cache)
            hidden, copies = loop.step(ops.reshape(candidates, (-1, 1)), copies, index, ops.repeat(padding, n, axis=0))
            hidden = ops.reshape(hidden, (batch, n, hidden.shape[-1]))
            best, unit = choose(probabilities, hidden, state["before"], index, padding, alpha)

            kept = ops.arange(batch, dtype="int32") * n + best
            cache = keras.tree.map_structure(lambda leaf: ops.take(leaf, kept, axis=0), copies)
            hidden = ops.take_along_axis(hidden, best[:, None, None], axis=1)
            previous = ops.take(state["tokens"], index - 1, axis=1)
            ids = ops.take_along_axis(candidates, best[:, None], axis=1)[:, 0]
            ids = ops.where(state["done"], previous, ids)
            state = {
                "index": index + 1,
                "tokens": write_places(state["tokens"], index, ids),
                "done": ops.logical_or(state["done"], ops.any(ids[:, None] == stops[None], axis=1)),
                "logits": loop.logits(hidden)[:, 0],
                "before": write_places(state["before"], index, unit),
            }
            return state, cache

        return ops.while_loop(unfinished, advance, (state, cache))

    return backend.compiled(run, loop.variables)


def _unit(hidden):
    """Hidden states as float32 vectors of length 1."""
    hidden = ops.cast(hidden, "float32")
    return hidden / ops.maximum(ops.norm(hidden, axis=-1, keepdims=True), keras.config.epsilon())

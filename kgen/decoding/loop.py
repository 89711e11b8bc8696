"""The next-token loop, once for every family.

    logits, cache = step(prompt)                 the whole prompt in one pass
    repeat: token = sampler(logits); logits, cache = step(token)

The repetition is one compiled loop over a cache of static shape. Prompts of different lengths stand in one batch,
padded on the left, so that every row writes at the same place. Lengths are rounded up to buckets, so that similar
prompts run the same program.
"""

import numpy as np
from keras import ops

from kgen import backend

PROMPT_BUCKET = 32
LENGTH_BUCKET = 64


class TokenLoop:
    """Generates tokens with any model that can take a step.

    Args:
        step: callable `(ids int32 (batch, t), cache, index int32 scalar, padding int32 (batch,))` that returns the
            logits of the last position, float `(batch, vocabulary)`, and the new cache. The ids stand at positions
            index to index + t - 1 of the cache; the first `padding` positions of a row hold nothing.
        make_cache: callable `(batch, length)` that returns an empty cache, nested tuples of tensors.
        variables: the Keras variables that `step` reads.
        max_length: the longest cache that the model can use, or None.
    """

    def __init__(self, step, make_cache, variables, max_length=None):
        self.step = step
        self.make_cache = make_cache
        self.variables = list(variables)
        self.max_length = max_length
        self.traces = 0  # how often a loop was compiled, for those who want to know
        self._prefill = backend.compiled(step, self.variables)
        self._loops = {}

    def stream(self, prompts, max_new_tokens, sampler, seed=None, stop_ids=(), every=None):
        """Yields arrays of new ids, int32 `(batch, k)` with k ≤ `every`; after a stop id a row repeats it.

        When the cache is full, the second half of the window becomes the prompt of a new one, so a text may grow beyond
        `max_length`.

        Args:
            prompts: lists of ids, none empty.
            max_new_tokens: int ≥ 1.
            sampler: one of `kgen.decoding`'s.
            seed: int or None.
            stop_ids: ids that end a row.
            every: yield after so many tokens; None yields when the cache is full or all is done.
        """
        rng = np.random.default_rng(seed)
        history = [list(prompt) for prompt in prompts]
        stops = np.array(sorted(stop_ids) or [-1], "int32")
        done, left = np.zeros(len(prompts), bool), max_new_tokens
        while left and not done.all():
            state, index, end = self._begin(history, left, done)
            while index < end and not done.all():
                until = min(end, index + (every or end))
                uniforms = np.zeros((len(prompts), state["tokens"].shape[1]), "float32")
                uniforms[:, index:until] = rng.random(
                    (until - index, len(prompts)), "float32"
                ).T  # the same, however cut
                state = self._run(sampler, state, index, until, uniforms, stops)
                tokens, done, reached = (ops.convert_to_numpy(state[key]) for key in ("tokens", "done", "index"))
                new = tokens[:, index : int(reached)]
                for row, ids in zip(history, new, strict=True):
                    row.extend(ids.tolist())
                left, index = left - new.shape[1], int(reached)
                yield new

    def _begin(self, history, left, done):
        """Prefill a window with the end of each text: the loop's state, its first free place and where it must stop."""
        batch, longest, limit = len(history), max(map(len, history)), self.max_length
        if limit is None:
            width = _round_up(longest, PROMPT_BUCKET)
            length = _round_up(width + left, LENGTH_BUCKET)
        else:
            half = max(1, limit // 2)
            longest = longest if longest < limit else half  # a full window keeps its second half
            width = min(_round_up(longest, PROMPT_BUCKET), max(longest, half))
            length = min(_round_up(width + left, LENGTH_BUCKET), limit)
        tokens, padding = np.zeros((batch, length), "int32"), np.zeros(batch, "int32")
        for i, row in enumerate(history):
            kept = row[-longest:]
            padding[i] = width - len(kept)
            tokens[i, padding[i] : width] = kept
        padding = ops.convert_to_tensor(padding)
        cache = self.make_cache(batch, length)
        prompt, start = ops.convert_to_tensor(tokens[:, :width]), ops.convert_to_tensor(0, "int32")
        logits, cache = self._prefill(prompt, cache, start, padding)
        seen = np.zeros((batch, logits.shape[-1]), bool)
        for i, row in enumerate(history):
            seen[i, row] = True
        state = {
            "index": ops.convert_to_tensor(width, "int32"),
            "tokens": ops.convert_to_tensor(tokens),
            "cache": cache,
            "logits": ops.cast(logits, "float32"),
            "seen": ops.convert_to_tensor(seen),
            "done": ops.convert_to_tensor(done),
            "padding": padding,
        }
        return state, width, min(length, width + left)

    def _run(self, sampler, state, index, until, uniforms, stops):
        """Advance the state to position `until`, or until every row is done."""
        if sampler.key not in self._loops:
            self._loops[sampler.key] = backend.compiled(self._loop(sampler), self.variables)
        return self._loops[sampler.key](
            state,
            ops.convert_to_tensor(until, "int32"),
            ops.convert_to_tensor(uniforms),
            ops.convert_to_tensor(np.array(sampler.parameters, "float32")),
            ops.convert_to_tensor(stops),
        )

    def _loop(self, sampler):
        def run(state, until, uniforms, parameters, stops):
            self.traces += 1
            padding = state["padding"]

            def unfinished(index, tokens, cache, logits, seen, done):
                return ops.logical_and(index < until, ops.logical_not(ops.all(done)))

            def advance(index, tokens, cache, logits, seen, done):
                uniform = ops.take(uniforms, index, axis=1)
                ids = sampler(logits, uniform, parameters, seen)
                previous = ops.take(tokens, ops.maximum(index - 1, 0), axis=1)
                ids = ops.where(done, previous, ids)
                tokens = ops.slice_update(tokens, (0, index), ids[:, None])
                seen = ops.logical_or(seen, ops.one_hot(ids, seen.shape[-1], dtype="bool"))
                done = ops.logical_or(done, ops.any(ids[:, None] == stops[None], axis=1))
                logits, cache = self.step(ids[:, None], cache, index, padding)
                return index + 1, tokens, cache, ops.cast(logits, "float32"), seen, done

            names = ("index", "tokens", "cache", "logits", "seen", "done")
            values = ops.while_loop(unfinished, advance, tuple(state[name] for name in names))
            return {**dict(zip(names, values, strict=True)), "padding": padding}

        return run


def _round_up(value, multiple):
    return -(-value // multiple) * multiple

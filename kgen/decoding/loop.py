"""What all ways of decoding share: a model that takes steps, windows of text with a cache of static shape, and the
stream of pieces.

    hidden, cache = step(prompt)                 the whole prompt in one pass
    repeat: choose from readout(hidden); hidden, cache = step(chosen)

How to choose is a strategy's matter: see `one_by_one.py`, `contrastive.py`, `speculative.py` and `beam.py`. Each runs
its repetition as one compiled loop. Prompts of different lengths stand in one batch, padded on the left, so that every
row writes at the same place. Lengths are rounded up to buckets, so that similar prompts run the same program.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from kgen import backend

PROMPT_BUCKET = 32
LENGTH_BUCKET = 64


class Window(NamedTuple):
    """As much of the texts as is in the cache at a time, and room to go on."""

    history: list  # lists of ids, the whole texts so far
    tokens: np.ndarray  # int32 (batch, length), 0 where nothing is yet
    padding: np.ndarray  # int32 (batch,), places on the left that hold nothing
    width: int  # the first free place, the same for all rows
    end: int  # where to stop, ≤ length


class TokenLoop:
    """Generates tokens with any model that can take a step.

    Args:
        step: callable `(ids int32 (batch, t), cache, index, padding int32 (batch,))` that returns hidden states, float
            `(batch, t, dim)`, and the new cache. The ids stand at places index to index + t - 1 of the cache, index
            being an int32 scalar or one for each row `(batch,)`; the first `padding` places of a row hold nothing.
        readout: callable that maps hidden states `(…, dim)` to logits `(…, vocabulary)`.
        make_cache: callable `(batch, length, *context)` that returns an empty cache, any nesting of tensors. The batch
            is the first axis of each. A dict may hold under "fixed" what is about the context: no step changes it.
        variables: the Keras variables that `step` and `readout` read.
        max_length: the longest cache that the model can use, or None.
        positional: whether what was written at a place of the cache may be written again; not so for the state of a
            recurrent model.
    """

    def __init__(self, step, readout, make_cache, variables, max_length=None, positional=True):
        self.variables = list(variables)
        # Compiled also within a compiled loop: on PyTorch that runs in Python.
        self.step = backend.compiled(step, self.variables)
        self.readout = backend.compiled(readout, self.variables)
        self.last = backend.compiled(self._last, self.variables)
        self.make_cache = make_cache
        self.max_length = max_length
        self.positional = positional
        self.traces = 0  # how often a loop was compiled, for those who want to know
        self._programs = {}

    def stream(self, prompts, max_new_tokens, strategy, seed=None, stop_ids=(), every=None, context=()):
        """Yields arrays of new ids, int32 `(batch, k)` with k ≤ `every`; after a stop id a row repeats it.

        When the cache is full, the second half of the window becomes the prompt of a new one, so a text may grow beyond
        `max_length`.

        Args:
            prompts: lists of ids, none empty.
            max_new_tokens: int ≥ 1.
            strategy: has `room(loop)`, how many places a window may have, or None; `least_width`, how many its prompt
                must have; and `start(loop, window, done, stops, rng, context)`, which returns a callable that goes on
                to a place and returns the tokens so far `(batch, length)`, how far each row has come and which are
                done.
            seed: int or None.
            stop_ids: ids that end a row.
            every: yield after so many tokens; None yields when the cache is full or all is done.
            context: tensors that `make_cache` takes, such as what an encoder has read.
        """
        rng = np.random.default_rng(seed)
        history = [list(prompt) for prompt in prompts]
        stops = stop_array(stop_ids)
        done, left = np.zeros(len(prompts), bool), max_new_tokens
        while left and not done.all():
            window = self.window(history, left, strategy.room(self), strategy.least_width)
            advance = strategy.start(self, window, done, stops, rng, context)
            place = window.width
            while place < window.end and not done.all():
                until = min(window.end, place + (every or window.end))
                tokens, reached, done = advance(until)
                until = int(reached.max()) if done.all() else until
                new = _filled(tokens, reached)[:, place:until]
                for row, ids in zip(history, new, strict=True):
                    row.extend(ids.tolist())
                left, place = left - new.shape[1], until
                yield from np.split(new, range(every, new.shape[1], every), axis=1) if every else [new]

    def window(self, history, left, room=None, least=1):
        """The window that goes on with the end of each text.

        Args:
            history: lists of ids, none empty.
            left: how many tokens are still wanted.
            room: the most places, or None for any number.
            least: the least places of the prompt.
        """
        longest = max(least, *map(len, history))
        if room is None:
            width = _bucket(longest, PROMPT_BUCKET, least)
            length = _bucket(width + left, LENGTH_BUCKET)
        else:
            half = max(least, room // 2)
            longest = longest if longest < room else half  # a full window keeps its second half
            # As wide as a bucket, unless that would take places which the new tokens need.
            spare = room - left if longest + left <= room else max(longest, half)
            width = min(_bucket(longest, PROMPT_BUCKET, least), spare)
            length = min(_bucket(width + left, LENGTH_BUCKET), room)
        tokens, padding = np.zeros((len(history), length), "int32"), np.zeros(len(history), "int32")
        for i, row in enumerate(history):
            kept = row[-longest:]
            padding[i] = width - len(kept)
            tokens[i, padding[i] : width] = kept
        return Window(history, tokens, padding, width, min(length, width + left))

    def prefill(self, window, context=(), spare=0, read=None):
        """Read the window's prompt into a new cache with `spare` places behind the window's.

        Args:
            read: `self.last` or `self.step`; None for `self.last`.

        Returns:
            (logits of the next token, float32 `(batch, vocabulary)`, or all hidden states; the cache).
        """
        batch, length = window.tokens.shape
        cache = self.make_cache(batch, length + spare, *context)
        prompt = ops.convert_to_tensor(window.tokens[:, : window.width])
        start, padding = ops.convert_to_tensor(0, "int32"), ops.convert_to_tensor(window.padding)
        return (read or self.last)(prompt, cache, start, padding)

    def logits(self, hidden):
        """Logits, float32, of hidden states."""
        return ops.cast(self.readout(hidden), "float32")

    def program(self, key, make):
        """What `make()` returns, made once for each key."""
        if key not in self._programs:
            self._programs[key] = make()
        return self._programs[key]

    def _last(self, ids, cache, index, padding):
        hidden, cache = self.step(ids, cache, index, padding)
        return self.logits(hidden[:, -1:])[:, 0], cache


def stop_array(stop_ids):
    """The ids that end a row, int32 `(n,)` with n ≥ 1."""
    return np.array(sorted(stop_ids) or [-1], "int32")


def write_places(array, index, values):
    """Values `(batch, …)` written to place `index` of `(batch, places, …)`; index is a scalar or `(batch,)`."""
    here = ops.arange(array.shape[1], dtype="int32") == ops.reshape(index, (-1, 1))
    here = ops.reshape(here, (*here.shape, *[1] * (len(array.shape) - 2)))
    return ops.where(here, values[:, None], array)


def _filled(tokens, reached):
    """Each row repeats its last token from where it ended."""
    last = np.take_along_axis(tokens, reached[:, None] - 1, axis=1)
    return np.where(np.arange(tokens.shape[1]) < reached[:, None], tokens, last)


def _bucket(value, bucket, least=1):
    """Rounded up to a multiple of the bucket; what is small, to half of one. The least stays."""
    if value == least:
        return value
    return bucket // 2 if value <= bucket // 2 else -(-value // bucket) * bucket

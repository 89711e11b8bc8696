"""Beam search: the likeliest text, not the likeliest next token."""

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.decoding.loop import stop_array
from kgen.decoding.loop import write_places
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number


class Beam:
    """Keeps the `width` likeliest beginnings at every step, and returns the best texts found.

    score(text) = log p(text | prompt) / n^α,   n new tokens, the stop token included

    With α = 0 the score is the log-probability in nats, which prefers short texts; α = 1 is that of a token. A text is
    finished when a stop token is among its row's `width` best continuations. It ends when no beginning can overtake the
    worst of the `num_return` best finished texts any more; a text that `max_new_tokens` cut off counts like a finished
    one. The same prompt gives the same texts.

    One of the beams always follows the greedy path, so that the best text is never less likely than that of greedy
    search (with α = 0; beam search alone can lose that path early). A beam of 1 is greedy search.

    Args:
        width: beams kept for each prompt, int ≥ 1.
        length_penalty: α in [0, 10].
        num_return: how many texts `search` returns for each prompt, 1 ≤ `num_return` ≤ `width`.

    Raises:
        ValueError: an argument outside its range. When it is used: prompt and new tokens exceed the model's context.

    Reference: Graves, Sequence Transduction with Recurrent Neural Networks, 2012; the penalty: Murray and Chiang,
    Correcting Length Bias in Neural Machine Translation, 2018, section 3.

    Example:

    >>> import kgen
    >>> kgen.decoding.Beam(5, length_penalty=0.6)
    Beam(width=5, length_penalty=0.6, num_return=1)
    """

    def __init__(self, width=5, length_penalty=1.0, num_return=1):
        check_int("width", width, minimum=1)
        check_number("length_penalty", length_penalty, minimum=0.0, maximum=10.0)
        check_int("num_return", num_return, minimum=1)
        if num_return > width:
            raise ValueError(f"num_return: expected at most width={width}, got {num_return}; widen the beam")
        self.width = width
        self.length_penalty = length_penalty
        self.num_return = num_return

    def stream(self, loop, prompts, max_new_tokens, *, seed=None, stop_ids=(), every=None, context=()):
        """Yields the best texts as one array of new ids, int32 `(batch, k)`; shorter ones repeat their last id.

        Nothing is drawn and nothing is known before the end, so `seed` and `every` change nothing.
        """
        texts = [found[0][0] for found in self.search(loop, prompts, max_new_tokens, stop_ids, context)]
        longest = max(map(len, texts))
        yield np.array([ids + ids[-1:] * (longest - len(ids)) for ids in texts], "int32")

    def search(self, loop, prompts, max_new_tokens, stop_ids=(), context=(), history=False):
        """The best texts for each prompt.

        Args:
            loop: a `TokenLoop`.
            prompts: lists of ids, none empty.
            max_new_tokens: int ≥ 1.
            stop_ids: ids that end a text.
            context: tensors that the loop's `make_cache` takes.
            history: whether to return how they were found, too.

        Returns:
            for each prompt a list of up to `num_return` pairs (new ids as a list, score), the best first; a stop id is
            its text's last. Fewer only if there are no more texts. With `history` a tuple of these lists and a dict for
            each prompt, which `kgen.plots.beam_tree` draws: "parents", "ids" int32 `(steps, width)` and
            "log_probabilities" float32 `(steps, width)` of the beginnings that were kept, -inf where there was none;
            "greedy", int32 `(steps,)`, which of them is the greedy one, -1 when it has ended; and "texts", the list of
            pairs.
        """
        check_int("max_new_tokens", max_new_tokens, minimum=1)
        batch, longest = len(prompts), max(map(len, prompts))
        if loop.max_length is not None and longest + max_new_tokens > loop.max_length:
            raise ValueError(
                f"max_new_tokens: expected at most {max(0, loop.max_length - longest)}, for a prompt of {longest} "
                f"tokens in a context of {loop.max_length} that a beam search cannot leave, got {max_new_tokens}"
            )
        window = loop.window([list(prompt) for prompt in prompts], max_new_tokens, loop.max_length)
        key = ("Beam", self.width, self.num_return)
        select, run = loop.program(key, lambda: _programs(self.width, self.num_return, loop))
        logits, cache = loop.prefill(window, context)
        settings = tuple(
            ops.convert_to_tensor(value)
            for value in (np.float32(self.length_penalty), np.int32(max_new_tokens), stop_array(stop_ids))
        )
        begun = _begun(batch, self.width, self.num_return, window.tokens.shape[1] - window.width)
        state = keras.tree.map_structure(ops.convert_to_tensor, begun)
        state = select(ops.repeat(logits, self.width, axis=0), state, *settings)
        cache = keras.tree.map_structure(lambda leaf: ops.repeat(leaf, self.width, axis=0), cache)
        padding = ops.convert_to_tensor(window.padding.repeat(self.width))
        state = run(state, cache, padding, ops.convert_to_tensor(window.width, "int32"), *settings)
        found = {name: ops.convert_to_numpy(value) for name, value in state.items()}
        texts = [self._texts(found, row) for row in range(batch)]
        if not history:
            return texts
        return texts, [_history(found, row, texts[row]) for row in range(batch)]

    def _texts(self, found, row):
        """The best texts of a row, followed back from their ends."""
        ends = [
            (float(score), int(step), int(beam), [int(stop)])
            for score, step, beam, stop in zip(
                *(found[f"finished_{name}"][row] for name in ("scores", "steps", "beams", "stops")), strict=True
            )
        ]
        if not found["done"][row]:
            steps = int(found["steps"][row])
            scores = found["log_probabilities"][row] / np.float32(steps) ** np.float32(self.length_penalty)
            ends += [(float(score), steps, beam, []) for beam, score in enumerate(scores)]
        best = sorted((end for end in ends if end[0] > -np.inf), key=lambda end: -end[0])[: self.num_return]
        return [(_followed(found, row, step, beam) + last, score) for score, step, beam, last in best]

    def __repr__(self):
        return f"Beam(width={self.width}, length_penalty={self.length_penalty:g}, num_return={self.num_return})"


def _begun(batch, width, num_return, places):
    """The state before the first token: one beam with log-probability 0, the others do not exist."""
    return {
        "step": np.int32(0),
        "done": np.zeros(batch, bool),
        "steps": np.zeros(batch, "int32"),  # how many a row has taken
        "log_probabilities": np.where(np.arange(width) == 0, 0.0, -np.inf).astype("float32")[None].repeat(batch, 0),
        "parents": np.zeros((batch, width), "int32"),
        "ids": np.zeros((batch, width), "int32"),
        "greedy": np.zeros(batch, "int32"),  # the beam that follows the greedy path; -1 when that has ended
        "all_parents": np.zeros((batch, places, width), "int32"),
        "all_ids": np.zeros((batch, places, width), "int32"),
        "all_log_probabilities": np.full((batch, places, width), -np.inf, "float32"),
        "all_greedy": np.full((batch, places), -1, "int32"),
        "finished_scores": np.full((batch, num_return), -np.inf, "float32"),
        "finished_steps": np.zeros((batch, num_return), "int32"),  # tokens before the stop
        "finished_beams": np.zeros((batch, num_return), "int32"),  # where the last of them is
        "finished_stops": np.zeros((batch, num_return), "int32"),
    }


def _programs(width, num_return, loop):
    def select(logits, state, length_penalty, most, stops):
        """One step: the best continuations of each row's beams."""
        step, batch, vocabulary = state["step"], logits.shape[0] // width, logits.shape[1]
        # No row needs more of a beam than these: `width` that go on, and stops that may rank before them.
        n = min(vocabulary, width + stops.shape[0])
        logs, ids = _largest(logits, n)
        logs = ops.reshape(logs - ops.logsumexp(logits, axis=-1, keepdims=True), (batch, width, n))
        logs = ops.reshape(state["log_probabilities"][..., None] + logs, (batch, width * n))
        ids = ops.reshape(ids, (batch, width * n))
        stopping = ops.any(ids[..., None] == stops, axis=-1)

        # The greedy continuation is the first of its beam.
        greedy = ops.where(state["greedy"] < 0, -1, state["greedy"] * n)[:, None]
        greedy_stops = ops.take_along_axis(stopping, ops.maximum(greedy, 0), axis=1)
        greedy_ends = ops.logical_and(greedy >= 0, greedy_stops)

        # What is finished: stops among the best, and that of the greedy path wherever it ranks.
        _, best = ops.top_k(logs, width)
        best = ops.cast(best, "int32")
        missed = ops.logical_and(greedy_ends, ops.logical_not(ops.any(best == greedy, axis=1, keepdims=True)))
        ends = ops.concatenate([best, ops.maximum(greedy, 0)], axis=1)
        counts = ops.concatenate([ops.take_along_axis(stopping, best, axis=1), missed], axis=1)
        penalty = ops.power(ops.cast(step + 1, "float32"), length_penalty)
        scores = ops.where(counts, ops.take_along_axis(logs, ends, axis=1) / penalty, -np.inf)
        new = {
            "scores": scores,
            "steps": ops.broadcast_to(step, scores.shape),
            "beams": ends // n,
            "stops": ops.take_along_axis(ids, ends, axis=1),
        }
        both = {name: ops.concatenate([state[f"finished_{name}"], value], axis=1) for name, value in new.items()}
        _, order = ops.top_k(both["scores"], num_return)
        finished = {f"finished_{name}": ops.take_along_axis(value, order, axis=1) for name, value in both.items()}

        # What goes on: the best others, in the last place the greedy path if it is not among them.
        others = ops.where(stopping, -np.inf, logs)
        _, kept = ops.top_k(others, width)
        kept = ops.cast(kept, "int32")
        goes_on = ops.logical_and(greedy >= 0, ops.logical_not(greedy_stops))
        lost = ops.logical_and(goes_on, ops.logical_not(ops.any(kept == greedy, axis=1, keepdims=True)))
        kept = ops.concatenate([kept[:, :-1], ops.where(lost, greedy, kept[:, -1:])], axis=1)
        logs = ops.take_along_axis(others, kept, axis=1)
        parents, ids = kept // n, ops.take_along_axis(ids, kept, axis=1)
        follows = ops.cast(ops.argmax(ops.cast(kept == greedy, "int32"), axis=1), "int32")
        greedy = ops.where(goes_on[:, 0], follows, -1)

        # Log-probabilities only fall, so a beginning can at best keep its own and grow as long as possible.
        hope = logs[:, 0] / ops.power(ops.cast(most, "float32"), length_penalty)
        done = finished["finished_scores"][:, -1] >= hope
        if width == 1:  # greedy search ends with its first stop
            done = ops.logical_or(done, finished["finished_scores"][:, 0] > -np.inf)
        new = {
            "done": done,
            "steps": ops.broadcast_to(step + 1, (batch,)),
            "log_probabilities": logs,
            "parents": parents,
            "ids": ids,
            "greedy": greedy,
            "all_parents": write_places(state["all_parents"], step, parents),
            "all_ids": write_places(state["all_ids"], step, ids),
            "all_log_probabilities": write_places(state["all_log_probabilities"], step, logs),
            "all_greedy": write_places(state["all_greedy"], step, greedy),
            **finished,
        }
        was_done = state["done"]  # a row that is done stays as it is, whatever the others need
        new = {
            name: ops.where(ops.reshape(was_done, (-1, *[1] * (len(value.shape) - 1))), state[name], value)
            for name, value in new.items()
        }
        return {**new, "step": step + 1}

    select = backend.compiled(select)

    def run(state, cache, padding, start, length_penalty, most, stops):
        loop.traces += 1
        first = ops.arange(state["ids"].shape[0], dtype="int32")[:, None] * width  # of each row's beams

        def unfinished(state, cache):
            return ops.logical_and(state["step"] < most, ops.logical_not(ops.all(state["done"])))

        def advance(state, cache):
            kept = ops.reshape(first + state["parents"], (-1,))
            cache = _reordered(cache, kept)
            ids = ops.reshape(state["ids"], (-1, 1))
            logits, cache = loop.last(ids, cache, start + state["step"] - 1, padding)
            return select(logits, state, length_penalty, most, stops), cache

        return ops.while_loop(unfinished, advance, (state, cache))[0]

    return select, backend.compiled(run, loop.variables)


def _reordered(cache, rows):
    """The cache of these rows; what is under "fixed" is the same for all beams of a prompt, so it stays."""
    fixed = {"fixed": cache["fixed"]} if isinstance(cache, dict) and "fixed" in cache else {}
    moving = {name: part for name, part in cache.items() if name != "fixed"} if fixed else cache
    moving = keras.tree.map_structure(lambda leaf: ops.take(leaf, rows, axis=0), moving)
    return {**moving, **fixed} if fixed else moving


def _largest(x, k):
    """The k largest values of each row and where they stand, int32.

    In a long row they can only be in the k blocks that have the largest maxima.
    """
    rows, length = x.shape
    size = 1 << int(0.5 * np.log2(length))  # about √length; maxima of as many as fill vectors are found far sooner
    blocks = length // size
    if blocks < 8 * k:
        values, places = ops.top_k(x, k)
        return values, ops.cast(places, "int32")
    whole, near = blocks * size, k * size  # places in blocks, and in those that are chosen
    in_blocks = ops.reshape(x[:, :whole], (rows, blocks, size))
    chosen = ops.cast(ops.top_k(ops.max(in_blocks, axis=-1), k)[1], "int32")
    candidates = ops.reshape(ops.take_along_axis(in_blocks, chosen[..., None], axis=1), (rows, near))
    values, places = ops.top_k(ops.concatenate([candidates, x[:, whole:]], axis=1), k)
    places = ops.cast(places, "int32")
    starts = size * ops.take_along_axis(chosen, ops.minimum(places // size, k - 1), axis=1)
    return values, ops.where(places < near, starts + places % size, places - near + whole)


def _followed(found, row, steps, beam):
    """The ids of a beginning of so many steps that ends in this beam."""
    ids = []
    for step in reversed(range(steps)):
        ids.append(int(found["all_ids"][row, step, beam]))
        beam = found["all_parents"][row, step, beam]
    return ids[::-1]


def _history(found, row, texts):
    steps = found["steps"][row]
    names = ("parents", "ids", "log_probabilities", "greedy")
    return {"texts": texts, **{name: found[f"all_{name}"][row, :steps] for name in names}}

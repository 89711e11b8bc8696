"""Speculative decoding: a small model writes ahead, the large one reads several tokens at a time."""

import numpy as np
from keras import ops

from kgen import backend
from kgen.decoding.samplers import Temperature
from kgen.decoding.samplers import check_sampler
from kgen.decoding.samplers import draw
from kgen.functional.checks import check_int


class Speculative:
    """Text of exactly the distribution of `sampler`, with fewer steps of the model.

    A draft model proposes γ tokens from its own distribution q. The model reads them all in one step, which gives its
    distributions p. A proposal d is accepted with probability min(1, p(d) / q(d)). In place of the first that is not,
    a token is drawn from max(p - q, 0), up to a factor; if all are accepted, one more is drawn from p. Both p and q are
    what the sampler leaves of a distribution. With `Greedy()` the text is that of greedy search.

    After a text, `acceptance_rate` tells which share of the proposals was accepted. It pays where the draft is much
    smaller than the model and often right.

    Args:
        draft: a language model of the same vocabulary, without an encoder.
        num_draft_tokens: γ, int ≥ 1.
        sampler: one that chooses token by token; None for `Temperature(1.0)`.

    Raises:
        ValueError: an argument outside its range. When it is used: other vocabularies, or a recurrent model, whose
            state cannot go back to before a token that was not accepted.

    Reference: Leviathan et al., Fast Inference from Transformers via Speculative Decoding, 2023.

    Example:

    >>> import kgen
    >>> small = kgen.models.GPT(vocabulary_size=64, context_length=32, num_layers=1, num_heads=2, model_dim=16)
    >>> large = kgen.models.GPT(vocabulary_size=64, context_length=32, num_layers=2, num_heads=2, model_dim=32)
    >>> sampler = kgen.decoding.Speculative(small, sampler=kgen.decoding.TopP(0.9))
    >>> ids = large.generate([1, 2, 3], max_new_tokens=8, sampler=sampler, seed=1)
    >>> len(ids), 0 <= sampler.acceptance_rate <= 1
    (8, True)
    """

    least_width = 2  # the draft reads the last two tokens at once

    def __init__(self, draft, num_draft_tokens=4, sampler=None):
        if not hasattr(draft, "token_loop"):
            raise ValueError(f"draft: expected a language model of kgen, got {draft!r:.60}")
        check_int("num_draft_tokens", num_draft_tokens, minimum=1)
        self.draft = draft
        self.num_draft_tokens = num_draft_tokens
        self.sampler = check_sampler("sampler", Temperature() if sampler is None else sampler)
        self.proposed = 0
        self.accepted = 0

    @property
    def acceptance_rate(self):
        """Share of the proposals of the last text that was accepted, in [0, 1]; None before the first."""
        return self.accepted / self.proposed if self.proposed else None

    def stream(self, loop, prompts, max_new_tokens, **options):
        """Yields arrays of new ids, int32 `(batch, k)`; see `TokenLoop.stream`."""
        self.proposed = self.accepted = 0
        return loop.stream(prompts, max_new_tokens, self, **options)

    def room(self, loop):
        """How many places a window may have; see `TokenLoop.stream`."""
        limits = [one.max_length for one in (loop, self.draft.token_loop()) if one.max_length is not None]
        if not limits:
            return None
        if min(limits) - self.num_draft_tokens < 4:
            raise ValueError(
                f"num_draft_tokens: expected at most {min(limits) - 4} with a context of {min(limits)}, "
                f"got {self.num_draft_tokens}"
            )
        return min(limits) - self.num_draft_tokens

    def start(self, loop, window, done, stops, rng, context):
        """Begin a window; see `TokenLoop.stream`."""
        gamma, draft = self.num_draft_tokens, self.draft.token_loop()
        for name, one in (("the model", loop), ("draft", draft)):
            if not one.positional:
                raise ValueError(
                    f"{name}: expected one with attention, for Speculative has to go back to before a token that was "
                    "not accepted; got a recurrent one. Use any other sampler"
                )
        if context:
            raise ValueError("draft: expected a model without an encoder, and Speculative one like it")
        run = loop.program(
            ("Speculative", gamma, self.sampler.key, id(draft)), lambda: _program(self.sampler, gamma, loop, draft)
        )
        batch, width = len(window.tokens), window.width
        logits, cache = loop.prefill(window, spare=gamma)
        draft_logits, draft_cache = draft.prefill(window, spare=gamma)
        if logits.shape != draft_logits.shape:
            raise ValueError(
                f"draft: expected a model of the same {logits.shape[-1]} tokens, got one of {draft_logits.shape[-1]}"
            )
        state = {
            "index": ops.full((batch,), width, "int32"),
            "tokens": ops.convert_to_tensor(window.tokens),
            "done": ops.convert_to_tensor(done),
            "round": ops.convert_to_tensor(0, "int32"),
            "proposed": ops.convert_to_tensor(0, "int32"),
            "accepted": ops.convert_to_tensor(0, "int32"),
        }
        if self.sampler.needs_seen:
            seen = np.zeros(logits.shape, bool)
            for i, row in enumerate(window.history):
                seen[i, row] = True
            state["seen"] = ops.convert_to_tensor(seen)
        # A round writes at least one token, so there are no more rounds than places.
        uniforms = np.zeros((window.tokens.shape[1], batch, 2 * gamma + 1), "float32")
        uniforms[: window.end - width] = rng.random((window.end - width, batch, 2 * gamma + 1), "float32")
        parameters = np.array(self.sampler.parameters, "float32")
        settings = tuple(
            ops.convert_to_tensor(value)
            for value in (window.padding, np.int32(window.end), uniforms, parameters, stops)
        )
        caches, before = (cache, draft_cache), (self.proposed, self.accepted)

        def advance(until):
            nonlocal state, caches
            state, caches = run(state, caches, ops.convert_to_tensor(until, "int32"), *settings)
            found = {name: ops.convert_to_numpy(value) for name, value in state.items() if name != "seen"}
            self.proposed, self.accepted = before[0] + int(found["proposed"]), before[1] + int(found["accepted"])
            return found["tokens"], found["index"], found["done"]

        return advance

    def __repr__(self):
        return f"Speculative({type(self.draft).__name__}, {self.num_draft_tokens}, {self.sampler!r})"


def _program(sampler, gamma, loop, draft):
    """The compiled loop. A row's tokens up to `index` stand; its caches hold at least those before the last of them."""

    def distribution(logits, parameters, seen):
        weights = sampler.weights(logits, parameters, seen)
        return weights / ops.sum(weights, axis=-1, keepdims=True)

    def with_id(seen, ids):
        if seen is None:
            return None
        return ops.logical_or(seen, ops.one_hot(ids, seen.shape[-1], dtype="bool"))

    def propose(state, cache, padding, uniforms, parameters):
        """Ids (batch, gamma), their distributions (batch, gamma, vocabulary), and what was seen before each."""
        index, seen = state["index"], state.get("seen")
        # The last proposal of a round is not in the draft's cache, so the first step reads two tokens.
        last_two = ops.take_along_axis(state["tokens"], index[:, None] + ops.arange(-2, 0, dtype="int32"), axis=1)
        logits, cache = draft.last(last_two, cache, index - 2, padding)
        ids, distributions, seens = [], [], [seen]
        for i in range(gamma):
            if i:
                logits, cache = draft.last(ids[-1][:, None], cache, index + i - 1, padding)
            distributions.append(distribution(logits, parameters, seens[-1]))
            ids.append(draw(distributions[-1], uniforms[:, i]))
            seens.append(with_id(seens[-1], ids[-1]))
        return ops.stack(ids, axis=1), ops.stack(distributions, axis=1), seens, cache

    def judge(ids, q, p, uniforms):
        """How many of the proposals are accepted, and the token that follows them."""
        p_ids = ops.take_along_axis(p[:, :gamma], ids[..., None], axis=2)[..., 0]
        q_ids = ops.take_along_axis(q, ids[..., None], axis=2)[..., 0]
        accepted = ops.cast(uniforms[:, gamma : 2 * gamma] * q_ids < p_ids, "int32")
        count = ops.sum(ops.cumprod(accepted, axis=1), axis=1)
        q = ops.pad(q, ((0, 0), (0, 1), (0, 0)))  # after the last proposal there is nothing to subtract
        p, q = (ops.take_along_axis(one, count[:, None, None], axis=1)[:, 0] for one in (p, q))
        rest = ops.maximum(p - q, 0.0)
        rest = ops.where(ops.sum(rest, axis=-1, keepdims=True) > 0, rest, p)  # equal up to rounding
        return count, draw(rest, uniforms[:, 2 * gamma])

    def write(state, ids, count, bonus, end, stops):
        """The state with the accepted proposals and one token more, up to a stop or the end."""
        index, tokens = state["index"], state["tokens"]
        active = ops.logical_and(ops.logical_not(state["done"]), index < end)
        offsets = ops.arange(gamma + 1, dtype="int32")[None]
        block = ops.where(offsets < count[:, None], ops.pad(ids, ((0, 0), (0, 1))), bonus[:, None])
        written = ops.minimum(count + 1, end - index)
        stopping = ops.any(block[..., None] == stops, axis=-1)
        stopping = ops.logical_and(stopping, offsets < written[:, None])
        stopped = ops.any(stopping, axis=1)
        first = ops.cast(ops.argmax(ops.cast(stopping, "int32"), axis=1), "int32")
        written = ops.where(active, ops.where(stopped, first + 1, written), 0)
        places = ops.arange(tokens.shape[1], dtype="int32")[None] - index[:, None]
        here = ops.logical_and(places >= 0, places < written[:, None])
        moved = ops.take_along_axis(block, ops.clip(places, 0, gamma), axis=1)
        state = {
            **state,
            "index": index + written,
            "tokens": ops.where(here, moved, tokens),
            "done": ops.logical_or(state["done"], ops.logical_and(active, stopped)),
            "round": state["round"] + 1,
            "proposed": state["proposed"] + gamma * ops.sum(ops.cast(active, "int32")),
            "accepted": state["accepted"] + ops.sum(ops.where(active, count, 0)),
        }
        if "seen" in state:
            new = ops.logical_and(
                ops.one_hot(block, state["seen"].shape[-1], dtype="bool"), (offsets < written[:, None])[..., None]
            )
            state["seen"] = ops.logical_or(state["seen"], ops.any(new, axis=1))
        return state

    def run(state, caches, until, padding, end, uniforms, parameters, stops):
        loop.traces += 1

        def unfinished(state, caches):
            return ops.any(ops.logical_and(ops.logical_not(state["done"]), state["index"] < until))

        def advance(state, caches):
            cache, draft_cache = caches
            index, numbers = state["index"], ops.take(uniforms, state["round"], axis=0)
            ids, q, seens, draft_cache = propose(state, draft_cache, padding, numbers, parameters)
            last = ops.take_along_axis(state["tokens"], index[:, None] - 1, axis=1)
            hidden, cache = loop.step(ops.concatenate([last, ids], axis=1), cache, index - 1, padding)
            logits = loop.logits(hidden)
            batch, _, vocabulary = logits.shape
            flat = ops.reshape(logits, (-1, vocabulary))
            seen = None if seens[0] is None else ops.reshape(ops.stack(seens, axis=1), (-1, vocabulary))
            p = ops.reshape(distribution(flat, parameters, seen), (batch, gamma + 1, vocabulary))
            count, bonus = judge(ids, q, p, numbers)
            return write(state, ids, count, bonus, end, stops), (cache, draft_cache)

        return ops.while_loop(unfinished, advance, (state, caches))

    return backend.compiled(run, [*loop.variables, *draft.variables])

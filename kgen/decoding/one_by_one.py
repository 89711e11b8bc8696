"""Token by token: what samplers do.

repeat: logits, cache = step(token); token = sampler(logits)
"""

import numpy as np
from keras import ops

from kgen import backend
from kgen.decoding.loop import write_places


def start(sampler, loop, window, done, stops, rng, context):
    """A callable that goes on to a place; see `TokenLoop.stream`."""
    choose, run = loop.program(sampler.key, lambda: _programs(sampler, loop))
    batch, length = window.tokens.shape
    uniforms = np.zeros((batch, length), "float32")
    uniforms[:, window.width : window.end] = rng.random((window.end - window.width, batch), "float32").T
    settings = tuple(
        ops.convert_to_tensor(value) for value in (uniforms, np.array(sampler.parameters, "float32"), stops)
    )
    logits, cache = loop.prefill(window, context)
    state = {
        "index": ops.convert_to_tensor(window.width, "int32"),
        "tokens": ops.convert_to_tensor(window.tokens),
        "done": ops.convert_to_tensor(done),
        "last": ops.convert_to_tensor(window.tokens[:, window.width - 1]),
    }
    if sampler.needs_seen:
        seen = np.zeros(logits.shape, bool)
        for i, row in enumerate(window.history):
            seen[i, row] = True
        state["seen"] = ops.convert_to_tensor(seen)
    state = choose(logits, state, *settings)
    padding = ops.convert_to_tensor(window.padding)

    def advance(until):
        nonlocal state, cache
        state, cache = run(state, cache, padding, ops.convert_to_tensor(until, "int32"), *settings)
        tokens, index, done = (ops.convert_to_numpy(state[name]) for name in ("tokens", "index", "done"))
        return tokens, np.full(batch, index), done

    return advance


def _programs(sampler, loop):
    def choose(logits, state, uniforms, parameters, stops):
        index = state["index"]
        ids = sampler(logits, ops.take(uniforms, index, axis=1), parameters, state.get("seen"))
        ids = ops.where(state["done"], state["last"], ids)
        state = {
            **state,
            "index": index + 1,
            "tokens": write_places(state["tokens"], index, ids),
            "done": ops.logical_or(state["done"], ops.any(ids[:, None] == stops[None], axis=1)),
            "last": ids,
        }
        if "seen" in state:
            state["seen"] = ops.logical_or(state["seen"], ops.one_hot(ids, logits.shape[-1], dtype="bool"))
        return state

    choose = backend.compiled(choose)

    def run(state, cache, padding, until, *settings):
        loop.traces += 1

        def unfinished(state, cache):
            return ops.logical_and(state["index"] < until, ops.logical_not(ops.all(state["done"])))

        def advance(state, cache):
            logits, cache = loop.last(state["last"][:, None], cache, state["index"] - 1, padding)
            return choose(logits, state, *settings), cache

        return ops.while_loop(unfinished, advance, (state, cache))

    return choose, backend.compiled(run, loop.variables)

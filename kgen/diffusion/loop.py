"""The one loop that runs every solver's table, compiled once for each shape, in pieces that can be watched or stopped.

x₀ = denoise(x, t)
x, x', x₀' = a x + b x₀ + c z + d x' + e x₀', x, x₀
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from kgen import backend
from kgen.functional.fixed_noise import stream_normal

BUCKET = 64  # tables are filled up to a multiple, so that another number of steps compiles nothing anew


class Moment(NamedTuple):
    """What a loop shows after some rows: how many, x, and the image that the network saw behind the x before."""

    done: int
    x: np.ndarray
    x0: np.ndarray


class DenoisingLoop:
    """Runs the plans of solvers with any network.

    Args:
        denoise: callable `(x float32 (n, …), t int32 scalar, *condition)` that returns x₀, float32, the shape of x.
        variables: the Keras variables that it reads.
    """

    def __init__(self, denoise, variables):
        # A program of its own inside that of the loop: where loops run in Python, each step is recorded once.
        self.denoise = backend.compiled(denoise, variables)
        self.traces = 0  # how often the loop was compiled, for those who want to know
        self._rows = backend.compiled(self._run, variables)

    def stream(self, x, plan, seed=None, condition=(), known=None, every=None):
        """Yields a `Moment` after every so many rows, the last one with the result in `x`.

        Args:
            x: float32 `(n, …)`, where the plan begins: noise, or an image and noise.
            plan: see `kgen.diffusion.solvers`.
            seed: int or None, of the noise that is added on the way.
            condition: arrays that `denoise` takes.
            known: None, or (x₀, mask) of the shape of x: where the mask is 1 the result shall be this (Lugmayr et al.,
                RePaint, 2022, without going back and forth).
            every: int ≥ 1; None yields once, at the end.
        """
        rows = len(plan.times)
        streams = np.random.default_rng(seed).integers(-(2**31), 2**31, (rows, 2), "int32")
        tables = [_filled(np.asarray(table, dtype)) for table, dtype in _tables(plan, streams)]
        given = [ops.convert_to_tensor(array) for array in (*tables, *(known or ()))]
        condition = [ops.convert_to_tensor(array) for array in condition]
        x = ops.convert_to_tensor(np.asarray(x, "float32"))
        state = ops.convert_to_tensor(0, "int32"), x, x, x
        for until in [*range(every or rows, rows, every or rows), rows]:
            state = self._rows(state, ops.convert_to_tensor(until, "int32"), given, condition)
            yield Moment(until, *(ops.convert_to_numpy(state[i]) for i in (1, 3)))

    def run(self, x, plan, seed=None, condition=(), known=None):
        """The result of `stream`, float32 `(n, …)`."""
        return next(self.stream(x, plan, seed, condition, known)).x

    def _run(self, state, until, given, condition):
        self.traces += 1
        times, coefficients, levels, streams, *known = given

        def advance(index, x, previous_x, previous_x0):
            x0 = self.denoise(x, times[index], *condition)
            a, b, c, d, e = (coefficients[index, i] for i in range(5))
            fresh = stream_normal(x.shape, streams[index, 0])
            after = a * x + b * x0 + c * fresh + d * previous_x + e * previous_x0
            if known:
                there = levels[index, 0] * known[0] + levels[index, 1] * stream_normal(x.shape, streams[index, 1])
                after = known[1] * there + (1.0 - known[1]) * after
            return index + 1, after, x, x0

        return ops.while_loop(lambda index, *_: index < until, advance, state)


def _tables(plan, streams):
    return (plan.times, "int32"), (plan.coefficients, "float32"), (plan.levels, "float32"), (streams, "int32")


def _filled(table):
    rows = -len(table) % BUCKET
    return np.pad(table, [(0, rows)] + [(0, 0)] * (table.ndim - 1))

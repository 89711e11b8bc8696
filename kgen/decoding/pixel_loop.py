"""The loop that paints images pixel by pixel, compiled once for each number of them, in pieces that can be watched or
stopped.

    repeat for each row, for each pixel, for each channel: draw a level from p(level | everything before)
"""

import numpy as np
from keras import ops

from kgen import backend
from kgen.functional.pixel_likelihoods import draw


class PixelLoop:
    """Paints with any network that can be asked pixel by pixel.

    Args:
        network: has `row`, `pixel`, `table` and so on, see `kgen.layers.pixel_network`.
        image_shape: (height, width, channels).
        variables: the Keras variables that the network reads.
    """

    def __init__(self, network, image_shape, variables):
        variables = list(variables)
        self.network = network
        self.image_shape = tuple(image_shape)
        self.traces = 0  # how often the loop was compiled, for those who want to know
        # Compiled also within the compiled loop: on PyTorch that runs in Python.
        self._row = backend.compiled(network.row, variables)
        self._pixel = backend.compiled(self._paint_pixel, variables)
        self._rows = backend.compiled(self._run, variables)

    def stream(self, uniforms, temperature=1.0, condition=(), known=None, mask=None, every=None):
        """Yields (rows that are done, levels `(n, height, width, channels)` int32) after every so many rows.

        Args:
            uniforms: float32 `(n, height, width, channels)` in [0, 1), which decide everything.
            temperature: float ≥ 0.
            condition: arrays that `network.row` takes.
            known: None, or levels of the same shape that shall stay where the mask, bool, is true.
            every: int ≥ 1; None yields once, at the end.
        """
        height, n = self.image_shape[0], len(uniforms)
        known = np.zeros(uniforms.shape, "int32") if known is None else known
        mask = np.zeros(uniforms.shape, bool) if mask is None else np.broadcast_to(mask, uniforms.shape)
        given = [ops.convert_to_tensor(np.ascontiguousarray(array)) for array in (uniforms, known, mask)]
        temperature = ops.convert_to_tensor(np.float32(temperature))
        condition = [ops.convert_to_tensor(array) for array in condition]
        values = ops.zeros(uniforms.shape, dtype="int32")
        state = ops.convert_to_tensor(0, "int32"), values, self.network.no_rows(n)
        for until in [*range(every or height, height, every or height), height]:
            state = self._rows(state, ops.convert_to_tensor(until, "int32"), given, temperature, condition)
            yield until, ops.convert_to_numpy(state[1])

    def _run(self, state, until, given, temperature, condition):
        self.traces += 1
        n, height, width, channels = given[0].shape

        def paint_row(row, values, rows):
            told, rows = self._row(rows, *condition)
            here = [ops.take(array, row, axis=1) for array in given]

            def paint_pixel(column, painted, pixels):
                painted, pixels = self._pixel(column, painted, pixels, told, here, temperature)
                return column + 1, painted, pixels

            start = ops.zeros((), "int32"), ops.zeros((n, width, channels), "int32"), self.network.no_pixels(n)
            _, painted, _ = ops.while_loop(lambda column, *_: column < width, paint_pixel, start)
            now = ops.reshape(ops.arange(height, dtype="int32") == row, (1, -1, 1, 1))
            return row + 1, ops.where(now, painted[:, None], values), self.network.after_row(rows, painted)

        return ops.while_loop(lambda row, *_: row < until, paint_row, state)

    def _paint_pixel(self, column, painted, pixels, told, here, temperature):
        uniforms, known, mask = (ops.take(array, column, axis=1) for array in here)  # (n, channels)
        features, pixels = self.network.pixel(pixels, ops.take(told, column, axis=1))
        channels = self.image_shape[-1]
        levels = [ops.zeros_like(known[:, 0])] * channels
        for i in range(channels):
            table = self.network.table(features, ops.stack(levels, axis=-1), i)
            levels[i] = ops.where(mask[:, i], known[:, i], draw(table, uniforms[:, i], temperature))
        values = ops.stack(levels, axis=-1)
        now = ops.reshape(ops.arange(painted.shape[1], dtype="int32") == column, (1, -1, 1))
        return ops.where(now, values[:, None], painted), self.network.after_pixel(pixels, values)

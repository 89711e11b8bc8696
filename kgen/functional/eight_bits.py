"""Products with matrices of eight bits."""

from keras import ops

from kgen import backend

LARGEST = 127.0
EPSILON = 1e-7  # Keras's


def product(rows, matrix, scale):
    """What Keras's quantized layers compute, in the form that XLA on a CPU is fast at.

    Rows are rounded to 255 steps of their own. One row is multiplied in floats, the matrix being widened while it is
    read; several in int8, summed up in int32. Tokens a second of GPT-2 small on TensorFlow, two cores of an AMD EPYC
    (`benchmarks/decoding.py`): 230 for a single text and 563 for eight, where float32 has 65 and 332. In Keras's own
    form eight bits were slower than float32.

    Args:
        rows: floats `(n, inputs)`.
        matrix: int8 `(outputs, inputs)`.
        scale: `(outputs,)` or `(1, outputs)`; the true matrix is `matrix / scale`.

    Returns:
        floats `(n, outputs)` of the rows' type.
    """
    wide = ops.cast(rows, "float32")
    largest = ops.max(ops.abs(wide), axis=-1, keepdims=True)
    steps = LARGEST / (largest + EPSILON)
    rounded = ops.clip(ops.round(wide * steps), -LARGEST, LARGEST)
    if rows.shape[0] == 1:
        sums = _sums_of_one(rounded, matrix, largest)
    else:
        sums = ops.cast(backend.integer_product(ops.cast(rounded, "int8"), matrix), "float32")
    return ops.cast(sums / steps / ops.cast(scale, "float32"), rows.dtype)


def _sums_of_one(row, matrix, largest):
    # A branch that is always taken: across its border XLA neither widens the matrix ahead of the loop over tokens, four
    # times the bytes to read, nor rounds the row anew for each output.
    def sums():
        return ops.matmul(row, ops.transpose(ops.cast(matrix, "float32")))

    return ops.cond(largest[0, 0] >= 0.0, sums, lambda: ops.zeros((1, matrix.shape[0])))

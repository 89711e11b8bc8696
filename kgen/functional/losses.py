"""Cross-entropy of the next token, in memory that does not grow with the vocabulary."""

import keras
from keras import ops

from kgen import backend

LOGITS_AT_ONCE = 1 << 20  # of each row: 4 MB in float32


def token_cross_entropy(hidden, readout, targets, vocabulary_size, variables=(), ignored=-1, label_smoothing=0.0):
    """What each target costs: -log p(target), in nats.

    All logits of a batch, `(batch, length, vocabulary)`, and their gradient can be many times larger than everything
    else in a training step. Where a row has more than `LOGITS_AT_ONCE` of them, the positions are cut into chunks whose
    logits are computed once for the loss, thrown away, and once more for the gradient.

    Args:
        hidden: float `(batch, length, dim)`.
        readout: function from `(batch, n, dim)` to logits `(batch, n, vocabulary)`.
        targets: integers `(batch, length)` in [0, vocabulary_size), or `ignored`.
        vocabulary_size: logits of each position.
        variables: the Keras variables that `readout` reads.
        ignored: the target that does not count.
        label_smoothing: ε in [0, 1): the target distribution is (1 - ε) at the target plus ε / vocabulary everywhere.

    Returns:
        (loss, nats, counted), each float32 `(batch, length)`: the smoothed cross-entropy, -log p(target), and 1 where
        there is a target. Loss and nats are 0 where there is none.

    Reference for ε: Szegedy et al., Rethinking the Inception Architecture, 2016, section 7.
    """

    def cost(hidden, targets, *values):
        # Variables go in as values: TensorFlow finds no gradient for those that are read inside a checkpointed loop.
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            logits = ops.cast(readout(hidden), "float32")
        nats, everywhere = backend.nats(logits, ops.maximum(targets, 0), everywhere=label_smoothing > 0)
        if not label_smoothing:
            return nats, nats
        return (1 - label_smoothing) * nats + label_smoothing * everywhere, nats

    values = [ops.convert_to_tensor(variable) for variable in variables]
    length, chunk = hidden.shape[1], max(1, LOGITS_AT_ONCE // vocabulary_size)
    if not isinstance(length, int) or length <= chunk:
        loss, nats = cost(hidden, targets, *values)
    else:
        loss, nats = _in_chunks(cost, hidden, targets, values, chunk, ignored)
    counted = ops.cast(targets != ignored, "float32")
    return loss * counted, nats * counted, counted


def _in_chunks(cost, hidden, targets, values, chunk, ignored):
    """`cost(hidden, targets, *values)`, some positions at a time."""
    length = hidden.shape[1]
    count = -(-length // chunk)
    hidden = ops.pad(hidden, ((0, 0), (0, count * chunk - length), (0, 0)))
    targets = ops.pad(targets, ((0, 0), (0, count * chunk - length)), constant_values=ignored)

    def pieces(x):
        """(batch, count · chunk, …) → (count, batch, chunk, …)."""
        return ops.moveaxis(ops.reshape(x, (-1, count, chunk, *x.shape[2:])), 1, 0)

    def whole(x):
        return ops.reshape(ops.moveaxis(x, 0, 1), (-1, count * chunk))[:, :length]

    return tuple(whole(x) for x in backend.map_checkpointed(cost, (pieces(hidden), pieces(targets)), values))

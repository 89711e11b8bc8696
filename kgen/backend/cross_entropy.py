"""What TensorFlow and JAX share of the cross-entropy, and JAX and PyTorch of computing it in pieces."""

import keras
from keras import ops


def nats_by_logsumexp(logits, targets, everywhere):
    """See `nats` in `kgen/backend/__init__.py`. Compilers fuse it; with `log_softmax` JAX needs three times as long."""
    total = ops.logsumexp(logits, axis=-1)
    at_target = ops.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return total - at_target, total - ops.mean(logits, axis=-1) if everywhere else None


def map_with_remat(cost, pieces, values):
    """See `map_checkpointed` in `kgen/backend/__init__.py`.

    A loop, not a row of calls: compilers would compute all calls at once, and hold all that is in them.
    """
    checkpointed = keras.remat(cost)
    return ops.map(lambda piece: checkpointed(*piece, *values), pieces)

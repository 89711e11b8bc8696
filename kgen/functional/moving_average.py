"""An exponential moving average of a network, kept while the network is trained."""

from keras import ops


def follow(average, network, decay, step):
    """Move the weights of `average` towards those of `network`, of the same architecture.

        a ← d · a + (1 - d) · w,  d = min(decay, (1 + step) / (10 + step))

    In the first steps d is smaller: what the network was born with shall not linger. Moving statistics are averages
    already: they, and whatever is not a float, are copied.

    Args:
        average, network: Keras models with the same weights in the same order.
        decay: float in [0, 1).
        step: integer tensor, steps so far.
    """
    step = ops.cast(step, "float32")
    d = ops.minimum(decay, (1.0 + step) / (10.0 + step))
    moved = {id(variable) for variable in network.trainable_variables}
    for old, new in zip(average.weights, network.weights, strict=True):
        # A copy: assigned to each other, two variables would share a buffer, which JAX cannot donate twice.
        value = ops.copy(ops.stop_gradient(ops.convert_to_tensor(new)))
        old.assign(d * old + (1.0 - d) * value if id(new) in moved else value)

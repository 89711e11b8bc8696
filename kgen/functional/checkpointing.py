"""Gradient checkpointing: a layer whose insides are computed twice instead of kept."""

import keras
from keras import ops


def checkpointed(layer, x, **arguments):
    """`layer(x, **arguments)` in training, in less memory.

    The random state goes in and out as values: so the second pass drops out what the first one dropped, and nothing of
    a trace is left behind in a variable.

    Args:
        layer: a built layer with one input and one output.
        x: float tensor.
        arguments: what is not a tensor.

    Reference: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016.
    """
    trainable, rest = layer.trainable_variables, layer.non_trainable_variables

    def run(x, *values):
        outputs, state = layer.stateless_call(values[: len(trainable)], values[len(trainable) :], x, **arguments)
        return (outputs, *state)

    state = (ops.copy(variable.value) for variable in rest)  # the variables themselves are about to change
    outputs, *state = keras.remat(run)(x, *(variable.value for variable in trainable), *state)
    for variable, value in zip(rest, state, strict=True):
        variable.assign(value)
    return outputs

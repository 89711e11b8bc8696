"""How surprised a language model is."""

import keras
import numpy as np
from keras import ops

NATS_AT_MOST = 80.0  # exp of more is no float32


def perplexity(nats):
    """The size of a vocabulary among which a uniform guess is as uncertain: exp(nats).

    Args:
        nats: mean of -log p(token), in nats (a float or an array).

    Example:

    >>> import math, kgen
    >>> round(kgen.metrics.perplexity(math.log(65)))
    65
    """
    return np.exp(nats)


@keras.saving.register_keras_serializable(package="kgen")
class PerplexityTracker(keras.metrics.Mean):
    """exp of the mean of the nats that it is given, over all tokens that count."""

    def result(self):
        return ops.exp(ops.minimum(super().result(), NATS_AT_MOST))


@keras.saving.register_keras_serializable(package="kgen")
class RatioTracker(keras.metrics.Metric):
    """The sum of one quantity over the sum of another: nats over characters."""

    def __init__(self, name="ratio", **kwargs):
        super().__init__(name=name, **kwargs)
        self.over = self.add_variable((), "zeros", name="over")
        self.under = self.add_variable((), "zeros", name="under")

    def update_state(self, over, under):
        self.over.assign_add(ops.cast(ops.sum(over), self.over.dtype))
        self.under.assign_add(ops.cast(ops.sum(under), self.under.dtype))

    def result(self):
        return ops.divide_no_nan(self.over, self.under)

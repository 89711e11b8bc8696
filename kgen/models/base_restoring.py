"""What models share that restore: p(x₀ | y), where y is what is left of x₀.

A network is told y beside the noise. From mere noise its first guess is the mean E[x₀ | y], the answer with the least
squared error; steps from there on make one sample after another, each as sharp as what it has learned from.

Saharia et al., Image Super-Resolution via Iterative Refinement, and Palette: Image-to-Image Diffusion Models, 2022.
"""

import keras
import numpy as np
from keras import ops

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.models.base_denoising import ROWS_AT_ONCE
from kgen.models.base_denoising import DenoisingModel


@keras.saving.register_keras_serializable(package="kgen")
class BesideNetwork(keras.Layer):
    """A diffusion network that sees, in further channels, what is left, and is told what happened to it.

    Of mere noise it sees nothing, for it says nothing: the mean hangs upon what is left alone.

    Args:
        network: a layer, called with (inputs, time, condition).
        end: the time of mere noise.

    Call arguments:
        inputs: float tensor `(batch, …, channels)`.
        time: numbers `(batch,)`.
        left: float tensor `(batch, …, more channels)`.
        fate: float tensor `(batch, dim)`, or None.
        training: bool.
    """

    def __init__(self, network, end, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.end = end

    def build(self, inputs_shape, time_shape, left_shape, fate_shape=None):
        channels = inputs_shape[-1] + left_shape[-1]
        self.network.build((*inputs_shape[:-1], channels), time_shape, fate_shape)
        self.built = True

    def call(self, inputs, time, left, fate=None, training=False):
        says_something = ops.reshape(time < self.end, (-1, *[1] * (len(inputs.shape) - 1)))
        inputs = ops.where(says_something, inputs, ops.zeros_like(inputs))
        both = ops.concatenate([inputs, ops.cast(left, inputs.dtype)], axis=-1)
        return self.network(both, time, condition=fate, training=training)


class RestoringModel(DenoisingModel):
    """Base of models that restore: `fit` takes what is whole, and damages it by itself.

    Holes: those of `DenoisingModel`; `told` damages what `fit` was given.

    Args:
        mean_share: share of the rows that see mere noise in training, in [0, 1): from them the mean is learned.
        schedule, prediction, ema_decay, seed: see `DenoisingModel`.
    """

    clips = False  # x₀ is what is missing

    def __init__(self, mean_share, schedule, prediction, ema_decay, seed, **kwargs):
        check_number("mean_share", mean_share, minimum=0.0, maximum=0.999)
        super().__init__(schedule, prediction, None, 0.0, ema_decay, seed, **kwargs)
        self.mean_share = mean_share

    @classmethod
    def samples_callback(cls, folder, seed, data):
        """None: what restores has nothing to show by itself."""

    def draw_places(self, n, training):
        places, share = super().draw_places(n, training), self.mean_share
        return ops.where(places < share, 1.0, (places - share) / (1.0 - share))

    def _restored(self, conditions, shape, seed, samples, steps, solver):
        """float32 `(samples, n, *shape)`; with `steps` 0 each is the first guess from mere noise, the mean."""
        check_int("samples", samples, minimum=1)
        check_int("steps", steps, minimum=0)
        plan = self._plan(solver, max(1, steps))
        rng, n = np.random.default_rng(seed), len(conditions[0])
        conditions = [np.concatenate([array] * samples) for array in conditions]
        x = rng.standard_normal((samples * n, *shape), "float32") * np.float32(plan.start[1])
        ends = []
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            given = [array[rows] for array in conditions]
            (moment,) = self.moments(x[rows], plan, int(rng.integers(2**31)), given)
            ends.append(moment.x)
        return np.concatenate(ends).reshape(samples, n, *shape)

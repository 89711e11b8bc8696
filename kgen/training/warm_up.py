"""The learning rate that Transformers are trained with: up along a line, down along a square root."""

import keras
from keras import ops

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number


@keras.saving.register_keras_serializable(package="kgen")
class InverseSquareRoot(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises to `peak` along a line, then falls with the square root of the step.

        rate(step) = peak · min(step / warmup_steps, √(warmup_steps / step))

    Steps count from 1, as in the paper: the first update of the weights has peak / warmup_steps, update number
    `warmup_steps` has `peak`, and four times as many updates later half of it.

    Args:
        peak: float ≥ 0, the largest rate.
        warmup_steps: int ≥ 1, updates until then.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import keras, kgen
    >>> schedule = kgen.training.InverseSquareRoot(peak=1e-3, warmup_steps=1000)
    >>> optimizer = keras.optimizers.Adam(schedule, beta_2=0.98)
    >>> [round(float(schedule(iterations)), 6) for iterations in (0, 499, 999, 3999)]
    [1e-06, 0.0005, 0.001, 0.0005]

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 5.3.
    """

    def __init__(self, peak, warmup_steps=4000):
        super().__init__()
        check_number("peak", peak, minimum=0.0)
        check_int("warmup_steps", warmup_steps, minimum=1)
        self.peak = peak
        self.warmup_steps = warmup_steps

    @classmethod
    def for_model_dim(cls, model_dim, warmup_steps=4000):
        """The paper's own rate: model_dim^-½ · min(step^-½, step · warmup_steps^-1½).

        It falls with the width of the model. For small models its peak is high: 0.0028 for a width of 32.
        """
        check_int("model_dim", model_dim, minimum=1)
        check_int("warmup_steps", warmup_steps, minimum=1)
        return cls((model_dim * warmup_steps) ** -0.5, warmup_steps)

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1.0  # Keras counts the updates that are done
        warmup_steps = float(self.warmup_steps)
        return float(self.peak) * ops.minimum(step / warmup_steps, ops.sqrt(warmup_steps / step))

    def get_config(self):
        return {"peak": float(self.peak), "warmup_steps": int(self.warmup_steps)}

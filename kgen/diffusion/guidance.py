"""Going further in the direction that a condition points to."""

import keras
from keras import ops

from kgen.functional.checks import check_number
from kgen.functional.configured import Configured


@keras.saving.register_keras_serializable(package="kgen")
class ClassifierFreeGuidance(Configured):
    """What a network predicts with its condition, pushed away from what it predicts without.

        p = p_without + w (p_with - p_without)

    Much guidance makes images too bright and too hard; `rescale` takes back some of the deviation that came in:
    p ← φ p · std(p_with) / std(p) + (1 - φ) p.

    Args:
        scale: w ≥ 0; 1 is the condition alone, 0 none.
        rescale: φ in [0, 1].

    Raises:
        ValueError: an argument outside its range.

    References: Ho and Salimans, Classifier-Free Diffusion Guidance, 2022; Lin et al., Common Diffusion Noise Schedules
    and Sample Steps are Flawed, 2024 (rescaling).

    Example:

    >>> import kgen
    >>> from keras import ops
    >>> guide = kgen.diffusion.ClassifierFreeGuidance(3.0)
    >>> float(ops.convert_to_numpy(guide(ops.ones((1, 2)), ops.zeros((1, 2))))[0, 0])
    3.0
    """

    def __init__(self, scale=3.0, rescale=0.0):
        check_number("scale", scale, minimum=0.0)
        check_number("rescale", rescale, minimum=0.0, maximum=1.0)
        self.scale = scale
        self.rescale = rescale

    def __call__(self, conditional, unconditional):
        """The guided prediction, of two predictions `(n, …)` of the same shape."""
        return guided(conditional, unconditional, self.scale, self.rescale)


def guided(conditional, unconditional, scale, rescale):
    """The formula, whose w and φ may be tensors too: another guidance then compiles nothing anew."""
    pushed = unconditional + scale * (conditional - unconditional)
    axes = tuple(range(1, len(pushed.shape)))
    wanted, found = (ops.std(one, axis=axes, keepdims=True) for one in (conditional, pushed))
    return pushed * (rescale * wanted / ops.maximum(found, 1e-6) + 1.0 - rescale)

"""An optimizer that was quickened takes the steps of its paper."""

import keras
import numpy as np
import pytest

from kgen import backend
from kgen.training import GroupedOptimizer
from kgen.training.grouped_optimizer import TAG

RATE, BETA_1, BETA_2, EPSILON, STEPS = 0.1, 0.8, 0.9, 1e-3, 3
SHAPES = ((3, 2), (4,), ())


def by_the_paper(weights, gradients, decay=0.0, most=None):
    """AdamW in float64: Kingma and Ba's algorithm, with Loshchilov and Hutter's decay and a limit for the norm."""
    moments = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in weights]
    for step, gradient in enumerate(gradients, start=1):
        norm = np.sqrt(sum((g**2).sum() for g in gradient))
        scale = 1.0 if most is None else most / max(norm, most)
        for i, g in enumerate(gradient):
            m, v = moments[i]
            m, v = moments[i] = BETA_1 * m + (1 - BETA_1) * scale * g, BETA_2 * v + (1 - BETA_2) * (scale * g) ** 2
            alpha = RATE * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
            weights[i] = (1 - decay * RATE) * weights[i] - alpha * m / (np.sqrt(v) + EPSILON)
    return weights


def drawn():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in SHAPES]
    return weights, [[rng.normal(size=shape) for shape in SHAPES] for _ in range(STEPS)]


def moved(optimizer, weights, gradients):
    variables = [keras.Variable(weight, dtype="float32") for weight in weights]
    for variable in variables:
        setattr(variable, TAG, "all")
    optimizer.build(variables)
    backend.quicken(optimizer)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradient], variables)
    return [keras.ops.convert_to_numpy(variable.value) for variable in variables]


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        (keras.optimizers.Adam, {}, {}),
        (keras.optimizers.Adam, {"global_clipnorm": 0.7}, {"most": 0.7}),
        (keras.optimizers.AdamW, {"weight_decay": 0.3}, {"decay": 0.3}),
    ],
    ids=["Adam", "clipped", "AdamW"],
)
@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "in a group"])
def test_steps_are_those_of_the_paper(kind, options, expected, grouped):
    optimizer = kind(RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON, **options)
    weights, gradients = drawn()
    found = moved(GroupedOptimizer({"all": optimizer}) if grouped else optimizer, weights, gradients)
    for one, other in zip(found, by_the_paper(weights, gradients, **expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_state_and_configuration_are_as_before():
    optimizer = keras.optimizers.Adam(RATE)
    before = keras.saving.serialize_keras_object(optimizer)
    moved(optimizer, *drawn())
    assert keras.saving.serialize_keras_object(optimizer) == before
    assert len(optimizer.variables) == 2 + 2 * len(SHAPES)

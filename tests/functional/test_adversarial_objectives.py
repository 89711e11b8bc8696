"""The objectives at scores whose losses can be worked out by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional.adversarial import OBJECTIVES
from kgen.functional.adversarial import PENALTIES
from kgen.functional.adversarial import squared_norm
from kgen.functional.moving_average import follow

LOG_2 = float(np.log(2.0))


@pytest.mark.parametrize(
    ("name", "real", "fake", "d_loss", "g_loss"),
    [
        ("non_saturating", 0.0, 0.0, 2 * LOG_2, LOG_2),
        ("hinge", 0.5, -2.0, 0.5, 2.0),
        ("hinge", 2.0, 0.0, 1.0, 0.0),
        ("least_squares", 0.0, 2.0, 2.5, 0.5),
        ("wasserstein", 3.0, 1.0, -2.0, -1.0),
        ("relativistic", 1.0, 1.0, LOG_2, LOG_2),
    ],
)
def test_values(name, real, fake, d_loss, g_loss):
    found = OBJECTIVES[name](ops.convert_to_tensor([real]), ops.convert_to_tensor([fake]))
    np.testing.assert_allclose([float(one[0]) for one in found], [d_loss, g_loss], atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_better_fake_score_pleases_the_generator_and_not_the_discriminator(name):
    real = ops.convert_to_tensor([0.4])
    d, g = (
        backend.input_gradient(lambda fake, i=i: OBJECTIVES[name](real, fake)[i], ops.convert_to_tensor([0.3]))
        for i in (0, 1)
    )
    d, g = (float(ops.convert_to_numpy(ops.stop_gradient(slope))[0]) for slope in (d, g))
    assert d > 0 > g


def test_penalties_of_a_slope():
    squared = squared_norm(ops.convert_to_tensor(np.full((2, 3, 3, 1), 1.0, "float32")))
    np.testing.assert_allclose(ops.convert_to_numpy(squared), [9.0, 9.0])
    np.testing.assert_allclose(ops.convert_to_numpy(PENALTIES["r1"][0](squared)), [4.5, 4.5])
    np.testing.assert_allclose(ops.convert_to_numpy(PENALTIES["gradient"][0](squared)), [4.0, 4.0], rtol=1e-5)


def test_a_moving_average_moves_weights_and_copies_statistics():
    def network():
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.BatchNormalization()])

    average, moving = network(), network()
    average.set_weights([np.zeros_like(weight) for weight in average.get_weights()])
    moving.set_weights([np.ones_like(weight) for weight in moving.get_weights()])
    follow(average, moving, 0.99, ops.convert_to_tensor(0))  # d = 1 / 10
    kernel, bias, gamma, beta, mean, variance = (float(weight.reshape(-1)[0]) for weight in average.get_weights())
    np.testing.assert_allclose([kernel, bias, gamma, beta], 0.9, rtol=1e-6)
    assert mean == variance == 1.0
    follow(average, moving, 0.5, ops.convert_to_tensor(10_000))  # d = 0.5
    np.testing.assert_allclose(average.get_weights()[0], 0.95, rtol=1e-6)

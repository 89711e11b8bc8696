"""The reparameterised Gaussian."""

import keras
import numpy as np
from keras import ops

from kgen.layers import GaussianSampling


def test_moments_are_those_asked_for():
    mean, log_variance = np.array([[1.0, -2.0]], "float32"), np.log(np.array([[0.25, 4.0]], "float32"))
    for training in (False, True):
        z = ops.convert_to_numpy(GaussianSampling(20_000, seed=1)((mean, log_variance), training=training))[0]
        np.testing.assert_allclose(z.mean(axis=0), mean[0], atol=0.05)
        np.testing.assert_allclose(z.var(axis=0), [0.25, 4.0], rtol=0.05)


def test_a_vanishing_variance_gives_the_mean():
    mean = np.array([[1.0, -2.0]], "float32")
    z = GaussianSampling()((mean, np.full((1, 2), -60.0, "float32")), training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(z), mean, atol=1e-6)


def test_gradients_reach_mean_and_log_variance():
    # d z / d mean = 1; the loss Σ (z - mean)² exp(-log_variance) = Σ ε² has none in the mean.
    inputs = [keras.Input((3,)), keras.Input((3,))]
    scale = keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")
    outputs = GaussianSampling(seed=3)([scale(inputs[0]), inputs[1]])
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    ones = np.ones((8, 3), "float32")
    model.fit([ones, -ones], 5 * ones, verbose=0)
    assert (np.diag(ops.convert_to_numpy(scale.kernel.value)) > 1.0).all()

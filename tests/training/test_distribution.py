"""A GAN on two devices is the GAN on one: `keras.distribution` knows nothing of two networks and two optimizers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.parity  # where there is JAX, the backend whose distribution Keras calls finished

# JAX takes the number of devices once, when it starts; here a processor plays two of them.
PROGRAM = """
import keras, numpy as np, kgen

images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), "uint8")

def trained(distribution):
    keras.distribution.set_distribution(distribution)
    sizes = {"latent_dim": 4, "filters": (4, 4), "discriminator_normalization": "spectral"}
    model = kgen.models.DCGAN((8, 8, 1), **sizes, penalty="r1", critic_steps=2, seed=1)
    model.compile()
    model.fit(images, batch_size=8, epochs=2, verbose=0)
    devices = len(model.generator.weights[0].value.sharding.device_set)
    return model, devices

alone, one = trained(None)
shared, two = trained(keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"]))
assert (one, two) == (1, 2), (one, two)
for a, b in zip(alone.get_weights(), shared.get_weights(), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
"""


def test_data_parallel_training_of_a_gan_equals_one_device():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags}
    words = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]

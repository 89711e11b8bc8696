"""From noise to style, and the truncation trick."""

import numpy as np
import pytest
from keras import ops

from kgen.layers import MappingNetwork

RNG = np.random.default_rng(0)
Z, LABELS = RNG.normal(size=(4, 5)).astype("float32"), np.array([0, 2, 1, 2])


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def filled(labels=None, scale=1.0, **arguments):
    layer = MappingNetwork(6, num_layers=2, **arguments)
    layer(Z, labels)
    rng = np.random.default_rng(1)
    layer.set_weights([scale * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def unit(x):
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-8)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_it_is_the_formula(num_classes):
    labels = LABELS if num_classes else None
    layer = filled(labels, num_classes=num_classes, learning_rate_multiplier=0.5)
    weights = layer.get_weights()
    x = np.concatenate([unit(Z), unit(weights.pop(0)[LABELS])], axis=-1) if num_classes else unit(Z)
    for kernel, bias in (weights[0:2], weights[2:4]):
        x = x @ kernel * 0.5 / np.sqrt(len(kernel)) + 0.5 * bias
        x = np.sqrt(2) * np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(numpy(layer(Z, labels)), x, atol=1e-5)


def test_the_length_of_z_does_not_matter():
    layer = filled()
    np.testing.assert_allclose(numpy(layer(3 * Z)), numpy(layer(Z)), atol=1e-5)


def test_the_multiplier_moves_from_the_weights_to_the_step():
    plain, slow = filled(learning_rate_multiplier=1.0), filled(learning_rate_multiplier=0.01, scale=100.0)
    np.testing.assert_allclose(numpy(slow(Z)), numpy(plain(Z)), rtol=1e-4, atol=1e-5)
    started = MappingNetwork(64, num_layers=1)
    started.build((None, 64))
    np.testing.assert_allclose(numpy(started.kernels[0].value).std(), 100.0, rtol=0.1)


def test_the_mean_follows_in_training_only():
    layer = MappingNetwork(6, num_layers=2, momentum=0.75)
    w = numpy(layer(Z))
    np.testing.assert_array_equal(numpy(layer.mean_w.value), 0.0)
    layer(Z, training=True)
    np.testing.assert_allclose(numpy(layer.mean_w.value), 0.25 * w.mean(axis=0), atol=1e-6)
    layer(Z, training=True)
    np.testing.assert_allclose(numpy(layer.mean_w.value), (1 - 0.75**2) * w.mean(axis=0), atol=1e-6)


def test_truncation_pulls_towards_the_mean():
    layer = filled()
    w, mean = layer(Z), numpy(layer.mean_w.value)
    np.testing.assert_allclose(numpy(layer.truncate(w, psi=1.0)), numpy(w), atol=1e-6)
    np.testing.assert_allclose(numpy(layer.truncate(w, psi=0.0)), np.tile(mean, (4, 1)), atol=1e-6)
    np.testing.assert_allclose(numpy(layer.truncate(w, psi=0.25)), 0.75 * mean + 0.25 * numpy(w), atol=1e-6)


def test_bad_calls_are_named():
    cases = [
        (r"inputs: .*\(4,\)", lambda: MappingNetwork(6)(LABELS.astype("float32"))),
        ("labels: .*None", lambda: MappingNetwork(6, num_classes=3)(Z)),
        (r"labels: .*\(4,\)", lambda: MappingNetwork(6)(Z, LABELS)),
        (r"labels: .*\(4, 1\)", lambda: MappingNetwork(6, num_classes=3)(Z, LABELS[:, None])),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()

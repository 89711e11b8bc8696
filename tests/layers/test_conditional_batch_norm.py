"""Batch normalization with a scale and an offset for each class or vector."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import ConditionalBatchNormalization

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.normal(2.0, 3.0, size=(4, 3, 2, 5)).astype("float32"), np.array([1, 0, 2, 1])
GAMMA, BETA = RNG.normal(size=(2, 3, 5)).astype("float32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def filled(condition, **arguments):
    layer = ConditionalBatchNormalization(**arguments)
    layer(IMAGES, condition)
    layer.gamma.assign(GAMMA)
    layer.beta.assign(BETA)
    return layer


def test_it_starts_as_batch_normalization():
    layer, plain = ConditionalBatchNormalization(3, momentum=0.5), keras.layers.BatchNormalization(momentum=0.5)
    for training in (True, True, False):
        found, expected = layer(IMAGES, LABELS, training=training), plain(IMAGES, training=training)
        np.testing.assert_allclose(numpy(found), numpy(expected), atol=1e-5)
    for name in ("moving_mean", "moving_variance"):
        moved = [numpy(getattr(one, name).value) for one in (layer.normalization, plain)]
        np.testing.assert_allclose(*moved, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_each_row_has_the_scale_and_offset_of_its_class(training):
    normalized = numpy(keras.layers.BatchNormalization()(IMAGES, training=training))
    found = numpy(filled(LABELS, num_classes=3)(IMAGES, LABELS, training=training))
    for row, label in enumerate(LABELS):
        np.testing.assert_allclose(found[row], (1 + GAMMA[label]) * normalized[row] + BETA[label], atol=1e-4)


def test_a_class_is_a_vector_with_a_single_one():
    vectors = np.eye(3, dtype="float32")[LABELS]
    expected = numpy(filled(LABELS, num_classes=3)(IMAGES, LABELS))
    np.testing.assert_allclose(numpy(filled(vectors)(IMAGES, vectors)), expected, atol=1e-5)


def test_bad_calls_are_named():
    vectors = np.zeros((4, 3), "float32")
    cases = [
        ("condition: .*None", lambda: ConditionalBatchNormalization(3)(IMAGES)),
        (r"condition: .*\(4, 3\)", lambda: ConditionalBatchNormalization(3)(IMAGES, vectors)),
        (r"condition: .*\(4,\)", lambda: ConditionalBatchNormalization()(IMAGES, LABELS)),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()

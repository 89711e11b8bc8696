"""Cross-entropy in chunks is cross-entropy."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional import losses


@pytest.fixture
def example():
    rng = np.random.default_rng(0)
    hidden, kernel = rng.normal(size=(3, 7, 5)).astype("float32"), rng.normal(size=(5, 11)).astype("float32")
    targets = rng.integers(0, 11, (3, 7))
    targets[1, 2:] = -1
    return hidden, kernel, targets


def by_hand(hidden, kernel, targets):
    logits = hidden.astype("float64") @ kernel
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    picked = np.take_along_axis(log_p, np.maximum(targets, 0)[..., None], -1)[..., 0]
    return np.where(targets >= 0, -picked, 0.0), np.where(targets >= 0, -log_p.mean(-1), 0.0)


@pytest.mark.parametrize("at_once", [1 << 20, 22, 1])
def test_value_and_gradient(monkeypatch, example, at_once):
    monkeypatch.setattr(losses, "LOGITS_AT_ONCE", at_once)
    hidden, kernel, targets = example
    nats, _ = by_hand(*example)

    def total(hidden):
        weights = ops.convert_to_tensor(kernel)
        return losses.token_cross_entropy(hidden, lambda x: ops.matmul(x, weights), ops.convert_to_tensor(targets), 11)[
            0
        ]

    np.testing.assert_allclose(ops.convert_to_numpy(total(ops.convert_to_tensor(hidden))), nats, atol=1e-5)
    gradient = ops.convert_to_numpy(backend.input_gradient(total, ops.convert_to_tensor(hidden)))
    logits = hidden @ kernel
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = (p - np.eye(11)[targets]) @ kernel.T * (targets >= 0)[..., None]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_label_smoothing(example):
    hidden, kernel, targets = example
    nats, spread = by_hand(*example)
    loss, plain, counted = losses.token_cross_entropy(
        ops.convert_to_tensor(hidden),
        lambda x: ops.matmul(x, kernel),
        ops.convert_to_tensor(targets),
        11,
        label_smoothing=0.1,
    )
    np.testing.assert_allclose(ops.convert_to_numpy(loss), 0.9 * nats + 0.1 * spread, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(plain), nats, atol=1e-5)
    assert float(keras.ops.sum(counted)) == (targets >= 0).sum()

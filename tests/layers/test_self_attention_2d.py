"""Attention between the places of an image."""

import numpy as np
import pytest
from keras import ops

from kgen.layers import SelfAttention2D

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 4, 6)).astype("float32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def pooled(x):
    """2 × 2 max pooling of (5, 4, n); the last row stays alone."""
    x = np.concatenate([x, x[-1:]])
    return x.reshape(3, 2, 2, 2, -1).max(axis=(1, 3)).reshape(6, -1)


def test_it_starts_as_the_identity():
    np.testing.assert_array_equal(numpy(SelfAttention2D()(IMAGES)), IMAGES)


def test_it_is_the_formula():
    layer = SelfAttention2D(key_channels=2, value_channels=3)
    layer.build(IMAGES.shape)
    layer.gamma.assign(0.5)
    w_query, w_key, w_value, w_output = (
        numpy(one.kernel.value) for one in (layer.query, layer.key, layer.value, layer.output_projection)
    )
    outputs, scores = layer(IMAGES, return_attention_scores=True)
    for row, image in enumerate(IMAGES):
        logits = (image @ w_query).reshape(20, 2) @ pooled(image @ w_key).T
        weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected = image + 0.5 * (weights @ pooled(image @ w_value) @ w_output).reshape(5, 4, 6)
        np.testing.assert_allclose(numpy(scores)[row], weights, atol=1e-5)
        np.testing.assert_allclose(numpy(outputs)[row], expected, atol=1e-5)


def test_widths_follow_the_channels():
    layer = SelfAttention2D()
    layer.build((None, 4, 4, 48))
    assert [one.kernel.shape[1] for one in (layer.query, layer.key, layer.value)] == [6, 6, 24]


def test_spectral_normalization_reaches_the_kernels():
    plain, normalized = SelfAttention2D(), SelfAttention2D(spectral_normalization=True)
    for layer in (plain, normalized):
        layer.build(IMAGES.shape)
    normalized.gamma.assign(1.0)
    for _ in range(60):
        normalized(IMAGES, training=True)
    for name in ("query", "key", "value", "output_projection"):
        kernel = numpy(getattr(normalized, name).layer.kernel.value)
        getattr(plain, name).kernel.assign(kernel / np.linalg.norm(kernel, ord=2))
    plain.gamma.assign(1.0)
    np.testing.assert_allclose(numpy(normalized(IMAGES)), numpy(plain(IMAGES)), atol=1e-3)


def test_bad_shapes_are_named():
    with pytest.raises(ValueError, match=r"inputs: .*\(2, 5\)"):
        SelfAttention2D()(IMAGES[:, :, 0, 0])

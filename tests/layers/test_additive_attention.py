"""Additive attention: the formula, masks, the cache."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import AdditiveAttention

BATCH, LENGTH, KEYS, DIM, VALUE_DIM, UNITS = 3, 4, 6, 5, 7, 8


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def filled(**arguments):
    layer = AdditiveAttention(UNITS, **arguments)
    layer.build((None, None, DIM), (None, None, VALUE_DIM))
    layer.set_weights([random(*w.shape, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


QUERY, VALUE = random(BATCH, LENGTH, DIM), random(BATCH, KEYS, VALUE_DIM, seed=1)
THERE = np.arange(KEYS) < np.array([[6], [2], [4]])


@pytest.mark.parametrize("masked", [False, True])
def test_it_is_the_formula(masked):
    layer = filled()
    w, u, b, v = layer.get_weights()
    context, scores = layer(QUERY, VALUE, mask=THERE if masked else None, return_attention_scores=True)
    for row in range(BATCH):
        for i in range(LENGTH):
            energy = np.array([v[:, 0] @ np.tanh(QUERY[row, i] @ w + VALUE[row, j] @ u + b) for j in range(KEYS)])
            weight = np.exp(energy - energy.max()) * (THERE[row] if masked else 1)
            weight = weight / weight.sum()
            np.testing.assert_allclose(numpy(scores)[row, i], weight, atol=1e-5)
            np.testing.assert_allclose(numpy(context)[row, i], weight @ VALUE[row], atol=1e-5)


def test_a_cache_is_the_values_read_once():
    layer = filled()
    expected, expected_scores = layer(QUERY, VALUE, mask=THERE, return_attention_scores=True)
    cache = layer.make_cross_cache(VALUE)
    for i in range(LENGTH):
        context, scores, cache = layer(QUERY[:, i : i + 1], mask=THERE, cache=cache, return_attention_scores=True)
        np.testing.assert_allclose(numpy(context)[:, 0], numpy(expected)[:, i], atol=1e-6)
        np.testing.assert_allclose(numpy(scores)[:, 0], numpy(expected_scores)[:, i], atol=1e-6)


def test_each_query_may_have_a_mask_of_its_own():
    layer, mask = filled(), np.random.default_rng(2).random((BATCH, LENGTH, KEYS)) < 0.6
    mask[0, 0] = False
    context, scores = layer(QUERY, VALUE, mask=mask, return_attention_scores=True)
    seen = mask.any(axis=-1)
    assert numpy(scores)[seen][~mask[seen]].max() == 0.0
    np.testing.assert_allclose(numpy(context)[0, 0], VALUE[0].mean(axis=0), atol=1e-5)


def test_the_mask_of_the_values_is_used_and_that_of_the_queries_handed_on():
    ids, words = np.array([[3, 2, 0], [1, 2, 3]]), np.array([[4, 0], [1, 1]])
    values = keras.layers.Embedding(5, VALUE_DIM, mask_zero=True)(ids)
    queries = keras.layers.Embedding(5, DIM, mask_zero=True)(words)
    layer = filled()
    context = layer(queries, values)
    np.testing.assert_allclose(numpy(context), numpy(layer(numpy(queries), numpy(values), mask=ids != 0)), atol=1e-6)
    np.testing.assert_array_equal(numpy(context._keras_mask), words != 0)


def test_dropout_drops_scores_but_does_not_hide_them():
    layer = filled(dropout=0.5, seed=1)
    context, scores = layer(QUERY, VALUE, return_attention_scores=True, training=True)
    np.testing.assert_allclose(numpy(scores).sum(axis=-1), 1.0, atol=1e-5)
    assert np.abs(numpy(context) - numpy(layer(QUERY, VALUE))).max() > 1e-2


def test_bad_calls_are_named():
    layer = filled()
    cases = [
        ("value: .*None", lambda: AdditiveAttention(3)(QUERY)),
        ("value: .*None", lambda: layer(QUERY)),
        (r"query: .*\(3, 5\)", lambda: AdditiveAttention(3)(QUERY[:, 0], VALUE)),
        ("mask: .*float32", lambda: layer(QUERY, VALUE, mask=THERE.astype("float32"))),
        (r"mask: .*\(3, 1, 1, 6\)", lambda: layer(QUERY, VALUE, mask=THERE[:, None, None])),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()

"""What is called again and again is compiled or recorded, and nobody sees it but the clock."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional.dense import dense
from kgen.layers import TransformerDecoderBlock

OFTEN = 40  # calls: on PyTorch enough for the recording to take over
eager_only = pytest.mark.skipif(keras.config.backend() != "torch", reason="a compiler refuses it")


def tensor(*shape, seed=0):
    return ops.convert_to_tensor(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def number(x):
    return float(ops.convert_to_numpy(x))


def test_new_weights_are_read_after_many_calls():
    layer = keras.layers.Dense(3, use_bias=False)
    layer.build((None, 2))
    function = backend.compiled(lambda x: layer(x), layer.variables)
    for i in range(OFTEN):
        layer.kernel.assign(np.full((2, 3), float(i), "float32"))
        np.testing.assert_allclose(ops.convert_to_numpy(function(ops.ones((1, 2)))), np.full((1, 3), 2.0 * i))


@pytest.mark.parametrize("rows", [1, 2, 8, 64])
@pytest.mark.parametrize("units", [1, 2, 5, 64])
def test_products_of_any_size_stay_what_they_are(rows, units):
    # One row and many take other kernels, an odd number of columns is cut in two halves that overlap.
    embedding = keras.layers.ReversibleEmbedding(units, 16)
    embedding.build((None, None))
    layer = keras.layers.Dense(units, activation="relu", bias_initializer="random_normal")
    layer.build((None, 16))

    def all_ways(x):
        return embedding(x, reverse=True), layer(x), dense(layer, x)

    function, x = backend.compiled(all_ways, [*embedding.variables, *layer.variables]), tensor(rows, 16)
    for _ in range(OFTEN):
        found = function(x)
    for one, expected in zip(found, [*all_ways(x)[:2], layer(x)], strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-6)


def test_other_shapes_and_structures_are_served_too():
    def total(inputs):
        return {"sum": sum(ops.sum(x) for x in inputs.values()), "count": [ops.sum(ops.ones_like(inputs["a"]))]}

    function = backend.compiled(total)
    for n in [2] * OFTEN + [3] * OFTEN + [2]:
        found = function({"a": ops.ones((n,)), "b": ops.ones((n, 2))})
        assert number(found["sum"]) == 3 * n and number(found["count"][0]) == n
    found = function({"a": ops.ones((5,))})
    assert number(found["sum"]) == 5


def test_a_cache_is_written_and_index_and_padding_are_inputs():
    block = TransformerDecoderBlock(num_heads=2, feedforward_dim=32, name="block")
    x = tensor(3, OFTEN + 8, 16)
    block.build(x.shape)
    full = ops.convert_to_numpy(block(x))

    def step(x, cache, index):
        return block(x, cache=cache, cache_index=index)

    function, cache = backend.compiled(step, block.variables), block.make_cache(3, OFTEN + 8)
    for i in range(OFTEN + 8):
        output, cache = function(x[:, i : i + 1], cache, ops.convert_to_tensor(i, "int32"))
        np.testing.assert_allclose(ops.convert_to_numpy(output)[:, 0], full[:, i], rtol=1e-4, atol=1e-5)


def test_a_cache_of_repeated_rows_is_written_row_by_row():
    cache = ops.repeat(ops.zeros((1, 1, 4, 1)), 3, axis=0)
    value = ops.reshape(ops.convert_to_tensor([1.0, 2.0, 3.0]), (3, 1, 1, 1))
    written = backend.write_cache(cache, value, ops.convert_to_tensor(2, "int32"))
    np.testing.assert_allclose(ops.convert_to_numpy(written)[:, 0, 2, 0], [1.0, 2.0, 3.0])


def test_results_of_two_calls_share_no_memory():
    function = backend.compiled(lambda x: (ops.zeros((4,)), ops.zeros((4,)), x * 1))
    for _ in range(OFTEN):
        first, second, _ = function(ops.ones((4,)))
    third = function(ops.ones((4,)))[0]
    cache = backend.write_cache(ops.reshape(first, (1, 1, 4, 1)), ops.ones((1, 1, 1, 1)), 0)
    assert number(ops.sum(cache)) == 1
    assert number(ops.sum(second)) == number(ops.sum(third)) == 0


def test_a_compiled_function_may_be_called_within_another():
    weight = keras.Variable(np.float32(2.0))
    double = backend.compiled(lambda x: x * weight, [weight])

    def run(x):
        return ops.while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, double(x)), (ops.convert_to_tensor(0), x))[1]

    loop = backend.compiled(run, [weight])
    for _ in range(OFTEN):
        assert number(loop(ops.convert_to_tensor(1.0))) == 32.0
    weight.assign(3.0)
    assert number(loop(ops.convert_to_tensor(1.0))) == 243.0
    assert number(double(ops.convert_to_tensor(1.0))) == 3.0


def test_what_is_called_often_no_longer_runs_in_python():
    # Attention without a cache takes the fused kernel, which could draw random numbers and here does not.
    block = TransformerDecoderBlock(num_heads=2, feedforward_dim=32, name="block")
    x, runs = tensor(2, 5, 16), []
    block.build(x.shape)
    function = backend.compiled(lambda x: runs.append(1) or block(x), block.variables)
    for _ in range(2 * OFTEN):
        found = function(x)
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(block(x)), rtol=1e-4, atol=1e-5)
    assert len(runs) < OFTEN


@pytest.mark.parametrize("rows", [1, 3, 20])
def test_int8_layers_stay_what_they_are(rows):
    layer = keras.layers.Dense(24)
    layer.build((None, 16))
    layer.quantize("int8")
    function, x = backend.compiled(lambda x: layer(x), layer.variables), tensor(rows, 16)
    for _ in range(3):
        np.testing.assert_allclose(ops.convert_to_numpy(function(x)), ops.convert_to_numpy(layer(x)), rtol=1e-5)


def test_a_loop_multiplies_by_the_weights_of_its_time():
    # On PyTorch a loop that runs for long has copies of them in another order; no other loop may see those.
    embedding = keras.layers.ReversibleEmbedding(16, 16)
    embedding.build((None, None))
    dense = keras.layers.Dense(16, use_bias=False)
    dense.build((None, 16))
    weights = [*embedding.variables, *dense.variables]
    step = backend.compiled(lambda x: embedding(dense(x), reverse=True), weights)

    def run(x):
        return ops.while_loop(lambda i, x: i < OFTEN, lambda i, x: (i + 1, step(x)), (ops.convert_to_tensor(0), x))[1]

    loop, x = backend.compiled(run, weights), tensor(3, 16)
    rotation = np.linalg.qr(np.random.default_rng(7).normal(size=(16, 16)))[0].astype("float32")
    for scale in (1.0, 1.02, 0.98):
        embedding.embeddings.assign(rotation)
        dense.kernel.assign(scale * rotation)
        expected = scale**OFTEN * ops.convert_to_numpy(x)
        np.testing.assert_allclose(ops.convert_to_numpy(loop(x)), expected, rtol=1e-3, atol=1e-4)


@eager_only
@pytest.mark.parametrize("room", [True, False])
def test_copies_of_weights_live_no_longer_than_a_loop(room, monkeypatch):
    from kgen.backend import torch_packed

    if not room:
        monkeypatch.setattr(torch_packed, "MOST_BYTES", 0)
    layer, kept = keras.layers.Dense(16, use_bias=False), []
    layer.build((None, 16))
    step = backend.compiled(lambda x: layer(x), layer.variables)

    def run(x):
        for _ in range(OFTEN + torch_packed.CALLS_BEFORE_PACKING):
            x = step(x) / ops.sqrt(ops.mean(ops.square(x)))
        kept.append(torch_packed._copies.get())
        return float(ops.sum(x)) * x  # which cannot be recorded

    backend.compiled(run)(tensor(3, 16))
    assert [one.is_mkldnn for one in kept[0]._packed.popitem()[1]] == [room]
    assert torch_packed._copies.get() is None


@eager_only
def test_a_function_that_looks_at_values_runs_as_it_is():
    function = backend.compiled(lambda x: x * 2 if number(ops.sum(x)) > 0 else x * 3)
    for sign in [1.0] * OFTEN + [-1.0]:
        assert number(function(ops.convert_to_tensor(sign))) == (2.0 if sign > 0 else -3.0)


@eager_only
def test_random_numbers_are_not_frozen():
    seeds = keras.random.SeedGenerator(1)
    for seed, variables in ((seeds, []), (seeds, [seeds.state]), (None, [])):
        function = backend.compiled(lambda x, seed=seed: x + keras.random.normal((), seed=seed), variables)
        assert len({number(function(ops.convert_to_tensor(0.0))) for _ in range(OFTEN)}) == OFTEN


@eager_only
def test_assignments_are_not_lost():
    count = keras.Variable(np.float32(0.0))
    function = backend.compiled(lambda x: count.assign_add(x), [count])
    for _ in range(OFTEN):
        function(ops.convert_to_tensor(1.0))
    assert number(count.value) == OFTEN

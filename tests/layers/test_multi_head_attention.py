"""Attention: the formula, masks, groups, the cache."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional.attention import explicit_attention
from kgen.functional.attention import fused_attention
from kgen.functional.masks import padding_mask
from kgen.layers import MultiHeadAttention
from kgen.layers import RotaryPositions

HEADS, DIM, LENGTH = 4, 16, 6


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention_in_numpy(query, key, value, mask=None, bias=0.0, scale=None):
    """The formula, head by head: arrays (batch, heads, length, dim); query heads share keys by neighbours."""
    outputs, scores = np.zeros(query.shape), np.zeros((*query.shape[:3], key.shape[2]))
    share = query.shape[1] // key.shape[1]
    for b in range(query.shape[0]):
        for h in range(query.shape[1]):
            k, v = key[b, h // share].astype("float64"), value[b, h // share].astype("float64")
            logits = query[b, h] @ k.T * (query.shape[-1] ** -0.5 if scale is None else scale)
            logits = logits + np.broadcast_to(bias, scores.shape)[b, h]
            if mask is not None:
                logits = np.where(np.broadcast_to(mask, scores.shape)[b, h], logits, -1e30)
            scores[b, h] = softmax(logits)
            outputs[b, h] = scores[b, h] @ v
    return outputs, scores


def layer_in_numpy(layer, query, value=None, rotate=None, **arguments):
    """The whole layer from its weights: outputs and scores."""
    weights = {weight.path.split("/", 1)[1]: numpy(weight.value) for weight in layer.weights}

    def project(name, x):
        y = x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]
        return y.reshape(*y.shape[:2], -1, layer.head_dim or DIM // HEADS)

    groups = layer.num_key_value_heads or HEADS
    if value is None:
        q, k, v = np.split(project("query_key_value", query), [HEADS, HEADS + groups], axis=2)
    else:
        q = project("query", query)
        k, v = np.split(project("key_value", value), 2, axis=2)
    if rotate is not None:
        q, k = rotate(q), rotate(k)
    outputs, scores = attention_in_numpy(*(x.transpose(0, 2, 1, 3) for x in (q, k, v)), **arguments)
    outputs = outputs.transpose(0, 2, 1, 3).reshape(*query.shape[:2], -1)
    return outputs @ weights["output/kernel"] + weights["output/bias"], scores


def filled(layer, *inputs, **arguments):
    """The layer with random weights, biases too."""
    layer(*inputs, **arguments)
    layer.set_weights([0.5 * random(*w.shape, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


# The formula ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [None, 2, 1])
@pytest.mark.parametrize("source", [None, 9])
def test_it_is_the_formula(groups, source):
    query = random(2, LENGTH, DIM)
    value = None if source is None else random(2, source, 10, seed=1)
    layer = filled(MultiHeadAttention(HEADS, num_key_value_heads=groups, head_dim=6), query, value)
    mask = np.random.default_rng(2).random((2, LENGTH, source or LENGTH)) < 0.7
    bias = random(1, HEADS, LENGTH, source or LENGTH, seed=3)
    expected, expected_scores = layer_in_numpy(layer, query, value, mask=mask[:, None], bias=bias)
    outputs, scores = layer(query, value, mask=mask, bias=bias, return_attention_scores=True)
    np.testing.assert_allclose(numpy(outputs), expected, atol=1e-4)
    np.testing.assert_allclose(numpy(scores), expected_scores, atol=1e-5)
    np.testing.assert_allclose(numpy(layer(query, value, mask=mask, bias=bias)), expected, atol=1e-4)


def test_rotary_turns_queries_and_keys():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, rotary=100.0), query)
    rotate = RotaryPositions(100.0)
    expected, _ = layer_in_numpy(layer, query, rotate=lambda x: numpy(rotate(x)))
    np.testing.assert_allclose(numpy(layer(query)), expected, atol=1e-4)


def test_rotary_scores_depend_on_the_distance_alone():
    query = random(1, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, rotary=100.0), query)
    _, near = layer(query, return_attention_scores=True)
    _, far = layer(query, positions=np.arange(40, 40 + LENGTH), return_attention_scores=True)
    np.testing.assert_allclose(numpy(near), numpy(far), atol=1e-4)
    _, other = layer(query, positions=2 * np.arange(LENGTH), return_attention_scores=True)
    assert np.abs(numpy(near) - numpy(other)).max() > 1e-2


def test_scale_takes_the_place_of_the_root():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, scale=1.0), query)
    expected, _ = layer_in_numpy(layer, query, scale=1.0)
    np.testing.assert_allclose(numpy(layer(query)), expected, atol=1e-4)


@pytest.mark.parametrize("groups", [HEADS, 2, 1])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_fused_and_explicit_agree(groups, causal, masked, biased):
    query, key, value = random(2, HEADS, 5, 8), random(2, groups, 5, 8, seed=1), random(2, groups, 5, 8, seed=2)
    arguments = {
        "mask": ops.convert_to_tensor(np.random.default_rng(3).random((2, 1, 1, 5)) < 0.7) if masked else None,
        "bias": random(1, HEADS, 5, 5, seed=4) if biased else None,
        "causal": causal,
        "scale": 0.3,
    }
    tensors = [ops.convert_to_tensor(x) for x in (query, key, value)]
    explicit, scores = explicit_attention(*tensors, **arguments)
    np.testing.assert_allclose(numpy(fused_attention(*tensors, **arguments)), numpy(explicit), atol=1e-5)
    np.testing.assert_allclose(numpy(scores).sum(axis=-1), 1.0, atol=1e-5)


def test_groups_with_repeated_keys_are_plain_heads():
    query = random(2, LENGTH, DIM)
    grouped = filled(MultiHeadAttention(HEADS, num_key_value_heads=2), query)
    plain = filled(MultiHeadAttention(HEADS), query)
    weights = grouped.get_weights()

    def repeat(joined):  # columns: 4 heads of queries, 2 of keys, 2 of values
        heads = joined.reshape(*joined.shape[:-1], 8, DIM // HEADS)[..., [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7], :]
        return heads.reshape(*joined.shape[:-1], -1)

    plain.set_weights([repeat(weights[0]), repeat(weights[1]), *weights[2:]])
    np.testing.assert_allclose(numpy(grouped(query)), numpy(plain(query)), atol=1e-5)


@pytest.mark.parametrize("source", [None, 9])
def test_it_is_keras_attention_with_the_same_weights(source):
    query = random(2, LENGTH, DIM)
    value = None if source is None else random(2, source, DIM, seed=1)
    ours = filled(MultiHeadAttention(HEADS), query, value)
    theirs = keras.layers.MultiHeadAttention(HEADS, DIM // HEADS)
    theirs(query, query if value is None else value)
    weights = ours.get_weights()
    if value is None:
        kernels, biases = np.split(weights[0], 3, axis=1), np.split(weights[1], 3)
    else:
        kernels, biases = [weights[0], *np.split(weights[2], 2, axis=1)], [weights[1], *np.split(weights[3], 2)]
    heads = (HEADS, DIM // HEADS)
    projections = [x for k, b in zip(kernels, biases, strict=True) for x in (k.reshape(DIM, *heads), b.reshape(heads))]
    theirs.set_weights([*projections, weights[-2].reshape(*heads, DIM), weights[-1]])
    causal = value is None
    expected = theirs(query, query if value is None else value, use_causal_mask=causal)
    np.testing.assert_allclose(numpy(ours(query, value, causal=causal)), numpy(expected), atol=1e-4)


# Masks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotary", [None, 100.0])
def test_future_tokens_cannot_move_past_outputs(rotary):
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, rotary=rotary), query)
    before = numpy(layer(query, causal=True))
    query[:, 4:] += 10.0
    after = numpy(layer(query, causal=True))
    np.testing.assert_allclose(after[:, :4], before[:, :4], atol=1e-5)
    assert np.abs(after[:, 4:] - before[:, 4:]).min() > 1e-4


@pytest.mark.parametrize("scores", [False, True])
def test_padding_changes_nothing_valid(scores):
    query, value = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    layer = filled(MultiHeadAttention(HEADS), query, value)
    mask = padding_mask(9, stop=np.array([5, 9]))
    before = layer(query, value, mask=mask, return_attention_scores=scores)
    value[0, 5:] = 1e4
    after = layer(query, value, mask=mask, return_attention_scores=scores)
    before, after = (before[0], after[0]) if scores else (before, after)
    np.testing.assert_allclose(numpy(after), numpy(before), atol=1e-5)
    shorter = numpy(layer(query[:1], value[:1, :5]))
    np.testing.assert_allclose(numpy(after)[:1], shorter, atol=1e-5)


def test_a_query_that_sees_nothing_gets_the_mean():
    query = random(1, 3, DIM)
    layer = filled(MultiHeadAttention(HEADS), query)
    nothing = np.zeros((1, 3, 3), bool)
    outputs, scores = layer(query, mask=nothing, return_attention_scores=True)
    np.testing.assert_allclose(numpy(scores), 1 / 3, atol=1e-6)
    np.testing.assert_allclose(numpy(layer(query, mask=nothing)), numpy(outputs), atol=1e-5)
    bias = random(1, 1, 3, 3)
    np.testing.assert_allclose(numpy(layer(query, mask=nothing, bias=bias)), numpy(outputs), atol=1e-5)


def test_the_mask_that_keras_attached_is_used_and_handed_on():
    ids = np.array([[1, 2, 3, 0, 0], [4, 5, 1, 2, 3]])
    embedding = keras.layers.Embedding(6, DIM, mask_zero=True)
    layer = filled(MultiHeadAttention(HEADS), random(2, 5, DIM))
    embedded = embedding(ids)
    outputs = layer(embedded)
    np.testing.assert_allclose(numpy(outputs), numpy(layer(numpy(embedded), mask=ids > 0)), atol=1e-5)
    with_positions = layer(embedded, positions=np.arange(5))
    np.testing.assert_allclose(numpy(with_positions), numpy(outputs), atol=1e-5)
    np.testing.assert_array_equal(numpy(outputs._keras_mask), ids > 0)
    cross = filled(MultiHeadAttention(HEADS), random(2, 2, DIM), embedded)
    expected = cross(random(2, 2, DIM), numpy(embedded), mask=ids > 0)
    np.testing.assert_allclose(numpy(cross(random(2, 2, DIM), embedded)), numpy(expected), atol=1e-5)


# The cache -----------------------------------------------------------------------------------------------------------


def decode(layer, query, steps, max_length=8, index_of=int, **arguments):
    """Outputs of a causal layer that reads `query` in pieces of these lengths."""
    cache, outputs, start = layer.make_cache(len(query), max_length), [], 0
    for length in steps:
        piece = query[:, start : start + length]
        output, cache = layer(piece, cache=cache, cache_index=index_of(start), **arguments)
        outputs.append(numpy(output))
        start += length
    return np.concatenate(outputs, axis=1)


@pytest.mark.parametrize("rotary", [None, 100.0])
@pytest.mark.parametrize("groups", [None, 2, 1])
@pytest.mark.parametrize("steps", [[1] * LENGTH, [4, 1, 1], [3, 2, 1], [LENGTH]])
def test_cached_decoding_is_the_full_pass(rotary, groups, steps):
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, num_key_value_heads=groups, rotary=rotary), query)
    full = numpy(layer(query, causal=True))
    np.testing.assert_allclose(decode(layer, query, steps), full, atol=1e-5)


@pytest.mark.parametrize("index_of", [np.int32, lambda i: ops.convert_to_tensor(i), lambda i: np.array([i, i])])
def test_the_place_in_the_cache_may_be_a_tensor_or_one_for_each_row(index_of):
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, rotary=100.0), query)
    full = numpy(layer(query, causal=True))
    np.testing.assert_allclose(decode(layer, query, [3, 2, 1], index_of=index_of), full, atol=1e-5)


def test_rows_padded_on_the_left_decode_as_if_alone():
    query, padding = random(2, LENGTH, DIM), np.array([0, 2])
    layer = filled(MultiHeadAttention(HEADS, rotary=100.0), query)
    alone = [numpy(layer(query[row : row + 1, padding[row] :], causal=True)) for row in range(2)]
    cache, outputs = layer.make_cache(2, 8), []
    for start, length in ((0, 4), (4, 1), (5, 1)):
        output, cache = layer(
            query[:, start : start + length],
            cache=cache,
            cache_index=start,
            mask=padding_mask(8, start=padding),
            positions=start + np.arange(length) - padding[:, None],
        )
        outputs.append(numpy(output))
    outputs = np.concatenate(outputs, axis=1)
    for row in range(2):
        np.testing.assert_allclose(outputs[row : row + 1, padding[row] :], alone[row], atol=1e-5)


def test_rows_padded_on_the_right_decode_as_if_alone():
    prompts, lengths, new = random(2, 4, DIM), np.array([4, 2]), random(2, 2, DIM, seed=1)
    layer = filled(MultiHeadAttention(HEADS, rotary=100.0), prompts)
    _, cache = layer(prompts, cache=layer.make_cache(2, 8), cache_index=0)
    for step in range(2):
        output, cache = layer(new[:, step : step + 1], cache=cache, cache_index=lengths + step)
        for row in range(2):
            text = np.concatenate([prompts[row : row + 1, : lengths[row]], new[row : row + 1, : step + 1]], axis=1)
            alone = numpy(layer(text, causal=True))[:, -1:]
            np.testing.assert_allclose(numpy(output)[row : row + 1], alone, atol=1e-5)


def test_scores_of_a_step_are_a_row_of_all_scores():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS), query)
    _, full = layer(query, causal=True, return_attention_scores=True)
    _, cache = layer(query[:, :5], cache=layer.make_cache(2, 8), cache_index=0)
    _, scores, cache = layer(query[:, 5:], cache=cache, cache_index=5, return_attention_scores=True)
    np.testing.assert_allclose(numpy(scores)[..., :LENGTH], numpy(full)[:, :, 5:], atol=1e-5)
    np.testing.assert_array_equal(numpy(scores)[..., LENGTH:], 0.0)


def test_cross_attention_reads_a_cache_that_no_step_changes():
    query, value = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    layer = filled(MultiHeadAttention(HEADS, num_key_value_heads=2), query, value)
    mask = padding_mask(9, stop=np.array([5, 9]))
    full, scores = layer(query, value, mask=mask, return_attention_scores=True)
    cache = layer.make_cross_cache(value)
    for i in range(LENGTH):
        output, score, after = layer(query[:, i : i + 1], cache=cache, mask=mask, return_attention_scores=True)
        np.testing.assert_allclose(numpy(output), numpy(full)[:, i : i + 1], atol=1e-5)
        np.testing.assert_allclose(numpy(score), numpy(scores)[:, :, i : i + 1], atol=1e-5)
        for name in ("key", "value"):
            np.testing.assert_array_equal(numpy(after[name]), numpy(cache[name]))


def test_it_decodes_inside_one_compiled_loop():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, num_key_value_heads=2, rotary=100.0), query)
    full = numpy(layer(query, causal=True))

    def decode_all(query, cache):
        def step(i, cache, outputs):
            piece = ops.slice(query, (0, i, 0), (2, 1, DIM))
            output, cache = layer(piece, cache=cache, cache_index=i)
            return i + 1, cache, ops.slice_update(outputs, (0, i, 0), output)

        start = ops.convert_to_tensor(0, "int32")
        return ops.while_loop(lambda i, *_: i < LENGTH, step, (start, cache, ops.zeros_like(query)))[2]

    compiled = backend.compiled(decode_all, layer.variables)
    outputs = compiled(ops.convert_to_tensor(query), layer.make_cache(2, 8))
    np.testing.assert_allclose(numpy(outputs), full, atol=1e-5)


def test_rows_at_their_own_places_decode_inside_a_compiled_step():
    query = random(2, 2, DIM)
    layer = filled(MultiHeadAttention(HEADS), query)
    step = backend.compiled(lambda x, cache, index: layer(x, cache=cache, cache_index=index), layer.variables)
    index = np.array([1, 3], "int32")
    expected, kept = layer(query, cache=layer.make_cache(2, 8), cache_index=index)
    output, cache = step(ops.convert_to_tensor(query), layer.make_cache(2, 8), ops.convert_to_tensor(index))
    np.testing.assert_allclose(numpy(output), numpy(expected), atol=1e-5)
    for name in ("key", "value"):
        np.testing.assert_allclose(numpy(cache[name]), numpy(kept[name]), atol=1e-5)
        written = np.abs(numpy(cache[name])).sum(axis=(1, 3)) > 0
        np.testing.assert_array_equal(written, [[0, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0, 0]])


def test_a_cache_of_bfloat16_is_close_and_stays_bfloat16():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS), query)
    full = numpy(layer(query, causal=True))
    output, cache = layer(query, cache=layer.make_cache(2, 8, dtype="bfloat16"), cache_index=0)
    assert {keras.backend.standardize_dtype(one.dtype) for one in cache.values()} == {"bfloat16"}
    np.testing.assert_allclose(numpy(output), full, rtol=0.05, atol=0.05 * np.abs(full).max())


def test_where_gradients_are_taken_the_given_cache_stays_as_it_was():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS), query)
    given = layer.make_cache(2, 8)
    for index in (0, ops.convert_to_tensor(1), np.array([1, 2])):
        layer(query, cache=given, cache_index=index)
        np.testing.assert_array_equal(numpy(given["key"]), 0.0)


# Everything else -----------------------------------------------------------------------------------------------------


def test_scores_sum_to_one_and_dropout_drops_them_in_training_only():
    query = random(2, LENGTH, DIM)
    layer = filled(MultiHeadAttention(HEADS, dropout=0.5, seed=1), query)
    outputs, scores = layer(query, return_attention_scores=True, training=True)
    np.testing.assert_allclose(numpy(scores).sum(axis=-1), 1.0, atol=1e-5)
    calm = numpy(layer(query))
    np.testing.assert_array_equal(numpy(layer(query, training=False)), calm)
    assert np.abs(numpy(outputs) - calm).max() > 1e-3
    draws = np.mean([numpy(layer(query, training=True)) for _ in range(400)], axis=0)
    np.testing.assert_allclose(draws, calm, atol=0.15 * np.abs(calm).max())


def test_mixed_precision_takes_the_softmax_in_float32():
    query = random(2, LENGTH, DIM)
    layer = MultiHeadAttention(HEADS, dtype="mixed_bfloat16")
    outputs, scores = layer(query, return_attention_scores=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    np.testing.assert_allclose(numpy(scores).sum(axis=-1), 1.0, atol=1e-5)
    fused = numpy(ops.cast(layer(query), "float32"))
    np.testing.assert_allclose(fused, numpy(ops.cast(outputs, "float32")), atol=0.05)
    output, cache = layer(query, cache=layer.make_cache(2, 8), cache_index=0)
    assert {keras.backend.standardize_dtype(one.dtype) for one in (output, *cache.values())} == {"bfloat16"}


def test_symbolic_shapes_are_those_of_unknown_batch_and_length():
    query, value = keras.Input((None, DIM)), keras.Input((None, 10))
    outputs, scores = MultiHeadAttention(HEADS)(query, value, return_attention_scores=True)
    assert outputs.shape == (None, None, DIM) and scores.shape == (None, HEADS, None, None)
    assert MultiHeadAttention(HEADS, num_key_value_heads=2, rotary=10.0)(query, causal=True).shape == (None, None, DIM)


def test_low_rank_adapters_and_quantization_are_those_of_keras():
    query = random(2, LENGTH, DIM)
    inputs = keras.Input((None, DIM))
    layer = MultiHeadAttention(HEADS, name="attention")
    model = keras.Model(inputs, layer(inputs, causal=True))
    before = numpy(model(query))
    layer.query_key_value.enable_lora(2)
    np.testing.assert_allclose(numpy(model(query)), before, atol=1e-5)
    layer.query_key_value.lora_kernel_b.assign(random(2, 3 * DIM))
    assert np.abs(numpy(model(query)) - before).max() > 1e-2
    layer.query_key_value.lora_kernel_b.assign(np.zeros((2, 3 * DIM), "float32"))
    model.quantize("int8", filters="query_key_value|output")
    assert keras.backend.standardize_dtype(layer.query_key_value._kernel.dtype) == "int8"
    np.testing.assert_allclose(numpy(model(query)), before, atol=0.05 * np.abs(before).max())


def test_it_trains_and_reloads(tmp_path):
    inputs = keras.Input((None, DIM))
    rotated = MultiHeadAttention(HEADS, rotary=10000.0, dropout=0.1, seed=1, name="attention")(inputs, causal=True)
    model = keras.Model(inputs, rotated)
    model.compile("adam", "mse")
    x, y = random(8, LENGTH, DIM), random(8, LENGTH, DIM, seed=1)
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(loaded(x)), numpy(model(x)), atol=1e-6)


def test_initializers_are_used_and_not_shared():
    normal = keras.initializers.RandomNormal(stddev=0.02)
    layer = MultiHeadAttention(HEADS, kernel_initializer=normal, output_initializer="zeros")
    layer.build((None, None, DIM), (None, None, DIM))
    query, _, key_value, _, output, _ = layer.get_weights()
    assert 0.015 < query.std() < 0.025 and 0.015 < key_value.std() < 0.025
    assert np.abs(query - key_value[:, :DIM]).max() > 0.01
    np.testing.assert_array_equal(output, 0.0)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"num_heads": 0}, "num_heads"),
        ({"num_heads": 4, "head_dim": 0}, "head_dim"),
        ({"num_heads": 4, "head_dim": 5, "rotary": 100.0}, "head_dim"),
        ({"num_heads": 4, "num_key_value_heads": 3}, "num_key_value_heads"),
        ({"num_heads": 4, "rotary": 1.0}, "rotary"),
        ({"num_heads": 4, "scale": "one"}, "scale"),
        ({"num_heads": 4, "dropout": 1.5}, "dropout"),
        ({"num_heads": 4, "kernel_initializer": "nothing"}, "kernel_initializer"),
        ({"num_heads": 4, "output_initializer": "nothing"}, "output_initializer"),
    ],
)
def test_bad_arguments_are_named(arguments, name):
    with pytest.raises(ValueError, match=rf"^{name}: .*{arguments[name]}"):
        MultiHeadAttention(**arguments)


def test_bad_calls_are_named():
    query = random(2, LENGTH, DIM)
    layer = MultiHeadAttention(HEADS)
    with pytest.raises(ValueError, match="head_dim"):
        layer.make_cache(2, 8)
    layer(query)
    cross = MultiHeadAttention(HEADS)
    cross(query, query)
    cases = [
        ("query: .*16", lambda: MultiHeadAttention(HEADS)(query[0])),
        ("num_heads: .*16.*5", lambda: MultiHeadAttention(5)(query)),
        ("rotary", lambda: MultiHeadAttention(HEADS, rotary=10.0)(query, query)),
        ("value", lambda: layer(query, query)),
        ("value", lambda: cross(query)),
        ("mask: .*float32", lambda: layer(query, mask=np.zeros((2, LENGTH), "float32"))),
        ("cache_index", lambda: layer(query, cache=layer.make_cache(2, 8))),
        ("cache_index", lambda: layer(query, cache_index=0)),
        ("cache_index: .*8.*3", lambda: layer(query, cache=layer.make_cache(2, 8), cache_index=3)),
        ("cache_index", lambda: cross(query, cache=cross.make_cross_cache(query), cache_index=0)),
        ("make_cache", lambda: cross.make_cache(2, 8)),
        ("make_cross_cache", lambda: layer.make_cross_cache(query)),
        ("max_length", lambda: layer.make_cache(2, 0)),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()

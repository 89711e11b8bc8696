"""The blocks of the Transformer."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional.masks import padding_mask
from kgen.layers import FeedForward
from kgen.layers import TransformerDecoderBlock
from kgen.layers import TransformerEncoderBlock

HEADS, DIM, WIDE, LENGTH = 4, 16, 24, 6
MODERN = {"normalization": "rms", "activation": "swiglu", "rotary": 100.0, "num_key_value_heads": 2, "use_bias": False}


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def filled(layer, *inputs):
    """The layer with random weights, biases too."""
    layer(*inputs)
    layer.set_weights([0.3 * random(*w.shape, seed=i) + (w.ndim == 1) for i, w in enumerate(layer.get_weights())])
    return layer


def erf(x):
    return np.vectorize(math.erf)(x)


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2))),
    "gelu_tanh": lambda x: x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "swiglu": lambda x: x / (1 + np.exp(-x)),
}
ACTIVATIONS["geglu"], ACTIVATIONS["geglu_tanh"] = ACTIVATIONS["gelu"], ACTIVATIONS["gelu_tanh"]


# The formulas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_feed_forward_is_its_formula(activation):
    x, f = random(2, 3, DIM), ACTIVATIONS[activation]
    layer = filled(FeedForward(WIDE, activation=activation), x)
    w1, b1, w2, b2 = layer.get_weights()
    hidden = x @ w1 + b1
    hidden = f(hidden[..., :WIDE]) * hidden[..., WIDE:] if "glu" in activation else f(hidden)
    np.testing.assert_allclose(numpy(layer(x)), hidden @ w2 + b2, atol=1e-4)


def normalized(kind, x, epsilon=1e-5):
    if kind == "rms":
        return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + epsilon)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)


@pytest.mark.parametrize("norm_position", ["pre", "post"])
@pytest.mark.parametrize("normalization", ["layer", "rms"])
def test_encoder_block_is_its_formula(norm_position, normalization):
    x, options = random(2, LENGTH, DIM), {"norm_position": norm_position, "normalization": normalization}
    block = TransformerEncoderBlock(HEADS, WIDE, **options)
    block(x)
    attention, feed_forward = (lambda x: numpy(block.attention(x))), (lambda x: numpy(block.feed_forward(x)))
    if norm_position == "pre":
        expected = x + attention(normalized(normalization, x))
        expected = expected + feed_forward(normalized(normalization, expected))
    else:
        expected = normalized(normalization, x + attention(x))
        expected = normalized(normalization, expected + feed_forward(expected))
    np.testing.assert_allclose(numpy(block(x)), expected, atol=1e-4)


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_decoder_block_is_its_formula(norm_position):
    x, memory = random(2, LENGTH, DIM), random(2, 9, 10, seed=1)
    block = TransformerDecoderBlock(HEADS, WIDE, cross_attention=True, norm_position=norm_position)
    block(x, memory)
    parts = (
        lambda x: numpy(block.attention(x, causal=True)),
        lambda x: numpy(block.cross(x, memory)),
        lambda x: numpy(block.feed_forward(x)),
    )
    expected = x
    for part in parts:
        if norm_position == "pre":
            expected = expected + part(normalized("layer", expected))
        else:
            expected = normalized("layer", expected + part(expected))
    np.testing.assert_allclose(numpy(block(x, memory)), expected, atol=1e-4)


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_each_normalization_is_at_its_own_place(norm_position):
    # Scaled to nothing, a pre-norm silences its part and leaves x; the last post-norm silences everything.
    x, memory = random(2, LENGTH, DIM), np.zeros((2, 9, DIM), "float32")
    block = TransformerDecoderBlock(HEADS, WIDE, cross_attention=True, norm_position=norm_position, use_bias=False)
    block(x, memory)
    for norm in (block.attention_norm, block.cross_norm, block.feed_forward_norm):
        norm.gamma.assign(np.zeros(DIM, "float32"))
    np.testing.assert_allclose(numpy(block(x, memory)), x if norm_position == "pre" else 0 * x, atol=1e-5)


# What can be seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, MODERN], ids=["plain", "modern"])
def test_future_tokens_cannot_move_past_outputs(options):
    x, memory = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    block = filled(TransformerDecoderBlock(HEADS, WIDE, cross_attention=True, **options), x, memory)
    before = numpy(block(x, memory))
    x[:, 3:] += random(2, 3, DIM, seed=2)
    np.testing.assert_allclose(numpy(block(x, memory))[:, :3], before[:, :3], atol=1e-5)


def test_padding_changes_nothing_valid():
    x, memory = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    mask, memory_mask = padding_mask(LENGTH, stop=np.array([4, 6])), padding_mask(9, stop=np.array([9, 2]))
    valid = numpy(mask)
    encoder = filled(TransformerEncoderBlock(HEADS, WIDE), x)
    decoder = filled(TransformerDecoderBlock(HEADS, WIDE, cross_attention=True), x, memory)
    encoded, decoded = encoder(x, mask=mask), decoder(x, memory, mask=mask, memory_mask=memory_mask)
    x[0, 4:], memory[1, 2:] = 7.0, -7.0
    np.testing.assert_allclose(numpy(encoder(x, mask=mask))[valid], numpy(encoded)[valid], atol=1e-5)
    again = decoder(x, memory, mask=mask, memory_mask=memory_mask)
    np.testing.assert_allclose(numpy(again)[valid], numpy(decoded)[valid], atol=1e-5)


def test_the_masks_that_keras_attached_are_used_and_handed_on():
    ids, sources = np.array([[1, 2, 3, 0, 0], [4, 5, 1, 2, 3]]), np.array([[1, 0, 0], [2, 3, 4]])
    embedding = keras.layers.Embedding(6, DIM, mask_zero=True)
    x, memory = embedding(ids), embedding(sources)
    plain, plain_memory = numpy(x), numpy(memory)
    encoder = filled(TransformerEncoderBlock(HEADS, WIDE), x)
    outputs = encoder(encoder(x))
    expected = encoder(numpy(encoder(plain, mask=ids > 0)), mask=ids > 0)
    np.testing.assert_allclose(numpy(outputs), numpy(expected), atol=1e-5)
    decoder = filled(TransformerDecoderBlock(HEADS, WIDE, cross_attention=True), x, memory)
    expected = decoder(plain, plain_memory, mask=ids > 0, memory_mask=sources > 0)
    outputs = decoder(x, memory)
    np.testing.assert_allclose(numpy(outputs), numpy(expected), atol=1e-5)
    np.testing.assert_array_equal(numpy(outputs._keras_mask), ids > 0)


def test_scores_can_be_looked_at():
    x, memory = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    encoder, decoder = TransformerEncoderBlock(HEADS, WIDE), TransformerDecoderBlock(HEADS, WIDE, cross_attention=True)
    encoded, scores = encoder(x, return_attention_scores=True)
    np.testing.assert_allclose(numpy(encoded), numpy(encoder(x)), atol=1e-5)
    assert tuple(scores.shape) == (2, HEADS, LENGTH, LENGTH)
    np.testing.assert_allclose(numpy(scores).sum(axis=-1), 1.0, atol=1e-5)
    decoded, scores = decoder(x, memory, return_attention_scores=True)
    np.testing.assert_allclose(numpy(decoded), numpy(decoder(x, memory)), atol=1e-5)
    assert tuple(scores["cross"].shape) == (2, HEADS, LENGTH, 9)
    np.testing.assert_allclose(numpy(scores["cross"]).sum(axis=-1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.triu(numpy(scores["self"]), 1), 0.0, atol=1e-6)


# Step by step --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, MODERN, {"norm_position": "post"}], ids=["plain", "modern", "post"])
@pytest.mark.parametrize("cross", [False, True])
def test_cached_decoding_is_the_full_pass(options, cross):
    x, memory = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1) if cross else None
    memory_mask = padding_mask(9, stop=np.array([5, 9])) if cross else None
    block = filled(TransformerDecoderBlock(HEADS, WIDE, cross_attention=cross, **options), x, memory)
    full, scores = block(x, memory, memory_mask=memory_mask, return_attention_scores=True)
    cache, outputs = block.make_cache(2, 8, memory=memory), []
    for start, length in ((0, 3), (3, 1), (4, 2)):
        piece = x[:, start : start + length]
        output, score, cache = block(
            piece, memory_mask=memory_mask, cache=cache, cache_index=start, return_attention_scores=True
        )
        outputs.append(numpy(output))
        places = score["self"][..., :LENGTH]
        expected = numpy(scores["self"])[:, :, start : start + length]
        np.testing.assert_allclose(numpy(places), expected, atol=1e-5)
    np.testing.assert_allclose(np.concatenate(outputs, axis=1), numpy(full), atol=2e-5)


def test_rows_padded_on_the_left_decode_as_if_alone():
    x, padding = random(2, LENGTH, DIM), np.array([0, 2])
    block = filled(TransformerDecoderBlock(HEADS, WIDE, **MODERN), x)
    cache, outputs = block.make_cache(2, 8), []
    for start, length in ((0, 4), (4, 1), (5, 1)):
        output, cache = block(
            x[:, start : start + length],
            mask=padding_mask(8, start=padding),
            positions=start + np.arange(length) - padding[:, None],
            cache=cache,
            cache_index=start,
        )
        outputs.append(numpy(output))
    outputs = np.concatenate(outputs, axis=1)
    for row in range(2):
        alone = numpy(block(x[row : row + 1, padding[row] :]))
        np.testing.assert_allclose(outputs[row : row + 1, padding[row] :], alone, atol=2e-5)


def test_a_stack_decodes_inside_one_compiled_loop():
    x, memory = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    blocks = [filled(TransformerDecoderBlock(HEADS, WIDE, cross_attention=True, **MODERN), x, memory) for _ in "ab"]
    full = blocks[1](blocks[0](x, memory), memory)

    def decode(x, caches):
        def step(i, caches, outputs):
            piece, after = ops.slice(x, (0, i, 0), (2, 1, DIM)), []
            for block, cache in zip(blocks, caches, strict=True):
                piece, cache = block(piece, cache=cache, cache_index=i)
                after.append(cache)
            return i + 1, after, ops.slice_update(outputs, (0, i, 0), piece)

        start = ops.convert_to_tensor(0, "int32")
        return ops.while_loop(lambda i, *_: i < LENGTH, step, (start, caches, ops.zeros_like(x)))[2]

    compiled = backend.compiled(decode, [variable for block in blocks for variable in block.variables])
    outputs = compiled(ops.convert_to_tensor(x), [block.make_cache(2, 8, memory=memory) for block in blocks])
    np.testing.assert_allclose(numpy(outputs), numpy(full), atol=2e-5)


# Everything else -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", ["pre", "post"])
def test_mixed_precision_keeps_the_stream_in_bfloat16(position):
    x, memory = random(2, LENGTH, DIM), random(2, 9, DIM, seed=1)
    block = TransformerDecoderBlock(HEADS, WIDE, cross_attention=True, norm_position=position, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(block(x, memory).dtype) == "bfloat16"
    output, cache = block(x[:, :1], cache=block.make_cache(2, 8, memory=memory), cache_index=0)
    found = {keras.backend.standardize_dtype(one.dtype) for one in keras.tree.flatten((output, cache))}
    assert found == {"bfloat16"}
    assert np.isfinite(numpy(ops.cast(output, "float32"))).all()


def test_without_biases_there_are_none():
    for normalization in ("layer", "rms"):
        block = TransformerEncoderBlock(HEADS, WIDE, normalization=normalization, use_bias=False)
        block.build((None, None, DIM))
        assert len(block.weights) == 6 and not any(w.name in ("bias", "beta") for w in block.weights)


def test_dropout_draws_in_training_only_and_each_layer_for_itself():
    x = random(2, LENGTH, DIM)
    block = filled(TransformerEncoderBlock(HEADS, WIDE, dropout=0.3, seed=1), x)
    np.testing.assert_array_equal(numpy(block(x)), numpy(block(x, training=False)))
    assert np.abs(numpy(block(x, training=True)) - numpy(block(x, training=True))).max() > 1e-3
    assert block.attention.seed != block.drop.seed
    free = TransformerEncoderBlock(HEADS, WIDE, dropout=0.3, attention_dropout=0.0)
    assert free.attention.dropout == 0.0 and free.dropout == 0.3


def test_a_small_decoder_learns_to_copy_its_memory(tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 8, (256, 5))
    shifted = np.concatenate([np.zeros((256, 1), int), ids[:, :-1]], axis=1)
    inputs, sources = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    embed = keras.layers.Embedding(8, 32, name="embed")
    memory = TransformerEncoderBlock(4, 32, rotary=10000.0, name="encoder")(embed(sources))
    x = TransformerDecoderBlock(4, 32, cross_attention=True, rotary=10000.0, name="decoder")(embed(inputs), memory)
    model = keras.Model([inputs, sources], keras.layers.Dense(8, name="logits")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    history = model.fit([shifted, ids], ids, epochs=3, batch_size=32, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(loaded([shifted, ids])), numpy(model([shifted, ids])), atol=1e-5)


@pytest.mark.parametrize("block", [TransformerEncoderBlock, TransformerDecoderBlock])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_heads", 0),
        ("feedforward_dim", 0),
        ("head_dim", 0),
        ("num_key_value_heads", 3),
        ("activation", "tanh"),
        ("normalization", "batch"),
        ("norm_position", "middle"),
        ("epsilon", -1.0),
        ("rotary", 0.5),
        ("dropout", -0.1),
        ("attention_dropout", 1.1),
        ("kernel_initializer", "nothing"),
        ("output_initializer", "nothing"),
    ],
)
def test_bad_arguments_are_named(block, name, value):
    with pytest.raises(ValueError, match=rf"{name}: .*{value}"):
        block(**{"num_heads": 4, "feedforward_dim": 8, name: value})


def test_bad_calls_are_named():
    x = random(2, LENGTH, DIM)
    alone, cross = TransformerDecoderBlock(HEADS, WIDE), TransformerDecoderBlock(HEADS, WIDE, cross_attention=True)
    alone(x)
    cross(x, x)
    for call in (
        lambda: alone(x, x),
        lambda: TransformerDecoderBlock(HEADS, WIDE)(x, x),
        lambda: TransformerDecoderBlock(HEADS, WIDE, cross_attention=True)(x),
        lambda: alone.make_cache(2, 8, memory=x),
        lambda: cross.make_cache(2, 8),
    ):
        with pytest.raises(ValueError, match="memory: expected"):
            call()

"""Recurrent layers: Keras's own as the law, masks, states, gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.layers import Recurrent

BATCH, LENGTH, DIM, UNITS = 4, 7, 5, 6
STOCK = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
MASKS = {
    "all": np.ones((BATCH, LENGTH), bool),
    "right": np.arange(LENGTH) < np.array([[7], [3], [0], [1]]),
    "left": np.arange(LENGTH) >= np.array([[0], [3], [7], [6]]),
    "holes": np.random.default_rng(3).random((BATCH, LENGTH)) < 0.5,
}


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def filled(cell, **arguments):
    """The layer with random weights, biases too."""
    layer = Recurrent(UNITS, cell, **arguments)
    layer.build((None, None, DIM))
    layer.set_weights([0.5 * random(*w.shape, seed=i) for i, w in enumerate(layer.get_weights())])
    return layer


def stock_of(layer, both=False):
    """Keras's layer with the same weights."""
    stock = STOCK[layer.cell](UNITS, return_sequences=True, return_state=True)
    stock = keras.layers.Bidirectional(stock) if both else stock
    stock.build((None, None, DIM))
    stock.set_weights(layer.get_weights())
    return stock


def state_of(layer):
    return tuple(random(BATCH, UNITS, seed=10 + i) for i in range(len(layer.make_state(1))))


def assert_near(found, expected, atol=1e-5):
    np.testing.assert_allclose(numpy(found), numpy(expected), atol=atol)


# Keras's own layers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("mask", [None, *MASKS])
def test_it_is_the_layer_of_keras(cell, mask):
    layer, inputs, mask = filled(cell), random(BATCH, LENGTH, DIM), MASKS.get(mask)
    outputs, state = layer(inputs, mask=mask)
    expected, *states = stock_of(layer)(inputs, mask=None if mask is None else ops.convert_to_tensor(mask))
    assert_near(outputs, expected)
    for one, other in zip(state, states, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("mask", [None, *MASKS])
def test_both_ways_it_is_the_wrapper_of_keras(cell, mask):
    layer, inputs = filled(cell, bidirectional=True), random(BATCH, LENGTH, DIM)
    there = np.ones((BATCH, LENGTH), bool) if mask is None else MASKS[mask]
    outputs, state = layer(inputs, mask=None if mask is None else there)
    expected, *states = stock_of(layer, both=True)(inputs, mask=None if mask is None else ops.convert_to_tensor(there))
    assert_near(numpy(outputs)[there], numpy(expected)[there])  # elsewhere the wrapper has zeros
    for one, other in zip(state, states, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("cell", STOCK)
def test_a_first_state_is_gone_on_from(cell):
    layer, inputs = filled(cell), random(BATCH, LENGTH, DIM)
    expected, *states = stock_of(layer)(inputs, initial_state=[ops.convert_to_tensor(s) for s in state_of(layer)])
    outputs, state = layer(inputs, initial_state=state_of(layer))
    assert_near(outputs, expected)
    for one, other in zip(state, states, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("cell", STOCK)
def test_it_starts_as_that_of_keras(cell):
    layer, stock = Recurrent(UNITS, cell), STOCK[cell](UNITS)
    for one in (layer, stock):
        one.build((None, None, DIM))
    kernel, recurrent_kernel, bias = layer.get_weights()
    assert np.abs(kernel).max() <= np.sqrt(6 / sum(kernel.shape))
    assert_near(recurrent_kernel @ recurrent_kernel.T, np.eye(UNITS))
    np.testing.assert_array_equal(bias, stock.get_weights()[2])


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("mask", [None, "holes"])
def test_its_gradients_are_those_of_keras(cell, mask):
    # One step of plain descent turns gradients into weights. The loss reads all h and the last state.
    layer, moved = filled(cell), []
    for one in (layer, stock_of(layer)):
        inputs = [keras.Input((LENGTH, DIM)), keras.Input((LENGTH,), dtype="bool")]
        first = keras.layers.Dense(DIM, use_bias=False, kernel_initializer="identity")
        outputs = keras.tree.flatten(one(first(inputs[0]), mask=inputs[1] if mask else None))
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.SGD(1.0), ["mse"] * len(outputs))
        targets = [random(BATCH, LENGTH, UNITS, seed=20), *state_of(layer)]
        model.train_on_batch([random(BATCH, LENGTH, DIM), MASKS[mask or "all"]], targets)
        moved.append([*one.get_weights(), *first.get_weights()])
    for one, other in zip(*moved, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("mask", [None, "left", "holes"])
def test_its_gradients_are_those_of_its_steps(cell, mask):
    layer, mask = filled(cell), MASKS.get(mask)
    sequence, state = random(BATCH, LENGTH, DIM), state_of(layer)
    weigh_outputs, weigh_state = random(BATCH, LENGTH, UNITS, seed=20), [one[::-1] for one in state]

    def in_one_call(inputs, state):
        return layer(inputs, initial_state=state, mask=mask)

    def step_by_step(inputs, state):
        outputs = []
        for i in range(LENGTH):
            there = None if mask is None else mask[:, i : i + 1]
            output, state = layer(inputs[:, i : i + 1], initial_state=state, mask=there)
            outputs.append(output)
        return ops.concatenate(outputs, axis=1), state

    def gradient(run, of):
        def loss(x):
            parts = [x if i == of else ops.convert_to_tensor(one) for i, one in enumerate((sequence, *state))]
            outputs, last = run(parts[0], tuple(parts[1:]))
            return ops.sum(outputs * ops.convert_to_tensor(weigh_outputs)) + sum(
                ops.sum(a * ops.convert_to_tensor(b.copy())) for a, b in zip(last, weigh_state, strict=True)
            )

        return backend.input_gradient(loss, ops.convert_to_tensor((sequence, *state)[of]))

    for of in range(1 + len(state)):
        assert_near(gradient(in_one_call, of), gradient(step_by_step, of))


# Masks and states ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("mask", MASKS)
def test_steps_that_are_not_there_change_nothing(cell, mask):
    layer, inputs, mask, state = filled(cell), random(BATCH, LENGTH, DIM), MASKS[mask], ()
    outputs, last = layer(inputs, initial_state=state_of(layer), mask=mask)
    for row in range(BATCH):
        state = tuple(one[row : row + 1] for one in state_of(layer))
        for i in range(LENGTH):
            if mask[row, i]:
                _, state = layer(inputs[row : row + 1, i : i + 1], initial_state=state)
            assert_near(outputs[row, i], state[0][0])
        for one, other in zip(last, state, strict=True):
            assert_near(one[row], other[0])


@pytest.mark.parametrize("cell", STOCK)
@pytest.mark.parametrize("padding", ["left", "right"])
def test_padding_is_as_good_as_nothing(cell, padding):
    layer, inputs = filled(cell, bidirectional=True), random(BATCH, LENGTH, DIM)
    expected, expected_state = layer(inputs)
    widths = ((0, 0), (3, 0) if padding == "left" else (0, 3), (0, 0))
    padded = np.pad(inputs, widths, constant_values=100.0)
    there = np.pad(np.ones((BATCH, LENGTH), bool), widths[:2])
    outputs, state = layer(padded, mask=there)
    assert_near(numpy(outputs)[there].reshape(expected.shape), expected)
    for one, other in zip(state, expected_state, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("cell", STOCK)
def test_a_single_step_may_be_masked(cell):
    layer, inputs, there = filled(cell), random(BATCH, 1, DIM), np.array([[True], [False], [True], [False]])
    before = state_of(layer)
    outputs, after = layer(inputs, initial_state=before, mask=there)
    for one, old in zip(after, before, strict=True):
        np.testing.assert_array_equal(numpy(one)[~there[:, 0]], old[~there[:, 0]])
        assert np.abs(numpy(one)[there[:, 0]] - old[there[:, 0]]).min() > 0
    np.testing.assert_array_equal(numpy(outputs)[:, 0], numpy(after[0]))


@pytest.mark.parametrize("cell", STOCK)
def test_the_mask_of_an_embedding_is_used_and_handed_on(cell):
    ids = np.array([[3, 2, 0, 0], [1, 2, 3, 4]])
    embedding, layer = keras.layers.Embedding(5, DIM, mask_zero=True), filled(cell)
    words = embedding(ids)
    outputs, state = layer(words)
    expected, expected_state = layer(numpy(words), mask=ids != 0)
    assert_near(outputs, expected)
    assert_near(state[0], expected_state[0])
    np.testing.assert_array_equal(numpy(outputs._keras_mask), ids != 0)
    assert getattr(state[0], "_keras_mask", None) is None


@pytest.mark.parametrize("cell", STOCK)
def test_a_loop_may_be_cut_anywhere(cell):
    layer, inputs, state = filled(cell), random(BATCH, LENGTH, DIM), None
    expected, expected_state = layer(inputs)
    for part in (inputs[:, :3], inputs[:, 3:4], inputs[:, 4:]):
        outputs, state = layer(part, initial_state=state)
    assert_near(outputs, expected[:, 4:])
    for one, other in zip(state, expected_state, strict=True):
        assert_near(one, other)


@pytest.mark.parametrize("cell", STOCK)
def test_compiled_it_is_the_same(cell):
    layer, inputs, mask = filled(cell), random(BATCH, LENGTH, DIM), MASKS["holes"]
    run = backend.compiled(lambda x, mask: layer(x, mask=mask), layer.variables)
    outputs, state = run(ops.convert_to_tensor(inputs), ops.convert_to_tensor(mask))
    expected, expected_state = layer(inputs, mask=mask)
    assert_near(outputs, expected)
    assert_near(state[-1], expected_state[-1])


@pytest.mark.parametrize("cell", STOCK)
def test_half_precision_keeps_a_masked_state_to_the_bit(cell):
    layer = Recurrent(UNITS, cell, dtype="mixed_bfloat16")
    before = tuple(ops.cast(one, "bfloat16") for one in state_of(layer))
    _, after = layer(random(BATCH, LENGTH, DIM), initial_state=before, mask=np.zeros((BATCH, LENGTH), bool))
    for one, other in zip(after, before, strict=True):
        assert keras.backend.standardize_dtype(one.dtype) == "bfloat16"
        np.testing.assert_array_equal(numpy(ops.cast(one, "float32")), numpy(ops.cast(other, "float32")))


# In a model ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "jit_compile"), [("lstm", "auto"), ("gru", False)])
def test_it_learns_what_came_first_and_reloads(cell, jit_compile, tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 2, (256, 6))
    inputs = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(2, 8)(inputs)
    _, state = Recurrent(16, cell, dropout=0.1, seed=1, name="recurrent")(words)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(state[0]))
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"], jit_compile=jit_compile)
    history = model.fit(ids, ids[:, :1], epochs=8, batch_size=32, verbose=0).history
    assert history["accuracy"][-1] > 0.95
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(ids, verbose=0), model.predict(ids, verbose=0), atol=1e-6)


def test_initializers_are_used_and_not_shared():
    normal = keras.initializers.RandomNormal(stddev=0.02)
    layer = Recurrent(64, bidirectional=True, kernel_initializer=normal, recurrent_initializer="zeros")
    layer.build((None, None, 64))
    kernel, recurrent_kernel, _, backward, _, _ = layer.get_weights()
    assert 0.015 < kernel.std() < 0.025 and 0.015 < backward.std() < 0.025
    assert np.abs(kernel - backward).max() > 0.01
    np.testing.assert_array_equal(recurrent_kernel, 0.0)


def test_dropout_takes_from_the_inputs_alone():
    inputs = random(BATCH, LENGTH, DIM)
    layer = Recurrent(UNITS, dropout=1.0)
    outputs, _ = layer(inputs, training=True)
    assert_near(outputs, layer(np.zeros_like(inputs))[0])
    assert np.abs(numpy(layer(inputs)[0] - outputs)).max() > 1e-3


def test_bad_calls_are_named():
    layer, inputs = filled("lstm"), random(BATCH, LENGTH, DIM)
    cases = [
        (r"inputs: .*\(4, 7\)", lambda: Recurrent(3)(inputs[:, :, 0])),
        (r"initial_state: expected 2 .*\(4, 1\)", lambda: layer(inputs, initial_state=(inputs[:, 0, :1],))),
        (r"initial_state: .*\(4, 5\)", lambda: layer(inputs, initial_state=(inputs[:, 0], inputs[:, 0]))),
        ("mask: .*float32", lambda: layer(inputs, mask=np.ones((BATCH, LENGTH), "float32"))),
        (r"mask: .*\(4, 7\).*\(4, 6\)", lambda: layer(inputs, mask=np.ones((BATCH, LENGTH - 1), bool))),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()

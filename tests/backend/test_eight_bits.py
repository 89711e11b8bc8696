"""Eight-bit products in a compiled program are Keras's own, in another order."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional.dense import dense
from kgen.functional.reading_out import read_out

rng = np.random.default_rng(0)


def rows(n, dim=24):
    return rng.standard_normal((n, dim)).astype("float32") * np.linspace(0.1, 5.0, n, dtype="float32")[:, None]


def assert_same(found, expected):
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (found, expected)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_dense_layer_is_what_it_is_to_keras(n):
    layer = keras.layers.Dense(40, activation="relu", bias_initializer="ones")
    layer.build((None, 24))
    layer.quantize("int8")
    turned = []

    def function(x):
        turned.append(backend.turned_matrix(layer._kernel))
        return dense(layer, x)

    compiled, x = backend.compiled(function, layer.variables), ops.convert_to_tensor(rows(n))
    assert_same(compiled(x), layer(x))
    assert (turned[0] is None) == (backend.running() == "torch" or len(backend.devices()) > 1)  # not on a GPU
    # Other weights in the same program, as after `load_weights`: no copy of the old ones may be left in use.
    layer._kernel.assign(-layer._kernel.value)
    assert_same(compiled(x), layer(x))


@pytest.mark.parametrize("n", [1, 3])
def test_logits_are_what_they_are_to_keras(n):
    embedding = keras.layers.ReversibleEmbedding(50, 24)
    embedding.build((None,))
    embedding.quantize("int8")
    compiled = backend.compiled(lambda x: read_out(embedding, x), embedding.variables)
    x = ops.convert_to_tensor(rows(n))
    assert_same(compiled(x), embedding(x, reverse=True))


def test_integers_are_multiplied_exactly():
    # Sixteen columns and more than sixteen rows: PyTorch's kernel for a GPU takes no fewer.
    left, right = (rng.integers(-127, 128, (n, 4096)).astype("int8") for n in (17, 16))
    found = ops.convert_to_numpy(
        backend.integer_product(ops.convert_to_tensor(left, "int8"), ops.convert_to_tensor(right, "int8"))
    )
    np.testing.assert_array_equal(found, left.astype("int64") @ right.astype("int64").T)

"""Where a token stands: waves, tables, rotations, distances."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import LearnedPositions
from kgen.layers import RelativePositionBias
from kgen.layers import RotaryPositions
from kgen.layers import SinusoidalPositions


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# Sinusoidal ----------------------------------------------------------------------------------------------------------


def test_sinusoidal_is_the_formula_of_the_paper():
    dim, length = 6, 50
    code = numpy(SinusoidalPositions()(np.zeros((1, length, dim))))[0]
    position = np.arange(length)
    for i in range(dim // 2):
        angle = position / 10000 ** (2 * i / dim)
        np.testing.assert_allclose(code[:, 2 * i], np.sin(angle), atol=1e-5)
        np.testing.assert_allclose(code[:, 2 * i + 1], np.cos(angle), atol=1e-5)


def test_sinusoidal_known_values():
    code = numpy(SinusoidalPositions()(np.zeros((1, 4, 4))))[0]
    np.testing.assert_allclose(code[0], [0, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(code[3], [0.14112, -0.98999, 0.0299955, 0.99955], atol=1e-5)


def test_sinusoidal_has_an_odd_dimension_too():
    even = numpy(SinusoidalPositions()(np.zeros((1, 3, 5))))
    assert even.shape == (1, 3, 5)
    np.testing.assert_allclose(even[0, 2, 4], np.sin(2 / 10000 ** (4 / 5)), atol=1e-6)


@pytest.mark.parametrize("make", [SinusoidalPositions, lambda: LearnedPositions(12)])
def test_explicit_positions_pick_the_same_codes(make):
    layer, x = make(), random(2, 12, 8)
    whole = numpy(layer(x))
    np.testing.assert_allclose(numpy(layer(x[:, 5:8], positions=np.arange(5, 8))), whole[:, 5:8], atol=1e-6)
    rows = np.array([[3, 4], [9, 10]])
    picked = numpy(layer(np.stack([x[0, 3:5], x[1, 9:11]]), positions=rows))
    np.testing.assert_allclose(picked, np.stack([whole[0, 3:5], whole[1, 9:11]]), atol=1e-6)


# Learned -------------------------------------------------------------------------------------------------------------


def test_learned_adds_rows_of_its_table():
    layer = LearnedPositions(6)
    x = random(2, 4, 3)
    np.testing.assert_allclose(numpy(layer(x)), x + layer.get_weights()[0][:4], atol=1e-6)


def test_learned_counts_positions_outside_as_the_nearest():
    layer = LearnedPositions(3)
    x = np.zeros((1, 3, 2), "float32")
    table = np.concatenate([numpy(layer(x))])[0]
    np.testing.assert_allclose(numpy(layer(x, positions=np.array([-4, 1, 7])))[0], table[[0, 1, 2]], atol=1e-6)


def test_learned_refuses_what_is_longer_than_its_table():
    with pytest.raises(ValueError, match=r"max_length=3.*4"):
        LearnedPositions(3)(np.zeros((1, 4, 2)))


# Rotary --------------------------------------------------------------------------------------------------------------


def test_rotary_is_a_product_of_complex_numbers():
    x = random(2, 7, 3, 8)
    turned = numpy(RotaryPositions()(x))
    frequencies = 10000.0 ** (-np.arange(4) / 4)
    factors = np.exp(1j * np.arange(7)[:, None] * frequencies)[None, :, None, :]
    expected = (x[..., :4] + 1j * x[..., 4:]) * factors
    np.testing.assert_allclose(turned, np.concatenate([expected.real, expected.imag], axis=-1), atol=1e-5)


def test_rotary_keeps_lengths():
    x = random(2, 30, 3, 8)
    turned = numpy(RotaryPositions(base=50.0)(x))
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5)


def test_rotary_products_depend_on_the_distance_alone():
    layer = RotaryPositions(base=100.0)
    query, key = np.repeat(random(1, 1, 1, 8, seed=1), 20, 1), np.repeat(random(1, 1, 1, 8, seed=2), 20, 1)
    products = numpy(layer(query))[0, :, 0] @ numpy(layer(key))[0, :, 0].T
    for distance in range(-19, 20):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-4)
    assert np.ptp(products[0]) > 0.1


def test_rotary_takes_positions():
    layer, x = RotaryPositions(), random(2, 12, 3, 8)
    whole = numpy(layer(x))
    np.testing.assert_allclose(numpy(layer(x[:, 5:8], positions=np.arange(5, 8))), whole[:, 5:8], atol=1e-5)
    rows = np.array([[3, 4], [9, 10]])
    picked = numpy(layer(np.stack([x[0, 3:5], x[1, 9:11]]), positions=rows))
    np.testing.assert_allclose(picked, np.stack([whole[0, 3:5], whole[1, 9:11]]), atol=1e-5)


def test_rotary_refuses_an_odd_dimension():
    with pytest.raises(ValueError, match=r"head_dim.*7"):
        RotaryPositions()(np.zeros((1, 2, 2, 7)))


# Relative bias -------------------------------------------------------------------------------------------------------


def bucket_of_t5(distance, bidirectional, num_buckets=32, max_distance=128):
    """The formula of Raffel et al., in 64 bits; distance = key - query."""
    first = 0
    if bidirectional:
        num_buckets //= 2
        first = num_buckets * (distance > 0)
        distance = abs(distance)
    else:
        distance = max(-distance, 0)
    exact = num_buckets // 2
    if distance < exact:
        return first + distance
    share = np.log(distance / exact) / np.log(max_distance / exact)
    return first + min(exact + int(share * (num_buckets - exact)), num_buckets - 1)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_relative_bias_is_the_table_at_the_buckets_of_t5(bidirectional):
    layer = RelativePositionBias(2, bidirectional=bidirectional)
    length = 300
    bias = numpy(layer(np.arange(length)))
    table = layer.get_weights()[0]
    for query in (0, 7, 150, 299):
        rows = [bucket_of_t5(key - query, bidirectional) for key in range(length)]
        np.testing.assert_allclose(bias[0, :, query], table[rows].T, atol=1e-6)


def test_relative_bias_known_buckets():
    layer = RelativePositionBias(1)
    layer.build((None,))
    layer.set_weights([np.arange(32, dtype="float32")[:, None]])
    distances = np.array([0, 1, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 1000])
    after = [0, 17, 23, 24, 25, 26, 27, 28, 29, 30, 31, 31, 31]  # as T5's own code has them
    np.testing.assert_array_equal(numpy(layer(np.zeros(1), distances))[0, 0, 0], after)
    before = [max(one - 16, 0) for one in after]
    np.testing.assert_array_equal(numpy(layer(np.zeros(1), -distances))[0, 0, 0], before)


def test_relative_bias_of_a_step_is_a_row_of_the_whole():
    layer = RelativePositionBias(3, bidirectional=False)
    whole = numpy(layer(np.arange(10)))
    np.testing.assert_allclose(numpy(layer(np.array([6]), np.arange(10))), whole[:, :, 6:7], atol=1e-6)
    ragged = numpy(layer(np.array([[6], [2]]), np.arange(10)))
    np.testing.assert_allclose(ragged, np.concatenate([whole[:, :, 6:7], whole[:, :, 2:3]]), atol=1e-6)


def test_positions_are_symbolic_too():
    positions = keras.Input((None,), dtype="int32")
    assert RelativePositionBias(3)(positions).shape == (None, 3, None, None)
    assert SinusoidalPositions()(keras.Input((None, 6)), positions=positions).shape == (None, None, 6)

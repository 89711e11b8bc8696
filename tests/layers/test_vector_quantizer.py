"""Laws of the vector quantizer: the nearest code, the gradient straight through, averages that are averages."""

import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend

Z = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def quantizer(num_codes=5, codebook="ema", **arguments):
    layer = kgen.layers.VectorQuantizer(num_codes, codebook, seed=1, **arguments)
    layer.build((None, 3))
    layer.vectors.assign(np.random.default_rng(1).normal(size=(num_codes, 3)))
    return layer


def values(x):
    return ops.convert_to_numpy(x)


def test_each_vector_becomes_the_nearest_code():
    layer = quantizer()
    found, entries = layer(Z), values(layer.entries())
    codes = ((Z[:, None] - entries) ** 2).sum(axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(values(found["codes"]), codes)
    np.testing.assert_allclose(values(found["quantized"]), entries[codes], atol=1e-6)
    np.testing.assert_allclose(values(found["loss"]), 0.25 * ((Z - entries[codes]) ** 2).mean(axis=-1), rtol=1e-4)
    np.testing.assert_array_equal(values(layer.decode(found["codes"])), entries[codes])


def test_gradients_go_straight_through():
    layer, weight = quantizer(), ops.convert_to_tensor(Z[::-1].copy())
    gradient = backend.input_gradient(lambda z: layer(z)["quantized"] * weight, ops.convert_to_tensor(Z))
    np.testing.assert_allclose(values(gradient), Z[::-1], rtol=1e-6)


@pytest.mark.parametrize(("codebook", "factor"), [("ema", 0.25), ("gradient", 0.25)])
def test_the_commitment_pulls_the_encoder_to_its_code(codebook, factor):
    layer = quantizer(codebook=codebook)
    gradient = values(backend.input_gradient(lambda z: layer(z)["loss"], ops.convert_to_tensor(Z)))
    code = values(layer.decode(layer(Z)["codes"]))
    np.testing.assert_allclose(gradient, factor * 2.0 / 3.0 * (Z - code), rtol=1e-4, atol=1e-6)


def test_without_memory_the_codes_are_the_means_of_what_chose_them():
    layer = quantizer(decay=0.0, revive_below=0.0)
    codes = values(layer(Z, training=True)["codes"])
    for code in np.unique(codes):
        np.testing.assert_allclose(values(layer.vectors)[code], Z[codes == code].mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(values(layer.share), np.bincount(codes, minlength=5) / 40, atol=1e-6)


def test_steps_of_training_bring_the_codes_nearer():
    layer = quantizer(decay=0.5)
    before = values(layer(Z)["loss"]).mean()
    for _ in range(20):
        layer(Z, training=True)
    assert values(layer(Z)["loss"]).mean() < 0.8 * before


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_dead_codes_come_back_among_the_living(codebook):
    layer = quantizer(codebook=codebook, decay=0.5, revive_below=0.5)
    layer.share.assign(np.full(5, 0.2))
    entries = values(layer.entries()).copy()
    entries[3:] = 100.0  # nobody will choose them
    layer.vectors.assign(entries)
    if codebook == "ema":
        layer.sums.assign(0.2 * entries)
    for _ in range(4):
        layer(Z, training=True)
        if (values(layer.entries()) < 50).all():
            break
    else:
        raise AssertionError("the dead stay dead")
    revived = values(layer.entries())[3:]
    assert all((abs(Z - one).max(axis=1) < 1e-4).any() for one in revived)  # each is somebody's place
    assert len(np.unique(values(layer(Z)["codes"]))) > 3


def test_zero_leaves_the_dead_in_peace():
    layer = quantizer(revive_below=0.0)
    entries = values(layer.entries()).copy()
    entries[4] = 100.0
    layer.vectors.assign(entries)
    for _ in range(5):
        layer(Z, training=True)
    assert (values(layer.entries())[4] == 100.0).all()


def test_perplexity_counts_the_codes_in_use():
    layer = quantizer(8)
    assert float(layer.perplexity(ops.arange(8))) == pytest.approx(8.0, rel=1e-5)
    assert float(layer.perplexity(ops.array([3, 3, 5, 5]))) == pytest.approx(2.0, rel=1e-5)
    assert float(layer.perplexity(ops.zeros((7,), "int32"))) == pytest.approx(1.0, rel=1e-5)

"""Kernels divided by their largest singular value."""

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

from kgen.backend import input_gradient
from kgen.layers import SpectralNormalization

RNG = np.random.default_rng(0)
IMAGES, IDS = RNG.normal(size=(3, 5, 4, 6)).astype("float32"), RNG.integers(0, 9, (3, 5))
KINDS = {
    "Dense": (lambda: layers.Dense(4, activation="tanh", bias_initializer="normal", name="layer"), IMAGES[:, 0, 0]),
    "Conv2D": (lambda: layers.Conv2D(4, 3, bias_initializer="normal", name="layer"), IMAGES),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(4, 4, strides=2, padding="same", name="layer"), IMAGES),
    "Embedding": (lambda: layers.Embedding(9, 4, name="layer"), IDS),
}


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def variable_of(wrapper):
    """The kernel or the embeddings."""
    return wrapper.layer.trainable_variables[0]


def largest(kernel):
    return np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), ord=2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_layer_works_with_a_kernel_of_norm_one(kind):
    make, x = KINDS[kind]
    wrapper, plain = SpectralNormalization(make(), power_iterations=3), make()
    for layer in (wrapper, plain):
        layer(x)
    kernel = numpy(variable_of(wrapper).value).copy()
    for _ in range(60):
        trained = wrapper(x, training=True)
    np.testing.assert_array_equal(numpy(variable_of(wrapper).value), kernel)  # only an optimizer moves it
    plain.set_weights([kernel / largest(kernel), *wrapper.layer.get_weights()[1:]])
    expected = numpy(plain(x))
    np.testing.assert_allclose(numpy(wrapper(x)), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(numpy(wrapper(x)), numpy(trained), rtol=1e-4, atol=1e-5)


def test_gradients_flow_through_the_norm():
    # L = Σ t ⊙ (x W / σ), G = dL / dW̄ = xᵀ t:  dL / dW = (G - (G · W / σ) v uᵀ) / σ
    x, t = IMAGES[:, 0, 0], RNG.normal(size=(3, 4)).astype("float32")
    wrapper = SpectralNormalization(layers.Dense(4, use_bias=False, name="dense"))
    wrapper(x)
    for _ in range(60):
        wrapper(x, training=True)
    kernel, target = variable_of(wrapper).value, ops.convert_to_tensor(t)
    state = [variable.value for variable in wrapper.non_trainable_variables]
    found = input_gradient(lambda w: wrapper.stateless_call([w], state, x, training=True)[0] * target, kernel)
    left, (sigma, *_), right = np.linalg.svd(numpy(kernel))
    gradient, stretched = x.T @ t, np.outer(left[:, 0], right[0])
    expected = (gradient - (gradient * numpy(kernel)).sum() / sigma * stretched) / sigma
    np.testing.assert_allclose(numpy(found), expected, atol=2e-3 * np.abs(expected).max())


def test_it_learns_with_a_network_around_it_and_comes_back_from_a_file(tmp_path):
    network = [keras.Input((5, 4, 6))]
    for kind in ("Conv2D", "Conv2DTranspose"):
        network.append(SpectralNormalization(KINDS[kind][0](), name=f"spectral_{kind}"))
    network += [layers.Flatten(), SpectralNormalization(KINDS["Dense"][0](), name="spectral_dense")]
    model = keras.Sequential(network)
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(IMAGES, np.zeros((3, 4)), epochs=2, verbose=0)
    assert all((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(loaded(IMAGES)), numpy(model(IMAGES)), atol=1e-6)


def test_a_kernel_of_zeros_stays_one_and_can_leave():
    x = IMAGES[:, 0, 0]
    wrapper = SpectralNormalization(layers.Dense(4, use_bias=False, kernel_initializer="zeros", name="dense"))
    np.testing.assert_array_equal(numpy(wrapper(x, training=True)), 0.0)
    state = [variable.value for variable in wrapper.non_trainable_variables]
    gradient = input_gradient(lambda w: wrapper.stateless_call([w], state, x)[0], variable_of(wrapper).value)
    assert np.isfinite(numpy(gradient)).all()
    variable_of(wrapper).assign(np.eye(6, 4))
    np.testing.assert_allclose(numpy(wrapper(x, training=True)), x[:, :4], atol=1e-5)


def test_it_computes_in_the_precision_of_its_layer():
    keras.config.set_dtype_policy("mixed_bfloat16")
    wrapper = SpectralNormalization(layers.Dense(4, dtype="float32", name="dense"))
    assert keras.backend.standardize_dtype(wrapper(IMAGES[:, 0, 0]).dtype) == "float32"


def test_a_layer_without_a_kernel_is_refused():
    with pytest.raises(ValueError, match=r"layer: .*gamma"):
        SpectralNormalization(layers.LayerNormalization(name="normalization"))(IMAGES)

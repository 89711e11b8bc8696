"""Laws of the variational autoencoder, then numbers, then shapes."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.datasets import load_digits

import kgen
from kgen.models.vae import gaussian_kl

DIGITS = np.rint(load_digits().images * 255 / 16).astype("uint8")


def tiny(**arguments):
    defaults = {"image_shape": (8, 8, 1), "latent_dim": 3, "architecture": "mlp", "hidden_dims": (16,), "seed": 1}
    return kgen.models.VAE(**{**defaults, **arguments})


def test_closed_form_kl_is_the_monte_carlo_one():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(2, 3)).astype("float32"), rng.normal(size=(2, 3)).astype("float32")
    z = mean[:, None] + np.exp(0.5 * log_variance)[:, None] * rng.normal(size=(2, 200_000, 3))
    deviation = (z - mean[:, None]) ** 2 / np.exp(log_variance)[:, None]
    log_ratio = 0.5 * (z**2 - deviation - log_variance[:, None]).sum(axis=-1)
    np.testing.assert_allclose(
        ops.convert_to_numpy(gaussian_kl(ops.array(mean), ops.array(log_variance))), log_ratio.mean(axis=1), rtol=0.02
    )


def test_kl_of_the_prior_itself_is_zero():
    zeros = ops.zeros((2, 3))
    np.testing.assert_array_equal(ops.convert_to_numpy(gaussian_kl(zeros, zeros)), [0.0, 0.0])


def test_beta_zero_removes_the_kl():
    model = tiny(beta=0.0)
    model.compile()
    figures = model.evaluate(DIGITS[:50], return_dict=True, verbose=0)
    assert figures["loss"] == pytest.approx(figures["reconstruction"], rel=1e-6)
    assert figures["kl"] > 0


def test_beta_weighs_the_kl():
    model = tiny(beta=3.0)
    model.compile()
    figures = model.evaluate(DIGITS[:50], return_dict=True, verbose=0)
    assert figures["loss"] == pytest.approx(figures["reconstruction"] + 3.0 * figures["kl"], rel=1e-5)


def test_the_bernoulli_likelihood_sums_to_one_over_all_images():
    model = tiny(image_shape=(2, 2, 1))
    images = np.array(list(itertools.product([0.0, 1.0], repeat=4)), "float32").reshape(16, 2, 2, 1)
    decoded = np.random.default_rng(0).normal(size=(1, 2, 2, 1)).astype("float32")
    assert np.exp(
        ops.convert_to_numpy(model._log_likelihood(ops.array(images), ops.array(decoded)))
    ).sum() == pytest.approx(1.0, rel=1e-5)


def test_the_gaussian_likelihood_integrates_to_one():
    model = tiny(image_shape=(1, 1, 1), likelihood="gaussian")
    line = np.linspace(-3, 4, 7001, dtype="float32").reshape(-1, 1, 1, 1)
    density = np.exp(ops.convert_to_numpy(model._log_likelihood(ops.array(line), ops.full((1, 1, 1, 1), 0.5))))
    assert np.trapezoid(density, line[:, 0, 0, 0]) == pytest.approx(1.0, rel=1e-4)


def test_the_bound_reaches_the_exact_likelihood():
    # One latent dimension: log p(x) = log ∫ p(x | z) N(z) dz is a sum over a fine grid.
    model = tiny(latent_dim=1)
    model.compile()
    model.fit(DIGITS, epochs=2, verbose=0)
    image = DIGITS[:1, ..., None]
    figures = model.evaluate(image, full=True, num_samples=20_000, verbose=0)
    pixels = (np.random.default_rng(0).random(image.shape, "float32") < image / 255.0).astype("float32")
    z = np.linspace(-8, 8, 4001, dtype="float32")
    log_likelihood = ops.convert_to_numpy(model._log_likelihood(ops.array(pixels), model.decoder(z[:, None])))
    exact = np.logaddexp.reduce(log_likelihood - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)) + np.log(z[1] - z[0])
    assert figures["nll"] == pytest.approx(-exact, abs=0.02)
    assert figures["elbo"] < -figures["nll"]


def test_more_samples_make_the_bound_tighter():
    model = tiny()
    model.compile()
    nll = [model.evaluate(DIGITS[:64], full=True, num_samples=k, verbose=0)["nll"] for k in (1, 10, 500)]
    assert nll[0] > nll[1] > nll[2]


def test_the_importance_weighted_loss_is_that_bound():
    model = tiny(num_samples=4)
    model.compile()
    images = DIGITS[:32, ..., None]
    parts = model(images, training=False)
    reconstruction = model._log_likelihood(parts["pixels"][:, None], parts["decoded"])
    log_weight = reconstruction + model._log_prior_over_posterior(parts["z"], parts["mean"], parts["log_variance"])
    expected = -np.mean(np.logaddexp.reduce(ops.convert_to_numpy(log_weight), axis=1) - np.log(4))
    assert model.evaluate(images, return_dict=True, verbose=0)["loss"] == pytest.approx(expected, rel=1e-5)


def test_evaluation_is_repeatable_and_does_not_depend_on_the_batch_size_for_one_batch():
    model = tiny()
    model.compile()
    first = model.evaluate(DIGITS[:64], batch_size=64, verbose=0)
    assert first == model.evaluate(DIGITS[:64], batch_size=64, verbose=0)


def test_training_makes_digits_likelier():
    model = tiny(hidden_dims=(64,), latent_dim=8)
    model.compile()
    before = model.evaluate(DIGITS, return_dict=True, verbose=0)
    history = model.fit(DIGITS, epochs=3, verbose=0, validation_split=0.1)
    after = model.evaluate(DIGITS, return_dict=True, verbose=0)
    assert after["loss"] < 0.9 * before["loss"]
    assert {"loss", "reconstruction", "kl", "val_loss", "val_reconstruction", "val_kl"} <= history.history.keys()


def test_generation_follows_its_seed():
    model = tiny()
    images = model.generate(5, seed=3)
    assert images.shape == (5, 8, 8, 1)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, model.generate(5, seed=3))
    assert (images != model.generate(5, seed=4)).any()
    assert (model.generate(5, seed=3, temperature=0.0) == model.generate(1, seed=0, temperature=0.0)).all()


def test_interpolation_begins_and_ends_with_the_reconstructions():
    model = tiny()
    way = model.interpolate(DIGITS[0], DIGITS[1], steps=5)
    ends = model.reconstruct(DIGITS[:2]).astype(int)
    assert way.shape == (5, 8, 8, 1)
    assert abs(way[[0, -1]].astype(int) - ends).max() <= 1  # rounding


@pytest.mark.parametrize("side", [(8, 8), (9, 7), (5, 12)])
def test_convolutions_take_any_sides(side):
    model = kgen.models.VAE(image_shape=(*side, 3), latent_dim=2, hidden_dims=(4, 8), likelihood="gaussian", seed=1)
    images = np.random.default_rng(0).integers(0, 256, (3, *side, 3), "uint8")
    assert model.reconstruct(images).shape == images.shape


def test_the_same_seed_gives_the_same_training():
    losses = []
    for _ in range(2):
        model = tiny(seed=4)
        model.compile()
        losses.append(model.fit(DIGITS[:256], epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 8)}, "image_shape: expected"),
        ({"image_shape": (8, 8, 2)}, "image_shape: expected"),
        ({"latent_dim": 0}, "latent_dim: expected"),
        ({"architecture": "dense"}, "architecture: expected one of 'mlp', 'convolutional', got 'dense'"),
        ({"likelihood": "poisson"}, "likelihood: expected"),
        ({"beta": -1.0}, "beta: expected"),
        ({"beta": 2.0, "num_samples": 5}, "beta: the importance-weighted bound has no β"),
        ({"num_samples": 0}, "num_samples: expected"),
        ({"hidden_dims": ()}, "hidden_dims: expected"),
        ({"hidden_dims": (16, 0)}, "hidden_dims: expected"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_labels_are_refused():
    model = tiny()
    model.compile()
    with pytest.raises(ValueError, match="y: a VAE learns from images alone"):
        model.fit(DIGITS, load_digits().target)


def test_it_trains_from_batches_of_any_kind():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (DIGITS[index * 32 : (index + 1) * 32, ..., None],)

    model = tiny()
    model.compile()
    model.fit(Batches(), epochs=1, verbose=0)
    model.fit(((DIGITS[:32, ..., None],) for _ in range(2)), steps_per_epoch=2, verbose=0)
    assert model.epochs_trained == 2

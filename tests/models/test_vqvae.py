"""What the VQVAE promises: codes that are the image, and a prior that lives in the same file."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import kgen

DIGITS = np.rint(load_digits().images * 255 / 16).astype("uint8")[..., None]
LABELS = load_digits().target


def tiny(prior=None, **arguments):
    defaults = {"image_shape": (8, 8, 1), "num_codes": 8, "code_dim": 4, "hidden_dims": (8, 8), "seed": 1}
    return kgen.models.VQVAE(**{**defaults, "prior": prior, **arguments})


def grid_prior(**arguments):
    sizes = {"filters": 4, "num_blocks": 1, "first_kernel_size": 3, "head_dim": 8, "seed": 2}
    return kgen.models.PixelCNN((2, 2, 1), likelihood="codes", levels=8, **{**sizes, **arguments})


def sentence_prior():
    sizes = {"context_length": 5, "num_layers": 1, "model_dim": 8, "num_heads": 2}
    return kgen.models.GPT(vocabulary_size=9, **sizes, seed=2)


def test_an_image_is_its_codes():
    model = tiny()
    codes = model.encode(DIGITS[:20])
    assert codes.shape == (20, 2, 2) and codes.dtype == np.int32 and codes.max() < 8
    np.testing.assert_array_equal(model.decode(codes), model.reconstruct(DIGITS[:20]))
    decoded = keras.ops.convert_to_numpy(model(DIGITS[:20])["decoded"])
    expected = np.rint(255 * np.clip(decoded, 0, 1)).astype("uint8")
    assert abs(model.decode(codes).astype(int) - expected).max() <= 1  # rounding


def test_training_uses_the_codebook_and_loses_less_than_one_code_would():
    model = tiny(grid_prior())
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(DIGITS[:608], batch_size=16, epochs=3, verbose=0).history
    assert {"loss", "mse", "commitment", "perplexity"} <= history.keys()
    untouched = zip(model.prior.get_weights(), grid_prior().get_weights(), strict=True)
    assert all((a == b).all() for a, b in untouched)
    assert history["loss"][-1] == pytest.approx(history["mse"][-1] / 0.05 + history["commitment"][-1], rel=1e-3)
    figures = model.evaluate(DIGITS[608:908], full=True)
    assert figures["codes_used"] >= 6 and figures["perplexity"] > 3.0
    assert figures["mse"] < 0.9 * np.var(DIGITS[608:908] / 255.0, axis=0).mean()
    assert figures["bits"] == pytest.approx(4 * np.log2(figures["perplexity"]), rel=1e-6)


@pytest.mark.parametrize("make_prior", [grid_prior, sentence_prior])
def test_the_prior_learns_codes_by_its_own_fit_and_stays_in_the_file(make_prior, tmp_path):
    model = tiny(make_prior())
    before = [weight.copy() for weight in model.prior.get_weights()]
    autoencoder = model.decoder.get_weights()
    history = model.fit_prior(DIGITS[:200], epochs=2, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert any((a != b).any() for a, b in zip(before, model.prior.get_weights(), strict=True))
    assert all((a == b).all() for a, b in zip(autoencoder, model.decoder.get_weights(), strict=True))
    dreams = model.generate(3, seed=1)
    assert dreams.shape == (3, 8, 8, 1) and dreams.dtype == np.uint8
    model.save(tmp_path / "model.keras")
    loaded = kgen.load(tmp_path / "model.keras")
    assert all((a == b).all() for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True))
    states = [[keras.ops.convert_to_numpy(v) for v in one.prior.optimizer.variables] for one in (loaded, model)]
    assert all((a == b).all() for a, b in zip(*states, strict=True))  # so it may go on learning


def test_dreams_follow_the_prior():
    # A prior that has seen one grid alone dreams its image.
    model = tiny(grid_prior())
    one = np.repeat(DIGITS[:1], 64, axis=0)
    model.prior.compile(keras.optimizers.Adam(0.05))
    model.fit_prior(one, epochs=12, batch_size=8, verbose=0)
    found = model.generate(8, seed=1)
    assert (found == model.reconstruct(DIGITS[:1])).all(axis=(1, 2, 3)).mean() > 0.7


def test_a_prior_with_classes_takes_labels():
    model = tiny(grid_prior(num_classes=10))
    model.fit_prior(DIGITS[:64], LABELS[:64], epochs=1, verbose=0)
    assert model.generate(2, seed=1, labels=3).shape == (2, 8, 8, 1)
    with pytest.raises(ValueError, match="images and labels: expected the same number"):
        model.fit_prior(DIGITS[:64], LABELS[:63])


def test_without_a_prior_the_error_says_the_way_out():
    model = tiny()
    for verb in (lambda: model.generate(2), lambda: model.fit_prior(DIGITS[:8])):
        with pytest.raises(ValueError, match=r"prior: .* needs a model of the codes.*PixelCNN\(\(2, 2, 1\)"):
            verb()


def test_a_prior_of_other_codes_is_refused():
    with pytest.raises(ValueError, match="prior: expected image_shape"):
        tiny(grid_prior(), num_codes=9)
    with pytest.raises(ValueError, match="prior: expected image_shape"):
        tiny(grid_prior(), hidden_dims=(8,))
    with pytest.raises(ValueError, match="vocabulary_size=10"):
        tiny(sentence_prior(), num_codes=9)


@pytest.mark.parametrize(
    ("codes", "message"),
    [(np.full((1, 2, 2), 8), "got some in"), (np.zeros((1, 3, 2), int), "of shape"), (np.zeros((1, 2, 2)), "float64")],
)
def test_bad_codes_are_refused(codes, message):
    with pytest.raises(ValueError, match=f"codes: expected integers in .0, 8. of shape .n, 2, 2.*{message}"):
        tiny().decode(codes)


@pytest.mark.parametrize("shape", [(9, 7, 3), (5, 12, 1)])
def test_images_of_any_shape(shape):
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), "uint8")
    assert tiny(image_shape=shape).reconstruct(images).shape == images.shape


def test_the_command_line_shows_reconstructions(tmp_path):
    model = kgen.models.VQVAE.for_data(DIGITS, num_codes=4, code_dim=2, hidden_dims=(4,), seed=1)
    model.compile()
    callback = model.samples_callback(tmp_path, 1, (DIGITS,))
    model.fit(DIGITS[:32], epochs=1, verbose=0, callbacks=[callback])
    assert (tmp_path / "epoch_0001.png").exists()

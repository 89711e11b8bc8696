import numpy as np
import pytest
from keras import ops

import kgen

CAPTIONS = ["a red heart", "two cats", "the number nine"]


def images(n=3, side=8):
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 1), "uint8")


def codec(**options):
    return kgen.models.ImageAutoencoder((8, 8, 1), latent_channels=2, widths=(4, 4), seed=1, **options)


@pytest.fixture(scope="module")
def words():
    return kgen.tokenizers.CharacterTokenizer.train(CAPTIONS, progress=False)


@pytest.fixture(scope="module")
def model(words):
    """Untrained, but with no weight left at 0, where it was born."""
    model = kgen.models.LatentDiffusion(
        codec(), words, context_length=8, widths=(4, 4), blocks=1, num_heads=1, ema_decay=0.0, seed=1
    )
    rng = np.random.default_rng(0)
    for part in (model.denoiser, model.autoencoder):
        part.set_weights([w + 0.2 * rng.normal(size=w.shape) if w.dtype.kind == "f" else w for w in part.get_weights()])
    model.autoencoder.latent_mean.assign(np.zeros(2))
    model.autoencoder.latent_power.assign(np.ones(2))
    return model


def test_latents_become_standard_while_the_autoencoder_learns():
    model, (digits, _) = codec(), kgen.datasets.load("digits")
    model.compile()
    model.fit(digits[:512], epochs=6, batch_size=16, verbose=0)
    latents = model.encode(digits[:512])
    assert latents.shape == (512, 4, 4, 2) and latents.dtype == np.float32
    assert abs(latents.mean(axis=(0, 1, 2))).max() < 0.4
    assert abs(latents.std(axis=(0, 1, 2)) - 1.0).max() < 0.3
    np.testing.assert_array_equal(model.decode(latents[:5]), model.reconstruct(digits[:5]))
    assert model.evaluate(digits[:5], full=True).keys() == {"psnr"}  # too small for SSIM


def test_latents_of_a_codebook_are_its_vectors_again():
    model = codec(regularization="vq", num_codes=4)
    model.quantizer.vectors.assign(np.random.default_rng(1).normal(size=(4, 2)))
    z = model.call(images())["latents"]
    found = ops.convert_to_numpy(z).reshape(-1, 2)
    assert len(np.unique(found.round(4), axis=0)) <= 4
    decoded = model.decode(found.reshape(3, 4, 4, 2))
    nudged = model.decode(found.reshape(3, 4, 4, 2) + 1e-3)  # nearest to the same vectors
    np.testing.assert_array_equal(decoded, nudged)


def test_words_are_counted_from_one_and_cut(model, words):
    rows = model._words("captions", ["Two", "a red heart", ""])
    assert rows.shape == (3, 8) and rows.dtype == np.int32
    assert rows[0, :3].tolist() == [i + 1 for i in words.encode("two")] and not rows[0, 3:].any()
    assert rows[1].all() and not rows[2].any()


def test_a_prompt_decides_what_is_dreamt_and_its_padding_does_not(model):
    def dream(**options):
        return model.generate(1, seed=1, steps=2, **options).astype(int)

    hearts = dream(prompt="a red heart")
    np.testing.assert_array_equal(dream(prompt="A RED HEART"), hearts)
    assert abs(hearts - dream(prompt="two cats")).max() > 0
    assert abs(hearts - dream()).max() > 0
    np.testing.assert_array_equal(dream(prompt=""), dream())
    guided = dream(prompt="a red heart", guidance=3.0)
    assert abs(guided - dream(prompt="a red heart", guidance=3.0, negative_prompt="two cats")).max() > 0
    np.testing.assert_array_equal(dream(prompt="a red heart", guidance=3.0, negative_prompt=""), guided)


def test_only_the_diffusion_learns_in_fit(words):
    model = kgen.models.LatentDiffusion(codec(), words, widths=(4,), blocks=1, num_heads=1, seed=1)
    model.compile()
    with pytest.raises(ValueError, match="autoencoder: it has never been trained; call fit_autoencoder"):
        model.fit(images(), CAPTIONS)
    model.fit_autoencoder(images(), epochs=1, verbose=0)
    before, network = model.autoencoder.get_weights(), model.denoiser.get_weights()
    model.fit(images(), CAPTIONS, epochs=1, verbose=0)
    for one, other in zip(model.autoencoder.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((a != b).any() for a, b in zip(model.denoiser.get_weights(), network, strict=True))


def test_a_latent_is_dreamt_where_any_pixel_of_its_is(model):
    mask = np.zeros((1, 8, 8, 1), bool)
    mask[0, 3, 5] = True
    assert model.mask_in_space(mask)[0, ..., 0].nonzero()[0].tolist() == [1]
    painted = model.inpaint(images(1), mask[0, ..., 0], seed=1, prompt="two cats", steps=2)
    assert (painted != images(1)).sum() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.generate(2, labels=1), "labels: this LatentDiffusion learned captions, not classes"),
        (lambda m: m.generate(2, prompt=["one"]), "prompt: expected a text, or 2 of them, one an image, got 1"),
        (lambda m: m.generate(1, prompt=[3]), "prompt: expected texts, got 3"),
        (lambda m: m.prepare(images()), "y: expected captions beside the images, got none"),
        (lambda m: m.prepare(images(), ["one"]), "images and captions: expected the same number of rows, got 3 and 1"),
        (lambda m: m.autoencoder.decode(np.zeros((1, 2))), r"latents: expected shape \(n, 4, 4, 2\) with n ≥ 1"),
        (
            lambda m: type(m).for_data(images(), CAPTIONS),
            "autoencoder: expected a trained ImageAutoencoder",
        ),
    ],
)
def test_bad_input_says_the_way_out(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_captions_come_from_names_or_classes():
    from kgen.models.base_diffusion import captions_of

    assert captions_of(images(2), [1, 0], ["heart", "cat"], ["things", "animals"]) == ["heart", "cat"]
    assert captions_of(images(3), [1, 0, 1], ["things", "animals"]) == ["animals", "things", "animals"]
    assert captions_of(images(2), [1, 0]) == ["1", "0"]

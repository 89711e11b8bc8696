"""What BigGAN promises, beyond conformance."""

import numpy as np
import pytest

import kgen

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")
LABELS = np.arange(24) % 3


def tiny(**arguments):
    defaults = {"image_shape": (8, 8, 1), "num_classes": 3, "latent_dim": 4, "filters": (4, 4), "label_dim": 4}
    return kgen.models.BigGAN(**{**defaults, "seed": 1, **arguments})


def test_the_model_for_a_data_set_knows_its_classes():
    model = kgen.models.BigGAN.for_data(IMAGES, LABELS, latent_dim=4, filters=(4,))
    assert model.num_classes == 3 and tuple(model.image_shape) == (8, 8, 1)


def test_the_class_decides_beside_the_noise():
    model = tiny()
    z = np.random.default_rng(1).normal(size=(1, 4))
    images = model.decode(np.repeat(z, 3, axis=0), labels=[0, 1, 2])
    assert len(np.unique(images.reshape(3, -1), axis=0)) == 3


@pytest.mark.parametrize(("shape", "level"), [((9, 7, 3), 0), ((28, 28, 1), 2)])
def test_images_of_any_shape(shape, level):
    assert tiny(image_shape=shape, attention_level=level).generate(2, seed=1).shape == (2, *shape)


def test_it_trains_with_two_steps_of_the_discriminator():
    model = tiny(critic_steps=2)
    model.compile()
    history = model.fit(IMAGES, LABELS, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="attention_level: expected at most 2"):
        tiny(attention_level=3)
    with pytest.raises(ValueError, match="latent_dim: expected more than the 2 levels, got 2"):
        tiny(latent_dim=2)

"""What DCGAN promises, beyond conformance."""

import itertools
import os

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import kgen
from kgen.training.dead_discriminator import CollapsedGenerator
from kgen.training.dead_discriminator import DeadDiscriminator

DIGITS, LABELS = np.rint(load_digits().images * 255 / 16).astype("uint8"), load_digits().target


def tiny(**arguments):
    return kgen.models.DCGAN(**{"image_shape": (8, 8, 1), "latent_dim": 4, "filters": (4,), "seed": 1, **arguments})


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3), (28, 28, 1)])
def test_images_of_any_shape(shape):
    model = tiny(image_shape=shape, filters=(3, 4))
    images = model.generate(3, seed=1)
    assert images.shape == (3, *shape) and images.dtype == np.uint8


def test_generation_follows_its_seed():
    model = tiny()
    np.testing.assert_array_equal(model.generate(5, seed=3), model.generate(5, seed=3))
    assert (model.generate(5, seed=3) != model.generate(5, seed=4)).any()


def test_less_noise_makes_images_more_alike():
    model = tiny(ema_decay=0.0)
    model.generator.set_weights([20 * weight for weight in model.generator.get_weights()])  # else all is nearly grey
    spread = [model.generate(20, seed=1, truncation=t).astype(float).std(axis=0).mean() for t in (0.1, 1.0)]
    assert spread[0] < spread[1]


def test_a_way_between_two_dreams_begins_and_ends_with_them():
    model = tiny()
    way = model.interpolate(1, 2, steps=5)
    assert way.shape == (5, 8, 8, 1)
    np.testing.assert_array_equal(way[:1], model.generate(1, seed=1))
    np.testing.assert_array_equal(way[-1:], model.generate(1, seed=2))


def test_it_learns_and_dreams_by_label():
    model = tiny(num_classes=10, filters=(8,))
    model.compile()
    history = model.fit(DIGITS[:64], LABELS[:64], batch_size=32, verbose=0, validation_split=0.5).history
    assert {"d_loss", "g_loss", "real_score", "fake_score", "diversity", "val_d_loss"} <= history.keys()
    same_noise = model.decode(np.zeros((10, 4)), labels=np.arange(10))
    assert len(np.unique(same_noise.reshape(10, -1), axis=0)) == 10
    np.testing.assert_array_equal(model.generate(3, seed=1, labels=7), model.generate(3, seed=1, labels=[7, 7, 7]))


def test_labels_in_batches_of_any_kind():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            rows = slice(index * 16, (index + 1) * 16)
            return DIGITS[rows, ..., None], LABELS[rows]

    model = tiny(num_classes=10)
    model.compile()
    model.fit(Batches(), verbose=0)
    model.fit(((DIGITS[:16, ..., None], LABELS[:16]) for _ in range(2)), steps_per_epoch=2, verbose=0)
    assert model.epochs_trained == 2


def test_labels_where_they_belong():
    model, conditional = tiny(), tiny(num_classes=10)
    model.compile()
    conditional.compile()
    with pytest.raises(ValueError, match="y: this DCGAN learns from images alone"):
        model.fit(DIGITS, LABELS)
    with pytest.raises(ValueError, match="y: expected labels in"):
        conditional.fit(DIGITS)
    with pytest.raises(ValueError, match="labels: expected 64 integers"):
        conditional.fit(DIGITS[:64], LABELS[:64] + 5)
    with pytest.raises(ValueError, match="labels: this DCGAN has no classes"):
        model.generate(2, labels=1)
    with pytest.raises(ValueError, match="labels: expected 2 integers"):
        conditional.generate(2, labels=10)


def test_a_penalty_and_batch_normalization_exclude_each_other():
    with pytest.raises(ValueError, match="discriminator_normalization: expected"):
        tiny(penalty="r1")
    tiny(penalty="r1", discriminator_normalization="spectral")


@pytest.mark.parametrize("normalization", ["spectral", None])
def test_wasserstein_with_its_critic(normalization):
    model = tiny(objective="wasserstein", penalty="gradient", critic_steps=2, discriminator_normalization=normalization)
    model.compile()
    history = model.fit(DIGITS[:64], batch_size=16, verbose=0).history
    assert np.isfinite(history["penalty"]).all()


def test_a_dead_discriminator_is_noticed_and_the_last_good_weights_are_kept():
    model = tiny()
    model.compile()
    model.fit(DIGITS[:64], batch_size=16, verbose=0)
    model.discriminator.set_weights([np.zeros_like(weight) for weight in model.discriminator.get_weights()])
    model.discriminator.trainable = False
    model.compile()
    good = model.generator.get_weights()
    with pytest.raises(DeadDiscriminator, match="it has died"):
        model.fit(DIGITS[:64], batch_size=16, verbose=0)
    for one, other in zip(good, model.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_generator_of_one_image_is_noticed():
    model = tiny()
    model.generator.get_layer("level_0").set_weights([np.zeros((4, 4, 1, 4), "float32")])
    model.generator.trainable = False
    model.compile()
    with pytest.raises(CollapsedGenerator, match="all generated images were the same"):
        model.fit(DIGITS[:64], batch_size=16, verbose=0)


def test_the_full_evaluation_knows_the_data_from_noise():
    model = tiny()
    figures = model.evaluate(
        DIGITS[:100], full=True, extractor=lambda images: images.reshape(len(images), -1)[:, ::8] / 255
    )
    assert {"frechet_distance", "kernel_distance", "precision", "recall"} < set(figures)
    assert figures["frechet_distance"] > 0 and 0 <= figures["recall"] <= 1


# Weights that others trained -----------------------------------------------------------------------------------------

needs_torch = pytest.mark.skipif(keras.config.backend() != "torch", reason="reads a network of torch's")


def generator_of_the_tutorial(latent_dim, filters):
    """The generator of PyTorch's DCGAN tutorial, which many have trained; `filters` from the image inwards."""
    from torch import nn

    widths, parts = [latent_dim, *reversed(filters), 3], []
    for i, (width, following) in enumerate(itertools.pairwise(widths)):
        stride, padding = (2, 1) if i else (1, 0)
        parts.append(nn.ConvTranspose2d(width, following, 4, stride, padding, bias=False))
        if i < len(filters):
            parts += [nn.BatchNorm2d(following), nn.ReLU()]
    return nn.Sequential(*parts, nn.Tanh()).eval()


def take_weights(generator, levels, state):
    """The weights of that network into a DCGAN's generator: its first level is a dense layer, seen as a grid."""
    arrays = [array.numpy() for array in state.values() if array.ndim]  # in order; without the counts of batches
    for i in reversed(range(levels + 1)):
        kernel = arrays.pop(0)
        if i == levels:
            generator.get_layer("grid").set_weights([kernel.transpose(0, 2, 3, 1).reshape(len(kernel), -1)])
        else:
            generator.get_layer(f"level_{i}").set_weights([kernel.transpose(2, 3, 1, 0)])
        if i:
            generator.get_layer(f"norm_{i}").set_weights([arrays.pop(0) for _ in range(4)])
    assert not arrays


def difference_from_torch(plain, latent_dim, filters, n):
    """The largest difference, in [-1, 1], of the images of a plain torch network and of a DCGAN with its weights."""
    import torch

    model = kgen.models.DCGAN((64, 64, 3), latent_dim=latent_dim, filters=filters, ema_decay=0.0, seed=1)
    take_weights(model.generator, len(filters), plain.state_dict())
    z = np.random.default_rng(0).standard_normal((n, latent_dim)).astype("float32")
    with torch.no_grad():
        expected = plain(torch.from_numpy(z)[:, :, None, None]).permute(0, 2, 3, 1).numpy()
    assert expected.std() > 0.05  # else any two would agree
    assert np.abs(model.decode(z).astype(int) - np.rint(127.5 * (expected + 1.0))).max() <= 1
    return np.abs(keras.ops.convert_to_numpy(model.generator(z, training=False)) - expected).max()


@needs_torch
def test_the_architecture_is_the_one_that_pytorchs_tutorial_trains():
    import torch

    plain = generator_of_the_tutorial(5, (2, 3, 4, 6))
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in plain.state_dict().values():
            if tensor.ndim:
                tensor.uniform_(0.2, 1.0) if tensor.ndim == 1 else tensor.normal_(0.0, 0.3)
    assert difference_from_torch(plain, 5, (2, 3, 4, 6), n=3) < 1e-5


@needs_torch
@pytest.mark.slow
def test_it_dreams_the_faces_of_a_trained_network():
    """KGEN_DCGAN_FACES is the path of `weights.tar` in PyPI's gan-face-generate 1.1.1 (MIT), trained on DigiFace1M."""
    import torch

    if not (path := os.environ.get("KGEN_DCGAN_FACES")):
        pytest.skip("KGEN_DCGAN_FACES: set it to the path of the weights")
    state = torch.load(path, map_location="cpu", weights_only=True)["netG_state_dict"]
    filters = (64, 128, 256, 512)
    plain = generator_of_the_tutorial(100, filters)
    plain.load_state_dict({name.removeprefix("main."): tensor for name, tensor in state.items()})
    difference = difference_from_torch(plain, 100, filters, n=16)
    print(f"largest difference of 16 faces: {difference:.2g} in [-1, 1]")
    assert difference < 1e-4

import keras
import numpy as np
import pytest
from keras import ops

import kgen


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def filled(layer, seed=0):
    """The layer with no weight left at 0, where it was born."""
    rng = np.random.default_rng(seed)
    layer.set_weights([0.3 * rng.normal(size=w.shape).astype(w.dtype) for w in layer.get_weights()])
    return layer


NETWORKS = {
    "UNet": lambda: kgen.layers.UNet(2, widths=(4, 8), blocks=1, num_heads=2, groups=2),
    "UNet whose skips are normalized": lambda: kgen.layers.UNet(
        2, widths=(4, 8), blocks=1, num_heads=2, groups=2, normalized_skips=True
    ),
    "UNet of patches": lambda: kgen.layers.UNet(2, widths=(4, 8), blocks=1, num_heads=2, groups=2, patch=2),
    "DiffusionTransformer": lambda: kgen.layers.DiffusionTransformer(2, num_layers=2, model_dim=8, num_heads=2),
}


def test_what_comes_up_from_coarser_levels_has_to_be_learned():
    network = NETWORKS["UNet"]()
    x, time = normal(2, 4, 4, 2), np.array([3, 900])
    network(x, time)
    filled(network.last)
    before = numpy(network(x, time))
    for stage in network.middle:
        filled(stage)
    np.testing.assert_array_equal(numpy(network(x, time)), before)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_starts_at_zero_and_then_listens_to_all_it_is_told(name):
    network = NETWORKS[name]()
    told = {"time": np.array([3, 900]), "condition": normal(2, 5), "context": normal(2, 3, 6)}
    x = normal(2, 4, 4, 2)
    assert not numpy(network(x, **told)).any()
    filled(network)
    before = numpy(network(x, **told))
    for argument, other in (
        ("time", np.array([3, 901])),
        ("condition", normal(2, 5, seed=1)),
        ("context", normal(2, 3, 6, seed=1)),
    ):
        moved = np.abs(numpy(network(x, **{**told, argument: other})) - before).max(axis=(1, 2, 3))
        assert moved[1] > 1e-4, f"{name} does not hear its {argument}"
        if argument == "time":  # the first row was told the same
            assert moved[0] < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_words_have_no_order_and_places_have(name):
    network = NETWORKS[name]()
    x, words, time = normal(1, 4, 4, 2), normal(1, 3, 6), np.array([500])
    network(x, time, context=words)
    filled(network)
    before = numpy(network(x, time, context=words))
    np.testing.assert_allclose(numpy(network(x, time, context=words[:, [2, 0, 1]])), before, atol=1e-5)
    turned = numpy(network(x[:, :, ::-1], time, context=words))
    assert np.abs(turned - before[:, :, ::-1]).max() > 1e-3


def test_a_residual_block_starts_as_its_skip():
    x, c = normal(2, 4, 4, 6), normal(2, 3)
    np.testing.assert_array_equal(numpy(kgen.layers.ResidualBlock(6)(x, c)), x)
    halved = numpy(kgen.layers.ResidualBlock(6, resample="down")(x, c))
    np.testing.assert_allclose(halved, x.reshape(2, 2, 2, 2, 2, 6).mean(axis=(2, 4)), atol=1e-6)
    doubled = numpy(kgen.layers.ResidualBlock(6, resample="up")(x, c))
    np.testing.assert_array_equal(doubled, x.repeat(2, axis=1).repeat(2, axis=2))


@pytest.mark.parametrize("normalized", [False, True])
def test_a_loud_stream_does_not_drown_a_quiet_one_where_their_join_is_normalized(normalized):
    loud, quiet, c = 100 * normal(1, 4, 4, 4), 0.1 * normal(1, 4, 4, 4, seed=1), normal(1, 3)
    block = kgen.layers.ResidualBlock(6, groups=2, normalized_skip=normalized)

    def joined(quiet):
        return numpy(block(np.concatenate([loud, quiet], axis=-1), c))

    heard = np.abs(joined(quiet) - joined(quiet[:, ::-1])).mean() / np.abs(joined(quiet)).mean()
    assert (heard > 0.3) == normalized


def test_adaptive_normalization_follows_its_formula():
    x, c = normal(2, 3, 3, 8), normal(2, 5)
    layer = kgen.layers.AdaptiveNormalization(groups=2, epsilon=1e-5)
    groups = x.reshape(2, 9, 2, 4)
    plain = (groups - groups.mean(axis=(1, 3), keepdims=True)) / np.sqrt(groups.var(axis=(1, 3), keepdims=True) + 1e-5)
    plain = plain.reshape(x.shape)
    np.testing.assert_allclose(numpy(layer(x, c)), plain, atol=1e-5)
    filled(layer)
    kernel, bias = layer.get_weights()
    gamma, beta = np.split(c / (1.0 + np.exp(-c)) @ kernel + bias, 2, axis=1)
    expected = (1.0 + gamma[:, None, None]) * plain + beta[:, None, None]
    np.testing.assert_allclose(numpy(layer(x, c)), expected, atol=1e-5)


def test_a_group_is_never_a_channel_alone():
    layer = kgen.layers.AdaptiveNormalization(groups=32)
    layer(normal(1, 2, 2, 12), normal(1, 3))
    assert layer.normalization.groups == 3


def test_a_network_takes_other_sizes_of_images_but_none_that_cannot_be_halved():
    network = kgen.layers.UNet(1, widths=(4, 4, 4), blocks=1, num_heads=1)
    assert tuple(network(normal(1, 8, 12, 1), np.array([0])).shape) == (1, 8, 12, 1)
    assert tuple(network(normal(1, 4, 4, 1), np.array([0])).shape) == (1, 4, 4, 1)
    with pytest.raises(ValueError, match=r"inputs: expected sides that 4 divides, got \(1, 6, 8, 1\)"):
        kgen.layers.UNet(1, widths=(4, 4, 4), blocks=1, num_heads=1)(normal(1, 6, 8, 1), np.array([0]))


def test_patches_make_the_finest_level_coarser():
    network = kgen.layers.UNet(3, widths=(4, 4), blocks=1, num_heads=1, patch=4)
    assert tuple(network(normal(1, 16, 8, 3), np.array([0])).shape) == (1, 16, 8, 3)
    assert network.multiple == 8
    series = kgen.layers.UNet(1, widths=(4, 4), blocks=1, num_heads=1, patch=2)
    assert tuple(series(normal(1, 12, 1), np.array([0])).shape) == (1, 12, 1)
    with pytest.raises(ValueError, match=r"inputs: expected sides that 8 divides, got \(1, 12, 8, 3\)"):
        kgen.layers.UNet(3, widths=(4, 4), blocks=1, num_heads=1, patch=4)(normal(1, 12, 8, 3), np.array([0]))


def test_grid_waves_tell_places_apart():
    from kgen.functional.positions import grid_waves

    waves = numpy(grid_waves(3, 5, 8))
    assert waves.shape == (15, 8)
    distances = np.linalg.norm(waves[:, None] - waves[None], axis=-1)
    assert distances[~np.eye(15, dtype=bool)].min() > 0.1
    np.testing.assert_allclose(waves[0], [0, 0, 1, 1, 0, 0, 1, 1], atol=1e-6)


def test_dropout_is_drawn_from_seeds_of_its_own():
    network = kgen.layers.UNet(1, widths=(4, 4), blocks=1, num_heads=1, dropout=0.5, seed=1)
    network(normal(1, 4, 4, 1), np.array([0]))
    drops = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.Dropout)]
    seeds = [layer.seed for layer in drops if layer.rate]
    assert len(set(seeds)) == len(seeds) > 3

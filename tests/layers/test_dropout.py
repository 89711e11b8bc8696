"""Dropout does the same in a compiled program and outside of one, whichever generator draws."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.layers.dropout import Dropout

SHAPE = (64, 64)


def dropped(rate, seed, compiled):
    """What dropout makes of ones in training."""
    layer = Dropout(rate, seed=seed)

    def function(x):
        return layer(x, training=True)

    return ops.convert_to_numpy((backend.compiled(function) if compiled else function)(ops.ones(SHAPE)))


@pytest.mark.parametrize("compiled", [False, True])
def test_it_drops_its_share_and_keeps_the_mean(compiled):
    y = dropped(0.25, 1, compiled)
    assert set(np.unique(y.round(4))) == {np.float32(0), np.float32(4 / 3).round(4)}
    assert abs((y == 0).mean() - 0.25) < 0.03  # four standard deviations


@pytest.mark.parametrize("compiled", [False, True])
def test_the_seed_decides(compiled):
    first, again, other = (dropped(0.5, seed, compiled) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.3


def test_nothing_is_dropped_outside_of_training_or_at_rate_0():
    x = ops.ones(SHAPE)
    assert Dropout(0.5)(x) is x
    assert Dropout(0.0)(x, training=True) is x


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="the others have one generator")
@pytest.mark.parametrize(("compiled", "generator"), [(True, "threefry"), (False, "auto_select")])
def test_only_a_program_of_xla_takes_the_generator_that_others_lack(compiled, generator, monkeypatch):
    import tensorflow as tf

    chosen, stock = [], tf.nn.experimental.stateless_dropout

    def spy(*arguments, rng_alg="auto_select", **options):
        chosen.append(rng_alg)
        return stock(*arguments, rng_alg=rng_alg, **options)

    monkeypatch.setattr(tf.nn.experimental, "stateless_dropout", spy)
    model = keras.Sequential([keras.Input(SHAPE[1:]), keras.layers.Dense(4), Dropout(0.5, seed=1)])
    model.compile("sgd", "mse", jit_compile=compiled)
    model.fit(np.ones(SHAPE, "float32"), np.ones((SHAPE[0], 4), "float32"), verbose=0)
    assert set(chosen) == {generator}

"""Two optimizers behind one: who moves, how far, how often; and that a file brings it all back."""

import keras
import numpy as np
import pytest

import kgen
from kgen.training.grouped_optimizer import TAG
from kgen.training.grouped_optimizer import GroupedOptimizer

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), "uint8")


def tiny(**arguments):
    return kgen.models.DCGAN((4, 4, 1), latent_dim=2, filters=(2,), seed=1, **arguments)


def two(first=1e-2, second=1e-2, kind=keras.optimizers.Adam, **options):
    return {"generator": kind(first, **options), "discriminator": kind(second, **options)}


def moved(model, network, before):
    return any((a != b).any() for a, b in zip(before[network], trainable(model)[network], strict=True))


def trainable(model):
    return {
        name: [keras.ops.convert_to_numpy(v.value).copy() for v in getattr(model, name).trainable_variables]
        for name in ("generator", "discriminator")
    }


def test_each_group_has_its_own_learning_rate():
    model = tiny()
    model.compile(GroupedOptimizer(two(0.0, 1e-2)))
    before = trainable(model)
    model.fit(IMAGES, batch_size=8, verbose=0)
    assert moved(model, "discriminator", before)
    assert not moved(model, "generator", before)


def test_a_group_moves_in_the_last_of_its_steps():
    model = tiny()
    model.compile(GroupedOptimizer(two(), every={"generator": 3}))
    before = trainable(model)
    model.fit(IMAGES, batch_size=4, verbose=0)  # two steps
    assert moved(model, "discriminator", before)
    assert not moved(model, "generator", before)
    model.fit(IMAGES[:4], batch_size=4, verbose=0)  # the third
    assert moved(model, "generator", before)
    assert [int(one.iterations) for one in model.optimizer.optimizers.values()] == [1, 3]


def test_a_pace_of_one_is_the_plain_step():
    results = []
    for every in (None, {"generator": 1, "discriminator": 1}):
        model = tiny()
        model.compile(GroupedOptimizer(two(), every=every))
        model.fit(IMAGES, batch_size=4, verbose=0)
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_goes_on_exactly_after_a_reload(tmp_path):
    def fresh():
        model = tiny()
        model.compile(GroupedOptimizer(two(1e-3, 2e-3), every={"generator": 3}))
        return model

    straight = fresh()
    straight.fit(IMAGES, batch_size=2, epochs=2, verbose=0)
    stopped = fresh()
    stopped.fit(IMAGES, batch_size=2, epochs=1, verbose=0)
    stopped.save(tmp_path / "gan.keras")
    resumed = keras.saving.load_model(tmp_path / "gan.keras")
    assert resumed.optimizer.every == {"generator": 3}
    assert int(resumed.optimizer.iterations) == 4
    resumed.fit(IMAGES, batch_size=2, epochs=2, initial_epoch=1, verbose=0)
    for one, other in zip(straight.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_gradients_are_accumulated_group_by_group():
    model = tiny()
    model.compile(GroupedOptimizer(two(gradient_accumulation_steps=2)))
    before = trainable(model)
    model.fit(IMAGES[:4], batch_size=4, verbose=0)
    assert not moved(model, "generator", before) and not moved(model, "discriminator", before)
    model.fit(IMAGES[:4], batch_size=4, verbose=0)
    assert moved(model, "generator", before) and moved(model, "discriminator", before)


def test_float16_with_a_scaled_loss():
    model = tiny(dtype="mixed_float16")
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = trainable(model)
    history = model.fit(IMAGES, batch_size=4, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert moved(model, "generator", before) and moved(model, "discriminator", before)


def test_a_variable_of_no_group_is_refused():
    model = tiny()
    delattr(model.generator.trainable_variables[0], TAG)
    model.compile()
    with pytest.raises(ValueError, match="expected a variable of one of the groups generator, discriminator"):
        model.fit(IMAGES, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizers": {}}, "optimizers: expected a dict"),
        ({"optimizers": {"generator": "adam"}}, "optimizers: expected an optimizer for 'generator'"),
        ({"optimizers": two(), "every": {"critic": 5}}, "every: expected groups among"),
        ({"optimizers": two(), "every": {"generator": 0}}, "every: expected an integer"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GroupedOptimizer(**arguments)

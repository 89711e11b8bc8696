"""A training that ends when its time is up."""

import keras
import numpy as np
import pytest

import kgen
from kgen.training.time_budget import TimeBudget

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), "uint8")


def rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate.value))


def tiny(optimizer="adam"):
    model = kgen.models.VAE((4, 4, 1), latent_dim=2, architecture="mlp", hidden_dims=(4,), seed=1)
    model.compile(optimizer)
    return model


def test_it_ends_within_an_epoch_when_time_is_up_and_the_rate_has_fallen():
    model = tiny()
    model.fit(IMAGES, epochs=1000, batch_size=1, callbacks=[TimeBudget(1e-6)], verbose=0)
    assert model.epochs_trained == 1 and int(model.optimizer.iterations) == 1
    assert rate(model.optimizer) == pytest.approx(0.0, abs=1e-9)


def test_the_rate_falls_within_an_epoch_and_the_model_is_kept(tmp_path):
    weights, kept = [], []
    budget = TimeBudget(100.0, folder=tmp_path)

    class Hurry(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                budget._started -= 5880.0  # of 6,000 seconds

        def on_train_batch_end(self, batch, logs=None):
            weights.append(self.model.get_weights()[0])
            kept.append(budget.models)

    tiny("sgd").fit(IMAGES, batch_size=2, callbacks=[Hurry(), budget], verbose=0)
    _, second, third, fourth = weights  # the third step is the last at the full rate
    assert 0.0 < np.abs(fourth - third).max() < 0.01 * np.abs(third - second).max()
    assert [len(files) for files in kept] == [0, 0, 0, 1]
    assert 5880.0 < budget.spent < 6000.0


def test_each_group_of_a_gan_falls_from_its_own_rate(monkeypatch):
    model = kgen.models.DCGAN((4, 4, 1), latent_dim=2, filters=(2,), seed=1)
    two = {"generator": keras.optimizers.Adam(0.1), "discriminator": keras.optimizers.Adam(0.4)}
    model.compile(kgen.training.GroupedOptimizer(two))
    budget = TimeBudget(1.0)
    budget.set_model(model)
    budget.on_train_begin()
    monkeypatch.setattr(budget, "_started", budget._started - 30.0)  # half of the minute has passed
    budget.on_epoch_end(0)
    assert rate(two["generator"]) == pytest.approx(0.05, rel=0.1)
    assert rate(two["discriminator"]) == pytest.approx(0.2, rel=0.1)
    assert not model.stop_training


def test_time_may_be_spent_in_several_runs(tmp_path):
    model = tiny(keras.optimizers.Adam(0.1))
    budget = TimeBudget(1.0, folder=tmp_path, keep=2)
    assert not budget.models and not budget.is_up
    model.fit(IMAGES, epochs=3, callbacks=[budget], verbose=0)
    assert [path.name for path in budget.models] == ["epoch_00002.keras", "epoch_00003.keras"]

    again = TimeBudget(1.0, folder=tmp_path, keep=2)
    assert again.spent == budget.spent > 0.0
    again.spent = 30.0  # half of the minute
    model = kgen.load(again.models[-1])
    model.fit(IMAGES, epochs=4, initial_epoch=model.epochs_trained, callbacks=[again], verbose=0)
    assert 30.0 < again.spent < 50.0 and again.models[-1].name == "epoch_00004.keras"
    assert 0.01 < rate(model.optimizer) < 0.051

    over = TimeBudget(0.99 * again.spent / 60.0, folder=tmp_path)
    assert over.is_up


def test_a_schedule_is_left_alone_or_refused():
    model = tiny(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, 10)))
    with pytest.raises(ValueError, match="decay: the learning rate follows a schedule"):
        model.fit(IMAGES, callbacks=[TimeBudget(1.0)], verbose=0)
    model.fit(IMAGES, callbacks=[TimeBudget(1.0, decay=False)], verbose=0)


@pytest.mark.parametrize("minutes", [0, -1.0, "one"])
def test_bad_minutes_are_refused(minutes):
    with pytest.raises(ValueError, match="minutes: expected a number"):
        TimeBudget(minutes)

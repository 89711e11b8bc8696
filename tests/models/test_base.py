"""What every family shares, shown on a tiny VAE."""

import threading

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import kgen
from kgen.training.guards import NonFiniteLoss

DIGITS = np.rint(load_digits().images * 255 / 16).astype("uint8")


def tiny(**arguments):
    return kgen.models.VAE((8, 8, 1), 3, architecture="mlp", hidden_dims=(16,), seed=1, **arguments)


def weights(model):
    return [keras.ops.convert_to_numpy(v.value) for v in model.variables]


@keras.saving.register_keras_serializable(package="test")
class Explosion(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is sane for some steps and then NaN."""

    def __init__(self, after):
        self.after = after

    def __call__(self, step):
        return keras.ops.where(step < self.after, 0.01, float("nan"))

    def get_config(self):
        return {"after": self.after}


def test_a_loss_that_is_not_a_number_stops_training_and_keeps_the_last_good_weights():
    good = tiny()
    good.compile(keras.optimizers.SGD(0.01))
    good.fit(DIGITS[:128], epochs=2, verbose=0)
    model = tiny()
    model.compile(keras.optimizers.SGD(Explosion(after=9)))  # four steps an epoch: 9 is the second of the third
    with pytest.raises(NonFiniteLoss, match=r"in epoch 3, step 3.*smaller learning rate"):
        model.fit(DIGITS[:128], epochs=5, verbose=0)
    for expected, kept in zip(weights(good), weights(model), strict=True):
        np.testing.assert_allclose(kept, expected, rtol=1e-5, atol=1e-7)
    assert np.isfinite(model.evaluate(DIGITS[:32], verbose=0)).all()


def test_bad_images_are_refused_before_the_first_step():
    model = tiny()
    model.compile()
    before = weights(model)
    with pytest.raises(ValueError, match="Rescaling happens inside the model"):
        model.fit(DIGITS / 255.0)
    with pytest.raises(ValueError, match="validation_split"):
        model.fit(DIGITS, validation_split=1.5)
    for a, b in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_fit_before_compile_says_so():
    with pytest.raises(ValueError, match="compile"):
        tiny().fit(DIGITS)


def test_threads_share_a_model_while_it_trains():
    model = tiny()
    model.compile()
    expected = {seed: model.generate(4, seed=seed) for seed in range(4)}
    predicted = model.predict(DIGITS[:8], verbose=0)["mean"]
    wrong = []

    def work(seed):
        for _ in range(3):
            if (model.generate(4, seed=seed) != expected[seed]).any():
                wrong.append(seed)
            if not np.allclose(model.predict(DIGITS[:8], verbose=0)["mean"], predicted, atol=1e-6):
                wrong.append("predict")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    model.fit(DIGITS[:64], verbose=0)  # and the model still trains


def test_a_callback_may_generate_inside_fit():
    class Dream(keras.callbacks.Callback):
        dreams = 0

        def on_epoch_end(self, epoch, logs=None):
            self.dreams += len(self.model.generate(2, seed=0))

    dream, model = Dream(), tiny()
    model.compile()
    model.fit(DIGITS[:64], epochs=2, callbacks=dream, verbose=0)
    assert dream.dreams == 4


def test_a_failing_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = tiny()
    path = tmp_path / "model.keras"
    model.save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_respects_overwrite(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite is False"):
        tiny().save(path, overwrite=False)
    assert path.read_text() == "mine"


def test_age_and_random_state_survive_a_file(tmp_path):
    model = tiny()
    model.compile()
    model.fit(DIGITS[:64], epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = kgen.load(tmp_path / "model.keras")
    assert loaded.epochs_trained == 2
    for a, b in zip(model._random_state(), loaded._random_state(), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a.value), keras.ops.convert_to_numpy(b.value))


def test_one_fit_of_two_epochs_is_two_fits_of_one():
    together, apart = tiny(), tiny()
    for model in (together, apart):
        model.compile()
    together.fit(DIGITS[:200], epochs=2, verbose=0)
    for _ in range(2):
        apart.fit(DIGITS[:200], epochs=1, verbose=0)
    for a, b in zip(weights(together), weights(apart), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_optimizer_is_as_chosen_and_jit_as_asked():
    model = tiny()
    model.compile(keras.optimizers.SGD(0.5), jit_compile=False)
    config = model.get_compile_config()
    assert config["jit_compile"] is False
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.get_compile_config()["jit_compile"] == "auto"

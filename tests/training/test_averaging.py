"""The mean of checkpoints: of their weights, of one model only."""

import keras
import numpy as np
import pytest

import kgen

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), "uint8")


def vae(**arguments):
    arguments = {"architecture": "mlp", "hidden_dims": (4,), "seed": 1, **arguments}
    return kgen.models.VAE((8, 8, 1), 2, **arguments)


def saved(model, path):
    model.save(path)
    return path


@keras.saving.register_keras_serializable(package="kgen_tests")
class Counting(keras.Model):
    """Counts in whole numbers what it has seen; its kernel takes the width of what it is shown first."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 1), name="kernel")
        self.seen = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="seen")

    def call(self, x):
        return x @ self.kernel


def counting(width, seen, kernel):
    model = Counting(name="counting")
    model.build((None, width))
    model.set_weights([np.full((width, 1), kernel, "float32"), np.int32(seen)])
    return model


def test_checkpoints_of_a_training(tmp_path):
    model, states = vae(), []
    model.compile()
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: states.append(model.get_weights()))
    checkpoints = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}.keras")
    model.fit(IMAGES, epochs=4, callbacks=[note, checkpoints], verbose=0)
    mean = kgen.training.average_weights(sorted(tmp_path.glob("*.keras"))[-3:])
    for weight, *values in zip(mean.get_weights(), *states[1:], strict=True):
        np.testing.assert_allclose(weight, np.mean(np.asarray(values, "float64"), axis=0), rtol=1e-6, atol=1e-9)
    assert mean.epochs_trained == 4
    assert int(mean.optimizer.iterations) == int(model.optimizer.iterations)
    assert np.abs(mean.get_weights()[0] - states[-1][0]).max() > 0
    mean.fit(IMAGES, epochs=1, verbose=0)  # it goes on
    assert mean.generate(2, seed=1).shape == (2, 8, 8, 1)


def test_the_mean_of_one_is_itself(tmp_path):
    model = vae()
    mean = kgen.training.average_weights([str(saved(model, tmp_path / "one.keras"))])
    for weight, expected in zip(mean.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_integers_are_the_last_files(tmp_path):
    paths = [saved(counting(2, seen, kernel), tmp_path / f"{seen}.keras") for seen, kernel in ((7, 1.0), (9, 2.0))]
    kernel, seen = kgen.training.average_weights(paths).get_weights()
    np.testing.assert_array_equal(kernel, [[1.5], [1.5]])
    assert seen == 9 and seen.dtype == np.int32


def test_sums_are_exact_in_half_precision(tmp_path):
    paths = []
    for i, value in enumerate((256.0, 1.0, 1.0, 1.0, 1.0)):  # 256 + 1 = 256 in bfloat16
        model = keras.Sequential([keras.Input((1,), name="x"), keras.layers.Dense(1, dtype="bfloat16", name="y")])
        model.set_weights([np.full((1, 1), value), np.zeros(1)])
        paths.append(saved(model, tmp_path / f"{i}.keras"))
    mean = kgen.training.average_weights(paths)
    assert mean.weights[0].dtype == "bfloat16"
    assert float(keras.ops.convert_to_numpy(mean.weights[0].value)[0, 0]) == 52.0


def test_another_model_is_refused_by_name(tmp_path):
    first = saved(vae(), tmp_path / "first.keras")
    for arguments, reason in (
        ({"hidden_dims": (5,)}, r"hidden_dims is \[5\] in .*other.keras and \[4\] in .*first.keras"),
        ({"seed": 2}, r"seed is 2 in .*other.keras and 1 in .*first.keras"),
    ):
        other = saved(vae(**arguments), tmp_path / "other.keras")
        with pytest.raises(ValueError, match=f"paths: expected checkpoints of one model, but {reason}"):
            kgen.training.average_weights([first, other])
    other = saved(counting(2, 1, 1.0), tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"class is Counting in .*other.keras and VAE in .*first.keras"):
        kgen.training.average_weights([first, other])
    wide = saved(counting(3, 1, 1.0), tmp_path / "wide.keras")
    with pytest.raises(ValueError, match=r"weights is kernel \(3, 1\), seen \(\) in .*wide.keras and kernel \(2, 1\)"):
        kgen.training.average_weights([other, wide])


def test_a_quantized_model_is_refused_by_name(tmp_path):
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(4, name="y")])
    model.layers[0].quantize("int8")
    with pytest.raises(ValueError, match=r"int8\.keras is quantized, .* average first, then quantize"):
        kgen.training.average_weights([saved(model, tmp_path / "int8.keras")])


def test_bad_paths_are_refused_before_anything_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("loaded"))
    first = saved(vae(), tmp_path / "first.keras")
    with pytest.raises(ValueError, match=r"paths: expected at least one \.keras file, got an empty list"):
        kgen.training.average_weights([])
    for alone in (first, str(first), 3):
        with pytest.raises(ValueError, match=r"paths: expected a list of \.keras files, got"):
            kgen.training.average_weights(alone)
    with pytest.raises(FileNotFoundError, match=r"none\.keras: no such file"):
        kgen.training.average_weights([first, tmp_path / "none.keras"])
    (tmp_path / "half.keras").write_bytes(first.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"half\.keras: truncated or not a \.keras file"):
        kgen.training.average_weights([first, tmp_path / "half.keras"])


def test_a_class_that_is_not_known_is_named_with_its_file(tmp_path, monkeypatch):
    path = saved(counting(2, 1, 1.0), tmp_path / "foreign.keras")
    monkeypatch.setitem(globals(), "Counting", None)
    monkeypatch.delitem(keras.saving.get_custom_objects(), "kgen_tests>Counting")
    with pytest.raises(ValueError, match=r"paths: .*foreign\.keras cannot be loaded here"):
        kgen.training.average_weights([path])

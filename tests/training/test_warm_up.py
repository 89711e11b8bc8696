"""The learning rate of Transformers: its formula, its place in an optimizer, its way through a file."""

import keras
import numpy as np
import pytest

import kgen
from kgen import backend
from kgen.training.warm_up import InverseSquareRoot


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_up_along_a_line_and_down_along_a_square_root():
    schedule = InverseSquareRoot(peak=0.5, warmup_steps=4)
    np.testing.assert_allclose(rates(schedule, range(4)), [0.125, 0.25, 0.375, 0.5], rtol=1e-6)
    np.testing.assert_allclose(rates(schedule, [15, 63, 399]), [0.25, 0.125, 0.05], rtol=1e-6)


def test_the_papers_formula():
    schedule, steps = InverseSquareRoot.for_model_dim(512), np.array([1, 10, 3999, 4000, 4001, 100_000])
    expected = 512**-0.5 * np.minimum(steps**-0.5, steps * 4000**-1.5)
    np.testing.assert_allclose(rates(schedule, steps - 1), expected, rtol=1e-6)
    assert schedule.peak == pytest.approx(6.99e-4, rel=1e-3)  # the figure that is quoted of the base model
    assert InverseSquareRoot.for_model_dim(32).peak == pytest.approx(0.0028, abs=5e-5)


def test_it_can_be_compiled():
    schedule = InverseSquareRoot(peak=0.5, warmup_steps=4)
    compiled = backend.compiled(schedule, [])
    for step in (0, 3, 15):
        assert float(compiled(keras.ops.convert_to_tensor(step, "int32"))) == pytest.approx(float(schedule(step)))


def test_fit_follows_it_and_a_file_keeps_it(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(InverseSquareRoot(peak=0.5, warmup_steps=4)), loss="mae")
    x = np.ones((8, 1), "float32")
    model.fit(x, 100 * x, batch_size=1, epochs=1, verbose=0)  # the gradient is -1, so each step adds the rate
    total = sum(rates(InverseSquareRoot(peak=0.5, warmup_steps=4), range(8)))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model.weights[0])[0, 0], total, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config()["learning_rate"]["config"] == {"peak": 0.5, "warmup_steps": 4}
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.5 * (4 / 9) ** 0.5)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="peak: expected a number in"):
        kgen.training.InverseSquareRoot(-1.0, 10)
    with pytest.raises(ValueError, match="warmup_steps: expected an integer of at least 1, got 0"):
        kgen.training.InverseSquareRoot(1.0, 0)
    with pytest.raises(ValueError, match="model_dim: expected an integer of at least 1, got 0"):
        kgen.training.InverseSquareRoot.for_model_dim(0)

"""The floor that names backends: the same laws hold on each."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.backend.device import parse


def test_input_gradient_of_a_cubic():
    x = ops.convert_to_tensor(np.array([1.0, 2.0, -3.0], "float32"))
    gradient = backend.input_gradient(lambda x: x**3, x)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), 3 * np.array([1.0, 4.0, 9.0]), rtol=1e-6)


def test_input_gradient_is_differentiable_again():
    x = ops.convert_to_tensor(np.array([1.0, 2.0, -3.0], "float32"))
    second = backend.input_gradient(lambda x: backend.input_gradient(lambda x: x**3, x), x)
    np.testing.assert_allclose(ops.convert_to_numpy(second), 6 * np.array([1.0, 2.0, -3.0]), rtol=1e-6)


def test_gradient_penalty_trains_weights_through_fit():
    # The penalty |d/dx (w x²)|² = 4 w² x² has the gradient 8 w x² in w: one SGD step tells it.
    @keras.saving.register_keras_serializable(package="test")
    class Penalised(keras.Model):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.5), name="w")

        def call(self, x):
            return self.w * x**2

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(backend.input_gradient(lambda x: self.w * x**2, x) ** 2)

    model = Penalised()
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(np.full((1, 1), 2.0, "float32"), verbose=0)
    assert float(ops.convert_to_numpy(model.w.value)) == pytest.approx(0.5 - 0.01 * 8 * 0.5 * 4.0, rel=1e-5)


def test_compiled_runs_a_whole_loop():
    @backend.compiled
    def power(x):
        return ops.fori_loop(0, 5, lambda i, y: y * x, ops.ones_like(x))

    np.testing.assert_allclose(ops.convert_to_numpy(power(ops.convert_to_tensor([2.0, 3.0]))), [32.0, 243.0])


def test_compiled_reads_current_weights():
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 2))
    function = backend.compiled(lambda x: layer(x), layer.variables)
    x = ops.ones((1, 2))
    layer.kernel.assign(np.ones((2, 1), "float32"))
    assert float(ops.convert_to_numpy(function(x))[0, 0]) == 2.0
    layer.kernel.assign(np.full((2, 1), 5.0, "float32"))
    assert float(ops.convert_to_numpy(function(x))[0, 0]) == 10.0


def test_devices_begin_with_the_cpu():
    first = backend.devices()[0]
    assert first.name == "cpu:0"
    assert first.memory is None or first.memory > 1 << 28


def test_placing_on_the_cpu_works():
    backend.place("cpu")
    assert float(ops.convert_to_numpy(ops.sum(ops.ones(3)))) == 3.0


@pytest.mark.parametrize(
    ("device", "reason"), [("gpu:99", "not there"), ("tpu", "expected cpu, gpu or gpu:N"), ("cpu:x", "expected cpu")]
)
def test_a_device_that_is_not_there_is_refused(device, reason):
    with pytest.raises(ValueError, match=reason) as error:
        backend.place(device)
    assert "cpu:0" in str(error.value)


def test_device_names():
    there = backend.devices()[:1]
    assert parse("CPU", there) == ("cpu", 0)
    assert parse("cpu:0", there) == ("cpu", 0)

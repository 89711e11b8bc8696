"""Every check of `tests/conformance` can fail: something broken in one way fails exactly the one check of it."""

import time
from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from kgen.functional.checks import check_int
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from tests.conformance import CHECKS
from tests.conformance import golden
from tests.conformance import processes
from tests.zoo import Entry

registered = keras.saving.register_keras_serializable(package="kgen_tests")
registered_as_kgen = keras.saving.register_keras_serializable(package="kgen", name=None)  # else presets refuse it


@registered
class Good(keras.Layer):
    """Keeps every promise: each position gets a dense map of itself and of the mean over the valid positions."""

    def __init__(self, units=3, dropout=0.5, label="a", **kwargs):
        super().__init__(**kwargs)
        check_int("units", units, minimum=1)
        self.units = units
        self.dropout = dropout
        self.label = label
        self.dense = self.make_dense()
        # Without a seed of its own, Keras's Dropout draws from torch's global generator on torch.
        self.drop = keras.layers.Dropout(dropout, seed=1, name="drop")

    def make_dense(self):
        return keras.layers.Dense(self.units, name="dense")

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x, valid, training=False):
        weight = ops.cast(valid, x.dtype)[:, :, None]
        mean = ops.sum(weight * x, axis=1, keepdims=True) / ops.sum(weight, axis=1, keepdims=True)
        return self.drop(self.dense(x + mean), training=training)

    def compute_output_shape(self, x_shape, valid_shape):
        return (*x_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "dropout": self.dropout, "label": self.label}


@registered
class ForgetsAnArgument(Good):
    def get_config(self):
        config = super().get_config()
        del config["label"]
        return config


@registered
class RewritesAnArgument(Good):
    def build(self, input_shape):
        super().build(input_shape)
        self.label = self.label.upper()


@registered
class LeavesASublayerUnnamed(Good):
    def make_dense(self):
        return keras.layers.Dense(self.units)


@registered
class BakesTheBatchIn(Good):
    def compute_output_shape(self, x_shape, valid_shape):
        return (4, x_shape[1], self.units)


@registered
class HasChanged(Good):
    def call(self, x, valid, training=False):
        return super().call(x, valid, training=training) * 1.001


@registered
class KeepsAHalfPrecisionWeight(Good):
    def build(self, input_shape):
        super().build(input_shape)
        self.shift = self.add_weight(shape=(), dtype=self.compute_dtype, name="shift")

    def call(self, x, valid, training=False):
        return super().call(x, valid, training=training) + ops.cast(self.shift, x.dtype)


@registered
class OverflowsInHalfPrecision(Good):
    def call(self, x, valid, training=False):
        y = super().call(x, valid, training=training)
        return y / 0.0 if self.compute_dtype == "bfloat16" else y


@registered
class IgnoresTheMask(Good):
    def call(self, x, valid, training=False):
        return super().call(x, ops.ones_like(valid), training=training)


@registered
class CountsItsCalls(Good):
    def build(self, input_shape):
        super().build(input_shape)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x, valid, training=False):
        self.calls.assign_add(1.0)
        return super().call(x, valid, training=training)


class Hidden:
    """Holds something where Keras does not look for it."""

    def __init__(self, value):
        self.value = value


@registered
class DrawsFromAnUntrackedSource(Good):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = Hidden(keras.random.SeedGenerator(1))

    def call(self, x, valid, training=False):
        y = super().call(x, valid)
        return y + keras.random.normal(ops.shape(y), dtype=y.dtype, seed=self.hidden.value) if training else y


@registered
class ForgetsToDrop(Good):
    def call(self, x, valid, training=False):
        return super().call(x, valid)


@registered
class HasADeadWeight(Good):
    def build(self, input_shape):
        super().build(input_shape)
        self.dead = self.add_weight(shape=(), name="dead")

    def call(self, x, valid, training=False):
        return super().call(x, valid, training=training) + ops.cast(0.0 * self.dead, self.compute_dtype)


@registered
class StopsTheGradient(Good):
    def call(self, x, valid, training=False):
        return super().call(0.0 * x + ops.stop_gradient(x), valid, training=training)


class IsUnknownElsewhere(Good):
    """Registered by the test itself, so the other process, which only imports this file, does not know it."""


@registered_as_kgen
class GoodModel(GenerativeModel):
    """Keeps every promise: learns to give back what it gets, and dreams by mapping noise."""

    def __init__(self, dim=2, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        check_int("dim", dim, minimum=1)
        self.dim = dim
        self.dense = keras.layers.Dense(dim, name="dense")
        self.dense.build((None, dim))
        self.built = True

    def call(self, x, training=False):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean((ops.cast(y_pred, "float32") - x) ** 2)

    @exclusive
    def generate(self, n, seed):
        return self.call_compiled(self.dense, np.random.default_rng(seed).normal(size=(n, self.dim)).astype("float32"))


@registered_as_kgen
class ForgetsHowItWasCompiled(GoodModel):
    def get_compile_config(self):
        return None


@registered_as_kgen
class ForgetsItsOptimizer(GoodModel):
    def compile_from_config(self, config):
        self.compile()


@registered_as_kgen
class DoesNotLearn(GoodModel):
    def default_optimizer(self):
        return keras.optimizers.Adam(0.0)


@registered_as_kgen
class SharesItsNoise(GoodModel):
    def generate(self, n, seed):  # not exclusive
        self._noise = np.random.default_rng(seed).normal(size=(n, self.dim)).astype("float32")
        time.sleep(0.05)
        return self.call_compiled(self.dense, self._noise)


@registered_as_kgen
class LooksAtAWeightOnlyWhenItIsSet(GoodModel):
    """Keeps a copy that `set_weights` and Keras's own files renew: presets assign one weight after the other."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight(shape=(), initializer="ones", trainable=False, name="scale")
        self.copy = 1.0

    def set_weights(self, weights):
        super().set_weights(weights)
        self.copy = float(self.scale)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.copy = float(self.scale)

    def call(self, x, training=False):
        return super().call(x) * self.copy


def layer_inputs(rng):
    valid = np.arange(5) < np.array([[5], [3], [2], [4]])
    return {"x": rng.normal(size=(4, 5, 2)).astype("float32"), "valid": valid}


def repad(inputs, rng):
    noise = rng.normal(size=inputs["x"].shape).astype("float32")
    return {**inputs, "x": np.where(inputs["valid"][:, :, None], inputs["x"], noise)}, inputs["valid"]


def pairs():
    return (np.random.default_rng(3).normal(size=(32, 2)).astype("float32"),)


layer_entry = partial(
    Entry,
    arguments=lambda: {"units": 3, "dropout": 0.5, "label": "b"},
    inputs=layer_inputs,
    bad=(({"units": 0}, "units"),),
    random=True,
    repad=repad,
    unknown_axes=(0, 1),
)
model_entry = partial(
    Entry,
    arguments=lambda: {"dim": 2, "seed": 1},
    inputs=lambda rng: {"x": rng.normal(size=(4, 2)).astype("float32")},
    bad=(({"dim": -1}, "dim"),),
    data=pairs,
    measure=lambda model, x: model.evaluate(x, verbose=0),
    gain=0.01,
    fit={"epochs": 4},
    optimizer=lambda: keras.optimizers.SGD(0.1),
)


def broken(cls, **facts):
    make = model_entry if issubclass(cls, keras.Model) else layer_entry
    return make(cls.__name__, cls, **facts)


GOOD = [layer_entry("Good", Good), model_entry("GoodModel", GoodModel)]
BROKEN = [
    ("config", broken(ForgetsAnArgument)),
    ("config", broken(RewritesAnArgument)),
    ("save_and_load", broken(ForgetsHowItWasCompiled)),
    ("save_and_load", broken(ForgetsItsOptimizer)),
    ("names", broken(LeavesASublayerUnnamed)),
    ("shapes", broken(BakesTheBatchIn)),
    ("golden", broken(HasChanged)),
    ("mixed_bfloat16", broken(KeepsAHalfPrecisionWeight)),
    ("mixed_bfloat16", broken(OverflowsInHalfPrecision)),
    ("masks", broken(IgnoresTheMask)),
    ("inference_repeats", broken(CountsItsCalls)),
    ("randomness", broken(DrawsFromAnUntrackedSource)),
    ("randomness", broken(ForgetsToDrop)),
    ("gradients", broken(HasADeadWeight)),
    ("gradients", broken(StopsTheGradient)),
    ("learning", broken(DoesNotLearn)),
    ("bad_arguments", layer_entry("AcceptsABadArgument", Good, bad=(({"label": 7}, "label"),))),
    ("bad_arguments", layer_entry("NamesNoArgument", Good, bad=(({"dropout": 2.0}, "dropout_rate"),))),
    ("fresh_process", broken(IsUnknownElsewhere)),
    ("threads", broken(SharesItsNoise)),
    ("preset", broken(LooksAtAWeightOnlyWhenItIsSet)),
]
ALL = [*GOOD, *(entry for _, entry in BROKEN)]


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory):
    """Golden files of all these, and one other process for them: it knows the classes that importing registers."""
    registered(IsUnknownElsewhere)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden, "GOLDEN", tmp_path_factory.mktemp("golden"))
        patch.setattr(processes, "IN_FRESH_PROCESS", {})
        golden.write(ALL)
        good = golden.GOLDEN / "Good.npz"
        (golden.GOLDEN / "HasChanged.npz").write_bytes(good.read_bytes())
        processes.load_in_fresh_process(ALL, before="import tests.test_harness\n")
        yield


def failures(entry):
    """Names of the checks that this entry fails, each with its message."""
    failed = {}
    for name, check in CHECKS.items():
        if check.applies(entry):
            try:
                check.run(entry)
            except AssertionError as error:
                failed[name] = str(error)
    return failed


@pytest.mark.parametrize("entry", GOOD, ids=repr)
def test_what_is_good_passes(entry):
    for check in CHECKS.values():
        if check.applies(entry):
            check.run(entry)


@pytest.mark.parametrize(("check", "entry"), BROKEN, ids=lambda value: value if isinstance(value, str) else repr(value))
def test_what_is_broken_fails_its_check_and_no_other(check, entry):
    failed = failures(entry)
    assert set(failed) == {check}, failed


def test_every_check_has_something_that_it_finds():
    assert {check for check, _ in BROKEN} == set(CHECKS)

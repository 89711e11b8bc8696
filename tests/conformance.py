"""Conformance: what every public layer and model promises, one small check a promise.

A check takes an entry of the zoo and raises AssertionError when the promise is broken; `CHECKS` holds them all by name.
`tests/test_conformance.py` runs each on each entry, `tests/test_harness.py` proves that each can fail.

    python -m tests.conformance --write-golden [ENTRY ...]      on one backend, after a change that was meant
"""

import argparse
import contextlib
import functools
import inspect
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kgen import backend
from kgen.presets.registry import named_weights

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"
CHECKS = {}


class Check(NamedTuple):
    """`run(entry)` checks; `applies(entry)` says whether the promise concerns this entry at all."""

    run: object
    applies: object


def check(applies=lambda entry: True):
    """Put a function `check_promise(entry)` into `CHECKS["promise"]`; whatever it raises means a broken promise."""

    def register(function):
        @functools.wraps(function)
        def run(entry):
            try:
                function(entry)
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(f"{entry.name}: {type(error).__name__}: {error}") from error

        CHECKS[function.__name__.removeprefix("check_")] = Check(run, applies)
        return run

    return register


# The promises --------------------------------------------------------------------------------------------------------


@check()
def check_config(entry):
    """Every argument is in the configuration, as it was given; building changes nothing; it builds an equal object."""
    layer, given = entry.build(), entry.arguments()
    before = plain(layer.get_config())
    for name, parameter in inspect.signature(entry.cls.__init__).parameters.items():
        if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            assert name in before, f"{name} is missing from get_config()"
            if name in given and is_plain(given[name]):
                assert before[name] == plain(given[name]), f"{name}: given {given[name]!r}, kept {before[name]!r}"
    again = entry.cls.from_config(plain(before))
    assert plain(again.get_config()) == before, "from_config(get_config()) has another configuration"
    call(layer, symbols_of(entry))
    assert plain(layer.get_config()) == before, "building changed the configuration"
    again = entry.cls.from_config(plain(layer.get_config()))
    call(again, symbols_of(entry))
    assert plain(again.get_config()) == before, "the configuration of a built object builds another one"
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights], "weights of other shapes"


@check()
def check_save_and_load(entry):
    """`.keras` brings back outputs, compile configuration and the optimizer's state; `clone_model` the network."""
    model, inputs, *_ = trained(entry)
    expected = outputs_of(model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    assert_equal(outputs_of(loaded, inputs), expected)
    assert plain(loaded.get_config()) == plain(model.get_config()), "another configuration"
    assert loaded.compiled, "not compiled any more"
    assert plain(loaded.get_compile_config()) == plain(model.get_compile_config()), "another compile configuration"
    states = [[keras.ops.convert_to_numpy(v.value) for v in one.optimizer.variables] for one in (loaded, model)]
    assert len(states[0]) == len(states[1]) and len(states[1]) > len(model.trainable_variables), "optimizer's state"
    assert_equal(*states)
    clone = keras.models.clone_model(model)
    if entry.is_model:
        assert plain(clone.get_config()) == plain(model.get_config()), "clone_model has another configuration"
    clone.set_weights(model.get_weights())
    assert_equal(outputs_of(clone, inputs), expected)


@check()
def check_names(entry):
    """Every sublayer has a name of its own choosing, and weights keep their names in another object."""
    first, second = built(entry), built(entry)
    for one, other in zip(sublayers(first), sublayers(second), strict=True):
        assert one.name == other.name, f"a {type(one).__name__} was given no name: {one.name}, next time {other.name}"
    model, _ = as_model(entry, first)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    loaded = loaded if entry.is_model else loaded.get_layer(first.name)
    expected, found = named_weights(first), named_weights(loaded)
    assert len(expected) == len(first.weights), "named_weights does not reach every weight"
    assert list(found) == list(expected), f"weights were called {list(expected)}, now {list(found)}"
    assert_equal([numpy_of(found[name].value)[0] for name in expected], first.get_weights())


@check()
def check_shapes(entry):
    """The symbolic shape is the eager one, and leaves open only what the unknown axes decide."""
    layer, inputs = built(entry), inputs_of(entry)
    symbolic = keras.tree.flatten(call(layer, symbols_of(entry)))
    eager = outputs_of(layer, inputs)

    def shorter(array):
        shape = [size - (axis in entry.unknown_axes) for axis, size in enumerate(array.shape)]
        return keras.KerasTensor(shape, array.dtype.name)

    # What the shape would be for other sizes: traced by `call` itself, which costs less than another eager run.
    first, rest = positional(layer, keras.tree.map_structure(shorter, inputs))
    traced = keras.tree.flatten(keras.Operation.compute_output_spec(layer, first, **rest))
    assert len(symbolic) == len(eager), f"{len(symbolic)} symbolic outputs, {len(eager)} eager ones"
    for one, long, short in zip(symbolic, eager, traced, strict=True):
        expected = tuple(a if a == b else None for a, b in zip(long.shape, short.shape, strict=True))
        assert tuple(one.shape) == expected, f"symbolic shape {tuple(one.shape)}, eager {long.shape}, {short.shape}"
        assert one.dtype == long.dtype.name, f"symbolic {one.dtype}, eager {long.dtype}"


@check()
def check_golden(entry):
    """Weights from a NumPy seed give the output in the golden file, on every backend."""
    path = GOLDEN / f"{entry.name}.npz"
    assert path.exists(), f"{path} is missing: python -m tests.conformance --write-golden {entry.name}"
    outputs = outputs_of(built(entry), inputs_of(entry))
    assert_equal(outputs, load_arrays(path), rtol=1e-5, atol=1e-5)


@check()
def check_mixed_bfloat16(entry):
    """In mixed_bfloat16 outputs and losses are finite and variables stay float32."""
    with dtype_policy("mixed_bfloat16"):
        layer = built(entry)
        assert_finite("outputs", outputs_of(layer, inputs_of(entry), training=not entry.is_model))
        for variable in layer.variables:
            dtype = keras.backend.standardize_dtype(variable.dtype)
            assert "float" not in dtype or dtype == "float32", f"{variable.path} is {dtype}"
        if entry.data:
            layer.compile()
            history = layer.fit(*entry.data(), verbose=0).history
            assert_finite("metrics", [np.asarray(values) for values in history.values()])
            assert_finite("weights", layer.get_weights())


@check(applies=lambda entry: entry.repad is not None)
def check_masks(entry):
    """Other values in padded positions change nothing valid."""
    layer, inputs = built(entry), inputs_of(entry)
    repadded, valid = entry.repad(inputs, np.random.default_rng(1))
    assert any((a != b).any() for a, b in zip(*map(keras.tree.flatten, (inputs, repadded)), strict=True)), "same input"
    assert valid.any() and not valid.all(), "the entry has no padding, or nothing else"
    for one, other in zip(outputs_of(layer, inputs), outputs_of(layer, repadded), strict=True):
        assert_equal([other[valid]], [one[valid]])


@check()
def check_inference_repeats(entry):
    """`training=False` gives the same every time, and leaves no trace."""
    layer, inputs = built(entry), inputs_of(entry)
    state = state_of(layer)
    first = outputs_of(layer, inputs)
    assert_same(outputs_of(layer, inputs), first)
    assert_same(state_of(layer), state)


@check()
def check_randomness(entry):
    """`training=True` is random where the entry says so, and only through a `SeedGenerator` that Keras tracks."""
    layer, inputs = built(entry), inputs_of(entry)
    state, weights = state_of(layer), layer.get_weights()
    first = outputs_of(layer, inputs, training=True)
    layer.set_weights(weights)  # statistics move in training
    second = outputs_of(layer, inputs, training=True)
    differs = any((a != b).any() for a, b in zip(first, second, strict=True))
    assert differs == entry.random, "training=True is random" if differs else "training=True is not random"
    for variable, value in zip(layer.variables, state, strict=True):
        variable.assign(value)
    assert_same(outputs_of(layer, inputs, training=True), first)


@check()
def check_gradients(entry):
    """One step of `fit` moves every trainable weight, and a layer lets gradients through to its inputs."""
    model, inputs = trainable_model(entry, optimizer=entry.optimizer())
    weights = named_weights(model)
    before = {name: numpy_of(weight.value)[0] for name, weight in weights.items()}
    model.fit(*training_data(entry, model, inputs), steps_per_epoch=1, verbose=0)
    trainable = {id(weight) for weight in model.trainable_weights}
    for name, weight in weights.items():
        moved = (numpy_of(weight.value)[0] != before[name]).any()
        assert moved or id(weight) not in trainable, f"no gradient reaches {name}"


@check(applies=lambda entry: entry.data is not None)
def check_learning(entry):
    """`compile()` and `fit` with the family's own recipe improve the family's own measure."""
    *_, before, after = trained(entry)
    assert before - after > entry.gain, f"the measure went from {before:g} to {after:g}, expected -{entry.gain:g}"


@check()
def check_bad_arguments(entry):
    """A bad argument raises ValueError with its name and what came."""
    assert entry.bad, "the entry names no bad argument"
    for changed, name in entry.bad:
        assert name in changed, f"{changed} does not change {name}: the message must name the argument that was given"
        try:
            entry.build(**changed)
        except ValueError as error:
            message = str(error)
        else:
            raise AssertionError(f"{changed} was accepted")
        assert re.search(rf"\b{name}\b", message), f"{changed}: the message does not name {name}: {message}"
        value = changed[name]
        came = [value, *value] if isinstance(value, list | tuple | dict) else [value]
        assert any(str(one) in message for one in came), f"{changed}: the message does not say what came: {message}"


@check()
def check_fresh_process(entry):
    """`import kgen`, then stock `keras.saving.load_model` in another process, gives equal outputs."""
    if entry.name not in IN_FRESH_PROCESS:
        load_in_fresh_process([entry])
    expected, found = IN_FRESH_PROCESS[entry.name]
    assert not isinstance(found, str), found
    assert_equal(found, expected, rtol=1e-5, atol=1e-5)  # there operations run one by one, here perhaps as a program


@check(applies=lambda entry: entry.is_model)
def check_threads(entry):
    """Threads that share a model get what each would get alone."""
    seeds, alone, shared = range(4), built(entry), built(entry)
    expected = [numpy_of(entry.use(alone, seed)) for seed in seeds]
    assert any((a != b).any() for a, b in zip(expected[0], expected[1], strict=True)), "seeds make no difference"
    with ThreadPoolExecutor(len(seeds)) as pool:
        found = list(pool.map(lambda seed: numpy_of(entry.use(shared, seed)), seeds))
    for one, other in zip(found, expected, strict=True):
        assert_equal(one, other)


@check(applies=lambda entry: entry.is_model)
def check_preset(entry):
    """A preset brings back configuration, outputs, and weights as exactly as float16 holds them."""
    model, inputs = built(entry), inputs_of(entry)
    model.set_weights([w.astype("float16").astype(w.dtype) if w.dtype.kind == "f" else w for w in model.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        model.save_to_preset(folder)
        loaded = entry.cls.from_preset(folder)
    assert plain(loaded.get_config()) == plain(model.get_config()), "another configuration"
    assert_same(loaded.get_weights(), model.get_weights())
    assert_equal(outputs_of(loaded, inputs), outputs_of(model, inputs))


# How an entry is built, called and trained ---------------------------------------------------------------------------


def inputs_of(entry):
    """The call arguments by name, the same in every process. Integers have 32 bits, as they get on JAX anyway."""
    inputs = entry.inputs(np.random.default_rng(0))
    return keras.tree.map_structure(lambda array: array.astype("int32") if array.dtype == "int64" else array, inputs)


def positional(layer, inputs):
    """The call arguments as users give them: (the first one, by position; a dict of the others, by name)."""
    first = next(iter(inspect.signature(layer.call).parameters))
    return inputs[first], {name: value for name, value in inputs.items() if name != first}


def call(layer, inputs, **options):
    """Call a layer with arguments by name."""
    first, rest = positional(layer, inputs)
    return layer(first, **rest, **options)


def outputs_of(layer, inputs, training=False):
    """What the layer makes of NumPy inputs, as a list of NumPy arrays. Its state moves on."""
    if not backend.prefers_jit(pays_on_cpu=False):
        return numpy_of(call(layer, inputs, training=training))

    # One program. Run one by one, as a plain call does, its operations take five times as long to compile.
    @backend.compiled
    def program(trainable, state, inputs):
        first, rest = positional(layer, inputs)
        return layer.stateless_call(trainable, state, first, **rest, training=training)

    variables = layer.trainable_variables, layer.non_trainable_variables
    outputs, state = program(*([variable.value for variable in part] for part in variables), inputs)
    for variable, value in zip(variables[1], state, strict=True):
        variable.assign(value)
    return numpy_of(outputs)


def built(entry):
    """An instance whose weights come from a NumPy seed, in `get_weights()` order: the same on every backend."""
    layer, rng = entry.build(), np.random.default_rng(0)
    if not layer.built:
        call(layer, symbols_of(entry))
    layer.set_weights([_drawn(rng, weight) for weight in layer.get_weights()])
    return layer


def symbols_of(entry):
    """The call arguments as symbolic tensors, some of their axes unknown."""

    def symbol(array):
        shape = [None if axis in entry.unknown_axes else size for axis, size in enumerate(array.shape)]
        return keras.Input(batch_shape=shape, dtype=array.dtype.name)

    return keras.tree.map_structure(symbol, inputs_of(entry))


def _drawn(rng, weight):
    if weight.dtype.kind != "f":
        return weight
    if weight.ndim < 2:  # some of these are variances: keep them positive
        return rng.uniform(0.1, 0.5, weight.shape)
    return rng.normal(size=weight.shape) / np.sqrt(np.prod(weight.shape[:-1]))


@keras.saving.register_keras_serializable(package="kgen_tests")
class Nudge(keras.Layer):
    """One trainable factor: put before a layer, it moves when the layer lets a gradient through."""

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor


def as_model(entry, layer, nudged=False):
    """The layer as a model of its inputs in a flat list (a model stays itself), and the call arguments of that."""
    inputs = inputs_of(entry)
    if entry.is_model:
        return layer, inputs
    symbols = [keras.Input(array.shape[1:], dtype=array.dtype.name) for array in keras.tree.flatten(inputs)]
    passed = list(symbols)
    if nudged:
        passed = [Nudge(name=f"nudge_{i}")(x) if "float" in x.dtype else x for i, x in enumerate(symbols)]
    outputs = keras.tree.flatten(call(layer, keras.tree.pack_sequence_as(inputs, passed)))
    if nudged:
        outputs = [output for output in outputs if "float" in output.dtype]  # what a loss can be made of
    return keras.Model(symbols, outputs), {"inputs": keras.tree.flatten(inputs)}


def trainable_model(entry, **compiling):
    """A compiled model around the entry, its weights filled; a layer gets a nudge before each float input."""
    model, inputs = as_model(entry, built(entry), nudged=True)
    if not entry.is_model:
        compiling = {"optimizer": "adam", "loss": ["mse"] * len(model.outputs), **compiling}
    model.compile(**compiling)
    return model, inputs


@functools.lru_cache(maxsize=1)
def trained(entry):
    """The entry as a compiled and fitted model, its call arguments, and its measure before and after `fit`.

    Two checks look at it, one after the other; neither changes it.
    """
    if not entry.data:
        # A single step: where programs are not a must, taking it is quicker than making a program of it.
        model, inputs = trainable_model(entry, run_eagerly=not backend.prefers_jit(pays_on_cpu=False))
        model.fit(*training_data(entry, model, inputs), verbose=0)
        return model, inputs, None, None
    model, inputs = as_model(entry, entry.build())
    model.compile()
    before = entry.measure(model, *entry.data())
    model.fit(*entry.data(), verbose=0, **entry.fit)
    return model, inputs, before, entry.measure(model, *entry.data())


def training_data(entry, model, inputs):
    """What `fit` of a `trainable_model` takes: a layer learns random targets."""
    if entry.data:
        return entry.data()
    flat, rng = inputs["inputs"], np.random.default_rng(2)
    return flat, [rng.normal(size=(len(flat[0]), *output.shape[1:])).astype("float32") for output in model.outputs]


def sublayers(layer):
    """All layers inside. Keras names the inputs of a `Sequential` itself, and they hold nothing."""
    return [one for one in layer._flatten_layers(include_self=False) if not isinstance(one, keras.layers.InputLayer)]


def state_of(layer):
    """The values of all variables, those of random seeds among them."""
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in layer.variables]


@contextlib.contextmanager
def dtype_policy(name):
    """Inside, new layers have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


# Comparing -----------------------------------------------------------------------------------------------------------


def plain(config):
    """A configuration as it would come out of a file; what JSON cannot hold is an error."""
    return json.loads(json.dumps(config))


def is_plain(value):
    """Whether JSON can hold a value as it is (a list of layers is none)."""
    return all(leaf is None or isinstance(leaf, str | int | float) for leaf in keras.tree.flatten(value))


def numpy_of(outputs):
    """The leaves of an output as a list of NumPy arrays, bfloat16 widened to float32."""
    arrays = []
    for leaf in keras.tree.flatten(outputs):
        array = np.asarray(keras.ops.convert_to_numpy(leaf) if keras.ops.is_tensor(leaf) else leaf)
        arrays.append(array.astype("float32") if array.dtype.name == "bfloat16" else array)
    return arrays


def assert_equal(found, expected, rtol=1e-6, atol=1e-6):
    """Lists of arrays are equal: floats within rtol · |y| + atol · max |y|, everything else exactly."""
    assert len(found) == len(expected), f"{len(found)} arrays, expected {len(expected)}"
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape, f"shape {one.shape}, expected {other.shape}"
        if other.dtype.kind == "f":
            scale = float(np.abs(other).max(initial=0.0))
            np.testing.assert_allclose(one, other, rtol=rtol, atol=atol * scale)
        else:
            np.testing.assert_array_equal(one, other)


def assert_same(found, expected):
    """Lists of arrays are equal bit by bit."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_finite(what, arrays):
    for array in arrays:
        assert array.dtype.kind != "f" or np.isfinite(array).all(), f"{what} are not finite"


# Other processes -----------------------------------------------------------------------------------------------------

IN_FRESH_PROCESS = {}  # name of an entry → [expected outputs, those of the other process or, as text, what went wrong]

# What a user would write: it knows nothing of these tests. Arguments: a tag for its output files, folders to read.
READER = """
import pickle
import sys
from pathlib import Path
import kgen
import keras
import numpy as np

for path in sorted(path for folder in sys.argv[2:] for path in Path(folder).glob("*.keras")):
    target = path.with_suffix("." + sys.argv[1])
    try:
        model = keras.saving.load_model(path)
        first, rest = pickle.loads(path.with_suffix(".inputs").read_bytes())
        outputs = keras.tree.flatten(model(first, **rest, training=False))
        np.savez(f"{target}.npz", *map(keras.ops.convert_to_numpy, outputs))
    except Exception as error:
        Path(f"{target}.error").write_text(f"{type(error).__name__}: {error}")
"""


def write_files(entries, folder):
    """Save each entry as NAME.keras, with NAME.inputs (what it is called with) and NAME.expected.npz (its outputs)."""
    for entry in entries:
        path = Path(folder) / f"{entry.name}.keras"
        try:
            model, inputs = as_model(entry, built(entry))
            model.save(path)
            path.with_suffix(".inputs").write_bytes(pickle.dumps(positional(model, inputs)))
            np.savez(path.with_suffix(".expected.npz"), *outputs_of(model, inputs))
        except Exception as error:
            path.with_suffix(".expected.error").write_text(f"{type(error).__name__}: {error}")


def read_outputs(folder, entry, tag):
    """The arrays that `write_files` (tag "expected") or `READER` wrote.

    Raises:
        AssertionError: they could not write them; says why.
    """
    path = Path(folder) / f"{entry.name}.{tag}.npz"
    error = path.with_suffix(".error")
    assert not error.exists(), f"{entry.name}, {tag}: {error.read_text()}"
    assert path.exists(), f"{entry.name}, {tag}: nothing was written"
    return load_arrays(path)


def load_arrays(path):
    """The arrays of an `.npz` file in the order in which they were written."""
    with np.load(path) as file:
        return [file[f"arr_{i}"] for i in range(len(file.files))]


def start_python(code, *arguments, on=None):
    """A Python process in the root of the checkout, on this backend or on another one."""
    environment = {**os.environ, "KERAS_BACKEND": on or backend.running()}
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def load_in_fresh_process(entries, before=""):
    """Fill `IN_FRESH_PROCESS` for all these entries with one process. `before`: code that it runs first."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(entries, folder)
        process = start_python(before + READER, "fresh", folder)
        said, _ = process.communicate()
        for entry in entries:
            try:
                IN_FRESH_PROCESS[entry.name] = [read_outputs(folder, entry, tag) for tag in ("expected", "fresh")]
            except AssertionError as error:
                IN_FRESH_PROCESS[entry.name] = [None, f"{error}\n{said}"]


# The golden files ----------------------------------------------------------------------------------------------------


def write_golden(entries):
    """Write what `check_golden` expects."""
    for entry in entries:
        outputs = outputs_of(built(entry), inputs_of(entry))
        np.savez_compressed(GOLDEN / f"{entry.name}.npz", *outputs)


def main():
    from tests.zoo import ZOO

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write-golden", nargs="*", metavar="ENTRY", required=True, help="all, or those of this name")
    names = parser.parse_args().write_golden
    if unknown := set(names) - {entry.name for entry in ZOO}:
        parser.error(f"--write-golden: no {', '.join(unknown)} in the zoo; it has {', '.join(e.name for e in ZOO)}")
    chosen = [entry for entry in ZOO if not names or entry.name in names]
    write_golden(chosen)
    print(f"{GOLDEN}: {len(chosen)} files written on {backend.running()}")


if __name__ == "__main__":
    main()

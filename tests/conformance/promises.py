"""The promises: a function each, which raises AssertionError when an entry breaks it."""

import functools
import inspect
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import keras
import numpy as np

from kgen.presets.registry import AVERAGE
from kgen.presets.registry import named_weights
from tests.conformance import golden
from tests.conformance import processes
from tests.conformance.comparing import assert_equal
from tests.conformance.comparing import assert_finite
from tests.conformance.comparing import assert_same
from tests.conformance.comparing import is_plain
from tests.conformance.comparing import load_arrays
from tests.conformance.comparing import numpy_of
from tests.conformance.comparing import plain
from tests.conformance.entries import as_model
from tests.conformance.entries import build
from tests.conformance.entries import built
from tests.conformance.entries import call
from tests.conformance.entries import dtype_policy
from tests.conformance.entries import inputs_of
from tests.conformance.entries import one_step
from tests.conformance.entries import outputs_of
from tests.conformance.entries import positional
from tests.conformance.entries import shared
from tests.conformance.entries import state_of
from tests.conformance.entries import stepped
from tests.conformance.entries import sublayers
from tests.conformance.entries import symbols_of
from tests.conformance.entries import trained

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
    build(entry, layer)
    assert plain(layer.get_config()) == before, "building changed the configuration"
    again = entry.cls.from_config(plain(layer.get_config()))
    build(entry, again)
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
    first, second = shared(entry), built(entry)
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
    layer, inputs = shared(entry), inputs_of(entry)
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
    path = golden.file_of(entry)
    assert path.exists(), f"{path} is missing: python -m tests.conformance --write-golden {entry.name}"
    outputs = outputs_of(shared(entry), inputs_of(entry))
    assert_equal(outputs, load_arrays(path), rtol=1e-5, atol=1e-5)


@check()
def check_mixed_bfloat16(entry):
    """In mixed_bfloat16 outputs and losses are finite, variables stay float32, and a step moves all it should."""
    with dtype_policy("mixed_bfloat16"):
        layer = built(entry)
        assert_finite("outputs", outputs_of(layer, inputs_of(entry), training=not entry.is_model))
        for variable in layer.variables:
            dtype = keras.backend.standardize_dtype(variable.dtype)
            assert "float" not in dtype or dtype == "float32", f"{variable.path} is {dtype}"
        if entry.is_model:
            assert_moved(one_step(entry, layer))


@check(applies=lambda entry: entry.repad is not None)
def check_masks(entry):
    """Other values in padded positions change nothing valid."""
    layer, inputs = shared(entry), inputs_of(entry)
    repadded, valid = entry.repad(inputs, np.random.default_rng(1))
    assert any((a != b).any() for a, b in zip(*map(keras.tree.flatten, (inputs, repadded)), strict=True)), "same input"
    assert valid.any() and not valid.all(), "the entry has no padding, or nothing else"
    for one, other in zip(outputs_of(layer, inputs), outputs_of(layer, repadded), strict=True):
        assert_equal([other[valid]], [one[valid]])


@check()
def check_inference_repeats(entry):
    """`training=False` gives the same every time, and leaves no trace."""
    layer, inputs = shared(entry), inputs_of(entry)
    state = state_of(layer)
    first = outputs_of(layer, inputs)
    assert_same(outputs_of(layer, inputs), first)
    assert_same(state_of(layer), state)


@check()
def check_randomness(entry):
    """`training=True` is random where the entry says so, and only through a `SeedGenerator` that Keras tracks."""
    layer, inputs = shared(entry), inputs_of(entry)
    state, weights = state_of(layer), layer.get_weights()
    first = outputs_of(layer, inputs, training=True)
    layer.set_weights(weights)  # statistics move in training
    second = outputs_of(layer, inputs, training=True)
    differs = any((a != b).any() for a, b in zip(first, second, strict=True))
    assert differs == entry.random, "training=True is random" if differs else "training=True is not random"
    for variable, value in zip(layer.variables, state, strict=True):
        variable.assign(value)
    assert_same(outputs_of(layer, inputs, training=True), first)


@check(applies=lambda entry: not entry.is_model)  # of a model the step is taken in `mixed_bfloat16`
def check_gradients(entry):
    """One step of `fit` moves every trainable weight, and a layer lets gradients through to its inputs."""
    assert_moved(stepped(entry))


def assert_moved(step):
    """The step moved every trainable weight, and all that it measured is finite."""
    assert_finite("metrics", [np.asarray(values) for values in step.history.values()])
    trainable = {id(weight) for weight in step.model.trainable_weights}
    for weight, before, after in zip(step.model.weights, step.before, step.model.get_weights(), strict=True):
        assert_finite(weight.path, [after])
        moved = (after != before).any()
        assert moved or id(weight) not in trainable, f"no gradient reaches {weight.path}"


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
    expected, found = processes.outputs_in_fresh_process(entry)
    assert not isinstance(found, str), found
    assert_equal(found, expected, rtol=1e-5, atol=1e-5)  # there operations run one by one, here perhaps as a program


@check(applies=lambda entry: entry.is_model)
def check_threads(entry):
    """Threads that share a model get what each would get alone."""
    seeds, model = range(3), shared(entry)
    with ThreadPoolExecutor(len(seeds)) as pool:  # first, so that they meet where programs are made, too
        found = list(pool.map(lambda seed: numpy_of(entry.use(model, seed)), seeds))
    expected = [numpy_of(entry.use(model, seed)) for seed in seeds]
    assert any((a != b).any() for a, b in zip(expected[0], expected[1], strict=True)), "seeds make no difference"
    for one, other in zip(found, expected, strict=True):
        assert_equal(one, other)


@check(applies=lambda entry: entry.is_model)
def check_preset(entry):
    """A preset brings back configuration, outputs, and weights as exactly as float16 holds them.

    A network with a moving average comes back as that.
    """
    model, inputs = shared(entry), inputs_of(entry)
    weights = named_weights(model)
    for name, weight in weights.items():
        if (average := weights.get(f"{AVERAGE}{name}")) is not None:
            weight.assign(keras.ops.convert_to_numpy(average))
    model.set_weights([w.astype("float16").astype(w.dtype) if w.dtype.kind == "f" else w for w in model.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        model.save_to_preset(folder)
        loaded = entry.cls.from_preset(folder)
    assert plain(loaded.get_config()) == plain(model.get_config()), "another configuration"
    assert_same(loaded.get_weights(), model.get_weights())
    assert_equal(outputs_of(loaded, inputs), outputs_of(model, inputs))

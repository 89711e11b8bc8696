"""How an entry of the zoo is built, called and trained."""

import contextlib
import functools
import inspect
from typing import NamedTuple

import keras
import numpy as np

from kgen import backend
from tests.conformance.comparing import numpy_of


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

    variables = layer.trainable_variables, layer.non_trainable_variables
    values = ([variable.value for variable in part] for part in variables)
    outputs, state = _program(layer, training)(*values, *positional(layer, inputs))
    for variable, value in zip(variables[1], state, strict=True):
        variable.assign(value)
    return numpy_of(outputs)


@functools.lru_cache(maxsize=4)
def _program(layer, training):
    """A call as one program: one by one, as in a plain call, its operations take five times as long to compile."""

    @backend.compiled
    def program(trainable, state, first, rest):
        return layer.stateless_call(trainable, state, first, **rest, training=training)

    return program


def shared(entry):
    """As `built`, but one instance, with the programs made for it, for all checks of an entry: as new for each."""
    layer, state = _shared(entry)
    for variable, value in zip(layer.variables, state, strict=True):
        variable.assign(value)
    return layer


@functools.lru_cache(maxsize=1)
def _shared(entry):
    layer = built(entry)
    return layer, state_of(layer)


def built(entry):
    """An instance whose weights come from a NumPy seed, in `get_weights()` order: the same on every backend."""
    layer, rng = entry.build(), np.random.default_rng(0)
    build(entry, layer)
    layer.set_weights([_drawn(rng, weight) for weight in layer.get_weights()])
    return layer


def build(entry, layer):
    """Let a layer have its weights. Most models have them from the beginning."""
    if not layer.built:
        call(layer, symbols_of(entry))


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


class Step(NamedTuple):
    """A compiled model of an entry's instance after one step of `fit`."""

    model: keras.Model
    inputs: dict  # the call arguments
    before: list  # the values of all weights
    history: dict


def one_step(entry, layer):
    """Train an entry's instance for a step; a layer gets a nudge before each float input."""
    model, inputs = as_model(entry, layer, nudged=True)
    # Where programs are not a must, one takes longer to make than to skip. `trained` uses the family's own recipe.
    jit = backend.prefers_jit(pays_on_cpu=False)
    loss = {} if entry.is_model else {"loss": ["mse"] * len(model.outputs)}
    model.compile(entry.optimizer(), jit_compile=jit, run_eagerly=not jit, **loss)
    before = model.get_weights()
    history = model.fit(*training_data(entry, model, inputs), steps_per_epoch=1, verbose=0).history
    return Step(model, inputs, before, history)


@functools.lru_cache(maxsize=1)
def stepped(entry):
    """As `one_step`, and the same for all checks that only look at it."""
    return one_step(entry, built(entry))


@functools.lru_cache(maxsize=1)
def trained(entry):
    """The entry as a compiled and fitted model, its call arguments, and its measure before and after `fit`.

    Checks that look at it do not change it. A layer takes one step, a model the family's own recipe.
    """
    if not entry.data:
        step = stepped(entry)
        return step.model, step.inputs, None, None
    model, inputs = as_model(entry, entry.build())
    model.compile()
    before = entry.measure(model, *entry.data())
    model.fit(*entry.data(), verbose=0, **entry.fit)
    return model, inputs, before, entry.measure(model, *entry.data())


def training_data(entry, model, inputs):
    """What `fit` takes: a layer learns random targets."""
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

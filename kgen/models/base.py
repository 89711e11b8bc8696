"""What every family shares: a working recipe, checked input, files that hold everything, presets, one lock."""

import functools
import threading
import warnings
from pathlib import Path

import keras
import numpy as np

from kgen import backend
from kgen.datasets.batches import ArrayBatches
from kgen.datasets.batches import ReorderedBatches
from kgen.datasets.folder_of_images import image_folder
from kgen.functional.adaptation import adapt
from kgen.functional.adaptation import adaptation_of
from kgen.functional.adaptation import add_lora
from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.presets import files
from kgen.presets import registry
from kgen.training.guards import EpochClock
from kgen.training.guards import StopOnNonFinite
from kgen.training.guards import TrainingFailed
from kgen.training.sample_images import SampleImages

ROWS_AT_ONCE = 64  # without gradients; PyTorch read a ViT's images up to a third faster than with 256


def exclusive(method):
    """Let one thread at a time into this method of a model; the thread that holds the model may come in again."""

    @functools.wraps(method)
    def locked(self, *args, **kwargs):
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class GenerativeModel(keras.Model):
    """Base of kgen's models. A family fills the holes and leaves the rest alone.

    Holes: `prepare(x, y)` checks and converts input, `batches(x, y, …)` cuts it, `default_optimizer()` is the recipe of
    `compile()`, `full_evaluation(...)` computes the honest figure; `for_data(data, **arguments)` builds a model that
    fits a data set and `choose_data(*parts)` picks what it learns from: with these two the command line trains any
    family. Text comes in more shapes than arrays do: `is_data(x)` says what is in memory, `encoded(dataset)` turns
    strings in somebody's batches into ids.

    Args:
        seed: int or None. Seeds the order of the data; a family seeds its weights with it too.

    Attributes:
        lock: re-entrant; every verb holds it, so threads may share a model and a callback may generate inside `fit`.
        epochs_trained: int, finished epochs in the life of this model; saved with it.
    """

    default_data = "digits"  # a data set that needs no download, for a first try on the command line
    xla_pays_on_cpu = False  # a family whose training step XLA makes faster on TensorFlow without a GPU says so

    def __init__(self, seed=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.epochs_trained = 0
        self.lock = threading.RLock()
        self._compiled_calls = {}
        self._quantized = None

    # Holes -----------------------------------------------------------------------------------------------------------

    @classmethod
    def for_data(cls, data, **arguments):
        """A model whose shapes fit `data`; `arguments` go to the constructor. The command line builds models so."""
        return cls(**arguments)

    @classmethod
    def choose_data(cls, *parts, **arguments):
        """Of the parts of a data set (images, labels, …), those that `fit` takes of a model with these `arguments`."""
        return parts[:1]

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        """The parts of the data set in a file or folder, as `kgen.datasets.load` returns those of a name."""
        return (image_folder(path, image_size=image_size),)

    def watches(self):
        """Callbacks that end an epoch before it is kept, by raising `TrainingFailed`, where it went wrong."""
        return []

    @classmethod
    def samples_callback(cls, folder, seed, data):
        """A callback that shows in `folder` what the model generates after each epoch; `data` is what it learns.

        None for a family that generates nothing.
        """
        return SampleImages(folder, seed=seed)

    def prepare(self, x, y=None):
        """Check in-memory input and turn it into arrays: returns (x, y)."""
        return np.asarray(x), None if y is None else np.asarray(y)

    def batches(self, x, y, batch_size, shuffle=False):
        """What `prepare` returned as a `PyDataset` whose order is a function of (seed, epoch)."""
        return ArrayBatches(_pair(x, y), batch_size, shuffle=shuffle, seed=self._order_seed())

    def encoded(self, dataset):
        """Somebody's iterable of batches, as Keras can take it."""
        return dataset

    @staticmethod
    def is_data(x):
        """Whether x is data as a whole (else it is an iterable of batches, which Keras handles itself)."""
        return isinstance(x, np.ndarray | list | tuple | dict) or keras.ops.is_tensor(x)

    def default_optimizer(self):
        """The optimizer that `compile()` takes when it is given none."""
        return keras.optimizers.Adam(1e-3)

    def full_evaluation(self, x, y=None, **options):
        """The family's honest figure, as a dict; called by `evaluate(x, full=True)`."""
        raise ValueError(f"full: {type(self).__name__} has no figure beyond evaluate(x)")

    # Keras's verbs ---------------------------------------------------------------------------------------------------

    def compile(self, optimizer=None, *, jit_compile="auto", **kwargs):
        """As `keras.Model.compile`; without an optimizer the family's own recipe is used.

        `jit_compile="auto"` asks for XLA wherever kgen measured that it pays, also on TensorFlow without a GPU.
        """
        self._jit_asked = jit_compile
        if jit_compile == "auto":
            jit_compile = backend.prefers_jit(self.xla_pays_on_cpu) and not kwargs.get("run_eagerly", False)
        super().compile(optimizer=optimizer or self.default_optimizer(), jit_compile=jit_compile, **kwargs)
        backend.quicken(self.optimizer)

    def get_compile_config(self):
        config = super().get_compile_config()
        if config:
            config["jit_compile"] = self._jit_asked  # what was asked for, not what it meant on this backend
        return config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    @exclusive
    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        *,
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        validation_batch_size=None,
        shuffle=True,
        **kwargs,
    ):
        """As `keras.Model.fit`, with input checked first, and an order of the data that only `seed` and epoch decide.

        `shuffle` reorders the rows of arrays and the batches of a `PyDataset`, unless that has an order for each epoch
        of its own (`start_epoch(epoch)`); other iterables keep their order.

        Raises:
            ValueError: input that the model cannot be trained on; says what was expected and what came.
            TrainingFailed: the loss became NaN or infinite, or what else a family watches for. The model has the
                weights of its last good epoch.
        """
        self._assert_compile_called("fit")
        if self.is_data(x):
            x, y = self.prepare(x, y)
            if validation_split and validation_data is None:
                if not 0 < validation_split < 1:
                    raise ValueError(f"validation_split: expected a number in (0, 1), got {validation_split!r}")
                split = int(len(x) * (1 - validation_split))
                validation_data = (x[split:], None if y is None else y[split:])
                x, y = x[:split], None if y is None else y[:split]
            x, y = self.batches(x, y, batch_size or 32, shuffle), None
        else:
            x = self.encoded(x)
            if isinstance(x, keras.utils.PyDataset) and shuffle and not hasattr(x, "start_epoch"):
                x = ReorderedBatches(x, seed=self._order_seed())
        if validation_data is not None:
            validation_data = self._validation(validation_data, validation_batch_size or batch_size)
        if self.built and not self.optimizer.built:  # TensorFlow would do so in the first step: too late for the guard
            self.optimizer.build(self.trainable_variables)
        guard = StopOnNonFinite()
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [callbacks] if isinstance(callbacks, keras.callbacks.Callback) else list(callbacks or [])
            callbacks = [*self.watches(), EpochClock(x), guard, *callbacks]
        try:
            # Stock shuffling draws from a global generator whose state nobody saves.
            return super().fit(x, y, callbacks=callbacks, validation_data=validation_data, shuffle=False, **kwargs)
        except TrainingFailed:
            guard.restore()
            raise

    @exclusive
    def evaluate(self, x=None, y=None, batch_size=None, *, full=False, **kwargs):
        """As `keras.Model.evaluate`: cheap, stock, repeatable. With `full=True` the family's honest figure, as a dict.

        Options of `full=True` are the family's own; see its class.
        """
        if full:
            return self.full_evaluation(*self.prepare(x, y), **kwargs)
        if self.is_data(x) and not kwargs.get("_use_cached_eval_dataset"):
            x, y = self.batches(*self.prepare(x, y), batch_size or 32), None
            batch_size = None
        elif not kwargs.get("_use_cached_eval_dataset"):
            x = self.encoded(x)
        return super().evaluate(x, y, batch_size=batch_size, **kwargs)

    @exclusive
    def predict(self, x, batch_size=None, **kwargs):
        """As `keras.Model.predict`, with input checked first. Two threads may call it at the same time."""
        if self.is_data(x):
            x, batch_size = ArrayBatches(_pair(*self.prepare(x)), batch_size or 32), None
        return super().predict(x, batch_size=batch_size, **kwargs)

    # Files -----------------------------------------------------------------------------------------------------------

    def quantize(self, mode=None, **kwargs):
        """As `keras.Model.quantize`, without a warning for each layer that has nothing to quantize."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*does not have a `quantize` method")
            super().quantize(mode, **kwargs)
        self._quantized = mode
        self._compiled_calls.clear()

    @exclusive
    def enable_lora(self, rank):
        """Fine-tune with adapters: W + A B for each dense layer's W, and nothing but A and B learns from now on.

        After `quantize("int8")` the base has a byte a weight. Call `compile` behind it. The file keeps it all.

        Args:
            rank: int ≥ 1, of the change A B.

        Reference: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, 2022.
        """
        check_int("rank", rank, minimum=1)
        add_lora(self, rank)
        self._compiled_calls.clear()

    def get_config(self):
        adaptation = adaptation_of(self, self._quantized)
        return {**super().get_config(), **arguments_of(self), **({"adaptation": adaptation} if adaptation else {})}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        adaptation = config.pop("adaptation", None)
        # Tokenizers and models among the arguments were serialized with it.
        revived = {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
            if isinstance(value, dict) and "registered_name" in value and name != "dtype"
        }
        model = super().from_config({**config, **revived})
        if adaptation:
            adapt(model, adaptation)
        return model

    @exclusive
    def save(self, filepath, overwrite=True, **kwargs):
        """As `keras.Model.save`, but all or nothing: a crash or a full disk leaves the old file as it was."""
        path = Path(filepath)
        if path.suffix != ".keras" or not kwargs.get("zipped", True):
            return super().save(filepath, overwrite=overwrite, **kwargs)
        if path.exists() and not overwrite:
            raise FileExistsError(f"filepath: {path} exists and overwrite is False")
        if self.compiled and self.built and not self.optimizer.built:  # as it will be where the file is read
            self.optimizer.build(self.trainable_variables)
        with files.atomic_write(path) as temporary:
            super().save(temporary, **kwargs)

    def save_own_variables(self, store):
        # Beyond its weights a model is its random state and its age: with them a training resumes exactly.
        super().save_own_variables(store)
        states = [np.asarray(keras.ops.convert_to_numpy(v.value)).astype("int64") for v in self._random_state()]
        store["random_state"] = np.stack(states)
        store["epochs_trained"] = np.array(self.epochs_trained, "int64")

    def load_own_variables(self, store):
        super().load_own_variables({key: store[key] for key in store.keys() if key.isdigit()})  # noqa: SIM118
        for variable, value in zip(self._random_state(), np.asarray(store["random_state"]), strict=True):
            variable.assign(value.astype(keras.backend.standardize_dtype(variable.dtype)))
        self.epochs_trained = int(np.asarray(store["epochs_trained"]))

    @exclusive
    def save_to_preset(self, folder, card=""):
        """Write `config.json`, `model.safetensors` (float16) and `card.md` into a folder; see `kgen.presets`.

        What was trained in mixed precision will compute in float32. Of a network and its moving average the average is
        written, and loads as both.
        """
        registry.write(self, folder, card)

    @classmethod
    def from_preset(cls, name):
        """A trained model by the name of a shipped preset, from a folder, or from "hf://user/repository".

        Raises:
            ValueError: no such preset, a damaged or foreign file, or a preset of another class.
        """
        return registry.read(name, cls)

    # What families use -----------------------------------------------------------------------------------------------

    def call_compiled(self, layer, *inputs, batch_size=ROWS_AT_ONCE):
        """The forward pass of one sublayer for inference: compiled once, in bounded memory, NumPy in and out."""
        several = len(inputs) > 1 and isinstance(layer, keras.Model)  # a model takes its inputs as one list

        def forward(*arrays):
            return layer(*([list(arrays)] if several else arrays), training=False)

        return self.compute_rows(layer.name, forward, layer.variables, *inputs, batch_size=batch_size)

    def compute_rows(self, name, function, variables, *inputs, batch_size=ROWS_AT_ONCE, smallest=1):
        """`function` of rows, compiled once for each `name`; it reads `variables`.

        Rows are computed in groups of a power of two, of at least `smallest`, so that a new number of rows does not
        compile anew. Groups of one size compute a row to the last bit alike.
        """
        if name not in self._compiled_calls:
            self._compiled_calls[name] = backend.compiled(function, variables)
        function, n = self._compiled_calls[name], len(inputs[0])
        group = min(batch_size, max(smallest, 1 << (n - 1).bit_length()))
        outputs = []
        for start in range(0, n, group):
            rows = [np.asarray(array[start : start + group]) for array in inputs]
            padded = [np.pad(array, [(0, group - len(array))] + [(0, 0)] * (array.ndim - 1)) for array in rows]
            result = function(*(keras.ops.convert_to_tensor(array) for array in padded))
            outputs.append(keras.ops.convert_to_numpy(result)[: len(rows[0])])
        return np.concatenate(outputs)

    def _order_seed(self):
        return int(keras.ops.convert_to_numpy(self.seed_generator.state.value)[0])

    def _random_state(self):
        weights = {id(variable) for variable in self.weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    def _validation(self, data, batch_size):
        x, y = (*data, None)[:2] if isinstance(data, tuple) else (data, None)
        if not self.is_data(x):
            return self.encoded(data)
        return self.batches(*self.prepare(x, y), batch_size or 32)


def _pair(x, y):
    return (x,) if y is None else (x, y)


def load(path):
    """Load a model from a `.keras` file or from a run folder that holds `model.keras`.

    The file is checked first; nothing in it is executed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, not a Keras model, or of a class that is not known here.

    Example:

    >>> import kgen  # doctest: +SKIP
    >>> model = kgen.load("runs/vae")  # doctest: +SKIP
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.keras"
    files.check_keras_file(path)
    try:
        return keras.saving.load_model(path)
    except Exception as error:
        raise ValueError(f"{path}: not a model that can be loaded here: {str(error).splitlines()[0]}") from error

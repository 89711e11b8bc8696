"""A training run in a folder: made, stopped at any moment, and gone on with exactly.

    config.json          what was asked for, resolved
    model.keras          the model after its last finished epoch, with optimizer, random state and age
    history.csv          every part of the loss, a row an epoch
    callbacks.json       what callbacks remember (best value, patience), for the last two epochs
    samples/             what the model generated after each epoch

At the end of an epoch the model is written last and in one step, so it alone decides how far the run has come.
"""

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path

import keras
import numpy as np

from kgen import __version__
from kgen import backend
from kgen.functional.checks import check_int
from kgen.models.base import load
from kgen.presets import files
from kgen.training.grouped_optimizer import GroupedOptimizer
from kgen.training.interrupts import StopOnInterrupt

REMEMBERED = ("best", "best_epoch", "wait", "stopped_epoch", "cooldown_counter")
MAY_CHANGE = {"epochs", "backend", "kgen"}  # of a configuration, when a run goes on


class RunFolder(keras.callbacks.Callback):
    """Writes a run's files at the end of each epoch. Goes last among the callbacks, which it also saves.

    Args:
        folder: an existing run folder.
        others: the callbacks whose memory is saved and, after a resume, restored.
    """

    def __init__(self, folder, others=()):
        super().__init__()
        self.folder = Path(folder)
        self.others = list(others)

    def on_train_begin(self, logs=None):
        # Callbacks forget at the beginning of a training; this one comes after them and reminds them.
        age = self.model.epochs_trained
        self._rows = [row for row in read_history(self.folder) if int(row["epoch"]) <= age]
        self._memory = read_memory(self.folder)
        for callback in self.others:
            for name, value in self._memory.get(str(age), {}).get(type(callback).__name__, {}).items():
                setattr(callback, name, value)

    def on_epoch_end(self, epoch, logs=None):
        age = self.model.epochs_trained
        self._rows.append({"epoch": age, **{name: repr(float(value)) for name, value in (logs or {}).items()}})
        table = io.StringIO()
        columns = dict.fromkeys(name for row in self._rows for name in row)  # some figures come every few epochs only
        writer = csv.DictWriter(table, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        _write(self.folder / "history.csv", table.getvalue())

        remembered = {type(one).__name__: _memory_of(one) for one in self.others}
        self._memory = {str(age - 1): self._memory.get(str(age - 1), {}), str(age): remembered}
        _write(self.folder / "callbacks.json", json.dumps(self._memory))
        self.model.save(self.folder / "model.keras")


def train(cls, config, out, resume=False, overwrite=False, callbacks=(), verbose="auto", start=None):
    """Train a model in a run folder, from its beginning or from where it stopped.

    Args:
        cls: a model class of kgen.
        config: dict with "data", "data_dir", "image_size", "arguments" (of the constructor), "epochs", "batch_size",
            "learning_rate", "dtype", "validation_split", "patience" and "seed".
        out: the run folder.
        resume: go on with what is there. `config` must agree with it, save for the number of epochs.
        overwrite: throw away what is there.
        callbacks: further Keras callbacks.
        verbose: as in `fit`.
        start: None, or a function that returns the trained model to begin with, which "start" in `config` names.

    Returns:
        the trained model.

    Raises:
        KeyboardInterrupt: Ctrl-C; the folder holds the last finished epoch.
        FileExistsError: there is a run already and neither `resume` nor `overwrite`.
        ValueError: the run that is there is another one.
    """
    out = Path(out)
    check_int("epochs", config["epochs"], minimum=1)
    config = {"model": cls.__name__, **config, "backend": backend.running(), "kgen": __version__}
    data = cls.choose_data(*load_data(cls, config, "train"), **config["arguments"])
    model = _resume(cls, config, out, data, start) if resume else _begin(cls, config, out, overwrite, data, start)

    others = list(callbacks)
    if config["patience"]:
        others.append(keras.callbacks.EarlyStopping("val_loss", patience=config["patience"]))
    samples = cls.samples_callback(out / "samples", config["seed"], data)
    if model.epochs_trained < config["epochs"]:
        with StopOnInterrupt() as interrupt:
            model.fit(
                *data,
                batch_size=config["batch_size"],
                epochs=config["epochs"],
                initial_epoch=model.epochs_trained,
                validation_split=config["validation_split"],
                callbacks=[*others, *([samples] if samples else []), RunFolder(out, others), interrupt],
                verbose=verbose,
            )
    return model


def load_data(cls, config, split):
    """The data set that a configuration names: a name of `kgen.datasets.load`, or a path that the family can read, for
    a model with its arguments."""
    if Path(config["data"]).exists():
        return cls.read_data(config["data"], config["image_size"], **config["arguments"])
    return load_named(config["data"], split, config["data_dir"])


def load_named(name, split, data_dir):
    """The parts of a data set of `kgen.datasets.load`; what looks like a path and is none is an error of its own."""
    from kgen import datasets
    from kgen.datasets import catalog

    looks_like_a_path = Path(name).suffix or len(Path(name).parts) > 1
    if looks_like_a_path and not catalog.is_name(name):
        raise FileNotFoundError(f"--data: no such file or folder: {name}")
    parts = datasets.load(name, split=split, data_dir=data_dir)
    return parts if isinstance(parts, tuple) else (parts,)


def held_out(config, data):
    """Of the data in a file or folder, what `train` did not learn from: (parts, how to call them)."""
    if config["validation_split"] and all(isinstance(part, list | np.ndarray) for part in data):
        start = int(len(data[0]) * (1 - config["validation_split"]))  # as in `fit`
        return [part[start:] for part in data], "the share that was held out"
    return data, "which it was trained on"


def read_config(folder):
    """The configuration of a run.

    Raises:
        FileNotFoundError: this is no run folder.
        ValueError: the file is damaged.
    """
    return files.read_json(Path(folder) / "config.json")


def read_history(folder):
    """The rows of history.csv as dicts of strings; none when there is no history yet."""
    path = Path(folder) / "history.csv"
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) if path.exists() else []


def read_memory(folder):
    """What callbacks remembered, by epoch and class name; empty when nothing was written yet."""
    path = Path(folder) / "callbacks.json"
    return files.read_json(path) if path.exists() else {}


def check_free(out, overwrite):
    """Refuse a folder that is taken, unless a run in it may be overwritten."""
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"--out: {out} is a file, expected a folder")
    if out.is_dir() and any(out.iterdir()):
        if not overwrite:
            raise FileExistsError(f"--out: {out} exists; go on with --resume, or replace it with --overwrite")
        if not (out / "config.json").exists():
            raise FileExistsError(f"--out: {out} is not a run folder, so not even --overwrite empties it")


def clear(out, keep=()):
    """Remove the files of a run, if there are any, save for those to `keep`."""
    for name in {"config.json", "model.keras", "history.csv", "callbacks.json", "detector.zip"} - {*keep}:
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / "samples", ignore_errors=True)


def _begin(cls, config, out, overwrite, data, start):
    check_free(out, overwrite)
    clear(out)
    model = _build(cls, config, data, start)
    out.mkdir(parents=True, exist_ok=True)
    config["resolved"] = _resolved(model)
    _write(out / "config.json", json.dumps(config, indent=2))
    return model


def _resume(cls, config, out, data, start):
    there = read_config(out)
    if there.get("model") != cls.__name__:
        raise ValueError(f"--resume: {out} holds a {there.get('model')}, not a {cls.__name__}")
    if changed := [key for key in config if key not in MAY_CHANGE and config[key] != there.get(key)]:
        differences = ", ".join(f"{key}: {there.get(key)!r} there, {config[key]!r} now" for key in changed)
        raise ValueError(f"--resume: {out} was started differently ({differences}); repeat its options or begin anew")
    stopped_early = not (out / "model.keras").exists()  # before its first epoch was over
    model = _build(cls, config, data, start) if stopped_early else load(out / "model.keras")
    config["resolved"] = there.get("resolved")
    _write(out / "config.json", json.dumps(config, indent=2))
    return model


def _build(cls, config, data, start):
    keras.utils.set_random_seed(config["seed"])
    if start is None:
        with _policy(config.get("dtype")):
            model = cls.for_data(*data, **{"seed": config["seed"], **config["arguments"]})
    else:
        model = _started(cls, config, start())
    model.compile(_with_rate(model.default_optimizer(), config["learning_rate"]) if config["learning_rate"] else None)
    return model


@contextlib.contextmanager
def _policy(name):
    """Keras's dtype policy, for as long as a model is built."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _started(cls, config, model):
    """A trained model at the beginning of another training."""
    if type(model) is not cls:
        raise ValueError(f"--start: {config['start']} holds a {type(model).__name__}, not a {cls.__name__}")
    if config["arguments"]:
        raise ValueError(f"--set: what begins with {config['start']} keeps its arguments")
    if config.get("dtype"):
        raise ValueError(f"--dtype: what begins with {config['start']} keeps its own")
    model.epochs_trained = 0
    model.seed_generator.state.assign(keras.random.SeedGenerator(config["seed"]).state)
    return model


def _with_rate(optimizer, rate):
    """An optimizer like this one with another learning rate: the peak of its schedule, if that rises to one.

    One for several networks gets it for each of them.
    """
    if isinstance(optimizer, GroupedOptimizer):
        return GroupedOptimizer(
            {name: _with_rate(one, rate) for name, one in optimizer.optimizers.items()}, optimizer.every
        )
    settings = optimizer.get_config()
    schedule = settings["learning_rate"]
    if isinstance(schedule, dict) and "peak" in schedule["config"]:
        schedule["config"]["peak"] = rate
    else:
        settings["learning_rate"] = rate
    return type(optimizer).from_config(settings)


def _resolved(model):
    config = keras.saving.serialize_keras_object(model)["config"]
    if config.get("tokenizer"):  # a whole vocabulary, which is in the model's file
        config["tokenizer"] = config["tokenizer"]["class_name"]
    return config


def _memory_of(callback):
    known = ((name, getattr(callback, name, None)) for name in REMEMBERED)
    return {name: value if isinstance(value, int) else float(value) for name, value in known if value is not None}


def _write(path, text):
    with files.atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

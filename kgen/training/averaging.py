"""One model out of the last checkpoints of a training."""

import json
import os

import keras
import numpy as np

from kgen.presets import files


def average_weights(paths):
    """Load the model of several checkpoints, with the mean of their weights.

    Late in a training the weights jump about a good place; their mean lies nearer to it. Vaswani et al. average the
    last 5 checkpoints. One model at a time is in memory, beside the sum in float64.

    Args:
        paths: `.keras` files of one model at different times, the latest last.

    Returns:
        the model of the last file, compiled if it was, with the mean of all weights that are floats, taken in float64.
        Weights that are integers, the optimizer's state, the random state and the age are the last file's.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: no files, or one that is damaged, of another model, or quantized; it is named.

    Example: `keras.callbacks.ModelCheckpoint` keeps a file for each epoch.

    >>> import pathlib, tempfile, keras, kgen
    >>> images, labels = kgen.datasets.load("digits")
    >>> model = kgen.models.VAE((8, 8, 1), latent_dim=2, architecture="mlp", hidden_dims=(8,), seed=1)
    >>> model.compile()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoints = keras.callbacks.ModelCheckpoint(folder + "/{epoch:04d}.keras")
    ...     history = model.fit(images, epochs=3, callbacks=[checkpoints], verbose=0)
    ...     last = sorted(pathlib.Path(folder).glob("*.keras"))[-2:]
    ...     model = kgen.training.average_weights(last)

    Reference: Vaswani et al., Attention Is All You Need, 2017, section 6.1; Izmailov et al., Averaging Weights Leads to
    Wider Optima and Better Generalization, 2018.
    """
    if isinstance(paths, str | os.PathLike) or not hasattr(paths, "__iter__"):
        raise ValueError(f"paths: expected a list of .keras files, got {paths!r}")
    paths = list(paths)
    if not paths:
        raise ValueError("paths: expected at least one .keras file, got an empty list")
    for path in paths:  # before the first of them takes its time
        files.check_keras_file(path)

    sums = described = None
    for number, path in enumerate(paths, 1):
        model = None  # so that there is never more than one
        model = _loaded(path, compile=number == len(paths))
        floats = _floats(model, path)
        if sums is None:
            described = _description(model)
            sums = [np.zeros(weight.shape, "float64") for weight in floats]
        _check_same(described, _description(model), paths[0], path)
        for total, weight in zip(sums, floats, strict=True):
            total += keras.ops.convert_to_numpy(weight.value).astype("float64")
    for total, weight in zip(sums, floats, strict=True):
        weight.assign((total / len(paths)).astype("float32"))
    return model


def _loaded(path, compile):
    try:
        return keras.saving.load_model(path, compile=compile)
    except Exception as error:
        raise ValueError(f"paths: {path} cannot be loaded here: {str(error).splitlines()[0]}") from error


def _floats(model, path):
    """The weights that can be averaged: those that are floats, bfloat16 too, which NumPy would not call one."""
    if any(weight.dtype in ("int8", "uint8") for weight in model.weights):
        raise ValueError(f"paths: {path} is quantized, and such weights have no mean; average first, then quantize")
    return [weight for weight in model.weights if "float" in weight.dtype]


def _description(model):
    """What checkpoints of one model have in common, by name."""
    config = {name: value for name, value in model.get_config().items() if name != "name"}
    config = {name: json.dumps(value, default=str, sort_keys=True) for name, value in config.items()}
    shapes = ", ".join(f"{weight.name} {tuple(weight.shape)}" for weight in model.weights)
    return {"class": type(model).__name__, **config, "weights": shapes}


def _check_same(expected, found, first, path):
    for name in expected | found:
        one, other = expected.get(name), found.get(name)
        if one != other:
            raise ValueError(
                f"paths: expected checkpoints of one model, but {name} is {other!s:.60} in {path} "
                f"and {one!s:.60} in {first}"
            )

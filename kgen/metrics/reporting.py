"""One line that says all there is to know about a figure."""

import os
import time
from importlib import metadata

import keras

from kgen import backend
from kgen.backend.device import processor


def report(experiment, figures, model=None, seed=None, started=None):
    """Print a figure together with what produced it, and return the line.

    Args:
        experiment: what was run.
        figures: dict of name to number; say the unit in the name ("nll (nats)").
        model: a Keras model, for its number of parameters, or None.
        seed: the seed of the run, or what is to be said of several, or None.
        started: `time.time()` at its start, or None.

    Example:

    >>> import kgen
    >>> line = kgen.metrics.report("tiny", {"accuracy": 0.5}, seed=1)  # doctest: +ELLIPSIS
    tiny | accuracy 0.5 | seed 1 | ...
    """
    facts = [experiment, *(f"{key} {_short(value)}" for key, value in figures.items())]
    if seed is not None:
        facts.append(f"seed {seed}")
    facts.append(versions())
    if model is not None:
        facts.append(f"{model.count_params():,} parameters")
    facts.append(f"{processor()}, {os.cpu_count()} cores")
    if started is not None:
        facts.append(f"{time.time() - started:.0f} s")
    line = " | ".join(facts)
    print(line)
    return line


def versions():
    """The backend's name and version, and that of Keras, as one str: what a figure stands beside.

    Example:

    >>> import kgen
    >>> kgen.metrics.versions()  # doctest: +ELLIPSIS
    '..., keras ...'
    """
    name = backend.running()
    return f"{name} {_version(name)}, keras {keras.version()}"


def _short(value):
    if hasattr(value, "signature"):
        return repr(value)  # how it was counted belongs to the figure
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _version(package):
    for name in (package, f"{package}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "of unknown version"

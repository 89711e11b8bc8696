"""What the benchmarks share: a process for each figure, ratios within a turn, and what machine it was.

A busy machine drifts by a third within minutes. So contestants take turns, A B A B …, each time in a new process, and a
ratio is taken between two figures of the same turn.
"""

import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from importlib import metadata

from kgen.backend.device import processor

BACKENDS = ("tensorflow", "jax", "torch")
PACKAGES = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "keras-hub",
    "transformers",
    "diffusers",
    "ctranslate2",
    "pyod",
    "gensim",
    "numpy",
)
# An `environment` for `ask` in which OpenMP's threads wait as the user has said, or as they do by themselves.
AS_IT_IS = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY")}


def is_here(module):
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None


def backends_here():
    return [name for name in BACKENDS if is_here(name)]


def fastest(function, times):
    """The least seconds of so many calls."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def ask(script, *words, backend=None, environment=None):
    """The JSON in the last line that another process of this script prints; None if it fails.

    `environment` maps further variables to their values, or to None for those that shall not be set.
    """
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_WAIT_POLICY": "PASSIVE", **(environment or {})}
    if backend:
        variables["KERAS_BACKEND"] = backend
    variables = {name: value for name, value in variables.items() if value is not None}
    done = subprocess.run([sys.executable, script, *map(str, words)], env=variables, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        print(f"{' '.join(map(str, words))}, {backend}: {reason}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def in_turns(script, contestants, turns, environment=None):
    """Each contestant once a turn, each time in a new process: a list of {contestant: what it found out}.

    `contestants` maps a name to (backend, words for the script); `environment` is that of `ask`.
    """
    return [
        {
            name: ask(script, *words, backend=backend, environment=environment)
            for name, (backend, words) in contestants.items()
        }
        for _ in range(turns)
    ]


def ratios(turns, figure, one, other):
    """figure(one) / figure(other) of each turn in which both succeeded."""
    both = [(turn.get(one), turn.get(other)) for turn in turns]
    return [figure(a) / figure(b) for a, b in both if a and b]


def spread(values, form=".2f"):
    """The median, and in brackets the smallest and the largest value."""
    if not values:
        return "–"
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def facts(started, seed=None):
    """Seed, versions, machine and time in one line."""
    found = [] if seed is None else [f"seed {seed}"]
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return ", ".join([*found, processor(), f"{os.cpu_count()} cores", f"{time.time() - started:.0f} s"])

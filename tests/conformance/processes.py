"""Other processes: what a model file gives where nothing of this one is known."""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from kgen import backend
from tests.conformance.comparing import load_arrays
from tests.conformance.entries import as_model
from tests.conformance.entries import built
from tests.conformance.entries import outputs_of
from tests.conformance.entries import positional

ROOT = Path(__file__).parents[2]
IN_FRESH_PROCESS = {}  # name of an entry → [expected outputs, those of the other process or, as text, what went wrong]

# What a user would write: it knows nothing of these tests. Arguments: a tag for its output files, folders to read.
READER = """
import pickle
import sys
from pathlib import Path
import kgen
import keras
import numpy as np
from kgen import backend

def program(trainable, state, first, rest):  # on JAX the one that was made before: the cache on disk has it
    return model.stateless_call(trainable, state, first, **rest, training=False)

for path in sorted(path for folder in sys.argv[2:] for path in Path(folder).glob("*.keras")):
    target = path.with_suffix("." + sys.argv[1])
    try:
        model = keras.saving.load_model(path)
        first, rest = pickle.loads(path.with_suffix(".inputs").read_bytes())
        if backend.prefers_jit(pays_on_cpu=False):
            variables = model.trainable_variables, model.non_trainable_variables
            values = ([variable.value for variable in part] for part in variables)
            outputs, _ = backend.compiled(program)(*values, first, rest)
        else:
            outputs = model(first, **rest, training=False)
        np.savez(f"{target}.npz", *map(keras.ops.convert_to_numpy, keras.tree.flatten(outputs)))
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


def outputs_in_fresh_process(entry):
    """What `IN_FRESH_PROCESS` holds for an entry; a process of its own fills it in if need be."""
    if entry.name not in IN_FRESH_PROCESS:
        load_in_fresh_process([entry])
    return IN_FRESH_PROCESS[entry.name]

"""What must happen around the first `import keras`: an installed backend before it, kgen's classes known after it.

`import kgen` itself loads no framework. It waits, through Python's import hooks, for whoever imports keras first: the
user, or one of kgen's own modules.
"""

import importlib.abc
import importlib.util
import json
import logging
import os
import sys
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")  # keras's own name for each is also the name of the package and of our extra

log = logging.getLogger("kgen")


def installed_backends():
    """Names of the backends that can be imported, without importing any."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def configured_backend():
    """What keras would choose: `KERAS_BACKEND`, else keras.json, else TensorFlow; and whether somebody asked for it."""
    asked = os.environ.get("KERAS_BACKEND")
    if asked:
        return asked, True
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        return json.loads((home / "keras.json").read_text()).get("backend", "tensorflow"), False
    except (OSError, ValueError):
        return "tensorflow", False


def choose_backend():
    """Leave keras a backend that works: respect an explicit choice, replace an implicit one that is not installed.

    Raises:
        ImportError: `KERAS_BACKEND` names a backend that is not installed, or none is installed at all.
    """
    installed = installed_backends()
    choice, asked = configured_backend()
    if choice in installed:
        return
    if asked:
        if choice not in BACKENDS:
            raise ImportError(f"KERAS_BACKEND={choice!r}: kgen runs on {', '.join(BACKENDS)}")
        raise ImportError(
            f"KERAS_BACKEND={choice!r}, but {choice} is not installed: pip install 'keras-kgen[{choice}]'"
            + (f", or set KERAS_BACKEND to {' or '.join(installed)}, which you have" if installed else "")
        )
    if not installed:
        raise ImportError(
            f"keras needs one of {', '.join(BACKENDS)} and none is installed: pip install 'keras-kgen[jax]', "
            "'keras-kgen[torch]' or 'keras-kgen[tensorflow]'"
        )
    os.environ["KERAS_BACKEND"] = next(name for name in ("jax", "torch", "tensorflow") if name in installed)
    log.warning("kgen: %s is not installed; using KERAS_BACKEND=%s", choice, os.environ["KERAS_BACKEND"])


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds keras as everybody else does, and wraps the moment of its execution."""

    def __init__(self, then):
        self.then = then

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec("keras")
            if spec is not None:
                choose_backend()
        except ImportError:
            sys.meta_path.insert(0, self)  # the user may set another backend and try again
            raise
        if spec is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            _after_keras(self.then)

        spec.loader.exec_module = exec_module
        return spec


def _after_keras(then):
    from kgen import backend

    if os.environ.get("KGEN_DETERMINISTIC"):
        backend.make_deterministic()
    if device := os.environ.get("KGEN_DEVICE"):
        backend.place(device)
    then()


def prepare_keras(then):
    """Call `then` as soon as keras is there: now, or right after its first import."""
    if "keras" in sys.modules:
        _after_keras(then)
    else:
        sys.meta_path.insert(0, _KerasFinder(then))

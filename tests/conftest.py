"""Every test begins with the same state, whatever ran before it; nothing is compiled twice."""

import gc
import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `from tests import zoo` works however pytest was started


def pytest_configure(config):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is first imported
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # torch's threads else spin where others want to work
    # On JAX most of the time goes into compiling hundreds of small functions: keep them for the next run, and for the
    # processes that tests start. `pytest --cache-clear` forgets them.
    if hasattr(config, "cache"):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        config.addinivalue_line("filterwarnings", "ignore:Error (reading|writing) persistent compilation cache")


# What says the same on every backend, because it touches no network, or does so only by ways that other tests take on
# each: CI runs it on PyTorch, which compiles nothing. A test in there marked `every_backend` is an exception.
ON_ANY_BACKEND = (
    "cli",
    "datasets",
    "demos",
    "metrics",
    "plots",
    "presets",
    "tokenizers",
    "test_docstrings.py",
    "test_floors.py",
    "test_harness.py",
    "test_packaging.py",
)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    for item in items:
        if top_of(item.path) in ON_ANY_BACKEND and not item.get_closest_marker("every_backend"):
            item.add_marker("any_backend")


def top_of(path):
    """The first folder, or the file, below tests/."""
    return path.relative_to(Path(__file__).parent).parts[0]


PROGRAMS = ("test_conformance.py", "backend", "decoding", "diffusion")  # in tests/


@pytest.fixture(scope="session")
def compiled():
    from kgen import backend

    return backend.compiled


@pytest.fixture(autouse=True, scope="module")
def few_programs(request, compiled):
    """On TensorFlow loops run in Python, and steps without XLA: to make a program that runs once takes seconds.

    They are made where they are looked at: in what PROGRAMS names, among it the conformance tests, which train and use
    every family as people do; and in tests that ask for `programs`.
    """
    import keras

    looked_at = top_of(request.path) in PROGRAMS
    with pytest.MonkeyPatch.context() as patch:
        if keras.config.backend() == "tensorflow" and not looked_at:
            patch.setattr("kgen.models.base_writing.WritingModel.xla_pays_on_cpu", False)
            patch.setattr("kgen.backend.compiled", lambda function, variables=(): function)
        yield
    gc.collect()


@pytest.fixture
def programs(compiled, monkeypatch):
    """Loops are programs, as they are for people."""
    monkeypatch.setattr("kgen.backend.compiled", compiled)


@pytest.fixture(autouse=True, scope="session")
def tests_so_far():
    return itertools.count()


@pytest.fixture(autouse=True)
def forgotten_programs(tests_so_far):
    """JAX keeps each function it has compiled and all that belongs to it: gigabytes, through which Python then walks
    again and again in search of garbage. The cache on disk gives back what is needed again."""
    yield
    if next(tests_so_far) % 50 == 49 and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
        gc.collect()


@pytest.fixture(autouse=True)
def fresh_state():
    import keras

    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)

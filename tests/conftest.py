"""Every test begins with the same state, whatever ran before it; nothing is compiled twice."""

import contextlib
import gc
import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `from tests import zoo` works however pytest was started

from tests.programs import few_programs


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
    "test_pages.py",
)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    for item in items:
        if top_of(item.path) in ON_ANY_BACKEND and not item.get_closest_marker("every_backend"):
            item.add_marker("any_backend")


def top_of(path):
    """The first folder, or the file, below tests/."""
    return path.relative_to(Path(__file__).parent).parts[0]


# Where programs are looked at, also on TensorFlow.
PROGRAMS = ("test_conformance.py", "backend", "decoding", "diffusion")


@pytest.fixture(scope="session")
def as_for_people():
    from kgen import backend

    return {name: getattr(backend, name) for name in ("compiled", "prefers_jit")}


@pytest.fixture(autouse=True, scope="module")
def programs_where_they_are_looked_at(request, as_for_people):
    """Elsewhere `few_programs`; single tests ask for `programs`."""
    with contextlib.nullcontext() if top_of(request.path) in PROGRAMS else few_programs():
        yield


@pytest.fixture
def programs(as_for_people, monkeypatch):
    """Loops are programs, and steps are compiled, as they are for people."""
    for name, function in as_for_people.items():
        monkeypatch.setattr(f"kgen.backend.{name}", function)


@pytest.fixture(autouse=True, scope="session")
def tests_so_far():
    import keras  # noqa: F401  # the first hundred thousands of objects that stay

    gc.freeze()
    return itertools.count()


@pytest.fixture(autouse=True)
def little_to_walk_through(tests_so_far):
    """Frameworks keep millions of objects, through which Python walks again and again in search of garbage, for seconds
    each time. What is no garbage now is not looked at any more.

    JAX also keeps each function it has compiled and all that belongs to it: gigabytes. The cache on disk gives back
    what is needed again.
    """
    yield
    if next(tests_so_far) % 50 == 49:
        if "jax" in sys.modules:
            sys.modules["jax"].clear_caches()
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def fresh_state():
    import keras

    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)

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


@pytest.fixture(autouse=True, scope="module")
def few_programs(request):
    """Without XLA where it is a matter of speed only: TensorFlow keeps each program of some hundred MB for good.

    The conformance tests train every family as its users do.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not request.module.__name__.endswith("test_conformance"):
            patch.setattr("kgen.models.base_writing.WritingModel.xla_pays_on_cpu", False)
        yield
    gc.collect()


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

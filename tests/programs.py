"""TensorFlow without XLA: to make a program that runs once takes it seconds."""

import contextlib

import pytest


@contextlib.contextmanager
def few_programs():
    """Inside, on TensorFlow, loops run in Python, and steps without XLA; on other backends nothing changes."""
    from kgen import backend

    with pytest.MonkeyPatch.context() as patch:
        if backend.running() == "tensorflow":
            patch.setattr("kgen.backend.prefers_jit", lambda pays_on_cpu: False)
            patch.setattr("kgen.backend.compiled", lambda function, variables=(): function)
        yield

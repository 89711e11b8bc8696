"""The only place that names a backend: `tensorflow.py`, `jax.py` and `torch.py` hold the same functions.

| function | what it does |
|---|---|
| `input_gradient(function, x)` | gradient of `sum(function(x))` with respect to `x`, itself differentiable |
| `compiled(function, variables)` | the function compiled as a whole, reading the variables' current values |
| `write_cache(cache, value, index)` | new places `index`, `index + 1`, … of a cache `(batch, heads, places, dim)` |
| `prefers_jit(pays_on_cpu)` | whether `compile()` asks for XLA by default |
| `make_deterministic()` | bit-equal repetition on one machine: deterministic kernels, one thread |
| `devices()` | what there is to run on |
| `place(device)` | run everything from here on on this device |
"""

import importlib

FUNCTIONS = ("input_gradient", "compiled", "write_cache", "prefers_jit", "make_deterministic", "devices", "place")


def running():
    """The name of the backend that keras runs on: "tensorflow", "jax" or "torch"."""
    import keras

    return keras.config.backend()


def __getattr__(name):
    if name not in FUNCTIONS:
        raise AttributeError(f"module 'kgen.backend' has no attribute {name!r}")
    return getattr(importlib.import_module(f"kgen.backend.{running()}"), name)

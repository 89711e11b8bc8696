"""The only place that names a backend: `tensorflow.py`, `jax.py` and `torch.py` hold the same functions.

| function | what it does |
|---|---|
| `input_gradient(function, x)` | gradient of `sum(function(x))` with respect to `x`, itself differentiable |
| `compiled(function, variables)` | the function as a whole compiled, or recorded; may call others of its kind |
| `turned_matrix(variable)` | in a compiled program, where it pays: its int8 matrix as `(outputs, inputs)`; else None |
| `integer_product(rows, matrix)` | int32 `(n, outputs)`: int8 `(n, inputs)` times int8 `(outputs, inputs)` turned |
| `dense(layer, rows)` | a built `Dense` layer of rows `(n, inputs)`, bias and all in one operation where there is one |
| `write_cache(cache, value, index)` | new places `index`, `index + 1`, … of a cache `(batch, heads, places, dim)` |
| `attention_dtype(query)` | in which dtype the fused kernel of attention is fastest |
| `causal_blocks(length)` | into how many blocks of queries causal attention is best cut; 1 asks for the fused kernel |
| `recurrence(cell, inputs, state, …, mask)` | an LSTM or GRU over `(batch, length, dim)`: all h, and the last state |
| `nats(logits, targets, everywhere)` | -log p(target), and if wanted the mean of -log p over all tokens, else None |
| `map_checkpointed(cost, pieces, values)` | `cost(*piece, *values)` of each piece, computed again for the gradient |
| `apply_when(condition, optimizer, gradients, variables)` | a built optimizer's step, where a scalar tensor is true |
| `convolved(x, kernel, bias, strides, padding, dilation)` | a convolution of images, channels last; bias may be None |
| `deconvolved(x, kernel, bias, strides, padding)` | a transposed convolution, likewise |
| `group_normalized(x, groups, epsilon, scale, offset)` | x̂ · scale + offset: `(batch or 1, 1, channels)` or numbers |
| `dropout(x, rate, noise_shape, seed)` | `keras.random.dropout`, by the generator that is fastest here |
| `quicken(optimizer)` | from here on it computes the same in fewer operations, where the backend has a kernel for it |
| `prefers_jit(pays_on_cpu)` | whether `compile()` asks for XLA by default |
| `make_deterministic()` | bit-equal repetition on one machine: deterministic kernels, one thread |
| `devices()` | what there is to run on |
| `place(device)` | run everything from here on on this device |
"""

import importlib

FUNCTIONS = (
    "input_gradient",
    "compiled",
    "turned_matrix",
    "integer_product",
    "dense",
    "write_cache",
    "attention_dtype",
    "causal_blocks",
    "recurrence",
    "nats",
    "map_checkpointed",
    "apply_when",
    "convolved",
    "deconvolved",
    "group_normalized",
    "dropout",
    "quicken",
    "prefers_jit",
    "make_deterministic",
    "devices",
    "place",
)


def running():
    """The name of the backend that keras runs on: "tensorflow", "jax" or "torch"."""
    import keras

    return keras.config.backend()


def __getattr__(name):
    if name not in FUNCTIONS:
        raise AttributeError(f"module 'kgen.backend' has no attribute {name!r}")
    return getattr(importlib.import_module(f"kgen.backend.{running()}"), name)

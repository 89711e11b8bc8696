"""Eight-bit matrices as XLA multiplies by them fastest on a CPU: each output's weights side by side.

Keras keeps a dense layer's matrix as (inputs, outputs), and XLA has no fast kernel for that in eight bits: GPT-2 small
decoded slower than in float32. A compiled program is handed a transposed copy of each matrix instead, made once.
"""

import contextlib
from contextvars import ContextVar
from types import MappingProxyType

KINDS = ("kernel", "embeddings")  # the names of Keras's variables; the latter lie as they should
_known = ContextVar("known", default=MappingProxyType({}))  # where a program is traced: id of a variable → matrix


def of(variable):
    """The matrix int8 `(outputs, inputs)` of a variable, in a program that was handed it; else None."""
    return _known.get().get(id(variable))


@contextlib.contextmanager
def known(variables, matrices):
    """Within it `of` knows these."""
    found = {id(variable): matrix for variable, matrix in zip(variables, matrices, strict=True)}
    token = _known.set({**_known.get(), **found})
    try:
        yield
    finally:
        _known.reset(token)


def candidates(variables):
    """Those of the variables that are eight-bit matrices of a layer."""
    return [one for one in variables if one.dtype == "int8" and len(one.shape) == 2 and one.name in KINDS]


def matrix(variable, value, same, transpose):
    """The variable's matrix `(outputs, inputs)`, kept with the variable until its value is another.

    Args:
        value: what the variable holds now.
        same: callable (value then, value now) that says whether they are one.
        transpose: callable.
    """
    if variable.name != "kernel":
        return value
    kept = getattr(variable, "kgen_turned", None)
    if kept is None or not same(kept[0], value):
        variable.kgen_turned = kept = value, transpose(value)
    return kept[1]

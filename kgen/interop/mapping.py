"""Which tensors a weight is made of: the rows of the tables of names, which are read in both directions.

A table maps names of weights, as `kgen.presets.registry.named_weights` gives them, to an `Entry`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Entry(NamedTuple):
    """The tensors that hold a weight, and how they become it and it becomes them."""

    names: tuple
    to_weight: Callable  # of as many arrays as there are names
    to_tensors: Callable  # list of as many arrays

    def shapes(self, shape):
        """The shapes that the tensors have where the weight has this one."""
        return [tuple(one.shape) for one in self.to_tensors(np.broadcast_to(np.float32(0), shape))]


# Entries -------------------------------------------------------------------------------------------------------------


def same(name):
    """A weight that is one tensor."""
    return Entry((name,), lambda array: array, lambda weight: [weight])


def joined(*names):
    """The kernel or bias of a Dense layer whose columns are those of several: torch has a kernel as (out, in)."""
    return Entry(
        names,
        lambda *arrays: np.concatenate([array.T for array in arrays], axis=-1),
        lambda weight: [part.T for part in np.split(weight, len(names), axis=-1)],
    )


def unbatched(name):
    """A tensor (1, …) without its first axis."""
    return Entry((name,), lambda array: array[0], lambda weight: [weight[None]])


def patches(name, side, channels):
    """A convolution (dim, channels, side, side) whose stride is its side, as the kernel of a Dense layer of patches."""
    return Entry(
        (name,),
        lambda array: array.transpose(2, 3, 1, 0).reshape(side * side * channels, -1),
        lambda weight: [weight.reshape(side, side, channels, -1).transpose(3, 2, 0, 1)],
    )


# Several weights of a layer ------------------------------------------------------------------------------------------


def dense(ours, *theirs):
    """A Dense layer that stands for one of torch, or for several side by side."""
    return {
        f"{ours}/kernel": joined(*(f"{name}.weight" for name in theirs)),
        f"{ours}/bias": joined(*(f"{name}.bias" for name in theirs)),
    }


def norm(ours, theirs):
    """A LayerNorm."""
    return {f"{ours}/gamma": same(f"{theirs}.weight"), f"{ours}/beta": same(f"{theirs}.bias")}


def embedding(ours, theirs):
    """An embedding, or a table of positions."""
    return {f"{ours}/embeddings": same(f"{theirs}.weight")}


def numbered(rows, count):
    """The rows of a layer for each of `count` layers: {n} is its number from 1, ours, {i} that from 0, theirs."""
    return {
        ours.format(n=i + 1): entry._replace(names=tuple(name.format(i=i) for name in entry.names))
        for i in range(count)
        for ours, entry in rows.items()
    }


def below(prefix, table):
    """A table for the same weights within another model."""
    return {f"{prefix}/{ours}": entry for ours, entry in table.items()}


def renamed(table, old, new):
    """A table whose tensors have another prefix."""
    return {
        ours: entry._replace(names=tuple(name.replace(old, new, 1) for name in entry.names))
        for ours, entry in table.items()
    }

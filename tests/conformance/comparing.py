"""Outputs and configurations: brought into one form, and compared."""

import json

import keras
import numpy as np


def plain(config):
    """A configuration as it would come out of a file; what JSON cannot hold is an error."""
    return json.loads(json.dumps(config))


def is_plain(value):
    """Whether JSON can hold a value as it is (a list of layers is none)."""
    return all(leaf is None or isinstance(leaf, str | int | float) for leaf in keras.tree.flatten(value))


def numpy_of(outputs):
    """The leaves of an output as a list of NumPy arrays, bfloat16 widened to float32."""
    arrays = []
    for leaf in keras.tree.flatten(outputs):
        array = np.asarray(keras.ops.convert_to_numpy(leaf) if keras.ops.is_tensor(leaf) else leaf)
        arrays.append(array.astype("float32") if array.dtype.name == "bfloat16" else array)
    return arrays


def assert_equal(found, expected, rtol=1e-6, atol=1e-6):
    """Lists of arrays are equal: floats within rtol · |y| + atol · max |y|, everything else exactly."""
    assert len(found) == len(expected), f"{len(found)} arrays, expected {len(expected)}"
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape, f"shape {one.shape}, expected {other.shape}"
        if other.dtype.kind == "f":
            scale = float(np.abs(other).max(initial=0.0))
            np.testing.assert_allclose(one, other, rtol=rtol, atol=atol * scale)
        else:
            np.testing.assert_array_equal(one, other)


def assert_same(found, expected):
    """Lists of arrays are equal bit by bit."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_finite(what, arrays):
    for array in arrays:
        assert array.dtype.kind != "f" or np.isfinite(array).all(), f"{what} are not finite"


def load_arrays(path):
    """The arrays of an `.npz` file in the order in which they were written."""
    with np.load(path) as file:
        return [file[f"arr_{i}"] for i in range(len(file.files))]

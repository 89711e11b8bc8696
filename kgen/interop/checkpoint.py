"""The tensors of a Hugging Face folder: known by their headers, read one at a time, and from safetensors alone."""

import contextlib
import re
from pathlib import Path

import ml_dtypes  # noqa: F401  (so that NumPy knows bfloat16)
import numpy as np
from safetensors import SafetensorError
from safetensors import safe_open

from kgen.presets.files import read_json

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
FLOATS = ("F64", "F32", "F16", "BF16")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # of the first BERTs


class Tensors:
    """The tensors of a checkpoint by the names that a model with a head gives them.

    A file that was written from the bare model lacks the `prefix` of these names, and gets it here. No file stays open:
    what is read of a large one does not stay in memory.

    Args:
        folder: holds `model.safetensors`, or several files and `model.safetensors.index.json`.
        prefix: what names of the bare model begin with in one with a head, such as "bert.".

    Raises:
        FileNotFoundError: there is no safetensors file, or one that the index names is missing.
        ValueError: a file is damaged, or does not hold what the index says.
    """

    def __init__(self, folder, prefix):
        files = _weight_files(Path(folder))
        self._files = files[0] if len(files) == 1 else Path(folder) / INDEX  # where something can be missing
        self._places = {}  # name → (file, name in it, shape, type)
        held = [(file, *facts) for file in files for facts in _header(file)]
        bare = bool(prefix) and not any(name.startswith(prefix) for _, name, *_ in held)
        for place in held:
            name = (prefix if bare else "") + place[1]
            for old, new in OLD_NAMES.items():
                name = name[: -len(old)] + new if name.endswith(old) else name
            if name in self._places:
                raise ValueError(f"{place[0]}: tensor {place[1]!r} is there twice, also as {self._places[name][1]!r}")
            self._places[name] = place
        self._dropped = prefix if bare else ""

    def __contains__(self, name):
        return name in self._places

    def __iter__(self):
        return iter(self._places)

    def need(self, name):
        """Refuse a checkpoint without this tensor."""
        if name not in self:
            raise ValueError(f"{self._files}: tensor {name.removeprefix(self._dropped)!r} is missing")

    def expect(self, name, shape):
        """Refuse a checkpoint without this tensor, or with one of another shape, or of no floats."""
        self.need(name)
        _, _, found, kind = self._places[name]
        if found != tuple(shape):
            raise ValueError(f"{self.where(name)} has shape {found}, config.json means {tuple(shape)}")
        if kind not in FLOATS:
            raise ValueError(f"{self.where(name)} is {kind}, kgen reads {', '.join(FLOATS)}")

    def rows(self, name):
        """How many rows a tensor has."""
        self.need(name)
        shape = self._places[name][2]
        if not shape:
            raise ValueError(f"{self.where(name)} is a single number, expected rows")
        return shape[0]

    def where(self, name):
        """What to call a tensor in an error: its file and its name in it."""
        file, own, *_ = self._places[name]
        return f"{file}: tensor {own!r}"

    def read(self, name):
        """A tensor, as float32."""
        file, own, *_ = self._places[name]
        with _errors_of(file), safe_open(file, framework="np") as held:
            return held.get_tensor(own).astype("float32", copy=False)

    def equal(self, one, other):
        """Whether two tensors have the same values."""
        self.need(one)
        self.need(other)
        return self._places[one][2:] == self._places[other][2:] and np.array_equal(self.read(one), self.read(other))


@contextlib.contextmanager
def _errors_of(file):
    """Errors of safetensors name the file."""
    try:
        yield
    except SafetensorError as error:
        raise ValueError(f"{file}: damaged or not a safetensors file: {error}") from None


def _header(file):
    """(name, shape, type) of each tensor. safetensors bounds and checks the header; nothing else is read."""
    with _errors_of(file), safe_open(file, framework="np") as held:
        slices = {name: held.get_slice(name) for name in held.keys()}  # noqa: SIM118
        return [(name, tuple(one.get_shape()), one.get_dtype()) for name, one in slices.items()]


def _weight_files(folder):
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return _indexed(folder)
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles:
        raise ValueError(
            f"{folder / pickles[0]}: a pickle, which can run any code, so kgen never opens one, and there is no "
            f"{WEIGHTS}; if you trust it, convert it with transformers: "
            "AutoModel.from_pretrained(folder).save_pretrained(new_folder), with the class that config.json names "
            "under architectures in place of AutoModel"
        )
    raise FileNotFoundError(f"{folder / WEIGHTS}: no such file, nor {INDEX}")


def _indexed(folder):
    """The files that an index names, each of which holds the tensors that it says."""
    index = folder / INDEX
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ValueError(f'{index}: expected a "weight_map" from tensors to files')
    for name, file in places.items():
        if not isinstance(file, str) or not re.fullmatch(r"[\w.-]+\.safetensors", file):
            raise ValueError(f"{index}: expected a safetensors file of this folder for tensor {name!r}, got {file!r}")
    shards = [folder / file for file in sorted(set(places.values()))]
    for shard in shards:
        if not shard.is_file():
            raise FileNotFoundError(f"{shard}: no such file, though {INDEX} names it")
        held = {name for name, *_ in _header(shard)}
        if missing := {name for name, file in places.items() if file == shard.name} - held:
            raise ValueError(f"{shard}: tensor {min(missing)!r} is missing, though {INDEX} says that it is there")
    return shards

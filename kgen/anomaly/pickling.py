"""A Keras model as bytes: what goes into the pickle of a detector. It loads on any backend."""

import tempfile
from pathlib import Path

import keras


def to_bytes(model):
    """The `.keras` file of a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def from_bytes(data):
    """The model in a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(data)
        return keras.saving.load_model(path)

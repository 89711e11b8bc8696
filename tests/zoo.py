"""The zoo: a tiny instance of every public layer and model, one entry each.

An entry is all that `tests/conformance.py`, the golden files and the parity between backends need to know of a family:
joining is one entry here, then `python -m tests.conformance --write-golden`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

import keras
import numpy as np

import kgen


@dataclass(frozen=True, eq=False, repr=False)
class Entry:
    """What the checks need to know of one class.

    Args:
        name: test id, and name of the golden file.
        cls: a public class of `kgen.layers` or `kgen.models`.
        arguments: function without arguments that returns those of the constructor, fresh each time. Without `name`.
        inputs: function of a NumPy generator that returns the call arguments by name, the batch first: arrays, or
            tuples and dicts of arrays, of at least three rows.
        bad: pairs (constructor arguments to change, name of the one that the error must name).
        random: whether `training=True` draws random numbers. `training=False` never does.
        repad: None for what knows no masks, else a function (inputs, NumPy generator) → (the same inputs with other
            values where they are padding, boolean array over the leading axes of the output that are not padding).
        unknown_axes: axes of the inputs whose length may be unknown: (0,) the batch, (0, 1) batch and time.
        data: for models: function without arguments that returns the positional arguments of `fit`.
        measure: for models: function (model, *data) → the family's own figure, lower is better.
        gain: for models: `fit` must lower the measure by more than this.
        fit: for models: further arguments of that `fit`.
        use: for models: function (model, seed) → arrays or strings, in which threads must not disturb each other.
        optimizer: function without arguments: one in which a weight moves by its gradient or not at all.
    """

    name: str
    cls: type
    arguments: Callable
    inputs: Callable
    bad: tuple
    random: bool = False
    repad: Callable | None = None
    unknown_axes: tuple = (0,)
    data: Callable | None = None
    measure: Callable | None = None
    gain: float = 0.0
    fit: dict = field(default_factory=dict)
    use: Callable = lambda model, seed: model.generate(3, seed=seed)
    optimizer: Callable = lambda: keras.optimizers.SGD(1.0)

    def __repr__(self):
        return self.name

    def build(self, **changed):
        """A fresh instance."""
        return self.cls(**{**self.arguments(), **changed})

    @property
    def is_model(self):
        return issubclass(self.cls, keras.Model)


def images_of(height, width, channels):
    """Call arguments of a model of images."""
    return lambda rng: {"images": rng.integers(0, 256, (4, height, width, channels), "uint8")}


def digits():
    return (kgen.datasets.load("digits")[0][:256],)


def waves():
    """Colour images (7, 5, 3): plane waves of random phase, so that two numbers describe each."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (128, 1, 1, 3))
    row, column = np.arange(7)[None, :, None, None], np.arange(5)[None, None, :, None]
    return (np.rint(127.5 + 100 * np.sin(row + 0.5 * column + phase)).astype("uint8"),)


def nats(model, images):
    return model.evaluate(images, full=True, num_samples=8, verbose=0)["nll"]


LAYERS = [
    Entry(
        "GaussianSampling",
        kgen.layers.GaussianSampling,
        arguments=lambda: {"num_samples": None, "seed": 1},
        inputs=lambda rng: {"inputs": tuple(rng.normal(size=(2, 4, 3)).astype("float32"))},
        bad=(({"num_samples": 0}, "num_samples"), ({"num_samples": 2.5}, "num_samples")),
        random=True,
    ),
    Entry(
        "GaussianSampling-many",
        kgen.layers.GaussianSampling,
        arguments=lambda: {"num_samples": 5, "seed": 1},
        inputs=lambda rng: {"inputs": tuple(rng.normal(size=(2, 4, 3)).astype("float32"))},
        bad=(({"num_samples": -1}, "num_samples"), ({"num_samples": True}, "num_samples")),
        random=True,
    ),
]

MODELS = [
    Entry(
        "VAE-mlp",
        kgen.models.VAE,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_dim": 3,
            "architecture": "mlp",
            "hidden_dims": (16,),
            "beta": 0.5,
            "activation": "tanh",
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(
            ({"image_shape": (8, 8)}, "image_shape"),
            ({"image_shape": (8, 8, 2)}, "image_shape"),
            ({"latent_dim": 0}, "latent_dim"),
            ({"architecture": "dense"}, "architecture"),
            ({"hidden_dims": ()}, "hidden_dims"),
            ({"hidden_dims": (16, 0)}, "hidden_dims"),
            ({"likelihood": "poisson"}, "likelihood"),
            ({"beta": -1.0}, "beta"),
            ({"beta": float("nan")}, "beta"),
            ({"num_samples": 0}, "num_samples"),
            ({"activation": "nothing"}, "activation"),
        ),
        random=True,
        data=digits,
        measure=nats,
        gain=5.0,
        fit={"epochs": 6, "batch_size": 16},
    ),
    Entry(
        "VAE-convolutional-colour",
        kgen.models.VAE,
        arguments=lambda: {
            "image_shape": (7, 5, 3),
            "latent_dim": 2,
            "architecture": "convolutional",
            "hidden_dims": (4, 8),
            "likelihood": "gaussian",
            "seed": 1,
        },
        inputs=images_of(7, 5, 3),
        bad=(({"image_shape": (7, 5, 4)}, "image_shape"), ({"hidden_dims": 8}, "hidden_dims")),
        random=True,
        data=waves,
        measure=nats,
        gain=5.0,
        fit={"epochs": 4},
    ),
    Entry(
        "VAE-importance-weighted",
        kgen.models.VAE,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_dim": 3,
            "architecture": "mlp",
            "hidden_dims": (16,),
            "num_samples": 3,
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(({"beta": 2.0}, "beta"), ({"num_samples": "3"}, "num_samples")),
        random=True,
        data=digits,
        measure=nats,
        gain=5.0,
        fit={"epochs": 6, "batch_size": 16},
    ),
]

ZOO = [*LAYERS, *MODELS]

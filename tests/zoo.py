"""The zoo: a tiny instance of every public layer and model, one entry each.

An entry is all that `tests/conformance`, the golden files and the parity between backends need to know of a family:
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
        optimizer: function without arguments: one with a state, in whose first step a weight moves by its gradient or
            not at all.
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
    optimizer: Callable = lambda: keras.optimizers.SGD(1.0, momentum=0.9)

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


def renamed(images):
    """Call arguments of a model that calls its images its inputs."""
    return lambda rng: {"inputs": images(rng)["images"]}


def digits():
    return (kgen.datasets.load("digits")[0][:256],)


def waves():
    """Colour images (7, 5, 3): plane waves of random phase, so that two numbers describe each."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (128, 1, 1, 3))
    row, column = np.arange(7)[None, :, None, None], np.arange(5)[None, None, :, None]
    return (np.rint(127.5 + 100 * np.sin(row + 0.5 * column + phase)).astype("uint8"),)


def nats(model, images):
    return model.evaluate(images, full=True, num_samples=8, verbose=0)["nll"]


def exact_nats(model, *data):
    return model.evaluate(*data, full=True, verbose=0)["nll"]


def prior_of_codes():
    """A model of (2, 2) codes in [0, 6)."""
    sizes = {"filters": 4, "num_blocks": 1, "first_kernel_size": 3, "head_dim": 4, "seed": 1}
    return kgen.models.PixelCNN((2, 2, 1), likelihood="codes", levels=6, **sizes, name="prior")


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def sequences(rng, positions=False):
    """Call arguments of what reads sequences (4, 6, 8), two of them padded on the right."""
    inputs = {"inputs": normal(rng, 4, 6, 8), "mask": np.arange(6) < np.array([[6], [4], [6], [1]])}
    return (
        {**inputs, "positions": np.arange(6, dtype="int32") + np.array([[0], [3], [7], [1]], "int32")}
        if positions
        else inputs
    )


def queries(rng):
    """Call arguments of self-attention."""
    inputs = sequences(rng)
    return {"query": inputs.pop("inputs"), **inputs}


def repad(inputs, rng):
    """Other values in what the mask of the keys hides; only padding may notice."""
    name = next(iter(inputs))
    mask = inputs["mask"]
    return {**inputs, name: np.where(mask[..., None], inputs[name], normal(rng, *inputs[name].shape))}, mask


def repad_rows(inputs, rng):
    """As `repad`; no output of the first rows may notice, be it of a padded step."""
    return repad(inputs, rng)[0], np.arange(4) < 3


def pairs(first, second):
    """Function that makes call arguments of what reads a second sequence (4, 5, 6), padded on the right."""
    return lambda rng: {
        first: normal(rng, 4, 6, 8),
        second: normal(rng, 4, 5, 6),
        "mask" if second == "value" else "memory_mask": np.arange(5) < np.array([[5], [2], [3], [5]]),
    }


def repad_second(first, second):
    """Other values in what the mask of the second sequence hides; nothing may notice, and a third row is left out."""

    def repad(inputs, rng):
        mask = inputs["mask" if second == "value" else "memory_mask"]
        changed = np.where(mask[..., None], inputs[second], normal(rng, *inputs[second].shape))
        return {**inputs, second: changed}, np.arange(6) < np.array([[6], [6], [5], [6]])

    return repad


def unet_inputs(rng):
    """Call arguments of a U-Net that is told a time and a class, and reads words."""
    return {
        "inputs": normal(rng, 4, 4, 6, 3),
        "time": rng.integers(0, 1000, 4).astype("int32"),
        "condition": normal(rng, 4, 5),
        "context": normal(rng, 4, 3, 7),
        "context_mask": np.arange(3) < np.array([[3], [1], [2], [3]]),
    }


def repad_context(inputs, rng):
    """Other values in words that the mask hides; nothing may notice, and the last row is left out."""
    changed = np.where(inputs["context_mask"][..., None], inputs["context"], normal(rng, *inputs["context"].shape))
    return {**inputs, "context": changed}, np.arange(4) < 3


TEXT = "the cat sat on the mat. a dog ran to the house. " * 20


def surprise(model, text):
    return model.evaluate(text, full=True)["nats_per_token"]


def letters():
    """A tokenizer of the characters of `TEXT`."""
    return kgen.tokenizers.CharacterTokenizer.train([TEXT], progress=False)


def ids_below(limit):
    """Call arguments of a language model."""
    return lambda rng: {"ids": rng.integers(0, limit, (4, 6), "int32")}


def sentence_pairs(limit):
    """Call arguments of a translation model: the source ends with its first 0, and goes on with anything."""

    def inputs(rng):
        source = rng.integers(1, limit, (4, 6), "int32")
        source[[0, 1, 2], [2, 4, 5]] = 0
        return {"inputs": {"source": source, "target": rng.integers(1, limit, (4, 5), "int32")}}

    return inputs


def repad_sentences(inputs, rng):
    """Other ids behind the ends of sources, and in the last two places of targets."""
    source, target = inputs["inputs"]["source"], inputs["inputs"]["target"]
    padding = np.cumsum(source == 0, axis=1) - (source == 0) > 0
    other = {
        "source": np.where(padding, rng.integers(1, 9, source.shape, "int32"), source),
        "target": np.concatenate([target[:, :3], rng.integers(1, 9, (4, 2), "int32")], axis=1),
    }
    return {"inputs": other}, np.arange(5) < np.full((4, 1), 3)


def backwards():
    """Short sequences of ids and the same read backwards: what a translation model can learn."""
    rows = [list(row) for row in np.random.default_rng(0).integers(1, 9, (96, 3)).tolist()]
    return rows, [row[::-1] for row in rows]


def words_and_figures():
    """A tokenizer of the characters of dates."""
    return kgen.tokenizers.CharacterTokenizer.train(["0123456789-./ abcdefghijklmnopqrstuvwxyz"], progress=False)


def few_dates():
    sources, targets = kgen.datasets.load("dates", split="test")
    return [one.lower().replace(",", "") for one in sources[:64]], targets[:64]


def doubt(model, sources, targets):
    return model.mean_nats(sources, targets)


def labelled_digits():
    images, labels = kgen.datasets.load("digits")
    return images[:256], labels[:256]


def with_labels(rng):
    """Call arguments of a model of digits in classes."""
    images, labels = rng.integers(0, 256, (4, 8, 8, 1), "uint8"), np.array([0, 9, 5, 9], "int32")
    return {"images": {"images": images, "labels": labels}}


def bright_or_dark():
    """Noise in colour, and which of it is bright."""
    images = np.random.default_rng(0).integers(0, 128, (96, 8, 4, 3)).astype("uint8")
    labels = np.arange(96) % 2
    return images + (127 * labels).astype("uint8")[:, None, None, None], labels


def mistakes(model, inputs, labels):
    """How surprising the labels are, in nats."""
    return model.evaluate(inputs, labels, full=True)["nats"]


def words():
    """A WordPiece tokenizer of `TEXT`."""
    return kgen.tokenizers.WordPieceTokenizer.train([TEXT], 60, progress=False)


def framed(rng):
    """Ids (4, 8) of texts between their start and end, padded on the right."""
    ids = rng.integers(5, 15, (4, 8), "int32")
    ids[:, 0] = 1
    for row, length in enumerate((8, 5, 8, 3)):
        ids[row, length - 1], ids[row, length:] = 2, 0
    return ids


def repad_ids(inputs, rng):
    """Other ids where the mask hides them."""
    inputs = inputs["inputs"]
    other = np.where(inputs["mask"], inputs["ids"], rng.integers(5, 15, inputs["ids"].shape, "int32"))
    return {"inputs": {**inputs, "ids": other}}, inputs["mask"]


def segmented(rng):
    """Call arguments of an encoder with two segments, two of the rows padded."""
    ids = framed(rng)
    return {
        "inputs": {"ids": ids, "mask": ids != 0, "segments": np.broadcast_to(np.arange(8) // 4, (4, 8)).astype("int32")}
    }


def guesses(model, texts):
    """How surprising hidden words are, in nats."""
    return model.evaluate(texts, full=True)["nats_per_gap"]


def encoder_of_words(**changed):
    """An encoder of the texts of `cats_or_dogs`."""
    options = {"num_layers": 1, "num_heads": 2, "model_dim": 12, "context_length": 12, "dropout": 0.0, "seed": 1}
    return kgen.models.BERT(tokenizer=words(), name="encoder", **{**options, **changed})


def cats_or_dogs():
    """Short texts, and who they are about."""
    texts = [f"{a} {who} {does}" for a in ("a", "the") for does in ("sat", "ran") for who in ("cat", "dog")]
    return texts * 8, [text.split()[1] for text in texts] * 8


def apart(images, others):
    """How far two sets of images are from each other: the mean distance of their shadows in 50 directions."""
    directions = np.random.default_rng(0).normal(size=(images[0].size, 50))
    n = min(len(images), len(others))
    one, other = (np.sort(x[:n].reshape(n, -1) / 255.0 @ directions, axis=0) for x in (images, others))
    return float(abs(one - other).mean())


def codec():
    """An autoencoder for `LatentDiffusion`, as if it had learned something."""
    model = kgen.models.ImageAutoencoder((8, 8, 1), latent_channels=2, widths=(4, 4), seed=1, name="codec")
    model.epochs_trained = 1
    return model


def loss(model, *data):
    return model.evaluate(*data, verbose=0, return_dict=True)["loss"]


def unlikeness(model, images, labels=None, **options):
    return apart(images, model.generate(len(images), seed=1, labels=labels, **options))


def unlikeness_of_few(model, images, labels=None):
    """As `unlikeness`, for what makes an image in many steps."""
    return unlikeness(model, images[:64], None if labels is None else labels[:64], steps=6)


def dark_and_light():
    """Digits, and others as negatives: what goes from one to the other is 255 minus the image."""
    images = digits()[0].repeat(2, axis=1).repeat(2, axis=2)
    return (kgen.datasets.UnpairedImages(images[:96], 255 - images[96:160], batch_size=8),)


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
    Entry(
        "MultiHeadAttention",
        kgen.layers.MultiHeadAttention,
        arguments=lambda: {"num_heads": 4, "num_key_value_heads": 2, "rotary": 100.0, "dropout": 0.2, "seed": 1},
        inputs=queries,
        bad=(
            ({"num_heads": 0}, "num_heads"),
            ({"head_dim": 3}, "head_dim"),
            ({"num_key_value_heads": 3}, "num_key_value_heads"),
            ({"rotary": 1.0}, "rotary"),
            ({"scale": "one"}, "scale"),
            ({"dropout": 1.5}, "dropout"),
            ({"kernel_initializer": "nothing"}, "kernel_initializer"),
            ({"output_initializer": "nothing"}, "output_initializer"),
        ),
        random=True,
        repad=repad,
        unknown_axes=(0, 1),
    ),
    Entry(
        "MultiHeadAttention-cross",
        kgen.layers.MultiHeadAttention,
        arguments=lambda: {"num_heads": 2, "head_dim": 3, "use_bias": False, "scale": 0.5},
        inputs=pairs("query", "value"),
        bad=(({"head_dim": 0}, "head_dim"), ({"num_heads": 2.0}, "num_heads")),
        repad=repad_second("query", "value"),
        unknown_axes=(0, 1),
    ),
    Entry(
        "FeedForward",
        kgen.layers.FeedForward,
        arguments=lambda: {"feedforward_dim": 5, "kernel_initializer": keras.initializers.RandomNormal(stddev=0.5)},
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 8)},
        bad=(
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"activation": "tanh"}, "activation"),
            ({"kernel_initializer": "nothing"}, "kernel_initializer"),
            ({"output_initializer": "nothing"}, "output_initializer"),
        ),
        unknown_axes=(0, 1),
    ),
    Entry(
        "SinusoidalPositions",
        kgen.layers.SinusoidalPositions,
        arguments=lambda: {"base": 100.0},
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 7)},
        bad=(({"base": 1.0}, "base"), ({"base": "ten"}, "base")),
        unknown_axes=(0, 1),
    ),
    Entry(
        "LearnedPositions",
        kgen.layers.LearnedPositions,
        arguments=lambda: {"max_length": 6},
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 8)},
        bad=(({"max_length": 0}, "max_length"), ({"embeddings_initializer": "nothing"}, "embeddings_initializer")),
        unknown_axes=(0, 1),
    ),
    Entry(
        "LearnedPositions-ragged",
        kgen.layers.LearnedPositions,
        arguments=lambda: {"max_length": 9},
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 8), "positions": rng.integers(0, 9, (4, 6)).astype("int32")},
        bad=(({"max_length": 2.5}, "max_length"),),
        unknown_axes=(0, 1),
    ),
    Entry(
        "RotaryPositions",
        kgen.layers.RotaryPositions,
        arguments=lambda: {"base": 100.0},
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 3, 8), "positions": rng.integers(0, 9, (4, 6)).astype("int32")},
        bad=(({"base": 0.0}, "base"), ({"base": float("nan")}, "base")),
        unknown_axes=(0, 1),
    ),
    Entry(
        "RelativePositionBias",
        kgen.layers.RelativePositionBias,
        arguments=lambda: {"num_heads": 3, "num_buckets": 8, "max_distance": 20},
        inputs=lambda rng: {
            "positions": rng.integers(0, 40, (4, 6)).astype("int32"),
            "key_positions": rng.integers(0, 40, (4, 6)).astype("int32"),
        },
        bad=(
            ({"num_heads": 0}, "num_heads"),
            ({"num_buckets": 6}, "num_buckets"),
            ({"max_distance": 7}, "max_distance"),
            ({"embeddings_initializer": "nothing"}, "embeddings_initializer"),
        ),
        unknown_axes=(0, 1),
    ),
    Entry(
        "RelativePositionBias-causal",
        kgen.layers.RelativePositionBias,
        arguments=lambda: {"num_heads": 3, "num_buckets": 6, "max_distance": 20, "bidirectional": False},
        inputs=lambda rng: {"positions": rng.integers(0, 40, (4, 6)).astype("int32")},
        bad=(({"num_buckets": 5}, "num_buckets"),),
        unknown_axes=(0, 1),
    ),
    Entry(
        "TransformerEncoderBlock",
        kgen.layers.TransformerEncoderBlock,
        arguments=lambda: {"num_heads": 2, "feedforward_dim": 12, "norm_position": "post", "dropout": 0.2, "seed": 1},
        inputs=sequences,
        bad=(
            ({"num_heads": 0}, "num_heads"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"num_key_value_heads": 3}, "num_key_value_heads"),
            ({"activation": "tanh"}, "activation"),
            ({"normalization": "batch"}, "normalization"),
            ({"norm_position": "middle"}, "norm_position"),
            ({"epsilon": -1.0}, "epsilon"),
            ({"attention_dropout": 1.5}, "attention_dropout"),
        ),
        random=True,
        repad=repad,
        unknown_axes=(0, 1),
    ),
    Entry(
        "TransformerEncoderBlock-modern",
        kgen.layers.TransformerEncoderBlock,
        arguments=lambda: {
            "num_heads": 4,
            "feedforward_dim": 5,
            "num_key_value_heads": 1,
            "activation": "swiglu",
            "normalization": "rms",
            "use_bias": False,
            "rotary": 100.0,
        },
        inputs=lambda rng: sequences(rng, positions=True),
        bad=(({"rotary": 0.5}, "rotary"), ({"dropout": -0.1}, "dropout")),
        repad=repad,
        unknown_axes=(0, 1),
    ),
    Entry(
        "TransformerDecoderBlock",
        kgen.layers.TransformerDecoderBlock,
        arguments=lambda: {"num_heads": 2, "feedforward_dim": 12, "activation": "gelu_tanh"},
        inputs=sequences,
        bad=(({"head_dim": 0}, "head_dim"), ({"attention_scale": "one"}, "attention_scale")),
        repad=repad,
        unknown_axes=(0, 1),
    ),
    Entry(
        "TransformerDecoderBlock-cross",
        kgen.layers.TransformerDecoderBlock,
        arguments=lambda: {
            "num_heads": 2,
            "feedforward_dim": 12,
            "cross_attention": True,
            "activation": "relu",
            "dropout": 0.2,
            "attention_dropout": 0.0,
            "seed": 1,
        },
        inputs=pairs("inputs", "memory"),
        bad=(({"activation": None}, "activation"), ({"output_initializer": "nothing"}, "output_initializer")),
        random=True,
        repad=repad_second("inputs", "memory"),
        unknown_axes=(0, 1),
    ),
    Entry(
        "PatchEmbedding",
        kgen.layers.PatchEmbedding,
        arguments=lambda: {"patch_size": 2, "model_dim": 5, "class_token": True},
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 4, 3)},
        bad=(
            ({"patch_size": 0}, "patch_size"),
            ({"model_dim": 0}, "model_dim"),
            ({"class_token": 2}, "class_token"),
            ({"positions": "sinusoidal"}, "positions"),
            ({"stem": (8, 8)}, "stem"),
            ({"stem": (0,)}, "stem"),
            ({"kernel_initializer": "nothing"}, "kernel_initializer"),
            ({"embeddings_initializer": "nothing"}, "embeddings_initializer"),
        ),
    ),
    Entry(
        "PatchEmbedding-stem",
        kgen.layers.PatchEmbedding,
        arguments=lambda: {"patch_size": 4, "model_dim": 5, "positions": None, "stem": (3,)},
        inputs=lambda rng: {"inputs": normal(rng, 4, 8, 4, 1)},
        bad=(({"patch_size": 2.5}, "patch_size"), ({"stem": (8, 8, 8)}, "stem")),
    ),
    Entry(
        "AdditiveAttention",
        kgen.layers.AdditiveAttention,
        arguments=lambda: {"units": 5, "dropout": 0.2, "seed": 1},
        inputs=pairs("query", "value"),
        bad=(
            ({"units": 0}, "units"),
            ({"dropout": -0.5}, "dropout"),
            ({"kernel_initializer": "nothing"}, "kernel_initializer"),
        ),
        random=True,
        repad=repad_second("query", "value"),
        unknown_axes=(0, 1),
    ),
    Entry(
        "TimestepEmbedding",
        kgen.layers.TimestepEmbedding,
        arguments=lambda: {"dim": 6, "base": 100.0},
        inputs=lambda rng: {"inputs": rng.integers(0, 1000, 4).astype("int32")},
        bad=(({"dim": 0}, "dim"), ({"dim": 5}, "dim"), ({"base": 1.0}, "base")),
    ),
    Entry(
        "GroupNormalization",
        kgen.layers.GroupNormalization,
        arguments=lambda: {"groups": 2},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 2, 6)},
        bad=(({"groups": 0}, "groups"), ({"epsilon": 0.0}, "epsilon")),
    ),
    Entry(
        "GroupNormalization-scaled",
        kgen.layers.GroupNormalization,
        arguments=lambda: {"groups": None, "learned": False},
        inputs=lambda rng: {
            name: normal(rng, 4, *more, 6) for name, more in {"inputs": (3,), "scale": (), "offset": ()}.items()
        },
        bad=(({"groups": 2.5}, "groups"),),
    ),
    Entry(
        "AdaptiveNormalization",
        kgen.layers.AdaptiveNormalization,
        arguments=lambda: {"groups": 4},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 2, 6), "condition": normal(rng, 4, 5)},
        bad=(({"groups": 0}, "groups"), ({"epsilon": 0.0}, "epsilon")),
    ),
    Entry(
        "AdaptiveNormalization-layer",
        kgen.layers.AdaptiveNormalization,
        arguments=lambda: {"groups": None},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 6), "condition": normal(rng, 4, 5)},
        bad=(({"groups": 2.5}, "groups"),),
    ),
    Entry(
        "ResidualBlock",
        kgen.layers.ResidualBlock,
        arguments=lambda: {"filters": 4, "resample": "down", "groups": 2, "dropout": 0.2, "seed": 1},
        inputs=lambda rng: {"inputs": normal(rng, 4, 4, 6, 6), "condition": normal(rng, 4, 5)},
        bad=(
            ({"filters": 0}, "filters"),
            ({"resample": "half"}, "resample"),
            ({"groups": 0}, "groups"),
            ({"kernel_size": 2}, "kernel_size"),
            ({"dropout": 1.0}, "dropout"),
        ),
        random=True,
    ),
    Entry(
        "ResidualBlock-series",
        kgen.layers.ResidualBlock,
        arguments=lambda: {"filters": 4, "resample": "up", "kernel_size": 5},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 5), "condition": normal(rng, 4, 5)},
        bad=(({"kernel_size": 0}, "kernel_size"),),
    ),
    Entry(
        "UNet",
        kgen.layers.UNet,
        arguments=lambda: {
            "out_channels": 3,
            "widths": (4, 6),
            "blocks": 1,
            "num_heads": 2,
            "groups": 2,
            "dropout": 0.2,
            "seed": 1,
        },
        inputs=unet_inputs,
        bad=(
            ({"out_channels": 0}, "out_channels"),
            ({"widths": ()}, "widths"),
            ({"blocks": 0}, "blocks"),
            ({"attention_levels": (2,)}, "attention_levels"),
            ({"num_heads": 4}, "num_heads"),
            ({"groups": 0}, "groups"),
            ({"dropout": 1.0}, "dropout"),
        ),
        random=True,
        repad=repad_context,
    ),
    Entry(
        "UNet-series",
        kgen.layers.UNet,
        arguments=lambda: {
            "out_channels": 2,
            "widths": (4, 6),
            "blocks": 1,
            "attention_levels": (0,),
            "num_heads": 2,
            "normalized_skips": True,
        },
        inputs=lambda rng: {"inputs": normal(rng, 4, 6, 2), "time": rng.integers(0, 1000, 4).astype("int32")},
        bad=(({"widths": 8}, "widths"),),
    ),
    Entry(
        "DiffusionTransformer",
        kgen.layers.DiffusionTransformer,
        arguments=lambda: {"out_channels": 3, "num_layers": 2, "model_dim": 8, "num_heads": 2},
        inputs=unet_inputs,
        bad=(
            ({"out_channels": 0}, "out_channels"),
            ({"patch_size": 0}, "patch_size"),
            ({"num_layers": 0}, "num_layers"),
            ({"model_dim": 6}, "model_dim"),
            ({"num_heads": 0}, "num_heads"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
        ),
        repad=repad_context,
    ),
    Entry(
        "Recurrent",
        kgen.layers.Recurrent,
        arguments=lambda: {"units": 5, "dropout": 0.2, "seed": 1},
        inputs=sequences,
        bad=(
            ({"units": 0}, "units"),
            ({"cell": "rnn"}, "cell"),
            ({"dropout": 1.5}, "dropout"),
            ({"kernel_initializer": "nothing"}, "kernel_initializer"),
            ({"recurrent_initializer": "nothing"}, "recurrent_initializer"),
        ),
        random=True,
        repad=repad_rows,
        unknown_axes=(0, 1),
    ),
    Entry(
        "Recurrent-gru-both-ways",
        kgen.layers.Recurrent,
        arguments=lambda: {"units": 3, "cell": "gru", "bidirectional": True},
        inputs=sequences,
        bad=(({"units": 2.5}, "units"), ({"bidirectional": 2}, "bidirectional")),
        repad=repad_rows,
        unknown_axes=(0, 1),
    ),
    Entry(
        "ModulatedConv2D",
        kgen.layers.ModulatedConv2D,
        arguments=lambda: {"filters": 3, "upsample": True},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 2, 5), "style": normal(rng, 4, 6)},
        bad=(
            ({"filters": 0}, "filters"),
            ({"kernel_size": 2.5}, "kernel_size"),
            ({"upsample": "nearest"}, "upsample"),
            ({"demodulate": None}, "demodulate"),
            ({"gain": -1.0}, "gain"),
            ({"use_bias": "yes"}, "use_bias"),
        ),
    ),
    Entry(
        "ModulatedConv2D-to-colours",
        kgen.layers.ModulatedConv2D,
        arguments=lambda: {"filters": 1, "kernel_size": 1, "demodulate": False, "gain": None, "use_bias": False},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 2, 5), "style": normal(rng, 4, 6)},
        bad=(({"filters": 1.5}, "filters"),),
    ),
    Entry(
        "NoiseInjection",
        kgen.layers.NoiseInjection,
        arguments=lambda: {"seed": 1},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 2, 5)},
        bad=(({"seed": -1}, "seed"), ({"seed": "one"}, "seed")),
        random=True,
    ),
    Entry(
        "MappingNetwork",
        kgen.layers.MappingNetwork,
        arguments=lambda: {"units": 6, "num_layers": 2, "num_classes": 3, "learning_rate_multiplier": 0.5},
        # z so short that its length matters, by the ε of its normalization: so a gradient reaches a factor of z.
        inputs=lambda rng: {"inputs": 1e-4 * normal(rng, 4, 5), "labels": rng.integers(0, 3, 4, "int32")},
        bad=(
            ({"units": 0}, "units"),
            ({"num_layers": 0}, "num_layers"),
            ({"num_classes": 0}, "num_classes"),
            ({"learning_rate_multiplier": 0.0}, "learning_rate_multiplier"),
            ({"momentum": 1.5}, "momentum"),
        ),
    ),
    Entry(
        "MinibatchStdDev",
        kgen.layers.MinibatchStdDev,
        arguments=lambda: {"group_size": 2, "num_channels": 2},
        inputs=lambda rng: {"inputs": normal(rng, 5, 3, 2, 4)},
        bad=(({"group_size": 1}, "group_size"), ({"num_channels": 0}, "num_channels")),
    ),
    Entry(
        "ConditionalBatchNormalization",
        kgen.layers.ConditionalBatchNormalization,
        arguments=lambda: {"num_classes": 3},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 2, 5), "condition": np.array([0, 2, 1, 2], "int32")},
        bad=(
            ({"num_classes": 0}, "num_classes"),
            ({"momentum": 1.5}, "momentum"),
            ({"epsilon": -1.0}, "epsilon"),
            ({"gamma_initializer": "nothing"}, "gamma_initializer"),
            ({"beta_initializer": "nothing"}, "beta_initializer"),
        ),
    ),
    Entry(
        "ConditionalBatchNormalization-vector",
        kgen.layers.ConditionalBatchNormalization,
        arguments=lambda: {"momentum": 0.5, "gamma_initializer": "orthogonal", "beta_initializer": "orthogonal"},
        inputs=lambda rng: {"inputs": normal(rng, 4, 5), "condition": normal(rng, 4, 3)},
        bad=(({"num_classes": 2.5}, "num_classes"),),
    ),
    Entry(
        "SelfAttention2D",
        kgen.layers.SelfAttention2D,
        arguments=lambda: {"key_channels": 2, "spectral_normalization": True},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 4, 6)},
        bad=(
            ({"key_channels": 0}, "key_channels"),
            ({"value_channels": 0}, "value_channels"),
            ({"spectral_normalization": "yes"}, "spectral_normalization"),
            ({"kernel_initializer": "nothing"}, "kernel_initializer"),
        ),
    ),
    Entry(
        "SpectralNormalization",
        kgen.layers.SpectralNormalization,
        arguments=lambda: {"layer": keras.layers.Conv2D(3, 3, activation="tanh", name="convolution")},
        inputs=lambda rng: {"inputs": normal(rng, 4, 3, 4, 2)},
        bad=(({"layer": "dense"}, "layer"), ({"power_iterations": 0}, "power_iterations")),
    ),
    Entry(
        "MaskedConv2D",
        kgen.layers.MaskedConv2D,
        arguments=lambda: {"filters": 6, "kernel_size": 3, "mask_type": "A", "groups": 3},
        inputs=lambda rng: {"inputs": normal(rng, 4, 4, 5, 3)},
        bad=(
            ({"filters": 7}, "filters"),
            ({"kernel_size": 2}, "kernel_size"),
            ({"mask_type": "C"}, "mask_type"),
            ({"groups": 0}, "groups"),
            ({"use_bias": "yes"}, "use_bias"),
        ),
    ),
    Entry(
        "GatedPixelBlock",
        kgen.layers.GatedPixelBlock,
        arguments=lambda: {"kernel_size": 3, "dropout": 0.2, "seed": 1},
        inputs=lambda rng: {
            "vertical": normal(rng, 4, 4, 5, 3),
            "horizontal": normal(rng, 4, 4, 5, 3),
            "condition": normal(rng, 4, 2),
        },
        bad=(
            ({"kernel_size": 1}, "kernel_size"),
            ({"kernel_size": 4}, "kernel_size"),
            ({"dropout": 1.0}, "dropout"),
        ),
        random=True,
    ),
    Entry(
        "VectorQuantizer",
        kgen.layers.VectorQuantizer,
        arguments=lambda: {"num_codes": 5, "seed": 1},
        inputs=lambda rng: {"inputs": normal(rng, 4, 2, 3, 4)},
        bad=(
            ({"num_codes": 1}, "num_codes"),
            ({"codebook": "kmeans"}, "codebook"),
            ({"commitment": -1.0}, "commitment"),
            ({"decay": 1.0}, "decay"),
            ({"revive_below": 2.0}, "revive_below"),
        ),
    ),
    Entry(
        "VectorQuantizer-gradient",
        kgen.layers.VectorQuantizer,
        arguments=lambda: {"num_codes": 3, "codebook": "gradient", "revive_below": 0.0, "seed": 1},
        inputs=lambda rng: {"inputs": normal(rng, 4, 5, 2)},
        bad=(({"num_codes": 2.5}, "num_codes"),),
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

MODELS += [
    Entry(
        "PixelCNN",
        kgen.models.PixelCNN,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "num_classes": 10,
            "filters": 4,
            "num_blocks": 1,
            "first_kernel_size": 3,
            "head_dim": 4,
            "dropout": 0.1,
            "seed": 1,
        },
        inputs=with_labels,
        bad=(
            ({"image_shape": (8, 8)}, "image_shape"),
            ({"num_classes": 1}, "num_classes"),
            ({"filters": 0}, "filters"),
            ({"num_blocks": 0}, "num_blocks"),
            ({"kernel_size": 1}, "kernel_size"),
            ({"first_kernel_size": 4}, "first_kernel_size"),
            ({"head_dim": 0}, "head_dim"),
            ({"likelihood": "gaussian"}, "likelihood"),
            ({"levels": 257}, "levels"),
            ({"dropout": 1.0}, "dropout"),
        ),
        random=True,
        data=labelled_digits,
        measure=exact_nats,
        gain=1.0,
        fit={"epochs": 3, "batch_size": 16},
    ),
    Entry(
        "PixelCNN-colour",
        kgen.models.PixelCNN,
        arguments=lambda: {
            "image_shape": (4, 3, 3),
            "filters": 4,
            "num_blocks": 1,
            "first_kernel_size": 3,
            "head_dim": 4,
            "likelihood": "logistic",
            "levels": 32,
            "seed": 1,
        },
        inputs=images_of(4, 3, 3),
        bad=(({"levels": 1}, "levels"), ({"filters": 2.5}, "filters")),
        data=lambda: (waves()[0][:, :4, :3],),
        measure=exact_nats,
        gain=2.0,
        fit={"epochs": 6, "batch_size": 16},
    ),
    Entry(
        "PixelCNN-codes",
        kgen.models.PixelCNN,
        arguments=lambda: {
            "image_shape": (4, 3, 1),
            "filters": 4,
            "num_blocks": 1,
            "first_kernel_size": 3,
            "head_dim": 4,
            "likelihood": "codes",
            "levels": 9,
            "seed": 1,
        },
        inputs=lambda rng: {"images": rng.integers(0, 9, (4, 4, 3, 1), "int32")},
        bad=(({"levels": 0}, "levels"), ({"levels": 2.5}, "levels")),
        data=lambda: (np.arange(96 * 12).reshape(96, 4, 3) % 9,),
        measure=exact_nats,
        gain=0.5,
        fit={"epochs": 8, "batch_size": 8},
    ),
    Entry(
        "VQVAE",
        kgen.models.VQVAE,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "num_codes": 6,
            "code_dim": 3,
            "hidden_dims": (4, 8),
            "prior": prior_of_codes(),
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(
            ({"image_shape": (8, 8)}, "image_shape"),
            ({"num_codes": 1}, "num_codes"),
            ({"code_dim": 0}, "code_dim"),
            ({"hidden_dims": ()}, "hidden_dims"),
            ({"codebook": "kmeans"}, "codebook"),
            ({"commitment": -1.0}, "commitment"),
            ({"decay": 1.0}, "decay"),
            ({"revive_below": -1.0}, "revive_below"),
            ({"prior": "gpt"}, "prior"),
        ),
        data=digits,
        measure=lambda model, images: model.evaluate(images, full=True)["mse"],
        gain=0.01,
        fit={"epochs": 6, "batch_size": 16},
    ),
]

MODELS += [
    Entry(
        "GPT",
        kgen.models.GPT,
        arguments=lambda: {
            "tokenizer": letters(),
            "context_length": 16,
            "num_layers": 2,
            "num_heads": 2,
            "model_dim": 16,
            "dropout": 0.1,
            "seed": 1,
        },
        inputs=ids_below(15),
        bad=(
            ({"tokenizer": "characters"}, "tokenizer"),
            ({"tokenizer": None}, "tokenizer"),
            ({"vocabulary_size": 5}, "vocabulary_size"),
            ({"context_length": 1}, "context_length"),
            ({"num_layers": 0}, "num_layers"),
            ({"num_heads": 0}, "num_heads"),
            ({"model_dim": 15}, "model_dim"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"activation": "tanh"}, "activation"),
            ({"normalization": "batch"}, "normalization"),
            ({"positions": "none"}, "positions"),
            ({"chat_template": {"user": "User: "}}, "chat_template"),
            ({"dropout": 1.5}, "dropout"),
        ),
        random=True,
        unknown_axes=(0, 1),
        data=lambda: (TEXT,),
        measure=surprise,
        gain=0.3,
        fit={"epochs": 4, "batch_size": 4},
        use=lambda model, seed: model.generate("the ", 6, seed=seed),
    ),
    Entry(
        "GPT-modern",
        kgen.models.GPT,
        arguments=lambda: {
            "vocabulary_size": 20,
            "context_length": 16,
            "num_layers": 2,
            "num_heads": 4,
            "num_key_value_heads": 2,
            "model_dim": 16,
            "feedforward_dim": 24,
            "activation": "swiglu",
            "normalization": "rms",
            "positions": "rotary",
            "use_bias": False,
            "tie_embeddings": False,
            "gradient_checkpointing": True,
            "seed": 1,
        },
        inputs=ids_below(20),
        bad=(({"vocabulary_size": 1}, "vocabulary_size"), ({"num_key_value_heads": 3}, "num_key_value_heads")),
        unknown_axes=(0, 1),
        data=lambda: (np.arange(600) % 7,),
        measure=surprise,
        gain=0.3,
        fit={"epochs": 4, "batch_size": 4},
        use=lambda model, seed: model.generate([1, 2, 3], 6, seed=seed),
    ),
    Entry(
        "RNNLanguageModel",
        kgen.models.RNNLanguageModel,
        arguments=lambda: {
            "tokenizer": letters(),
            "context_length": 16,
            "num_layers": 2,
            "units": 12,
            "dropout": 0.1,
            "seed": 1,
        },
        inputs=ids_below(15),
        bad=(
            ({"tokenizer": None}, "tokenizer"),
            ({"cell": "rnn"}, "cell"),
            ({"context_length": 1}, "context_length"),
            ({"num_layers": 0}, "num_layers"),
            ({"units": 0}, "units"),
            ({"model_dim": 0}, "model_dim"),
            ({"dropout": 1.5}, "dropout"),
        ),
        random=True,
        unknown_axes=(0, 1),
        data=lambda: (TEXT,),
        measure=surprise,
        gain=0.3,
        fit={"epochs": 8, "batch_size": 4},
        use=lambda model, seed: model.generate("the ", 6, seed=seed),
    ),
    Entry(
        "RNNLanguageModel-gru",
        kgen.models.RNNLanguageModel,
        arguments=lambda: {
            "vocabulary_size": 20,
            "cell": "gru",
            "context_length": 16,
            "num_layers": 1,
            "units": 12,
            "model_dim": 8,
            "tie_embeddings": False,
            "seed": 1,
        },
        inputs=ids_below(20),
        bad=(({"vocabulary_size": 1}, "vocabulary_size"), ({"units": 2.5}, "units")),
        unknown_axes=(0, 1),
        data=lambda: (np.arange(600) % 7,),
        measure=surprise,
        gain=0.3,
        fit={"epochs": 4, "batch_size": 4},
        use=lambda model, seed: model.generate([1, 2, 3], 6, seed=seed),
    ),
]

MODELS += [
    Entry(
        "TransformerSeq2Seq",
        kgen.models.TransformerSeq2Seq,
        arguments=lambda: {
            "tokenizer": words_and_figures(),
            "num_layers": 1,
            "num_heads": 2,
            "model_dim": 16,
            "context_length": 40,
            "dropout": 0.1,
            "seed": 1,
        },
        inputs=sentence_pairs(15),
        bad=(
            ({"tokenizer": None}, "tokenizer"),
            ({"vocabulary_size": 5}, "vocabulary_size"),
            ({"context_length": 1}, "context_length"),
            ({"num_layers": 0}, "num_layers"),
            ({"num_heads": 0}, "num_heads"),
            ({"model_dim": 15}, "model_dim"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"activation": "tanh"}, "activation"),
            ({"norm_position": "middle"}, "norm_position"),
            ({"label_smoothing": 1.0}, "label_smoothing"),
            ({"dropout": 1.5}, "dropout"),
        ),
        random=True,
        unknown_axes=(0, 1),
        data=few_dates,
        measure=doubt,
        gain=0.3,
        fit={"epochs": 15, "batch_size": 16},
        use=lambda model, seed: model.generate("3 may 1999", 6, kgen.decoding.TopP(0.9), seed=seed),
    ),
    Entry(
        "TransformerSeq2Seq-post",
        kgen.models.TransformerSeq2Seq,
        arguments=lambda: {
            "vocabulary_size": 9,
            "num_layers": 2,
            "num_heads": 2,
            "model_dim": 16,
            "activation": "swiglu",
            "norm_position": "post",
            "share_embeddings": False,
            "tie_embeddings": False,
            "label_smoothing": 0.0,
            "dropout": 0.0,
            "seed": 1,
        },
        inputs=sentence_pairs(9),
        bad=(({"vocabulary_size": 1}, "vocabulary_size"), ({"model_dim": 0}, "model_dim")),
        repad=repad_sentences,
        unknown_axes=(0, 1),
        data=backwards,
        measure=doubt,
        gain=0.15,
        fit={"epochs": 15, "batch_size": 16},
        use=lambda model, seed: model.generate([1, 2, 3], 6, kgen.decoding.TopP(0.9), seed=seed),
    ),
    Entry(
        "Seq2SeqRNN",
        kgen.models.Seq2SeqRNN,
        arguments=lambda: {
            "tokenizer": words_and_figures(),
            "units": 12,
            "model_dim": 8,
            "context_length": 40,
            "dropout": 0.1,
            "scheduled_sampling": 0.3,
            "seed": 1,
        },
        inputs=sentence_pairs(15),
        bad=(
            ({"tokenizer": None}, "tokenizer"),
            ({"cell": "rnn"}, "cell"),
            ({"attention": "hard"}, "attention"),
            ({"bidirectional": 2}, "bidirectional"),
            ({"num_layers": 0}, "num_layers"),
            ({"units": 0}, "units"),
            ({"model_dim": 0}, "model_dim"),
            ({"context_length": 1}, "context_length"),
            ({"label_smoothing": -0.1}, "label_smoothing"),
            ({"scheduled_sampling": 1.5}, "scheduled_sampling"),
            ({"dropout": 1.5}, "dropout"),
        ),
        random=True,
        unknown_axes=(0, 1),
        data=few_dates,
        measure=doubt,
        gain=0.3,
        fit={"epochs": 8, "batch_size": 16},
        use=lambda model, seed: model.generate("3 may 1999", 6, kgen.decoding.TopP(0.9), seed=seed),
    ),
    Entry(
        "Seq2SeqRNN-lstm-dot",
        kgen.models.Seq2SeqRNN,
        arguments=lambda: {
            "vocabulary_size": 9,
            "cell": "lstm",
            "attention": "dot",
            "num_layers": 2,
            "units": 12,
            "share_embeddings": False,
            "tie_embeddings": False,
            "label_smoothing": 0.1,
            "dropout": 0.0,
            "seed": 1,
        },
        inputs=sentence_pairs(9),
        bad=(({"vocabulary_size": 1}, "vocabulary_size"), ({"units": 2.5}, "units")),
        repad=repad_sentences,
        unknown_axes=(0, 1),
        data=backwards,
        measure=doubt,
        gain=0.1,
        fit={"epochs": 8, "batch_size": 16},
        use=lambda model, seed: model.generate([1, 2, 3], 6, kgen.decoding.TopP(0.9), seed=seed),
    ),
]

MODELS += [
    Entry(
        "DiffusionModel",
        kgen.models.DiffusionModel,
        arguments=lambda: {
            "image_shape": (7, 5, 3),
            "widths": (8, 8),
            "blocks": 1,
            "num_heads": 2,
            "dropout": 0.1,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=renamed(images_of(7, 5, 3)),
        bad=(
            ({"image_shape": (8, 8)}, "image_shape"),
            ({"num_classes": 1}, "num_classes"),
            ({"widths": ()}, "widths"),
            ({"blocks": 0}, "blocks"),
            ({"num_heads": 3}, "num_heads"),
            ({"dropout": 1.0}, "dropout"),
            ({"network": "unet"}, "network"),
            ({"schedule": "cosine"}, "schedule"),
            ({"prediction": "noise"}, "prediction"),
            ({"min_snr_gamma": 0.0}, "min_snr_gamma"),
            ({"unconditional_share": 1.0}, "unconditional_share"),
            ({"ema_decay": 1.0}, "ema_decay"),
        ),
        random=True,
        data=waves,
        measure=unlikeness_of_few,
        gain=0.03,
        fit={"epochs": 6, "batch_size": 16},
        use=lambda model, seed: model.generate(3, seed=seed, steps=4),
    ),
    Entry(
        "DiffusionModel-transformer",
        kgen.models.DiffusionModel,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "num_classes": 10,
            "network": kgen.layers.DiffusionTransformer(1, 2, 1, model_dim=16, num_heads=2, name="network"),
            "widths": (4,),
            "schedule": kgen.diffusion.Flow(),
            "min_snr_gamma": 5.0,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=renamed(with_labels),
        bad=(({"network": 3}, "network"),),
        random=True,
        data=labelled_digits,
        measure=unlikeness_of_few,
        gain=0.1,
        fit={"epochs": 6, "batch_size": 16},
        use=lambda model, seed: model.generate(3, seed=seed, steps=4, guidance=2.0),
    ),
    Entry(
        "ImageRestorer",
        kgen.models.ImageRestorer,
        arguments=lambda: {
            "image_shape": (8, 4, 3),
            "scale": 2,
            "widths": (8, 8),
            "blocks": 1,
            "num_heads": 2,
            "dropout": 0.1,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=renamed(images_of(8, 4, 3)),
        bad=(
            ({"image_shape": (8, 5, 3)}, "image_shape"),
            ({"tasks": ()}, "tasks"),
            ({"tasks": ("deblurring",)}, "tasks"),
            ({"tasks": ("denoising", "denoising")}, "tasks"),
            ({"scale": 1}, "scale"),
            ({"noise": 0.1}, "noise"),
            ({"noise": (0.3, 0.1)}, "noise"),
            ({"widths": ()}, "widths"),
            ({"blocks": 0}, "blocks"),
            ({"mean_share": 1.0}, "mean_share"),
            ({"prediction": "noise"}, "prediction"),
            ({"ema_decay": 1.0}, "ema_decay"),
        ),
        random=True,
        data=lambda: (np.pad(waves()[0], [(0, 0), (0, 1), (0, 0), (0, 0)], mode="edge")[:, :, :4],),
        measure=lambda model, images: 255 - model.evaluate(images, full=True)["super_resolution psnr"],
        gain=0.2,  # on pixels repeated, which is what it gives before
        fit={"epochs": 12, "batch_size": 16},
        use=lambda model, seed: model.denoise(np.full((2, 4, 4, 3), 99, "uint8"), seed=seed, steps=3),
    ),
    Entry(
        "AudioSuperResolution",
        kgen.models.AudioSuperResolution,
        arguments=lambda: {
            "length": 32,
            "widths": (8, 8),
            "blocks": 1,
            "num_heads": 2,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=lambda rng: {"inputs": rng.uniform(-1.0, 1.0, (4, 32)).astype("float32")},
        bad=(
            ({"length": 33}, "length"),
            ({"factor": 1}, "factor"),
            ({"widths": ()}, "widths"),
            ({"blocks": 0}, "blocks"),
            ({"num_heads": 3}, "num_heads"),
            ({"mean_share": -0.1}, "mean_share"),
            ({"schedule": "cosine"}, "schedule"),
        ),
        random=True,
        data=lambda: (kgen.datasets.load("tones")[0][:128, :32],),
        measure=loss,
        gain=0.005,
        fit={"epochs": 4, "batch_size": 16},
        use=lambda model, seed: model.super_resolve(np.sin(np.arange(40.0)), seed=seed, steps=3),
    ),
    Entry(
        "ImageAutoencoder",
        kgen.models.ImageAutoencoder,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_channels": 2,
            "widths": (4, 6),
            "perceptual_weight": 0.1,
            "adversarial_weight": 0.01,
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(
            ({"image_shape": (8, 7, 1)}, "image_shape"),
            ({"latent_channels": 0}, "latent_channels"),
            ({"widths": ()}, "widths"),
            ({"regularization": "l2"}, "regularization"),
            ({"kl_weight": -1.0}, "kl_weight"),
            ({"num_codes": 1}, "num_codes"),
            ({"perceptual_weight": -1.0}, "perceptual_weight"),
            ({"adversarial_weight": -1.0}, "adversarial_weight"),
        ),
        random=True,
        data=digits,
        measure=lambda model, images: model.evaluate(images, verbose=0, return_dict=True)["error"],
        gain=0.1,
        fit={"epochs": 3, "batch_size": 32},
        use=lambda model, seed: model.decode(np.random.default_rng(seed).normal(size=(3, 4, 4, 2))),
    ),
    Entry(
        "ImageAutoencoder-codes",
        kgen.models.ImageAutoencoder,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_channels": 2,
            "widths": (4, 6),
            "regularization": "vq",
            "num_codes": 8,
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(({"num_codes": 0}, "num_codes"),),
        data=digits,
        measure=lambda model, images: model.evaluate(images, verbose=0, return_dict=True)["error"],
        gain=0.1,
        fit={"epochs": 8, "batch_size": 32},
        use=lambda model, seed: model.decode(np.random.default_rng(seed).normal(size=(3, 4, 4, 2))),
    ),
    Entry(
        "LatentDiffusion",
        kgen.models.LatentDiffusion,
        arguments=lambda: {
            "autoencoder": codec(),
            "tokenizer": words_and_figures(),
            "context_length": 6,
            "widths": (8, 8),
            "blocks": 1,
            "num_heads": 2,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=lambda rng: {
            "inputs": {
                "images": rng.integers(0, 256, (4, 8, 8, 1), "uint8"),
                "words": rng.integers(0, 9, (4, 6), "int32"),
            }
        },
        bad=(
            ({"autoencoder": 3}, "autoencoder"),
            ({"tokenizer": "words"}, "tokenizer"),
            ({"num_classes": 10}, "num_classes"),
            ({"context_length": 0}, "context_length"),
            ({"widths": (8, 8, 8, 8)}, "widths"),
            ({"ema_decay": 1.0}, "ema_decay"),
        ),
        random=True,
        data=lambda: (digits()[0], ["a digit"] * 256),
        measure=loss,
        gain=0.05,
        fit={"epochs": 8, "batch_size": 32},
        use=lambda model, seed: model.generate(3, seed=seed, prompt="9", steps=3),
    ),
    Entry(
        "DCGAN",
        kgen.models.DCGAN,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_dim": 8,
            "filters": (8, 8),
            "discriminator_normalization": "spectral",
            "penalty": "r1",
            "penalty_weight": 0.1,
            "augmentation": ("translation",),
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(
            ({"image_shape": (8, 8)}, "image_shape"),
            ({"latent_dim": 0}, "latent_dim"),
            ({"filters": ()}, "filters"),
            ({"filters": (8, 0)}, "filters"),
            ({"num_classes": 1}, "num_classes"),
            ({"discriminator_normalization": "batch"}, "discriminator_normalization"),
            ({"discriminator_normalization": "layer"}, "discriminator_normalization"),
            ({"objective": "minimax"}, "objective"),
            ({"penalty": "r2"}, "penalty"),
            ({"penalty_weight": -1.0}, "penalty_weight"),
            ({"penalty_every": 0}, "penalty_every"),
            ({"augmentation": ("colour",)}, "augmentation"),
            ({"critic_steps": 0}, "critic_steps"),
            ({"ema_decay": 1.0}, "ema_decay"),
        ),
        random=True,
        data=digits,
        measure=unlikeness,
        gain=0.1,
        fit={"epochs": 6, "batch_size": 16},
    ),
    Entry(
        "StyleGAN",
        kgen.models.StyleGAN,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_dim": 4,
            "style_dim": 6,
            "filters": (4, 8),
            "mapping_layers": 2,
            "num_classes": 10,
            "penalty": None,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=with_labels,
        bad=(
            ({"style_dim": 0}, "style_dim"),
            ({"filters": 8}, "filters"),
            ({"mapping_layers": 0}, "mapping_layers"),
            ({"style_mixing": 1.5}, "style_mixing"),
        ),
        random=True,
        data=labelled_digits,
        measure=unlikeness,
        gain=0.1,
        fit={"epochs": 12, "batch_size": 16},
        use=lambda model, seed: model.decode_styles(np.random.default_rng(seed).normal(size=(3, 6))),
    ),
    Entry(
        "BigGAN",
        kgen.models.BigGAN,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "latent_dim": 6,
            "filters": (4, 8),
            "label_dim": 4,
            "ema_decay": 0.9,
            "seed": 1,
        },
        inputs=with_labels,
        bad=(
            ({"num_classes": 1}, "num_classes"),
            ({"latent_dim": 2}, "latent_dim"),
            ({"filters": (0,)}, "filters"),
            ({"label_dim": 0}, "label_dim"),
            ({"attention_level": 3}, "attention_level"),
        ),
        random=True,
        data=labelled_digits,
        measure=unlikeness,
        gain=0.1,
        fit={"epochs": 6, "batch_size": 16},
    ),
    Entry(
        "CycleGAN",
        kgen.models.CycleGAN,
        arguments=lambda: {"image_shape": (16, 16, 1), "filters": 4, "num_blocks": 1, "pool_size": 10, "seed": 1},
        inputs=lambda rng: {"images": {kind: rng.integers(0, 256, (4, 16, 16, 1), "uint8") for kind in "ab"}},
        bad=(
            ({"image_shape": (16, 18, 1)}, "image_shape"),
            ({"image_shape": (8, 16, 1)}, "image_shape"),
            ({"filters": 0}, "filters"),
            ({"num_blocks": -1}, "num_blocks"),
            ({"cycle_weight": -1.0}, "cycle_weight"),
            ({"identity_weight": "much"}, "identity_weight"),
            ({"objective": "minimax"}, "objective"),
            ({"augmentation": ("blur",)}, "augmentation"),
            ({"learn_residual": "yes"}, "learn_residual"),
            ({"pool_size": -1}, "pool_size"),
        ),
        random=False,
        data=dark_and_light,
        measure=lambda model, dataset: apart(dataset.b, model.translate(dataset.a)),
        gain=0.1,
        fit={"epochs": 4},
        use=lambda model, seed: model.translate(np.random.default_rng(seed).integers(0, 256, (3, 16, 16, 1), "uint8")),
    ),
]

MODELS += [
    Entry(
        "WordEmbeddings",
        kgen.models.WordEmbeddings,
        arguments=lambda: {
            "vocabulary": ["the", "cat", "sat", "on", "mat", "a", "dog", "ran", "to", "house"],
            "counts": [80, 20, 20, 20, 20, 20, 20, 20, 20, 20],
            "model_dim": 6,
            "window": 2,
            "subsample": 0.1,
            "seed": 1,
        },
        inputs=lambda rng: {"words": rng.integers(0, 10, (4, 3), "int32")},
        bad=(
            ({"vocabulary": "the cat"}, "vocabulary"),
            ({"vocabulary": ["the"]}, "vocabulary"),
            ({"vocabulary": ["the", "the"]}, "vocabulary"),
            ({"counts": [80]}, "counts"),
            ({"counts": [0] * 10}, "counts"),
            ({"model_dim": 0}, "model_dim"),
            ({"window": 0}, "window"),
            ({"num_negatives": 2.5}, "num_negatives"),
            ({"subsample": 0.0}, "subsample"),
            ({"lowercase": "yes"}, "lowercase"),
        ),
        unknown_axes=(0, 1),
        data=lambda: (TEXT,),
        measure=lambda model, text: model.evaluate(text, full=True)["loss"],
        gain=0.3,
        fit={"epochs": 30, "batch_size": 1},
        use=lambda model, seed: model.most_similar(model.vocabulary[seed], top=3),
    ),
    Entry(
        "ViT",
        kgen.models.ViT,
        arguments=lambda: {
            "image_shape": (8, 8, 1),
            "patch_size": 4,
            "num_layers": 2,
            "model_dim": 12,
            "num_heads": 2,
            "augmentation": ("translation",),
            "dropout": 0.1,
            "class_names": [f"digit {i}" for i in range(10)],
            "seed": 1,
        },
        inputs=images_of(8, 8, 1),
        bad=(
            ({"image_shape": (8, 8)}, "image_shape"),
            ({"num_classes": 1}, "num_classes"),
            ({"patch_size": 3}, "patch_size"),
            ({"num_layers": 0}, "num_layers"),
            ({"model_dim": 15}, "model_dim"),
            ({"num_heads": 0}, "num_heads"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"pooling": "max"}, "pooling"),
            ({"stem": (4, 4, 4)}, "stem"),
            ({"activation": "tanh"}, "activation"),
            ({"epsilon": -1.0}, "epsilon"),
            ({"augmentation": ("blur",)}, "augmentation"),
            ({"label_smoothing": 1.0}, "label_smoothing"),
            ({"dropout": 1.5}, "dropout"),
            ({"class_names": ["one", "two"]}, "class_names"),
        ),
        random=True,
        data=labelled_digits,
        measure=mistakes,
        gain=0.1,
        fit={"epochs": 12, "batch_size": 16},
        use=lambda model, seed: model.probabilities(np.random.default_rng(seed).integers(0, 256, (3, 8, 8), "uint8")),
    ),
    Entry(
        "ViT-stem-mean",
        kgen.models.ViT,
        arguments=lambda: {
            "image_shape": (8, 4, 3),
            "num_classes": 2,
            "patch_size": 2,
            "num_layers": 1,
            "model_dim": 8,
            "num_heads": 2,
            "feedforward_dim": 12,
            "pooling": "mean",
            "stem": (4,),
            "activation": "swiglu",
            "label_smoothing": 0.0,
            "seed": 1,
        },
        inputs=images_of(8, 4, 3),
        bad=(({"num_classes": 2.5}, "num_classes"), ({"stem": 4}, "stem"), ({"augmentation": "flip"}, "augmentation")),
        data=bright_or_dark,
        measure=mistakes,
        gain=0.1,
        fit={"epochs": 12, "batch_size": 8},
        use=lambda model, seed: model.probabilities(
            np.random.default_rng(seed).integers(0, 256, (3, 8, 4, 3), "uint8")
        ),
    ),
]

MODELS += [
    Entry(
        "BERT",
        kgen.models.BERT,
        arguments=lambda: {
            "tokenizer": words(),
            "num_layers": 2,
            "num_heads": 2,
            "model_dim": 16,
            "context_length": 16,
            "dropout": 0.1,
            "seed": 1,
        },
        inputs=lambda rng: {"inputs": {"cloze": framed(rng)}},
        bad=(
            ({"tokenizer": "words"}, "tokenizer"),
            ({"vocabulary_size": 5}, "vocabulary_size"),
            ({"context_length": 2}, "context_length"),
            ({"num_layers": 0}, "num_layers"),
            ({"num_heads": 0}, "num_heads"),
            ({"model_dim": 15}, "model_dim"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"segments": -1}, "segments"),
            ({"embedding_dim": 0}, "embedding_dim"),
            ({"position_offset": -1}, "position_offset"),
            ({"activation": "swiglu"}, "activation"),
            ({"norm_position": "middle"}, "norm_position"),
            ({"hidden_share": 0.0}, "hidden_share"),
            ({"dropout": 1.5}, "dropout"),
        ),
        random=True,
        data=lambda: ([sentence.strip() for sentence in TEXT.split(".") if sentence.strip()] * 2,),
        measure=guesses,
        gain=0.1,
        fit={"epochs": 16, "batch_size": 8},
        use=lambda model, seed: model.embed([f"the cat sat on {'the ' * seed}mat", "a dog"]),
    ),
    Entry(
        "BERT-shared",
        kgen.models.BERT,
        arguments=lambda: {
            "vocabulary_size": 20,
            "num_layers": 2,
            "num_heads": 2,
            "model_dim": 12,
            "context_length": 12,
            "embedding_dim": 6,
            "share_layers": True,
            "position_offset": 2,
            "activation": "gelu_tanh",
            "norm_position": "pre",
            "dropout": 0.0,
            "seed": 1,
        },
        inputs=segmented,
        bad=(({"vocabulary_size": 4}, "vocabulary_size"), ({"special_ids": (1, 1, 2, 3)}, "special_ids")),
        repad=repad_ids,
        unknown_axes=(0, 1),
        data=lambda: (4 + np.arange(600) % 7,),
        measure=guesses,
        gain=0.1,
        fit={"epochs": 12, "batch_size": 8},
        use=lambda model, seed: model.embed([[4, 5, 6 + seed], [7]]),
    ),
]

MODELS += [
    Entry(
        "TextClassifier",
        kgen.models.TextClassifier,
        arguments=lambda: {"encoder": encoder_of_words(), "class_names": ["cat", "dog"], "seed": 1},
        inputs=lambda rng: {"ids": framed(rng)},
        bad=(
            ({"encoder": "BERT"}, "encoder"),
            ({"num_classes": 1}, "num_classes"),
            ({"class_names": ["cat", "cat"]}, "class_names"),
            ({"pooling": "max"}, "pooling"),
            ({"pooling": "pooler"}, "pooling"),
            ({"freeze": "all"}, "freeze"),
            ({"dropout": 1.5}, "dropout"),
            ({"label_smoothing": -0.1}, "label_smoothing"),
        ),
        random=True,
        unknown_axes=(0, 1),
        data=cats_or_dogs,
        measure=mistakes,
        gain=0.1,
        fit={"epochs": 10, "batch_size": 8},
        use=lambda model, seed: model.probabilities([f"the cat sat on {'the ' * seed}mat", "a dog"]),
    ),
    Entry(
        "TextClassifier-pooler",
        kgen.models.TextClassifier,
        arguments=lambda: {
            "encoder": encoder_of_words(pooler=True, segments=0),
            "num_classes": 3,
            "pooling": "pooler",
            "freeze": "embeddings",
            "dropout": 0.0,
            "label_smoothing": 0.1,
            "seed": 1,
        },
        inputs=lambda rng: {"ids": framed(rng)},
        bad=(({"num_classes": 2.5}, "num_classes"), ({"freeze": 3}, "freeze")),
        unknown_axes=(0, 1),
        data=lambda: (cats_or_dogs()[0], np.array([0, 2] * 32)),
        measure=mistakes,
        gain=0.1,
        fit={"epochs": 10, "batch_size": 8},
        use=lambda model, seed: model.probabilities([f"the cat sat on {'the ' * seed}mat", "a dog"]),
    ),
]

MODELS += [
    Entry(
        "T5",
        kgen.models.T5,
        arguments=lambda: {
            "tokenizer": words_and_figures(),
            "num_layers": 1,
            "num_heads": 2,
            "model_dim": 16,
            "context_length": 40,
            "dropout": 0.1,
            "seed": 1,
        },
        inputs=sentence_pairs(15),
        bad=(
            ({"tokenizer": None}, "tokenizer"),
            ({"vocabulary_size": 5}, "vocabulary_size"),
            ({"context_length": 1}, "context_length"),
            ({"num_layers": 0}, "num_layers"),
            ({"num_decoder_layers": 0}, "num_decoder_layers"),
            ({"num_heads": 0}, "num_heads"),
            ({"model_dim": 15}, "model_dim"),
            ({"head_dim": 0}, "head_dim"),
            ({"feedforward_dim": 0}, "feedforward_dim"),
            ({"activation": "tanh"}, "activation"),
            ({"num_buckets": 6}, "num_buckets"),
            ({"max_distance": 7}, "max_distance"),
            ({"epsilon": -1.0}, "epsilon"),
            ({"label_smoothing": 1.0}, "label_smoothing"),
            ({"dropout": 1.5}, "dropout"),
        ),
        random=True,
        unknown_axes=(0, 1),
        data=few_dates,
        measure=doubt,
        gain=0.2,
        fit={"epochs": 10, "batch_size": 16},
        use=lambda model, seed: model.generate("3 may 1999", 6, kgen.decoding.TopP(0.9), seed=seed),
    ),
    Entry(
        "T5-1.1",
        kgen.models.T5,
        arguments=lambda: {
            "vocabulary_size": 9,
            "num_layers": 2,
            "num_decoder_layers": 1,
            "num_heads": 2,
            "model_dim": 15,
            "head_dim": 5,
            "feedforward_dim": 12,
            "activation": "geglu_tanh",
            "num_buckets": 8,
            "max_distance": 12,
            "tie_embeddings": False,
            "label_smoothing": 0.1,
            "dropout": 0.0,
            "seed": 1,
        },
        inputs=sentence_pairs(9),
        bad=(({"vocabulary_size": 1}, "vocabulary_size"), ({"model_dim": 0}, "model_dim")),
        repad=repad_sentences,
        unknown_axes=(0, 1),
        data=backwards,
        measure=doubt,
        gain=0.2,
        fit={"epochs": 10, "batch_size": 16},
        use=lambda model, seed: model.generate([1, 2, 3], 6, kgen.decoding.TopP(0.9), seed=seed),
    ),
]

ZOO = [*LAYERS, *MODELS]

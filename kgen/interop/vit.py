"""The Vision Transformer's names and options."""

from kgen.interop.configuration import activation
from kgen.interop.configuration import integer
from kgen.interop.configuration import number
from kgen.interop.mapping import dense
from kgen.interop.mapping import norm
from kgen.interop.mapping import numbered
from kgen.interop.mapping import patches
from kgen.interop.mapping import same
from kgen.interop.mapping import unbatched
from kgen.models.vit import ViT
from kgen.presets.files import read_json

MODEL_TYPE = "vit"
PREFIX = "vit."
ARCHITECTURES = ("ViTForImageClassification", "ViTModel")

OPTIONS = {
    "num_layers": integer("num_hidden_layers", 12),
    "num_heads": integer("num_attention_heads", 12),
    "model_dim": integer("hidden_size", 768),
    "feedforward_dim": integer("intermediate_size", 3072),
    "activation": activation("hidden_act", "gelu"),
    "epsilon": number("layer_norm_eps", 1e-12),
    "dropout": number("hidden_dropout_prob", 0.0),
}
NEEDED = {"qkv_bias": (True,)}
# kgen's model maps [0, 255] to [-1, 1] itself.
PREPROCESSOR = "preprocessor_config.json"
RESCALED = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": 0.5, "image_std": 0.5}

NOT_READ = r"vit\.pooler\.dense\.(weight|bias)"  # no part of a classifier
PATCHES = "vit.embeddings.patch_embeddings.projection"
CLASSES = dense("classifier", "classifier")

_LAYER = "vit.encoder.layer.{i}"
_ATTENTION = f"{_LAYER}.attention.attention"
_LAYERS = {
    **norm("block_{n}/attention_norm", f"{_LAYER}.layernorm_before"),
    **dense("block_{n}/attention/query_key_value", f"{_ATTENTION}.query", f"{_ATTENTION}.key", f"{_ATTENTION}.value"),
    **dense("block_{n}/attention/output", f"{_LAYER}.attention.output.dense"),
    **norm("block_{n}/feed_forward_norm", f"{_LAYER}.layernorm_after"),
    **dense("block_{n}/feed_forward/hidden", f"{_LAYER}.intermediate.dense"),
    **dense("block_{n}/feed_forward/output", f"{_LAYER}.output.dense"),
}


def table(arguments):
    """The tensors of each weight."""
    return {
        "embedding/token": same("vit.embeddings.cls_token"),
        "embedding/projection/kernel": patches(
            f"{PATCHES}.weight", arguments["patch_size"], arguments["image_shape"][-1]
        ),
        "embedding/projection/bias": same(f"{PATCHES}.bias"),
        "embedding/positions/embeddings": unbatched("vit.embeddings.position_embeddings"),
        **numbered(_LAYERS, arguments["num_layers"]),
        **norm("final_norm", "vit.layernorm"),
        **CLASSES,
    }


def sizes(arguments):
    """Tensors whose shapes follow from the options; they bound how large the model can be."""
    width, side = arguments["model_dim"], arguments["patch_size"]
    height, breadth, channels = arguments["image_shape"]
    yield f"{PATCHES}.weight", (width, channels, side, side)
    yield "vit.embeddings.position_embeddings", (1, (height // side) * (breadth // side) + 1, width)
    for i in range(arguments["num_layers"]):
        yield f"vit.encoder.layer.{i}.attention.attention.query.weight", (width, width)
        yield f"vit.encoder.layer.{i}.intermediate.dense.weight", (arguments["feedforward_dim"], width)


def further_arguments(arguments, configuration, tensors):
    """The sizes of images and patches, and the classes: as many as the file has, two where it has none."""
    _check_preprocessor(configuration.file.with_name(PREPROCESSOR))
    height, width = _sides(configuration, "image_size", 224)
    patch, other = _sides(configuration, "patch_size", 16)
    if patch != other:
        raise ValueError(f"{configuration.file}: patch_size: expected squares, got {[patch, other]}")
    classes = tensors.rows("classifier.weight") if "classifier.weight" in tensors else 2
    return {
        "image_shape": (height, width, configuration.integer("num_channels", 3, minimum=1)),
        "patch_size": patch,
        "num_classes": classes,
        "class_names": configuration.class_names(classes),
    }


def build(arguments, source):
    """(model, table, tensors that repeat another)."""
    rows = table(arguments)
    if not any(name in source.tensors for entry in CLASSES.values() for name in entry.names):
        rows = {ours: entry for ours, entry in rows.items() if ours not in CLASSES}
    return ViT(**arguments, **source.options), rows, {}


def _sides(configuration, name, default):
    """A size as (height, width)."""
    value = configuration.get(name, default)
    sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(type(side) is int and side > 0 for side in sides):
        raise ValueError(f"{configuration.file}: {name}: expected an integer, or two, of at least 1, got {value!r}")
    return sides


def _check_preprocessor(file):
    """Refuse images that are to be rescaled otherwise, if a file says how they are."""
    values = read_json(file) if file.is_file() else {}
    for name, needed in RESCALED.items():
        found = needed if values.get(name) is None else values[name]
        channels = found if isinstance(found, list) else [found]
        if not all(isinstance(one, int | float) and abs(one - needed) < 1e-6 for one in channels):
            raise ValueError(f"{file}: {name}: kgen's ViT has this as {needed} alone, got {found!r}")

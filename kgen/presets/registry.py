"""The presets: which there are, where their files lie, how they are written and read.

A preset is a folder: `config.json` (the model as Keras serializes it), `model.safetensors` (one tensor a weight: floats
in half precision, integers and booleans as they are) and `card.md`. Of a network and its moving average, `average_x`
beside `x`, the average alone is written: it is what generates, and the best to learn on from. The preset of a detector
is that of its model and holds what else it learned, in files that `kgen.anomaly` writes and reads. A row of images to
try it on may lie beside them, `examples.png`, which the studio offers. `index.json` lists the shipped ones with their
checksums and sizes; `python -m kgen.presets.registry` rewrites it.
"""

import builtins
import json
from pathlib import Path

import numpy as np

from kgen.presets import files

SHIPPED = Path(__file__).parent / "shipped"
INDEX = Path(__file__).parent / "index.json"
FORMAT = 1
AVERAGE = "average_"  # what a moving average is called, before the name of what it follows
DETECTOR = "detector.json"  # what makes a preset that of a detector


def list():
    """Names of the shipped presets.

    Example:

    >>> import kgen
    >>> "mnist-vae" in kgen.presets.list()
    True
    """
    return sorted(_index())


def describe(name):
    """What is known of the shipped preset `name`, as a dict: class, megabytes, checksum, and its card as text.

    Raises:
        ValueError: there is no such preset.
    """
    index = _index()
    if name not in index:
        raise ValueError(f"name: no preset {name!r}; there are {', '.join(sorted(index))}")
    return {"name": name, **index[name], "card": (SHIPPED / name / "card.md").read_text(encoding="utf-8")}


def is_detector(name):
    """Whether a name, or a folder, is the preset of a detector, which `kgen.anomaly.load` reads."""
    return any((folder / DETECTOR).is_file() for folder in (SHIPPED / str(name), Path(name)))


def write(model, folder, card=""):
    """Write a model as a preset folder; see `GenerativeModel.save_to_preset`."""
    import keras
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors, weights = {}, named_weights(model)
    for name, weight in weights.items():
        if f"{AVERAGE}{name}" not in weights:
            tensors[name] = _as_written(name, keras.ops.convert_to_numpy(weight.value), weight.dtype)
    config = {"format": FORMAT, "model": _in_full_precision(keras.saving.serialize_keras_object(model))}
    config["model"].pop("compile_config", None)
    config["model"].pop("build_config", None)
    with files.atomic_write(folder / "model.safetensors") as temporary:
        save_file(tensors, temporary)
    with files.atomic_write(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(config, indent=1), encoding="utf-8")
    with files.atomic_write(folder / "card.md") as temporary:
        temporary.write_text(card, encoding="utf-8")


def read(name, cls, of_detector=False):
    """Build the model of a preset and load its weights; see `GenerativeModel.from_preset`."""
    import keras
    from safetensors import SafetensorError
    from safetensors import safe_open

    folder = folder_of(str(name))
    if is_detector(folder) and not of_detector:
        raise ValueError(f"name: preset {str(name)!r} is a detector: kgen.anomaly.load reads it")
    config = files.read_json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise ValueError(
            f"{folder / 'config.json'}: preset format {config.get('format')!r}, this kgen reads {FORMAT}: "
            "upgrade keras-kgen"
        )
    described = config.get("model")
    if not isinstance(described, dict) or not str(described.get("registered_name")).startswith("kgen>"):
        raise ValueError(f"{folder / 'config.json'}: does not describe a kgen model")
    try:
        model = keras.saving.deserialize_keras_object(described)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{folder / 'config.json'}: cannot be built by this kgen: {reason}") from error
    if not isinstance(model, cls):
        raise ValueError(f"name: preset {name!r} is a {type(model).__name__}, not a {cls.__name__}")

    path = folder / "model.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    weights = named_weights(model)
    try:
        with safe_open(path, framework="np") as tensors:
            found = {*tensors.keys()}
            stored = {name: name if name in found else f"{AVERAGE}{name}" for name in weights}
            if missing := {name for name in weights if stored[name] not in found}:
                raise ValueError(f"{path}: tensor {min(missing)!r} is missing")
            if unknown := found - weights.keys():
                raise ValueError(f"{path}: tensor {min(unknown)!r} belongs to no weight of {type(model).__name__}")
            for name, weight in weights.items():
                tensor_name = stored[name]
                array = tensors.get_tensor(tensor_name)
                if array.shape != tuple(weight.shape):
                    raise ValueError(
                        f"{path}: tensor {tensor_name!r} has shape {array.shape}, expected {tuple(weight.shape)}"
                    )
                if not (array.dtype.kind == "f" if _is_float(weight.dtype) else array.dtype == weight.dtype):
                    raise ValueError(f"{path}: tensor {tensor_name!r} is {array.dtype}, expected {weight.dtype}")
                weight.assign(array.astype("float32") if _is_float(weight.dtype) else array)
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged or not a safetensors file: {error}") from None
    return model


def named_weights(layer, prefix=""):
    """Weights by the names of the layers that hold them, "encoder/hidden_1/kernel": the same in every process."""
    named = {}
    for weight in [*layer._trainable_variables, *layer._non_trainable_variables]:
        named[f"{prefix}{weight.name}"] = weight
    for child in layer._layers:
        for name, weight in named_weights(child, f"{prefix}{child.name}/").items():
            if name in named:
                raise ValueError(
                    f"layer: two weights are called {name!r}; give each sublayer of {layer.name} its own name"
                )
            named[name] = weight
    return named


def _in_full_precision(config):
    """A serialized model that was trained in mixed precision, as one that computes in float32, on any machine."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and config["config"]["name"].startswith("mixed_"):
            return {**config, "config": {**config["config"], "name": "float32"}}
        return {key: _in_full_precision(value) for key, value in config.items()}
    return [_in_full_precision(value) for value in config] if type(config) in (tuple, builtins.list) else config


def _is_float(dtype):
    return "float" in dtype  # bfloat16 too, which NumPy would not call one


def _as_written(name, array, dtype):
    """A weight for the file. Floats are halved; a count that was rounded would be another one."""
    if not _is_float(dtype):
        return np.asarray(array, dtype, order="C")
    array = np.asarray(array, "float32", order="C")
    largest = float(np.abs(array).max(initial=0.0))
    if not largest < float(np.finfo("float16").max):
        raise ValueError(f"model: its weight {name!r} reaches {largest:g}, which float16 cannot hold")
    return array.astype("float16")


def folder_of(name):
    """Where the files of a preset lie, checked against the index when it is a shipped one."""
    if name in (index := _index()):
        folder = SHIPPED / name
        if files.sha256(folder / "model.safetensors") != index[name]["sha256"]:
            raise ValueError(f"{folder / 'model.safetensors'}: damaged, wrong checksum; reinstall keras-kgen")
        return folder
    if name.startswith("hf://"):
        try:
            from huggingface_hub import snapshot_download
        except ImportError:
            raise ImportError(f"{name}: needs huggingface_hub: pip install 'keras-kgen[hub]'") from None
        wanted = ["*.json", "*.safetensors", "card.md"]
        return Path(snapshot_download(name.removeprefix("hf://"), allow_patterns=wanted))
    if Path(name).is_dir():
        return Path(name)
    raise ValueError(
        f"name: no preset and no folder {name!r}; shipped are {', '.join(sorted(index))}; "
        "hf://user/repository loads from a hub"
    )


def _index():
    return json.loads(INDEX.read_text(encoding="utf-8"))


def _rewrite_index():
    index = {}
    for folder in sorted(path for path in SHIPPED.iterdir() if path.is_dir()):
        weights = folder / "model.safetensors"
        detector = files.read_json(folder / DETECTOR)["class"] if is_detector(folder) else None
        index[folder.name] = {
            "class": detector or files.read_json(folder / "config.json")["model"]["class_name"],
            "summary": (folder / "card.md").read_text(encoding="utf-8").splitlines()[2],
            "megabytes": round(weights.stat().st_size / 1e6, 2),
            "sha256": files.sha256(weights),
        }
    INDEX.write_text(json.dumps(index, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, facts in index.items():
        print(f"{facts['megabytes']:6.2f} MB  {name}  ({facts['class']})")
    print(f"{sum(facts['megabytes'] for facts in index.values()):6.2f} MB  in all")


if __name__ == "__main__":
    _rewrite_index()

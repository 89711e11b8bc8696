"""A detector in one file that may come from anybody: a zip archive in which nothing is compressed.

    detector.json        the class, its arguments, and what it learned: plain values
    arrays.safetensors   the arrays among those values; in their place stands {"array": name}
    model.keras          the Keras model

As a preset it is a folder: that of its model, see `kgen.presets.registry`, and in it the first two of these files.

A pickle does whatever its writer wanted. Here nothing is executed: classes are looked up among kgen's detectors, the
model is checked before Keras reads it, and no member takes more memory than the file itself.
"""

import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from
from safetensors.numpy import save as bytes_of

from kgen.anomaly.pickling import to_bytes
from kgen.models.base import load as load_model
from kgen.presets import files
from kgen.presets import registry

FORMAT = 1
FILE = "detector.zip"  # in a run folder
STATE, ARRAYS, MODEL = MEMBERS = (registry.DETECTOR, "arrays.safetensors", "model.keras")
DAMAGES = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError)


def write(detector, path):
    """Write a fitted detector; see `Detector.save`."""
    contents = (*_description(detector), to_bytes(detector.model_))
    with files.atomic_write(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, content in zip(MEMBERS, contents, strict=True):
                archive.writestr(name, content)


def write_preset(detector, folder, card=""):
    """Write a fitted detector as a preset folder; see `Detector.save_to_preset`."""
    folder = Path(folder)
    registry.write(detector.model_, folder, card)
    state, arrays = _description(detector)
    for name, content in ((ARRAYS, arrays), (STATE, state)):  # the one that makes it a detector comes last
        with files.atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)


def load(path):
    """A detector: one that `detector.save(path)` wrote, that of a run folder of the command line, or a preset.

    It scores as it did when it was saved, whatever backend that was on; a preset's weights were rounded to half
    precision. Nothing in the files is executed.

    Args:
        path: str or path of the file or the folder; or the name of a shipped preset, or "hf://user/repository".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds something else, or was written by a newer kgen.

    Example:

    >>> import tempfile, numpy as np, kgen
    >>> rows = np.random.default_rng(0).normal(size=(60, 2))
    >>> detector = kgen.anomaly.VAEDetector(epochs=1, hidden_dim=4, members=1).fit(rows)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     detector.save(f"{folder}/detector.zip")
    ...     twin = kgen.anomaly.load(f"{folder}/detector.zip")
    >>> np.allclose(twin.score_samples(rows), detector.score_samples(rows))
    True
    """
    if str(path).startswith("hf://") or registry.is_detector(path):
        return _preset(str(path))
    path = Path(path)
    if path.is_dir():
        path = path / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; expected one that detector.save wrote, a run folder with it, or a preset "
            f"({', '.join(name for name in registry.list() if registry.is_detector(name))})"
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _check_members(archive, path)
                described = _described(archive, path)
                arrays = arrays_from(archive.read(ARRAYS))
                inner = Path(folder) / MODEL
                with archive.open(MODEL) as source, open(inner, "wb") as target:
                    shutil.copyfileobj(source, target)
        except DAMAGES as error:
            raise ValueError(f"{path}: truncated or no detector ({error}); restore the file from a copy") from None
        except SafetensorError as error:
            raise ValueError(f"{path}: damaged, its {ARRAYS} cannot be read: {error}") from None
        detector_class = _class_of(described, path)
        try:
            _check_model(inner, detector_class)
            model = load_model(inner)
        except ValueError as error:
            raise ValueError(str(error).replace(str(inner), f"{path}: {MODEL}")) from error
    return _restored(detector_class, model, described, arrays, path)


def _preset(name):
    """The detector of a preset, by its name or in its folder."""
    folder = registry.folder_of(name)
    if not (folder / STATE).is_file():
        raise ValueError(f"{name}: a model and no detector; GenerativeModel.from_preset reads it")
    described = _checked(files.read_json(folder / STATE), folder)
    detector_class = _class_of(described, folder)
    _check_class(files.read_json(folder / "config.json").get("model"), detector_class, folder)
    model = registry.read(name, keras.Model, of_detector=True)
    if not (folder / ARRAYS).is_file():
        raise FileNotFoundError(f"{folder / ARRAYS}: no such file; a detector's preset has one")
    try:
        arrays = arrays_from((folder / ARRAYS).read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{folder / ARRAYS}: damaged, cannot be read: {error}") from None
    return _restored(detector_class, model, described, arrays, folder)


def _description(detector):
    """What a detector is and learned, its model apart: the content of two files."""
    arrays = {}
    described = {
        "format": FORMAT,
        "class": type(detector).__name__,
        "arguments": _packed(detector._arguments(), "arguments", arrays),
        "state": _packed(detector._state(), "state", arrays),
    }
    return json.dumps(described, indent=1).encode(), bytes_of(arrays)


def _restored(detector_class, model, described, arrays, path):
    try:
        detector = detector_class(**_unpacked(described["arguments"], arrays))
        detector.model_ = model
        detector._restore(_unpacked(described["state"], arrays))
        detector._check_shared_arguments()
        detector._check_arguments()
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: damaged, or of another version of kgen ({type(error).__name__}: {error})") from error
    return detector


def _check_members(archive, path):
    found = archive.infolist()
    if sorted(member.filename for member in found) != sorted(MEMBERS):
        raise ValueError(f"{path}: not a detector, expected {', '.join(MEMBERS)} in it and nothing else")
    # What is not compressed is no larger than the file.
    if any(member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size for member in found):
        raise ValueError(f"{path}: its members are compressed, which detector.save does not do: refused")
    if archive.getinfo(STATE).file_size > files.MAX_CONFIG_BYTES:
        raise ValueError(f"{path}: its {STATE} is too large: refused")


def _described(archive, path):
    try:
        described = json.loads(archive.read(STATE))
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: not a detector, its {STATE} is not JSON") from None
    return _checked(described, path)


def _checked(described, path):
    """The description of a detector, when it is one that this kgen reads."""
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        found = described.get("format") if isinstance(described, dict) else None
        raise ValueError(f"{path}: detector format {found!r}, this kgen reads {FORMAT}: upgrade keras-kgen")
    return described


def _class_of(described, path):
    from kgen import anomaly

    names = [name for name in anomaly.__all__ if name.endswith("Detector")]
    name = described.get("class")
    if name not in names:
        raise ValueError(f"{path}: holds a {name!r:.40}; expected one of {', '.join(names)}")
    return getattr(anomaly, name)


def _check_model(path, detector_class):
    files.check_keras_file(path)
    with zipfile.ZipFile(path) as archive:
        config = json.load(io.TextIOWrapper(archive.open("config.json"), "utf-8"))
    _check_class(config, detector_class, path)


def _check_class(config, detector_class, path):
    """Refuse the configuration of a model that such a detector does not hold, before Keras builds it."""
    found = config.get("registered_name") if isinstance(config, dict) else None
    if found not in [f"kgen>{name}" for name in detector_class.models]:
        expected = " or ".join(detector_class.models)
        raise ValueError(f"{path}: a {detector_class.__name__} holds a {expected}, not {found!r:.60}")


def _packed(value, name, arrays):
    """`value` as JSON can hold it; its arrays go into `arrays`, each under the name of its place."""
    if isinstance(value, np.ndarray):
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _packed(one, f"{name}/{key}", arrays) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(one, f"{name}/{i}", arrays) for i, one in enumerate(value)]
    if not isinstance(value, str | int | float | bool | None):
        raise TypeError(f"{name}: a {type(value).__name__} cannot be saved in a detector's file")
    return value


def _unpacked(value, arrays):
    if isinstance(value, dict):
        if value.keys() == {"array"}:
            return arrays[value["array"]]
        return {key: _unpacked(one, arrays) for key, one in value.items()}
    if isinstance(value, list):
        return [_unpacked(one, arrays) for one in value]
    return value

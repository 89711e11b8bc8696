"""What a model can do, known before it is loaded and without importing keras.

A tab offers a model by what it has, never by its class: the arguments it was made with stand in its configuration, its
verbs stand in the source of its class. Reading both takes milliseconds; importing the class would take seconds.
"""

import ast
import functools
import json
import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path

import kgen
from kgen.presets import files
from kgen.presets import registry

from . import hugging_face

log = logging.getLogger("kgen.studio")

# What a model lacks although its class has it: for a need, an argument and the value of it that takes it away.
LACKS = {
    "generate": ("prior", None),  # dreams of codes are draws of a prior
    "image_shape": ("likelihood", "codes"),  # codes are no image
}


@dataclass(frozen=True)
class Facts:
    """A model that the studio may load.

    Attributes:
        name: what people see and API callers send; never a path.
        source: a preset's name, or the path of a preset folder or `.keras` file.
        class_name: such as "VAE".
        arguments: dict, the constructor arguments it was made with.
        verbs: dict, for each method of its class the names of its arguments.
        foreign: whether `kgen.interop` reads it, because it is a Hugging Face folder.
    """

    name: str
    source: str | Path
    class_name: str
    arguments: dict
    verbs: dict
    foreign: bool = False

    def has(self, *needs):
        """Whether the model has every one of these verbs or arguments; "generate(stream)" is a verb's argument.

        An argument that is None is none, and neither is a verb of its name: a model made with `attention=None` has
        nothing that its method `attention` could show.
        """
        return all(self._has(need) for need in needs)

    def _has(self, need):
        verb, _, argument = need.removesuffix(")").partition("(")
        name, value = LACKS.get(verb, ("", None))
        if name in self.arguments and self.arguments[name] == value:
            return False
        if argument:
            return self.takes(verb, argument)
        return self.arguments.get(need, need if need in self.verbs else None) is not None

    def takes(self, verb, argument):
        """Whether a verb of the model has an argument of that name."""
        return argument in self.verbs.get(verb, ())

    @property
    def image_shape(self):
        """[height, width, channels] of the model's images, or of those of the autoencoder in whose space it dreams."""
        inner = self.arguments.get("autoencoder")
        return (inner["config"] if inner else self.arguments)["image_shape"]

    def load(self):
        """The model itself; here keras is imported."""
        if self.foreign:
            return kgen.interop.load(self.source)
        if isinstance(self.source, Path) and self.source.suffix == ".keras":
            return kgen.load(self.source)
        from kgen.models.base import GenerativeModel

        return GenerativeModel.from_preset(self.source)


def collect(models=()):
    """Facts about the user's own models, then about the presets, each under a name of its own.

    Args:
        models: paths of run folders, `.keras` files, preset folders or Hugging Face folders; names of presets come
            first in the list.

    Returns:
        dict: name to `Facts`, in the order in which tabs offer them.

    Raises:
        FileNotFoundError: there is nothing at a path.
        ValueError: the file is damaged, or not a model of kgen.
    """
    presets = {name: facts for name in registry.list() if (facts := _of_preset(name))}
    found = {}
    for model in models:
        if str(model) in presets:
            found[str(model)] = presets[str(model)]
            continue
        facts = _of_path(Path(model).resolve(), taken={*found, *presets})
        found[facts.name] = facts
    return {**found, **presets}


@functools.cache
def verbs_of(class_name):
    """For each method of a public class, inherited ones included, the names of its arguments, read from its source."""
    for module, table in kgen.PUBLIC.items():
        if class_name in table:
            return _methods(f"kgen.{module}.{table[class_name]}", class_name)
    return {}


def _methods(module, class_name):
    file = Path(kgen.__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    body = next(node for node in tree.body if getattr(node, "name", None) == class_name)
    origins = {
        alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    verbs = {}
    for base in reversed(body.bases):
        origin = origins.get(getattr(base, "id", None))  # `keras.Model` has no id
        if origin and origin.startswith("kgen."):
            verbs |= _methods(origin, base.id)
    own = [node for node in body.body if isinstance(node, ast.FunctionDef)]
    return verbs | {one.name: [a.arg for a in [*one.args.args[1:], *one.args.kwonlyargs]] for one in own}


def _of_preset(name):
    if registry.is_detector(name):  # which the tab *Anomaly detection* knows how to use
        return None
    try:
        return _facts(name, name, files.read_json(registry.SHIPPED / name / "config.json").get("model"))
    except (OSError, ValueError) as error:
        log.warning("the preset %s is left out: %s", name, error)
        return None


def _of_path(path, taken):
    foreign = hugging_face.description_of(path)
    if foreign:
        name, source, config = path.name, path, foreign
    elif path.is_dir() and (path / "model.safetensors").exists():
        name, source, config = path.name, path, files.read_json(path / "config.json").get("model")
    else:
        source = path / "model.keras" if path.is_dir() else path
        name = source.parent.name if source.name == "model.keras" else source.stem
        files.check_keras_file(source)
        with zipfile.ZipFile(source) as archive:
            config = json.loads(archive.read("config.json"))
    base, count = name, 1
    while name in taken:
        count += 1
        name = f"{base} ({count})"
    return _facts(name, source, config, bool(foreign))


def _facts(name, source, config, foreign=False):
    config = config if isinstance(config, dict) else {}
    class_name, arguments = config.get("class_name"), config.get("config")
    if config.get("registered_name") != f"kgen>{class_name}" or not isinstance(arguments, dict):
        raise ValueError(f"models: expected a model of kgen at {source}, found {class_name or 'none'}")
    return Facts(name, source, class_name, arguments, verbs_of(class_name), foreign)

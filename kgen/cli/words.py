"""What the commands have in common: their options, how words become arguments, how a model is found."""

import difflib
import inspect
import json
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from kgen import PUBLIC


def command_name(class_name):
    """ "TransformerSeq2Seq" → "transformer-seq2seq", "VAEDetector" → "vae-detector", "ViT" → "vit"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][A-Za-z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", class_name).lower()


FAMILIES = {command_name(name): name for name in PUBLIC["models"]}
DETECTORS = {command_name(name): name for name in PUBLIC["anomaly"] if name.endswith("Detector")}

Backend = Annotated[str, typer.Option(help="tensorflow, jax or torch; the default is Keras's choice")]
Device = Annotated[str, typer.Option(help="cpu, gpu or gpu:N")]
Settings = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="an argument by name; may be repeated")
]
Seed = Annotated[int, typer.Option(help="of everything random")]
DataDir = Annotated[Path | None, typer.Option(help="folder with the data set's files; without it Keras downloads")]
Model = Annotated[str, typer.Argument(help="a run folder, a .keras file or a preset's name")]
Sampler = Annotated[str, typer.Option(help="such as 'TopP(0.9, temperature=0.8)' or greedy")]
BeamWidth = Annotated[int | None, typer.Option("--beam", metavar="N", help="short for --sampler 'Beam(N)'")]


def prepare(backend, device, deterministic=False):
    """Tell `kgen._startup`, through the environment that it reads, what this command was asked to run on."""
    if backend:
        from kgen._startup import BACKENDS

        os.environ["KERAS_BACKEND"] = choose("--backend", backend, BACKENDS)
    if device:
        os.environ["KGEN_DEVICE"] = device
    if deterministic:
        os.environ["KGEN_DETERMINISTIC"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def choose(argument, value, choices):
    """The choice that a word means, whatever its case and hyphens."""
    plain = {re.sub("[-_]", "", choice).lower(): choice for choice in choices}
    key = re.sub("[-_]", "", value).lower()
    if key not in plain:
        raise ValueError(f"{argument}: no {value!r}{_did_you_mean(value, choices)}; there are {', '.join(choices)}")
    return plain[key]


def arguments_from(settings, function, owner, taken=()):
    """Turn NAME=VALUE strings into keyword arguments of `function`; values are JSON where they can be, 8,16 is a list.

    Names in `taken` have an option, or a meaning on the command line, of their own.
    """
    skipped = {"self", "n", "x", "y", *taken}
    parameters = inspect.signature(function).parameters.items()
    allowed = [name for name, one in parameters if name not in skipped and one.kind is not one.VAR_KEYWORD]
    arguments = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"--set: expected NAME=VALUE, got {setting!r}")
        if name not in allowed:
            hint = _did_you_mean(name, allowed)
            raise ValueError(f"--set: {owner} has no argument {name!r}{hint}; it has {', '.join(allowed)}")
        arguments[name] = _value_of(text)
    return arguments


def _value_of(text):
    for form in (text, f"[{text}]") if "," in text else (text,):
        try:
            return json.loads(form)
        except json.JSONDecodeError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)


def sampler_argument(sampler, beam):
    """What `--sampler` and `--beam` say, as a dict that holds the argument `sampler` or nothing."""
    if sampler and beam is not None:
        raise ValueError(f"--beam and --sampler exclude each other; --beam {beam} is --sampler 'Beam({beam})'")
    if beam is not None:
        from kgen.decoding import Beam

        return {"sampler": Beam(beam)}
    if sampler:
        from kgen.decoding.reading import sampler_from

        return {"sampler": sampler_from(sampler)}
    return {}


def with_solver(arguments):
    """The arguments, where a solver was named by a word with that solver of `kgen.diffusion`."""
    if not isinstance(arguments.get("solver"), str):
        return arguments
    from kgen import diffusion

    solvers = [name for name, file in PUBLIC["diffusion"].items() if file == "solvers"]
    return {**arguments, "solver": getattr(diffusion, choose("--set solver", arguments["solver"], solvers))()}


def load(model):
    """The model in a run folder, a `.keras` file or a preset."""
    import kgen
    from kgen.models.base import GenerativeModel

    if is_detector(model):
        raise ValueError(f"MODEL: {model} holds a detector: `kgen score` says with it what is strange")
    if Path(model).exists() or Path(model).suffix == ".keras":
        if Path(model).is_dir() and (Path(model) / "model.safetensors").exists():
            return GenerativeModel.from_preset(model)
        return kgen.load(model)
    if model in kgen.presets.list() or model.startswith("hf://"):
        return GenerativeModel.from_preset(model)
    raise FileNotFoundError(
        f"MODEL: {model!r} is no run folder, no .keras file and no preset ({', '.join(kgen.presets.list())})"
    )


def is_detector(run):
    """Whether a path is a run folder of a detector, or the file in it; or this is the preset of one."""
    from kgen.presets import registry

    path = Path(run)
    return registry.is_detector(run) or (path / "detector.zip").exists() or (path.suffix == ".zip" and path.exists())


def _did_you_mean(value, choices):
    close = difflib.get_close_matches(value, list(choices), n=1)
    return f", did you mean {close[0]!r}?" if close else ""

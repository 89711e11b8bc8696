"""The command line: `kgen train · generate · evaluate · demo · presets · info`. Thin; the work is done elsewhere.

Neither keras nor gradio is imported before a command needs it, so help comes at once.
"""

import difflib
import inspect
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from kgen import PUBLIC
from kgen import __version__

app = typer.Typer(
    help="Train generative models with Keras, on TensorFlow, JAX and PyTorch alike.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# typer carries its own copy of click since 0.2x and used the real one before; both are the base of BadParameter.
UsageError = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")
EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)


def command_name(class_name):
    """ "TransformerSeq2Seq" → "transformer-seq2seq", "VAEDetector" → "vae-detector", "ViT" → "vit"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][A-Za-z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", class_name).lower()


FAMILIES = {command_name(name): name for name in PUBLIC["models"]}

Backend = Annotated[str, typer.Option(help="tensorflow, jax or torch; the default is Keras's choice")]
Device = Annotated[str, typer.Option(help="cpu, gpu or gpu:N")]
Settings = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="an argument by name; may be repeated")
]
Seed = Annotated[int, typer.Option(help="of everything random")]
DataDir = Annotated[Path | None, typer.Option(help="folder with the data set's .npz; without it Keras downloads")]
MODEL_HELP = f"one of {', '.join(FAMILIES)}"


@app.command()
def train(
    model: Annotated[str, typer.Argument(help=MODEL_HELP)],
    data: Annotated[
        str, typer.Option(help="name of a data set (digits, mnist, pydoc, …), folder of images, or text file or folder")
    ] = "",
    out: Annotated[Path, typer.Option(help="run folder for the model, its configuration, history and pictures")] = ...,
    epochs: int = 10,
    batch_size: int = 32,
    settings: Settings = (),
    seed: Seed = 1,
    learning_rate: Annotated[float | None, typer.Option(help="instead of the family's own")] = None,
    validation_split: Annotated[float, typer.Option(help="share of the data that is held out")] = 0.0,
    patience: Annotated[int, typer.Option(help="stop after so many epochs without a better val_loss; 0: never")] = 0,
    data_dir: DataDir = None,
    image_size: Annotated[int | None, typer.Option(help="side in pixels, for a folder of images")] = None,
    backend: Backend = "",
    device: Device = "",
    deterministic: Annotated[bool, typer.Option(help="bit-equal repetition, in one thread")] = False,
    resume: Annotated[bool, typer.Option(help="go on with the run in --out")] = False,
    overwrite: Annotated[bool, typer.Option(help="replace the run in --out")] = False,
):
    """Train a model; Ctrl-C leaves what --resume needs to go on exactly."""
    name = FAMILIES[_choose("MODEL", model, FAMILIES)]
    if patience and not validation_split:
        raise ValueError("--patience watches the val_loss: give a --validation-split too, such as 0.1")
    if resume and overwrite:
        raise ValueError("--resume and --overwrite exclude each other")
    _prepare(backend, device, deterministic)
    import kgen
    from kgen import runs

    cls = getattr(kgen.models, name)
    config = {
        "data": data or cls.default_data,
        "data_dir": str(data_dir) if data_dir else None,
        "image_size": image_size,
        "arguments": _arguments(settings, cls.__init__, cls.__name__),
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "validation_split": validation_split,
        "patience": patience,
        "seed": seed,
    }
    try:
        # A bar that moves is for a terminal; a file or a pipe gets a line an epoch.
        verbose = 1 if sys.stdout.isatty() else 2
        trained = runs.train(cls, config, out, resume=resume, overwrite=overwrite, verbose=verbose)
    except KeyboardInterrupt:
        left = "the model after its last finished epoch" if (out / "model.keras").exists() else "no finished epoch yet"
        typer.echo(f"\nstopped; {out} holds {left}. Go on with the same command and --resume", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"{out / 'model.keras'}: {name} after {trained.epochs_trained} epochs; samples in {out / 'samples'}")


@app.command()
def generate(
    model: Annotated[str, typer.Argument(help="a run folder, a .keras file or a preset's name")],
    text: Annotated[str | None, typer.Option(help="what a model of text goes on with")] = None,
    n: Annotated[int, typer.Option("-n", help="how many images, or texts")] = 0,
    out: Annotated[Path | None, typer.Option(help="file to write: a picture, or text")] = None,
    max_new_tokens: Annotated[int, typer.Option(help="length of a text")] = 200,
    sampler: Annotated[str, typer.Option(help="such as 'TopP(0.9, temperature=0.8)' or greedy")] = "",
    settings: Settings = (),
    seed: Seed = 1,
    backend: Backend = "",
    device: Device = "",
    overwrite: Annotated[bool, typer.Option(help="replace --out")] = False,
):
    """Let a trained model generate: images into a picture, text onto the screen as it is written."""
    if out and out.exists() and not overwrite:
        raise FileExistsError(f"--out: {out} exists; choose another name, or replace it with --overwrite")
    _prepare(backend, device)
    loaded = _load(model)
    arguments = _arguments(settings, loaded.generate, "generate")
    if hasattr(loaded, "token_loop"):
        if sampler:
            from kgen.decoding.reading import sampler_from

            arguments["sampler"] = sampler_from(sampler)
        arguments = {"max_new_tokens": max_new_tokens, **arguments}
        _generate_text(loaded, text or "", n or 1, out, seed, arguments)
    elif text is not None or sampler:
        raise ValueError(f"--{'text' if text is not None else 'sampler'}: a {type(loaded).__name__} generates images")
    else:
        _generate_images(loaded, n or 16, out or Path("generated.png"), seed, arguments, overwrite)


def _generate_text(model, prompt, n, out, seed, arguments):
    """Each text with a seed of its own; as a stream where a person reads along."""
    from kgen.presets import files

    texts = []
    for i in range(n):
        pieces = [prompt]
        if not out:
            typer.echo(("\n---\n" if i else "") + prompt, nl=False)
        for piece in model.generate(prompt, seed=seed + i, stream=True, **arguments):
            pieces.append(piece)
            if not out:
                typer.echo(piece, nl=False)
        texts.append("".join(pieces))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(out) as temporary:
            temporary.write_text("\n---\n".join(texts) + "\n", encoding="utf-8")
    typer.echo(str(out) if out else "")


def _generate_images(model, n, out, seed, arguments, overwrite):
    import kgen

    if out.exists() and not overwrite:
        raise FileExistsError(f"--out: {out} exists; choose another name, or replace it with --overwrite")
    if out.suffix not in (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg"):
        raise ValueError(f"--out: expected a picture such as grid.png, got {out}")
    figure = kgen.plots.image_grid(model.generate(n, seed=seed, **arguments))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)
    typer.echo(str(out))


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="a run folder, a .keras file or a preset's name")],
    data: Annotated[str, typer.Option(help="data set or folder; the default is the run's own, its test split")] = "",
    data_dir: DataDir = None,
    limit: Annotated[int, typer.Option(help="use at most so many examples; 0: all")] = 1000,
    full: Annotated[bool, typer.Option(help="the family's honest figure, or just the parts of the loss")] = True,
    settings: Settings = (),
    backend: Backend = "",
    device: Device = "",
):
    """Measure a trained model on data it has not seen."""
    _prepare(backend, device)
    import kgen
    from kgen import runs

    config = runs.read_config(model) if Path(model).is_dir() and (Path(model) / "config.json").exists() else {}
    config = {"data": None, "image_size": None, "data_dir": None, **config}
    if data:
        config["data"] = data
    if data_dir:
        config["data_dir"] = str(data_dir)
    if not config["data"]:
        raise ValueError(f"--data: {model} does not say what it was trained on; name a data set or a folder")
    loaded = _load(model)
    parts = loaded.choose_data(*runs.load_data(type(loaded), config, "test"))
    parts = [part[: limit or None] if hasattr(part, "__getitem__") else part for part in parts]
    if full:
        figures = loaded.evaluate(*parts, full=True, **_arguments(settings, loaded.full_evaluation, "evaluate"))
    else:
        figures = loaded.evaluate(*parts, return_dict=True, verbose=0)
    kgen.metrics.report(f"{type(loaded).__name__} on {config['data']}, test split", figures, model=loaded)


@app.command()
def presets(name: Annotated[str, typer.Argument(help="show this one's card")] = ""):
    """List the trained models that come with kgen."""
    from kgen.presets import registry

    if name:
        typer.echo(registry.describe(name)["card"])
        return
    for preset in registry.list():
        facts = registry.describe(preset)
        typer.echo(f"{preset:24} {facts['class']:16} {facts['megabytes']:5.1f} MB  {facts['summary']}")


@app.command()
def demo(
    model: Annotated[list[str], typer.Option(help="a run folder or .keras file of your own; may be repeated")] = (),
    port: int = 7860,
    backend: Backend = "",
    device: Device = "",
):
    """Open the studio in a browser."""
    _prepare(backend, device)
    try:
        import gradio  # noqa: F401
    except ImportError:
        raise ImportError("the studio needs gradio: pip install 'keras-kgen[demos]'") from None
    try:
        from kgen_demos import app as studio
    except ImportError:  # a checkout: the folder demos/ beside kgen/
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from demos import app as studio
    studio.main(models=list(model), port=port)


@app.command()
def info(backend: Backend = "", device: Device = ""):
    """Say what kgen runs on here: versions, backends, devices, memory."""
    _prepare(backend, device)
    import platform

    import keras

    from kgen import _startup
    from kgen import backend as backends

    typer.echo(f"kgen      {__version__}")
    typer.echo(f"keras     {keras.version()}")
    typer.echo(f"python    {platform.python_version()} on {platform.platform()}")
    typer.echo(f"backend   {backends.running()} (installed: {', '.join(_startup.installed_backends())})")
    for one in backends.devices():
        memory = f"{one.memory / 2**30:.1f} GiB" if one.memory else "memory unknown"
        typer.echo(f"{one.name:9} {one.description}, {memory}")


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False):
    if version:
        typer.echo(f"kgen {__version__}")
        raise typer.Exit()


def main():
    """The console script: whatever goes wrong is one line on stderr and exit code 2, never a trace."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UsageError as error:
        _fail(error.format_message())
    except EXPECTED as error:
        _fail(error)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", code=130)
    except Exception as error:
        _fail(f"{type(error).__name__}: {error} (this is a bug in kgen; KGEN_DEBUG=1 shows where)")


def _fail(error, code=2):
    if os.environ.get("KGEN_DEBUG"):
        raise
    print("kgen:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(code)


def _prepare(backend, device, deterministic=False):
    """Tell `kgen._startup`, through the environment that it reads, what this command was asked to run on."""
    if backend:
        from kgen._startup import BACKENDS

        os.environ["KERAS_BACKEND"] = _choose("--backend", backend, BACKENDS)
    if device:
        os.environ["KGEN_DEVICE"] = device
    if deterministic:
        os.environ["KGEN_DETERMINISTIC"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _choose(argument, value, choices):
    plain = {re.sub("[-_]", "", choice).lower(): choice for choice in choices}
    key = re.sub("[-_]", "", value).lower()
    if key not in plain:
        raise ValueError(f"{argument}: no {value!r}{_did_you_mean(value, choices)}; there are {', '.join(choices)}")
    return plain[key]


def _did_you_mean(value, choices):
    close = difflib.get_close_matches(value, list(choices), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _arguments(settings, function, owner):
    """Turn NAME=VALUE strings into keyword arguments of `function`; values are JSON where they can be."""
    skipped = {"self", "n", "x", "y", "kwargs"}
    allowed = [name for name in inspect.signature(function).parameters if name not in skipped]
    arguments = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"--set: expected NAME=VALUE, got {setting!r}")
        if name not in allowed:
            hint = _did_you_mean(name, allowed)
            raise ValueError(f"--set: {owner} has no argument {name!r}{hint}; it has {', '.join(allowed)}")
        try:
            arguments[name] = json.loads(text)
        except json.JSONDecodeError:
            arguments[name] = {"True": True, "False": False, "None": None}.get(text, text)
    return arguments


def _load(model):
    import kgen
    from kgen.models.base import GenerativeModel

    if Path(model).exists() or Path(model).suffix == ".keras":
        if Path(model).is_dir() and (Path(model) / "model.safetensors").exists():
            return GenerativeModel.from_preset(model)
        return kgen.load(model)
    if model in kgen.presets.list() or model.startswith("hf://"):
        return GenerativeModel.from_preset(model)
    raise FileNotFoundError(
        f"MODEL: {model!r} is no run folder, no .keras file and no preset ({', '.join(kgen.presets.list())})"
    )


if __name__ == "__main__":
    main()

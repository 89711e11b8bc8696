"""`kgen train` and `kgen evaluate`."""

import inspect
import sys
from pathlib import Path
from typing import Annotated

import typer

from kgen.cli import words

MODELS = {**words.FAMILIES, **words.DETECTORS}
MODEL_HELP = f"one of {', '.join(MODELS)}"
EPOCHS, BATCH_SIZE = 10, 32
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16")


def train(
    model: Annotated[str, typer.Argument(help=MODEL_HELP)],
    data: Annotated[
        str,
        typer.Option(
            help="name of a data set (digits, mnist, pydoc, tatoeba_en_fr, …: kgen info lists them), folder of images, "
            "text file or folder, conversations (.jsonl), for a translator a table with two columns (.tsv, .tsv.gz, "
            ".csv), for a detector a table with a header (.csv)"
        ),
    ] = "",
    start: Annotated[
        str, typer.Option(help="trained model to begin with: a run folder, a .keras file or a preset's name")
    ] = "",
    out: Annotated[Path, typer.Option(help="run folder for the model, its configuration, history and samples")] = ...,
    epochs: Annotated[int | None, typer.Option(help=f"{EPOCHS}, of a detector as many as it needs")] = None,
    batch_size: Annotated[int | None, typer.Option(help=f"{BATCH_SIZE}, of a detector its own")] = None,
    settings: words.Settings = (),
    seed: words.Seed = 1,
    learning_rate: Annotated[float | None, typer.Option(help="instead of the family's own")] = None,
    validation_split: Annotated[float, typer.Option(help="share of the data that is held out")] = 0.0,
    patience: Annotated[int, typer.Option(help="stop after so many epochs without a better val_loss; 0: never")] = 0,
    data_dir: words.DataDir = None,
    image_size: Annotated[int | None, typer.Option(help="side in pixels, for a folder of images")] = None,
    columns: Annotated[str, typer.Option(help="for a detector, of a table: a,b,c; without it all")] = "",
    backend: words.Backend = "",
    device: words.Device = "",
    dtype: Annotated[str, typer.Option(help="Keras's dtype policy, such as mixed_bfloat16")] = "",
    deterministic: Annotated[bool, typer.Option(help="bit-equal repetition, in one thread")] = False,
    resume: Annotated[bool, typer.Option(help="go on with the run in --out")] = False,
    overwrite: Annotated[bool, typer.Option(help="replace the run in --out")] = False,
):
    """Train a model; Ctrl-C leaves what --resume needs to go on exactly."""
    name = MODELS[words.choose("MODEL", model, MODELS)]
    if patience and not validation_split:
        raise ValueError("--patience watches the val_loss: give a --validation-split too, such as 0.1")
    if resume and overwrite:
        raise ValueError("--resume and --overwrite exclude each other")
    words.prepare(backend, device, deterministic)
    if name in words.DETECTORS.values():
        for option, given in (
            ("learning-rate", learning_rate),
            ("validation-split", validation_split),
            ("start", start),
            ("dtype", dtype),
        ):
            if given:
                raise ValueError(f"--{option}: a {name} chooses that itself")
        if resume:
            raise ValueError(f"--resume: a {name} trains in one piece; begin anew, if need be with --overwrite")
        from kgen.cli import detecting

        options = {"epochs": epochs, "batch_size": batch_size, "data_dir": data_dir, "image_size": image_size}
        detecting.train(name, data, out, settings, seed, columns=columns, overwrite=overwrite, **options)
        return
    if columns:
        raise ValueError(f"--columns: a {name} learns from no table")
    import kgen
    from kgen import runs

    cls = getattr(kgen.models, name)
    config = {
        "data": data or cls.default_data,
        "data_dir": str(data_dir) if data_dir else None,
        "start": start or None,
        "image_size": image_size,
        "arguments": words.arguments_from(settings, cls.__init__, cls.__name__),
        "epochs": EPOCHS if epochs is None else epochs,
        "batch_size": BATCH_SIZE if batch_size is None else batch_size,
        "learning_rate": learning_rate,
        "dtype": words.choose("--dtype", dtype, DTYPES) if dtype else None,
        "validation_split": validation_split,
        "patience": patience,
        "seed": seed,
    }
    try:
        # A bar that moves is for a terminal; a file or a pipe gets a line an epoch.
        verbose = 1 if sys.stdout.isatty() else 2
        options = {"resume": resume, "overwrite": overwrite, "verbose": verbose}
        trained = runs.train(cls, config, out, start=(lambda: words.load(start)) if start else None, **options)
    except KeyboardInterrupt:
        left = "the model after its last finished epoch" if (out / "model.keras").exists() else "no finished epoch yet"
        typer.echo(f"\nstopped; {out} holds {left}. Go on with the same command and --resume", err=True)
        raise typer.Exit(130) from None
    samples = f"; samples in {out / 'samples'}" if (out / "samples").exists() else ""
    typer.echo(f"{out / 'model.keras'}: {name} after {trained.epochs_trained} epochs{samples}")


def evaluate(
    model: words.Model,
    data: Annotated[str, typer.Option(help="data set, file or folder; the default is the run's own test split")] = "",
    data_dir: words.DataDir = None,
    limit: Annotated[
        int | None, typer.Option(help="use at most so many examples; 0: all; 1000, of a detector all")
    ] = None,
    full: Annotated[bool, typer.Option(help="the family's honest figure, or just the parts of the loss")] = True,
    sampler: words.Sampler = "",
    beam: words.BeamWidth = None,
    labels: Annotated[str, typer.Option(help="column of a table that is 1 for anomalies, for a detector")] = "",
    settings: words.Settings = (),
    backend: words.Backend = "",
    device: words.Device = "",
):
    """Measure a trained model on data it has not seen."""
    words.prepare(backend, device)
    if words.is_detector(model):
        from kgen.cli import detecting

        detecting.evaluate(model, data, data_dir, labels, limit)
        return
    limit = 1000 if limit is None else limit
    import kgen
    from kgen import runs

    config = runs.read_config(model) if Path(model).is_dir() and (Path(model) / "config.json").exists() else {}
    config = {"data": None, "image_size": None, "data_dir": None, "validation_split": 0.0, "arguments": {}, **config}
    own_data = data in ("", config["data"])
    if data:
        config["data"] = data
    if data_dir:
        config["data_dir"] = str(data_dir)
    if not config["data"]:
        raise ValueError(f"--data: {model} does not say what it was trained on; name a data set or a folder")
    loaded = words.load(model)
    name = type(loaded).__name__
    options = words.sampler_argument(sampler, beam)
    if options and not (full and "sampler" in inspect.signature(loaded.full_evaluation).parameters):
        raise ValueError(f"--{'beam' if beam else 'sampler'}: a {name} generates nothing in this evaluation")
    classes = {"num_classes": loaded.num_classes} if getattr(loaded, "num_classes", None) else {}
    config["arguments"] = {**config["arguments"], **classes}
    parts = loaded.choose_data(*runs.load_data(type(loaded), config, "test"), **config["arguments"])
    split = "test split"
    if Path(config["data"]).exists():  # a file has no splits
        parts, split = runs.held_out(config, parts) if own_data else (parts, "all of it")
    parts = [part[: limit or None] if hasattr(part, "__getitem__") else part for part in parts]
    if full:
        options |= words.arguments_from(settings, loaded.full_evaluation, "evaluate", ("sampler",))
        figures = loaded.evaluate(*parts, full=True, **options)
    else:
        figures = loaded.evaluate(*parts, return_dict=True, verbose=0)
    kgen.metrics.report(f"{name} on {config['data']}, {split}", figures, model=loaded)

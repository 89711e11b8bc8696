"""`kgen presets`, `kgen demo` and `kgen info`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kgen import __version__
from kgen.cli import words


def presets(name: Annotated[str, typer.Argument(help="show this one's card")] = ""):
    """List the trained models that come with kgen."""
    from kgen.presets import registry

    if name:
        typer.echo(registry.describe(name)["card"])
        return
    for preset in registry.list():
        facts = registry.describe(preset)
        typer.echo(f"{preset:24} {facts['class']:22} {facts['megabytes']:5.1f} MB  {facts['summary']}")


def demo(
    model: Annotated[list[str], typer.Option(help="a run folder or .keras file of your own; may be repeated")] = (),
    port: int = 7860,
    backend: words.Backend = "",
    device: words.Device = "",
):
    """Open the studio in a browser."""
    words.prepare(backend, device)
    try:
        import gradio  # noqa: F401
    except ImportError:
        raise ImportError("the studio needs gradio: pip install 'keras-kgen[demos]'") from None
    checkout = Path(__file__).parents[2]
    if (checkout / "demos" / "app.py").exists():  # not the copy that an editable installation made of it once
        sys.path.insert(0, str(checkout))
        from demos import app as studio
    else:
        from kgen_demos import app as studio
    studio.main(models=list(model), port=port)


def info(
    run: Annotated[str, typer.Argument(help="a run folder: say what was trained there")] = "",
    backend: words.Backend = "",
    device: words.Device = "",
):
    """Say what kgen runs on here: versions, backends, devices, memory; what it can load by name; or what a run is."""
    words.prepare(backend, device)
    if run:
        _info_of(run)
        return
    import platform

    import keras

    from kgen import _startup
    from kgen import backend as backends
    from kgen.datasets import catalog

    typer.echo(f"kgen      {__version__}")
    typer.echo(f"keras     {keras.version()}")
    typer.echo(f"python    {platform.python_version()} on {platform.platform()}")
    typer.echo(f"backend   {backends.running()} (installed: {', '.join(_startup.installed_backends())})")
    for one in backends.devices():
        memory = f"{one.memory / 2**30:.1f} GiB" if one.memory else "memory unknown"
        typer.echo(f"{one.name:9} {one.description}, {memory}")
    typer.echo(f"data sets {', '.join(catalog.names())}")


def _info_of(run):
    """What was asked for in a run folder, and of a detector where it draws the line."""
    from kgen import runs

    for name, value in runs.read_config(run).items():
        if name != "resolved":
            typer.echo(f"{name:17} {value}")
    if words.is_detector(run):
        from kgen import anomaly

        detector = anomaly.load(run)
        typer.echo(f"learned           {', '.join(getattr(detector, 'feature_names_in_', ())) or 'without names'}")
        clean = 0 if detector.clean_scores_ is None else len(detector.clean_scores_.scores)
        typer.echo(f"anomaly above     {-detector.offset_:.6g}, {clean:,} rows held back")

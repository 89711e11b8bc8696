"""The command line: `kgen train · generate · evaluate · score · demo · presets · info`. Thin; others do the work.

Neither keras nor gradio is imported before a command needs it, so help comes at once.
"""

import os
import sys
import warnings
from typing import Annotated

import typer

from kgen import __version__
from kgen.cli import detecting
from kgen.cli import generating
from kgen.cli import large_pages
from kgen.cli import learning
from kgen.cli import looking

app = typer.Typer(
    help="Train generative models with Keras, on TensorFlow, JAX and PyTorch alike.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    learning.train,
    generating.generate,
    learning.evaluate,
    detecting.score,
    looking.presets,
    looking.demo,
    looking.info,
):
    app.command()(command)

# typer carries its own copy of click since 0.2x and used the real one before; both are the base of BadParameter.
UsageError = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")
EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False):
    if version:
        typer.echo(f"kgen {__version__}")
        raise typer.Exit()


def start():
    """The console script itself, which may begin anew as a process that trains faster."""
    if sys.argv[1:2] == ["train"]:
        large_pages.start_anew()
    main()


def main():
    """The console script: whatever goes wrong is one line on stderr and exit code 2, never a trace."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            sys.exit(app(standalone_mode=False) or 0)
    except UsageError as error:
        _fail(error.format_message())
    except EXPECTED as error:
        _fail(error)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", code=130)
    except Exception as error:
        _fail(f"{type(error).__name__}: {error} (this is a bug in kgen; KGEN_DEBUG=1 shows where)")


def _warn(message, category, filename, line_number, file=None, line=None):
    """A warning is one line, too: what it says, not where it was said."""
    print("kgen:", " ".join(str(message).split()), file=sys.stderr)


def _fail(error, code=2):
    if os.environ.get("KGEN_DEBUG"):
        raise
    print("kgen:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(code)

"""The lines of one file of any size and unknown origin, plain or gz, each judged for itself."""

import contextlib
import os
from pathlib import Path

from kgen.datasets import text_source

MAX_LINE = 1 << 17  # characters; also the longest field that the csv module takes


def checked_file(name, path):
    """The path of a file that exists, or an error that begins with `name`."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name}: expected a file as a string or a path, got {path!r}")
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{name}: no such file: {path}")
    if not path.is_file():
        raise ValueError(f"{name}: expected a file, got {path}")
    return path


class Broken(str):
    """In place of a line: why it cannot be used."""


def lines_of(path, encoding="utf-8"):
    """Yields the lines of a file without their ends; a `Broken` for each that cannot be decoded or never ends."""
    line, broken = "", None
    with _damage_as_error(path):
        for block, replaced in text_source.blocks(path, encoding):
            *ended, rest = block.split("\n")
            for part in ended:
                line += part
                yield _judged(line, broken or (replaced and "\ufffd" in line))
                line, broken = "", None
            line += rest
            if len(line) > MAX_LINE:
                line, broken = "", Broken("too long")
            broken = broken or (replaced and "\ufffd" in line)
    if line or broken:
        yield _judged(line, broken)


def _judged(line, broken):
    if isinstance(broken, Broken):
        return broken
    if broken:
        return Broken("with another encoding")
    return Broken("too long") if len(line) > MAX_LINE else line.removesuffix("\r")


@contextlib.contextmanager
def _damage_as_error(path):
    try:
        yield
    except text_source.NotText as reason:
        raise ValueError(f"path: {path} is {reason}") from None
    except (OSError, *text_source.DAMAGES) as error:
        raise ValueError(f"path: {path} is damaged ({error}); fetch it again") from None

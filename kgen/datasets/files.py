"""Where data lies: one file in a folder, or all files below it with an account of those that were not used."""

import os
from pathlib import Path


def file_in(data_dir, name, holds):
    """The path of the file that a data set is read from.

    Args:
        data_dir: the folder, as a string or a path.
        name: name of the file.
        holds: what is in it, for the message to somebody who has to find it.

    Raises:
        TypeError: `data_dir` is neither a string nor a path.
        FileNotFoundError: there is no such file.
    """
    if not isinstance(data_dir, str | os.PathLike):
        raise TypeError(f"data_dir: expected a folder as a string or a path, got {data_dir!r}")
    path = Path(data_dir).expanduser() / name
    if not path.is_file():
        raise FileNotFoundError(
            f"data_dir: expected the file {path} with {holds}, and there is none. "
            "Put it there, or leave data_dir out to download the data."
        )
    return path


class Skipped:
    """What was skipped, by reason; `str` of it is one line for a warning or an error."""

    def __init__(self):
        self.paths = {}

    def add(self, path, reason):
        self.paths.setdefault(str(reason), []).append(Path(path))

    def __len__(self):
        return sum(map(len, self.paths.values()))

    def __str__(self):
        parts = []
        for reason, paths in self.paths.items():
            parts.append(f"{len(paths)} {reason} ({paths[0].name}{', …' if len(paths) > 1 else ''})")
        return ", ".join(parts)


def files_below(folder, skipped):
    """All regular files in a folder and its subfolders, sorted by path, parts compared one by one.

    Links are followed, but no folder is entered twice, so a loop of links ends.

    Args:
        folder: str or path.
        skipped: a `Skipped` to which everything that is left out is added.

    Raises:
        TypeError: `folder` is neither a string nor a path.
        FileNotFoundError: there is no such folder.
        ValueError: it is a file.
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"path: expected a folder as a string or a path, got {folder!r}")
    folder = Path(folder).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"path: no such folder: {folder}")
    if not folder.is_dir():
        raise ValueError(f"path: expected a folder, got the file {folder}; unpack it first if it is an archive")

    found, entered = [], set()
    walk = os.walk(folder, followlinks=True, onerror=lambda error: skipped.add(error.filename, "unreadable"))
    for parent, folders, names in walk:
        if os.path.realpath(parent) in entered:
            skipped.add(parent, "met a second time through a link")
            folders.clear()
            continue
        entered.add(os.path.realpath(parent))
        for hidden in sorted(name for name in [*folders, *names] if name.startswith(".")):
            skipped.add(os.path.join(parent, hidden), "hidden")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if os.path.isfile(path):
                found.append(path)
            else:  # a pipe would block its reader for ever
                skipped.add(path, "dangling links, pipes or devices")
    return sorted(found, key=lambda path: path.parts)

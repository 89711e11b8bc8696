"""The text of files, larger than memory if need be."""

import os
import re
import warnings
from pathlib import Path

from kgen.datasets import text_source
from kgen.datasets.files import Skipped
from kgen.datasets.files import files_below
from kgen.functional.checks import check_int

_LAST_LINE = re.compile(r".*\S\n(?=\S)", re.DOTALL)  # up to the end of a line that is followed by another one
_LAST_WORD = re.compile(r".*\S(?= \S)", re.DOTALL)


def text_files(path, encoding="utf-8", characters=1 << 16):
    """The text of a file, or of all files in a folder and its subfolders, as an iterable of strings.

    Files are read as a stream, sorted by path, each time anew when the iterable is used again: train a tokenizer on it,
    then write a token file with it. A file of more than `characters` comes in several pieces, cut at the end of a line,
    else between two words, so that memory stays bounded, whatever the length of a line. Nothing is left out: the pieces
    together are the text. `.documents()` yields an iterable of pieces for each file.

    Reads plain and gz files; a byte order mark overrules `encoding`. Skipped are hidden, empty, unreadable and binary
    files (those with a NUL byte at their beginning); what cannot be decoded becomes U+FFFD. At the end one
    `UserWarning` counts what was skipped and what was replaced.

    Args:
        path: the file or folder.
        encoding: str.
        characters: int, the most characters of a piece.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: no text could be read; an argument is out of range.

    Example:

    >>> import pathlib, tempfile, kgen
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.txt", "b.txt"):
    ...         _ = pathlib.Path(folder, name).write_text(f"This is {name}.")
    ...     list(kgen.datasets.text_files(folder))
    ['This is a.txt.', 'This is b.txt.']
    """
    return TextFiles(path, encoding, characters)


class TextFiles:
    """What `text_files` returns."""

    def __init__(self, path, encoding, characters):
        text_source.check_encoding(encoding)
        check_int("characters", characters, minimum=16)
        self.encoding = encoding
        self.characters = characters
        self.skipped = Skipped()
        self.path = Path(path).expanduser() if isinstance(path, str | os.PathLike) else path
        alone = isinstance(self.path, Path) and self.path.is_file()
        self.files = [self.path] if alone else files_below(self.path, self.skipped)
        self._warned = False

    def __iter__(self):
        for document in self.documents():
            yield from document

    def documents(self):
        """Yields for each file an iterable over the pieces of its text, to be used before the next one is asked for."""
        account = _Account()
        for reason, paths in self.skipped.paths.items():
            for path in paths:
                account.skipped.add(path, reason)
        for file in self.files:
            yield self._pieces(file, account)
        self._report(account)

    def _pieces(self, file, account):
        text, read = "", False
        try:
            for block, replaced in text_source.blocks(file, self.encoding):
                text += block
                account.replaced[file] = account.replaced.get(file, 0) + replaced
                while len(text) > self.characters:
                    piece = text[: cut(text, self.characters)]
                    text = text[len(piece) :]
                    account.read += not read
                    read = True
                    yield piece
        except text_source.NotText as reason:
            account.skipped.add(file, reason)
        except PermissionError:
            account.skipped.add(file, "unreadable")
        except (OSError, *text_source.DAMAGES):
            account.skipped.add(file, "damaged, read up to there")
        if text:
            account.read += not read
            yield text

    def _report(self, account):
        if not account.read:
            why = f"skipped {len(account.skipped)}: {account.skipped}" if account.skipped else "it is empty"
            raise ValueError(f"path: no text could be read from {self.path} ({why})")
        replaced = {file: count for file, count in account.replaced.items() if count}
        if self._warned or not (account.skipped or replaced):
            return
        self._warned = True
        parts = [f"read {account.read} files from {self.path}"]
        if account.skipped:
            parts.append(f"skipped {len(account.skipped)}: {account.skipped}")
        if replaced:
            names = f"{next(iter(replaced)).name}{', …' if len(replaced) > 1 else ''}"
            parts.append(f"replaced {sum(replaced.values())} undecodable bytes in {len(replaced)} ({names})")
        warnings.warn(f"text_files: {'; '.join(parts)}", stacklevel=3)


class _Account:
    """What one pass over the files has seen."""

    def __init__(self):
        self.read = 0
        self.skipped = Skipped()
        self.replaced = {}


def cut(text, limit):
    """Where to end a piece of at most `limit` characters: after a line, else after a word, else there."""
    found = _LAST_LINE.match(text, 0, limit + 1) or _LAST_WORD.match(text, 0, limit + 2)
    return found.end() if found else limit

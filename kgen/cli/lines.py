"""A text file through a function, line by line: in constant memory, stopped at any moment, and gone on with exactly.

    out.txt.part           the lines that are done, chunk after chunk
    out.txt.part.json      how far they are good, from which input and with which options

A chunk is written first, the note of it second and in one step, so the note alone decides how far the file has come.
What lies beyond it is made again. When all lines are there, out.txt.part becomes out.txt.
"""

import codecs
import gzip
import hashlib
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from kgen.datasets.text_source import DAMAGES
from kgen.datasets.text_source import GZIP
from kgen.presets import files

CHUNK_LINES = 512
CHUNK_BYTES = 1 << 20  # a chunk ends with the line that reaches them, if there are not so many lines
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Outcome(NamedTuple):
    """How many lines there are, how many of them were not UTF-8, and the number of the first of these, or None."""

    lines: int
    replaced: int
    first_replaced: int | None


class TextInput:
    """The lines of a file, plain or gz, chunk by chunk. Bytes that are not UTF-8 become U+FFFD and are counted.

    Args:
        path: a file; a line ends with "\\n" or "\\r\\n". Memory is that of a chunk, or of the longest line.

    Attributes:
        lines: how many have been read.
        replaced: in how many of them bytes were replaced.
        first_replaced: the number of the first of these, from 1, or None.
        digest: `hashlib` object of all bytes that have been read.

    Raises:
        ValueError: UTF-16, or a broken gz file.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.lines, self.replaced, self.first_replaced = 0, 0, None
        self.digest = hashlib.sha256()

    def __enter__(self):
        self._raw = open(self.path, "rb")
        head = self._raw.peek(2)[:2]
        if head in WIDE:
            self._raw.close()
            raise ValueError(f"--file: {self.path} is UTF-16; convert it to UTF-8 first, as with iconv -f UTF-16")
        self._file = gzip.GzipFile(fileobj=self._raw) if head == GZIP else self._raw
        self._size = os.fstat(self._raw.fileno()).st_size if self._raw.seekable() else 0
        self._from = self._to = 0
        return self

    def __exit__(self, *error):
        self._file.close()
        self._raw.close()

    def skip(self, lines):
        """Read so many lines and leave them."""
        while lines > 0 and self._raw_line():
            lines -= 1
        self._to = self._position()

    def chunks(self):
        """Yields lists of str, without their line ends."""
        while chunk := self._chunk():
            yield chunk

    def share(self, done):
        """The share of the file, in [0, 1], that has been worked through with this share of the last chunk."""
        return (self._from + (self._to - self._from) * done) / self._size if self._size else 0.0

    def _chunk(self):
        texts, size = [], 0
        self._from = self._to
        while len(texts) < CHUNK_LINES and size < CHUNK_BYTES and (raw := self._raw_line()):
            size += len(raw)
            texts.append(self._text(raw))
        self._to = self._position()
        return texts

    def _position(self):
        return self._raw.tell() if self._size else 0

    def _text(self, raw):
        if self.lines == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        raw = raw.removesuffix(b"\n").removesuffix(b"\r")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.replaced += 1
            self.first_replaced = self.first_replaced or self.lines
            return raw.decode(errors="replace")

    def _raw_line(self):
        try:
            raw = self._file.readline()
        except DAMAGES as error:
            raise ValueError(f"--file: {self.path} is damaged after line {self.lines:,} ({error})") from None
        self.digest.update(raw)
        self.lines += bool(raw)
        return raw


def answers(function, texts, place, batch_size, between_batches=None):
    """What `function` makes of each text, as one line each. Blank texts stay blank.

    Args:
        function: (list of str, place) → list of str of the same length. The place is an int that no other batch of the
            file has, for a seed of its own.
        texts: list of str.
        place: int, how many lines of the file stand before these.
        batch_size: int, texts that `function` gets at once, those of like lengths together.
        between_batches: None or a function, called with the share of the texts that are done.
    """
    order = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: -len(texts[i]))
    found = [""] * len(texts)
    for start in range(0, len(order), batch_size):
        if start and between_batches:
            between_batches(start / len(order))
        batch = order[start : start + batch_size]
        try:
            made = function([texts[i] for i in batch], place + start)
        except ValueError as error:
            raise ValueError(f"{error} (in one of the lines {place + 1:,} to {place + len(texts):,})") from error
        for i, answer in zip(batch, made, strict=True):
            found[i] = one_line(answer)
    return found


def one_line(text):
    """A text without line ends."""
    return re.sub(r"[\r\n]+", " ", text)


def map_file(function, source, target, *, options=None, batch_size=32, resume=False, overwrite=False, progress=None):
    """Write what `function` makes of each line of a file into another one, which appears when it is complete.

    Args:
        function: (list of str, place) → list of str, see `answers`; what it returns depends on its arguments alone.
        source: a file, plain or gz.
        target: the file to write; gz if it is called so.
        options: JSON object, what `function` depends on. To go on, it must be the same.
        batch_size: int, see `answers`. Part of `options`, if it matters.
        resume: go on with an unfinished file, whose input must begin as it did.
        overwrite: replace what is there.
        progress: None or a function, called after each batch with the number of lines and the share of the file in
            [0, 1] that are done. It may raise to stop.

    Returns:
        an `Outcome`.

    Raises:
        FileNotFoundError, FileExistsError: of the source, of the target; see `check_paths`.
        ValueError: not text, or not the input and the options that the unfinished file was begun with.
    """
    source, target = Path(source), Path(target)
    check_paths(source, target, resume, overwrite)
    part, note_path = unfinished(target)
    packed = gzip.compress if target.suffix == ".gz" else bytes  # members of a gz file may stand one after another
    with TextInput(source) as text:
        note = {"options": options, "bytes": 0, **_state(text)}
        if resume:
            note = _go_on(text, part, note_path, options)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(note_path, note)
        with open(part, "r+b" if resume and part.exists() else "wb") as file:
            file.truncate(note["bytes"])
            file.seek(note["bytes"])
            begun = text.lines

            def tell(done):
                if progress:
                    progress(begun + round((text.lines - begun) * done), text.share(done))

            for texts in text.chunks():
                made = answers(function, texts, begun, batch_size, tell)
                file.write(packed("".join(f"{one}\n" for one in made).encode()))
                file.flush()
                os.fsync(file.fileno())
                _write(note_path, {"options": options, "bytes": file.tell(), **_state(text)})
                tell(1.0)
                begun = text.lines
        if target.exists() and not overwrite:
            raise FileExistsError(f"--out: {target} has appeared meanwhile; the result is in {part}")
        os.replace(part, target)
        note_path.unlink()
        return Outcome(text.lines, text.replaced, text.first_replaced)


def check_paths(source, target, resume=False, overwrite=False):
    """Refuse files that `map_file` cannot read, must not write, or cannot go on with.

    Raises:
        FileNotFoundError: no such source, or nothing to go on with.
        FileExistsError: the target is there, finished or not.
        ValueError: a folder where a file was expected.
    """
    source, target = Path(source), Path(target)
    part, note = unfinished(target)
    if not source.exists():
        raise FileNotFoundError(f"--file: no such file: {source}")
    for name, path in (("--file", source), ("--out", target)):
        if path.is_dir():
            raise ValueError(f"{name}: expected a file, got the folder {path}")
    if target.exists() and not overwrite:
        raise FileExistsError(f"--out: {target} exists; choose another name, or replace it with --overwrite")
    if resume and not note.exists():
        raise FileNotFoundError(f"--resume: there is no unfinished {part}; leave --resume out to begin")
    if part.exists() and not (resume or overwrite):
        raise FileExistsError(f"--out: {part} is unfinished; go on with --resume, or begin anew with --overwrite")


def unfinished(target):
    """The two files that stand for `target` while it is being written: its beginning, and the note about it."""
    target = Path(target)
    return target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")


def _go_on(text, part, note_path, options):
    """The note of an unfinished file, once `text` has been read as far as that goes."""
    note = files.read_json(note_path)
    if changed := [key for key in options or {} if options[key] != (note["options"] or {}).get(key)]:
        differences = ", ".join(f"{key}: {note['options'].get(key)!r} there, {options[key]!r} now" for key in changed)
        raise ValueError(f"--resume: {part} was begun differently ({differences}); repeat its options or begin anew")
    if note["bytes"] > (part.stat().st_size if part.exists() else 0):
        raise ValueError(f"--resume: {part} is shorter than it was; begin anew with --overwrite")
    text.skip(note["lines"])
    if (text.lines, text.digest.hexdigest()) != (note["lines"], note["sha256"]):
        raise ValueError(
            f"--resume: the first {note['lines']:,} lines of {text.path} are not those that {part} was made from; "
            "begin anew with --overwrite"
        )
    text.replaced, text.first_replaced = note["replaced"], note["first_replaced"]
    return note


def _state(text):
    return {
        "lines": text.lines,
        "sha256": text.digest.hexdigest(),
        "replaced": text.replaced,
        "first_replaced": text.first_replaced,
    }


def _write(path, note):
    with files.atomic_write(path) as temporary:
        temporary.write_text(json.dumps(note), encoding="utf-8")

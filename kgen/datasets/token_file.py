"""Text larger than memory, written once as ids into one file. `TokenWindows` reads it."""

import os
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

CHARACTERS_AT_ONCE = 1 << 20


def write_token_file(path, texts, tokenizer, *, end_token=True, overwrite=False, progress=True):
    """Write the ids of texts into a file, once, for `TokenWindows`.

    The file is a one-dimensional `.npy` of uint16, or of uint32 if the vocabulary has more than 65,536 tokens, so
    `numpy.load(path, mmap_mode="r")` maps it. It is written beside `path` and takes its place when it is complete;
    memory stays bounded, whatever the size of the texts.

    Args:
        path: the file, whose name ends with ".npy".
        texts: an iterable of strings, each a document, or what `text_files` returns.
        tokenizer: an object with `encode(list of str)`, `vocabulary_size` and `end_id`: a tokenizer of kgen.
        end_token: bool, whether the tokenizer's end token, if it has one, follows each document.
        overwrite: bool, whether a file that exists is replaced.
        progress: bool, whether to show how many million characters have been written.

    Returns:
        int, the number of ids.

    Raises:
        FileExistsError: there is such a file, and `overwrite` is False.
        TypeError: `texts` is one string, or yields something else than strings.
        ValueError: there is no text.

    Example:

    >>> import tempfile, kgen
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kgen.datasets.write_token_file(folder + "/ids.npy", ["ab", "c"], kgen.tokenizers.ByteTokenizer())
    5
    """
    path = Path(path)
    if path.suffix != ".npy":
        raise ValueError(f"path: expected a name that ends with .npy, got {path}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"path: {path} exists; pass overwrite=True to replace it")
    dtype = np.dtype("<u2" if tokenizer.vocabulary_size <= 1 << 16 else "<u4")
    end_id = tokenizer.end_id if end_token else None
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npy")
    count = 0
    try:
        with open(temporary, "wb") as file:
            _write_header(file, dtype, 0)
            header = file.tell()
            for group, ends in _with_bar(_groups(texts), progress):
                for ids, end in zip(tokenizer.encode(group), ends, strict=True):
                    row = [*ids, end_id] if end and end_id is not None else ids
                    file.write(np.asarray(row, dtype).tobytes())
                    count += len(row)
            if not count:
                raise ValueError("texts: expected some text, got none")
            file.seek(0)
            _write_header(file, dtype, count)
            if file.tell() != header:
                raise RuntimeError("NumPy wrote a header of another length")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _write_header(file, dtype, count):
    # NumPy leaves room in it for a larger count.
    shape = {"descr": dtype.str, "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, shape)


def _groups(texts):
    """Yields (pieces of text, whether each ends a document), some `CHARACTERS_AT_ONCE` together."""
    group, ends, characters = [], [], 0
    for piece, end in _pieces(texts):
        if not isinstance(piece, str):
            raise TypeError(f"texts: expected strings, got one {type(piece).__name__}: {piece!r:.50}")
        group.append(piece)
        ends.append(end)
        characters += len(piece)
        if characters >= CHARACTERS_AT_ONCE:
            yield group, ends
            group, ends, characters = [], [], 0
    if group:
        yield group, ends


def _pieces(texts):
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise TypeError(f"texts: expected an iterable of strings, got {type(texts).__name__}; pass [text] for one text")
    if not hasattr(texts, "documents"):
        yield from ((text, True) for text in texts if text != "")
        return
    for document in texts.documents():
        empty = True
        for piece in document:
            yield piece, False
            empty = False
        if not empty:
            yield "", True


def _with_bar(groups, progress):
    bar, count = keras.utils.Progbar(None, unit_name="million characters", interval=1.0), 0
    for count, group in enumerate(groups, 1):
        yield group
        if progress and count > 1:
            bar.update(count)
    if progress and count > 1:
        bar.update(count, finalize=True)

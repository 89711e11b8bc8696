"""Text on its way into `fit`: strings become ids, whatever they come in."""

import hashlib
import os
from pathlib import Path

import keras
import numpy as np

from kgen.datasets.folder_of_text import TextFiles
from kgen.datasets.folder_of_text import text_files
from kgen.datasets.token_file import write_token_file
from kgen.datasets.token_windows import IGNORED
from kgen.datasets.token_windows import MappedIds


def is_text(value):
    """Whether a value is a string or holds strings: a list of them, an array or tensor of them."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, str | bytes):
        return True
    dtype = getattr(value, "dtype", None)
    if isinstance(dtype, np.dtype):
        return dtype.kind in "UST" or (dtype.kind == "O" and value.size > 0 and isinstance(value.flat[0], str | bytes))
    return getattr(dtype, "name", "") == "string"  # a tensor of TensorFlow's


def holds_text(batch):
    """Whether a batch, or the first part of it, holds text."""
    return is_text(batch[0] if isinstance(batch, tuple) else batch)


def yields_text(dataset):
    """Whether an iterable of batches yields strings, found out without taking anything from a generator."""
    spec = getattr(dataset, "element_spec", None)  # tf.data
    if spec is not None:
        spec = spec[0] if isinstance(spec, tuple) else spec
        return getattr(getattr(spec, "dtype", None), "name", "") == "string"
    if hasattr(dataset, "__len__") and hasattr(dataset, "__iter__"):  # a DataLoader: iterating begins anew
        return holds_text(next(iter(dataset), None))
    return False


def texts_of(value):
    """A list of str or bytes from whatever `is_text` accepts."""
    if isinstance(value, str | bytes):
        return [value]
    if hasattr(value, "numpy"):
        value = value.numpy()
    return list(np.asarray(value, dtype=object).ravel()) if not isinstance(value, list | tuple) else list(value)


def texts_in(name, data):
    """An iterable of the texts in what `fit` takes: one string, several, what `text_files` returns, or a path of text.

    Raises:
        ValueError: something else; the message begins with `name`.
    """
    if isinstance(data, os.PathLike):
        data = text_files(data)
    if hasattr(data, "documents"):
        return data
    if not is_text(data):
        raise ValueError(f"{name}: expected text, got {type(data).__name__}")
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in texts_of(data)]


def ids_of(x, tokenizer):
    """One long sequence of ids from anything that `fit` of a language model takes; documents end with the end token.

    Args:
        x: a string, several strings, integers `(n,)`, lists of integers, what `text_files` returns, or the path of a
            text file, of a folder of them, or of a token file (".npy").
        tokenizer: a tokenizer of kgen, or None where ids come.

    Returns:
        integers `(n,)`, in memory or `MappedIds`.

    Raises:
        ValueError: no text, too little of it, or a tokenizer is missing.
        TypeError: something else.
    """
    if isinstance(x, MappedIds):
        return x
    if isinstance(x, os.PathLike):
        if Path(x).suffix == ".npy":
            return MappedIds(x)
        x = text_files(x)
    if isinstance(x, TextFiles):
        return MappedIds(token_file_of(x, _needed(tokenizer)))
    if keras.ops.is_tensor(x):
        x = keras.ops.convert_to_numpy(x)
    if isinstance(x, list | tuple) and len(x) == 0:
        raise ValueError("x: expected text, got none")
    if is_text(x):
        rows = _needed(tokenizer).encode(texts_of(x))
        end = [] if tokenizer.end_id is None or isinstance(x, str | bytes) else [tokenizer.end_id]
        ids = np.concatenate([np.asarray([*row, *end], _dtype(tokenizer)) for row in rows])
    elif isinstance(x, list | tuple) and np.ndim(x[0]):
        ids = np.concatenate([np.asarray(row) for row in x])
    else:
        ids = np.asarray(x).reshape(-1)
    if len(ids) and ids.dtype.kind not in "iu":
        raise TypeError(f"x: expected text or integers, got {ids.dtype}")
    if len(ids) < 2:
        raise ValueError(f"x: expected at least two tokens to learn the second from the first, got {len(ids)}")
    return ids


def rows_of(texts, tokenizer, length):
    """Each text as a row of its own: `(x, y)`, int32 `(n, length)`, y one step ahead and `IGNORED` behind its end.

    What is longer than `length` tokens is cut.
    """
    end = [] if tokenizer.end_id is None else [tokenizer.end_id]
    encoded = [[*row, *end][: length + 1] for row in tokenizer.encode(texts)]
    filler = 0 if tokenizer.pad_id is None else tokenizer.pad_id
    x, y = np.full((len(texts), length), filler, "int32"), np.full((len(texts), length), IGNORED, "int32")
    for i, row in enumerate(encoded):
        if len(row) > 1:
            x[i, : len(row) - 1], y[i, : len(row) - 1] = row[:-1], row[1:]
    return x, y


def token_file_of(files, tokenizer):
    """The token file of some text files, written once: the same files and tokenizer find it again.

    It lies in Keras's own folder for data, `~/.keras/kgen`.
    """
    stamp = hashlib.sha256(str(tokenizer.get_config()).encode())
    for path in files.files:
        facts = path.stat()
        stamp.update(f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns} {files.encoding}\n".encode())
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    path = home / "kgen" / f"{stamp.hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_token_file(path, files, tokenizer)
    return path


def _needed(tokenizer):
    if tokenizer is None:
        raise ValueError("x: this model has no tokenizer, so it takes ids, not text; build it with tokenizer=…")
    return tokenizer


def _dtype(tokenizer):
    return "uint16" if tokenizer.vocabulary_size <= 1 << 16 else "uint32"

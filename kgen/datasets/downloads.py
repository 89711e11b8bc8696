"""Files of data sets: found in a folder under one of several names, or fetched through Keras."""

import json
import os
from pathlib import Path

import keras

from kgen.datasets import text_source
from kgen.datasets.files import file_in


def find_in(data_dir, names):
    """The path of the first of these files that is in a folder; None if there is none."""
    if not isinstance(data_dir, str | os.PathLike):
        return None
    paths = (Path(data_dir).expanduser() / name for name in names)
    return next((path for path in paths if path.is_file()), None)


def any_file_in(data_dir, names, holds):
    """As `find_in`, and the errors of `file_in`."""
    return find_in(data_dir, names) or file_in(data_dir, " or ".join(names), holds)


def nothing_to_download(data_dir, what, how):
    """The error of a data set that has to lie in a folder.

    Args:
        data_dir: what the user gave.
        what: the files that the folder has to hold.
        how: where they come from.
    """
    if data_dir is not None and not isinstance(data_dir, str | os.PathLike):
        return TypeError(f"data_dir: expected a folder as a string or a path, got {data_dir!r}")
    return FileNotFoundError(f"data_dir: expected a folder that holds {what}, got {data_dir!r}. {how}")


def downloaded(name, file_name, url, instead, file_hash=None):
    """The path of a file that Keras has fetched, now or earlier.

    Args:
        name: the data set.
        file_name: under which the file is kept.
        url: where it comes from.
        instead: which of it somebody without network has to put into a folder.
        file_hash: its SHA-256, if known.

    Raises:
        FileNotFoundError: the download failed; says which file to put where.
    """
    try:
        return Path(keras.utils.get_file(file_name, origin=url, file_hash=file_hash, cache_subdir="datasets/kgen"))
    except Exception as error:  # Keras raises bare Exception where a download fails
        raise FileNotFoundError(
            f"name: {name!r} could not be downloaded ({error}). Without network, fetch {url} on another machine, "
            f"put {instead} into a folder here and pass data_dir='that folder'."
        ) from error


def read_text(path):
    """The text of a file in UTF-8, plain or gz.

    Raises:
        ValueError: damaged, or not text.
    """
    parts, replaced = [], 0
    try:
        for text, count in text_source.blocks(path):
            parts.append(text)
            replaced += count
    except text_source.NotText as reason:
        raise ValueError(f"{path}: expected text, it is {reason}") from None
    except (OSError, *text_source.DAMAGES) as error:
        raise ValueError(f"{path}: damaged ({error}); fetch it again") from None
    if replaced:
        raise ValueError(f"{path}: damaged, {replaced} of its bytes are no UTF-8; fetch it again")
    return "".join(parts)


def json_lines(path, keys):
    """The objects of a file with one JSON object a line, plain or gz, each a dict that has these keys as str.

    Raises:
        ValueError: damaged, or a line is something else; says which.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}: damaged, line {number} is no JSON ({error}); fetch it again") from None
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in keys):
            raise ValueError(f"{path}: expected an object with the strings {', '.join(keys)} in line {number}")
        rows.append(row)
    if not rows:
        raise ValueError(f"{path}: expected a JSON object a line, there is none")
    return rows

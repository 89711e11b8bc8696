"""Pairs of texts, such as sentences and their translations."""

import csv
import itertools
import warnings
from typing import NamedTuple

from kgen.datasets import text_source
from kgen.datasets.files import Skipped
from kgen.datasets.text_lines import Broken
from kgen.datasets.text_lines import checked_file
from kgen.datasets.text_lines import lines_of
from kgen.functional.checks import check_int


class TextPairs(NamedTuple):
    """What `text_pairs` returns: two lists of str of equal length."""

    sources: list
    targets: list


def text_pairs(path, target_path=None, *, delimiter=None, columns=(0, 1), header=False, encoding="utf-8"):
    """Pairs of texts from a table with two columns, or from two files whose lines belong together.

    Plain or gz; a byte order mark overrules `encoding`. White space around a text is removed. Rows that cannot be used
    are left out: those with too few columns, with an empty side, with bytes that are not in this encoding, or longer
    than 131,072 characters. One `UserWarning` counts them.

    Args:
        path: a file with a tab between the columns and no quoting, or, if it is called `.csv` or `.csv.gz`, one with
            commas and quotes; or the file of the sources.
        target_path: the file of the targets, line by line; None if `path` holds both.
        delimiter: str, one character that separates columns; None: as above. Anything but a tab is read with quotes.
        columns: (source, target), numbers of columns from 0.
        header: bool, whether the first row names the columns.
        encoding: str.

    Returns:
        (sources, targets): lists of str.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no pair could be read, the two files differ in length, the file is damaged or not text.

    Example:

    >>> import pathlib, tempfile, kgen
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "pairs.tsv").write_text("Go.\\tVa !\\nHi.\\tSalut !\\n")
    ...     english, french = kgen.datasets.text_pairs(folder + "/pairs.tsv")
    >>> english, french
    (['Go.', 'Hi.'], ['Va !', 'Salut !'])
    """
    text_source.check_encoding(encoding)
    path, columns = checked_file("path", path), _checked_columns(columns)
    left_out = Skipped()
    if target_path is not None:
        rows = _parallel(path, checked_file("target_path", target_path), encoding, left_out)
    else:
        rows = _table(path, _checked_delimiter(delimiter, path), columns, encoding, left_out)
    pairs = TextPairs([], [])
    for number, source, target in itertools.islice(rows, int(header), None):
        source, target = source.strip(), target.strip()
        if source and target:
            pairs.sources.append(source)
            pairs.targets.append(target)
        else:
            left_out.add(f"line {number}", "with an empty side")
    if not pairs.sources:
        why = f"left out {len(left_out)}: {left_out}" if left_out else "it is empty"
        raise ValueError(f"path: no pair could be read from {path} ({why}); see delimiter and columns")
    if left_out:
        warnings.warn(
            f"text_pairs: read {len(pairs.sources)} pairs from {path}, left out {len(left_out)}: {left_out}",
            stacklevel=2,
        )
    return pairs


def _checked_columns(columns):
    if not isinstance(columns, list | tuple) or len(columns) != 2:
        raise ValueError(f"columns: expected (source, target), such as (0, 1), got {columns!r}")
    for column in columns:
        check_int("columns", column, minimum=0)
    return columns


def _checked_delimiter(delimiter, path):
    if delimiter is None:
        return "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError(f"delimiter: expected one character, got {delimiter!r}")
    return delimiter


def _parallel(path, target_path, encoding, left_out):
    """Yields (number, source, target); a line that cannot be read takes its partner with it."""
    counts = [0, 0]
    for number, pair in enumerate(itertools.zip_longest(lines_of(path, encoding), lines_of(target_path, encoding)), 1):
        counts = [count + (line is not None) for count, line in zip(counts, pair, strict=True)]
        if None in pair:
            continue
        if broken := next((line for line in pair if isinstance(line, Broken)), None):
            left_out.add(f"line {number}", broken)
        else:
            yield number, *pair
    if counts[0] != counts[1]:
        raise ValueError(
            f"target_path: expected as many lines as in {path}, which are {counts[0]}, got {counts[1]} in {target_path}"
        )


def _table(path, delimiter, columns, encoding, left_out):
    """Yields (number, source, target)."""
    for number, row in _rows(path, delimiter, encoding, left_out):
        if len(row) > max(columns):
            yield number, row[columns[0]], row[columns[1]]
        elif any(row):
            left_out.add(f"line {number}", "without two columns")


def _rows(path, delimiter, encoding, left_out):
    """Yields (number of its line, list of fields); blank lines have none."""

    def readable():
        for number, line in enumerate(lines_of(path, encoding), 1):
            if isinstance(line, Broken):
                left_out.add(f"line {number}", line)
            else:
                yield number, line

    if delimiter == "\t":
        yield from ((number, line.split("\t") if line else []) for number, line in readable())
        return
    reader = csv.reader((f"{line}\n" for _, line in readable()), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            left_out.add(f"line {reader.line_num}", "that are no rows of a table")
        else:
            yield reader.line_num, row

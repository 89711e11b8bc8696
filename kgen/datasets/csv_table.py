"""Tables in files: values between commas, tabs or semicolons, with a header; whole, or some rows at a time.

pandas does the reading. Without it kgen works, only that detectors then take arrays and no files.
"""

from pathlib import Path

from kgen.datasets import text_source

SEPARATORS = (",", "\t", ";")
UNLIKE = 0.5  # of the rows of a column of words that are all different: such words are names
MOSTLY = 0.5  # of a column: with more numbers than this among its words, the words are mistakes


def read_csv(path, columns=None):
    """A table with a header as a pandas DataFrame, every column either numbers (NaN for a gap) or words.

    Args:
        path: a text file in UTF-8, plain or gz.
        columns: names of those that are wanted, in this order, or None for all.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no table, is damaged, has no such column, or one of numbers in which there are words.
        ImportError: pandas is not installed.
    """
    with _Reading(path) as (pandas, options):
        names = _chosen(path, options, columns)
        table = pandas.read_csv(**options, low_memory=False)[names].reset_index(drop=True)
    if not len(table):
        raise ValueError(f"{path}: expected rows below the header, there are none")
    for name in names:
        if table[name].dtype.kind not in "biuf":
            table[name] = _numbers_or_words(path, pandas, table[name])
    return table


def csv_chunks(path, numbers, rows_at_once=20_000):
    """Yields the rows of such a table in DataFrames of at most `rows_at_once`, in bounded memory.

    Args:
        path: as for `read_csv`.
        numbers: dict from the name of a wanted column to whether it holds numbers, and not words.
        rows_at_once: int ≥ 1.

    Raises:
        as `read_csv`; a word in a column of numbers is an error that names its row.
    """
    with _Reading(path) as (pandas, options):
        names = _chosen(path, options, [*numbers])
        words = {name: str for name, is_number in numbers.items() if not is_number}
        start = 0
        # Not `usecols`: with it pandas lets rows pass that have too many cells.
        with pandas.read_csv(**options, dtype=words, low_memory=False, chunksize=rows_at_once) as reader:
            for chunk in reader:
                chunk = chunk[names].set_axis(range(start, start + len(chunk)), axis=0)
                start += len(chunk)
                for name, is_number in numbers.items():
                    if is_number:
                        chunk[name] = _numbers(path, pandas, chunk[name])
                yield chunk
    if not start:
        raise ValueError(f"{path}: expected rows below the header, there are none")


def csv_header(path):
    """The names of the columns of such a table."""
    with _Reading(path) as (_, options):
        return _chosen(path, options, None)


def numbers_of(path, table):
    """The columns of numbers, as those of a series; a column of dates says when, and not what."""
    names = [name for name in table.columns if table[name].dtype.kind in "biuf"]
    if not names:
        raise ValueError(f"{path}: expected a column of numbers, got {', '.join(table.columns)}")
    return table[names].astype("float64")


def without_names(path, table):
    """(table, the columns that were left out because they name rows and say nothing of them).

    These are words that are hardly ever the same twice, and numbers without a header: pandas writes its index so.
    """
    words = [name for name in table.columns if table[name].dtype.kind not in "biuf"]
    left_out = [name for name in table.columns if name.startswith("Unnamed: ")]
    left_out += [name for name in words if len(table) > 20 and table[name].nunique() > UNLIKE * len(table)]
    if len({*left_out}) == len(table.columns):
        raise ValueError(f"{path}: expected numbers, or categories that come more than once")
    return table.drop(columns=left_out), left_out


class _Reading:
    """pandas and the options by which it reads a file; what goes wrong meanwhile becomes an error with its name."""

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: no such file")
        try:
            import pandas
        except ImportError:
            raise ImportError("reading tables needs pandas: pip install 'keras-kgen[tables]'") from None
        try:
            head = next(text_source.blocks(self.path))[0]
        except text_source.NotText as reason:
            raise ValueError(f"{self.path}: expected a table as text, it is {reason}") from None
        except text_source.DAMAGES as error:
            raise ValueError(f"{self.path}: damaged ({error})") from None
        with open(self.path, "rb") as file:
            packed = file.read(2) == text_source.GZIP
        separator = max(SEPARATORS, key=head.partition("\n")[0].count)
        options = {"sep": separator, "encoding": "utf-8-sig", "compression": "gzip" if packed else None}
        return pandas, {"filepath_or_buffer": self.path, **options}

    def __exit__(self, kind, error, trace):
        if isinstance(error, UnicodeDecodeError):
            raise ValueError(f"{self.path}: expected text in UTF-8 ({error})") from None
        if isinstance(error, text_source.DAMAGES):
            raise ValueError(f"{self.path}: damaged ({error})") from None
        if kind is not None and kind.__module__.startswith("pandas"):
            raise ValueError(f"{self.path}: not a table that can be read ({error})") from None


def _chosen(path, options, columns):
    import pandas

    there = [str(name) for name in pandas.read_csv(**options, nrows=0).columns]
    for name in columns or ():
        if name not in there:
            raise ValueError(f"{path}: has no column {name!r}; it has {', '.join(there[:40])}")
    return there if columns is None else list(columns)


def _numbers_or_words(path, pandas, column):
    """What pandas took for words: truth values with gaps are numbers, and so is what mostly looks like them."""
    known = column.dropna()
    if not len(known) or known.map(lambda value: isinstance(value, bool)).all():
        return column.astype("float64")
    if pandas.to_numeric(known, errors="coerce").notna().mean() > MOSTLY:
        return _numbers(path, pandas, column)
    return column.astype(str).where(column.notna())


def _numbers(path, pandas, column):
    if column.dtype.kind in "biuf":
        return column.astype("float64")
    values = column.astype(object).map(lambda value: float(value) if isinstance(value, bool) else value)
    found = pandas.to_numeric(values, errors="coerce")
    if (wrong := found.isna() & column.notna()).any():
        row = wrong.idxmax()
        raise ValueError(
            f"{path}: expected numbers in column {column.name!r}, got {column[row]!r:.40} in row {row + 1:,}; "
            "leave such cells empty, or leave the column out"
        )
    return found.astype("float64")

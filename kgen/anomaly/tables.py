"""Tables as networks like them: every column in standard units, categories as indicators, gaps filled and marked.

A number x becomes the mean of two views of it,

    ½ (x - mean) / deviation + ½ Φ⁻¹(rank of x),   each cut off, at ±20 and ±4

The first keeps distances, the second keeps few far values from squeezing all others together. What cannot be
measured because training rows did not have it (a gap where there was none, a category nobody has seen) is strange by
itself and put far out.
"""

import numpy as np
from scipy.stats import norm
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import validate_data

FAR_OUT = 8.0  # standard units
QUANTILES = 1000
MOST_CATEGORIES = 32  # of a column; the rarest of more share one indicator


class TableReader:
    """Learns from rows how to turn rows into float32 `(n, width)`.

    Rows are a float array `(n, columns)`, NaN where a value is missing, or a pandas DataFrame, whose columns that are
    not numbers are categories.

    Attributes of a fitted reader:
        names: what the columns are called.
        groups: for each column, the slice of the output that belongs to it.
        width: how many numbers a row becomes.
    """

    def fit(self, rows, names=None):
        self.names = list(names_of(rows) if names is None else names)
        self.columns = [_Number() if is_number(rows, i) else _Category() for i in range(len(self.names))]
        for i, column in enumerate(self.columns):
            column.fit(column_of(rows, i))
        self._lay_out()
        return self

    def _lay_out(self):
        ends = np.cumsum([column.width for column in self.columns]).tolist()
        self.groups = [slice(end - one.width, end) for end, one in zip(ends, self.columns, strict=True)]
        self.width = ends[-1]

    def state(self):
        """Everything that `fit` learned, as plain values."""
        kinds = ["number" if isinstance(column, _Number) else "category" for column in self.columns]
        columns = [{"kind": kind, **one.state()} for kind, one in zip(kinds, self.columns, strict=True)]
        return {"names": self.names, "columns": columns}

    @classmethod
    def restored(cls, state):
        """The reader whose `state` this is."""
        reader = cls()
        reader.names = [str(name) for name in state["names"]]
        kinds = {"number": _Number, "category": _Category}
        reader.columns = [kinds[one["kind"]].restored(one) for one in state["columns"]]
        reader._lay_out()
        return reader

    def holds_numbers(self):
        """For each name whether the column holds numbers, and not categories: a dict."""
        return {name: isinstance(one, _Number) for name, one in zip(self.names, self.columns, strict=True)}

    def transform(self, rows):
        """Rows in standard units: float32 `(n, width)`."""
        out = np.empty((len(rows), self.width), "float32")
        for i, (column, group) in enumerate(zip(self.columns, self.groups, strict=True)):
            out[:, group] = column.transform(column_of(rows, i))
        return out


class _Number:
    """A column of numbers: one output, and a second that marks gaps if there were any in training."""

    def fit(self, values):
        values = np.asarray(values, "float64")
        known = np.sort(values[~np.isnan(values)])
        if not len(known):
            known = np.zeros(1)
        gaps = 1.0 - len(known) / len(values) if np.isnan(values).any() else 0.0
        self.median, self.mean, self.gaps = float(np.median(known)), float(known.mean()), gaps
        deviation = float(known.std())
        # Of a constant column every other value is strange, by its distance.
        self.deviation = deviation if deviation > 1e-9 * max(1.0, abs(self.mean)) else 1.0
        self.count = len(known)
        self.quantiles = known if self.count <= QUANTILES else np.quantile(known, np.linspace(0, 1, QUANTILES))
        self.width = 2 if gaps else 1

    def state(self):
        names = ("median", "mean", "deviation", "gaps", "count", "quantiles")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def restored(cls, state):
        column = cls()
        column.median, column.mean, column.deviation = (float(state[one]) for one in ("median", "mean", "deviation"))
        column.gaps, column.count, column.quantiles = float(state["gaps"]), int(state["count"]), state["quantiles"]
        column.width = 2 if column.gaps else 1
        return column

    def transform(self, values):
        values = np.asarray(values, "float64")
        gap = np.isnan(values)
        x = np.where(gap, self.median, values)
        standard = np.clip((x - self.mean) / self.deviation, -20.0, 20.0)
        # Equal values share the middle of their ranks; the ends stay off 0 and 1.
        below, upto = (np.searchsorted(self.quantiles, x, side=side) for side in ("left", "right"))
        rank = np.clip((below + upto) / (2 * len(self.quantiles)), 0.5 / (self.count + 1), 1 - 0.5 / (self.count + 1))
        out = 0.5 * standard + 0.5 * np.clip(norm.ppf(rank), -4.0, 4.0)
        if not self.gaps:
            return np.where(gap, FAR_OUT, out)[:, None]
        mark = (gap - self.gaps) / np.sqrt(self.gaps * (1.0 - self.gaps) + 1e-9)
        return np.stack([out, mark], axis=1)


class _Category:
    """A column of categories: an indicator in standard units for each, and one that is 0 unless there is a new one."""

    def fit(self, values):
        words = _as_words(values)
        self._learn_words(words)
        self._share_out(self.encoder.transform(words).mean(axis=0))

    def _learn_words(self, words):
        self.encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False
        ).fit(words)

    def _share_out(self, share):
        self.share = share
        self.width = len(share) + 1

    def state(self):
        (words,), (rare,) = self.encoder.categories_, self.encoder.infrequent_categories_
        rare = set() if rare is None else set(rare)
        return {"words": list(words), "rare": [word in rare for word in words], "share": self.share}

    @classmethod
    def restored(cls, state):
        column = cls()
        words = [str(word) for word in state["words"]]
        frequent = [word for word, rare in zip(words, state["rare"], strict=True) if not rare]
        column._learn_words(np.array([*words, *frequent], object)[:, None])
        column._share_out(state["share"])
        return column

    def transform(self, values):
        indicators = self.encoder.transform(_as_words(values))
        # A column is one column, however many categories it has: their squares are shared out.
        scale = np.sqrt(np.maximum(self.share * (1.0 - self.share), 1e-4) * len(self.share))
        unknown = FAR_OUT * (indicators.sum(axis=1, keepdims=True) == 0)
        return np.concatenate([(indicators - self.share) / scale, unknown], axis=1)


def _as_words(values):
    """Categories as strings, a missing one among them: `(n, 1)`."""
    words = values.astype(object).where(values.notna(), "(missing)").astype(str)
    return words.to_numpy(dtype=object)[:, None]


def read_table(detector, X, reset):
    """Check a table as scikit-learn does and return it: a float array, or a DataFrame if some columns are not numbers.

    Raises:
        ValueError: empty, another number of columns or other names than in `fit`, infinite values, times.
    """
    if reset:
        detector.mixed_ = is_frame(X) and not all(is_number(X, i) for i in range(X.shape[1]))
    if not detector.mixed_:
        kinds = {"dtype": (np.float64, np.float32), "ensure_all_finite": "allow-nan"}
        return validate_data(detector, X, reset=reset, ensure_min_samples=2 if reset else 1, **kinds)
    if not is_frame(X):
        raise ValueError(f"X: expected a DataFrame, as in fit, where some columns are categories; got {type(X)}")
    validate_data(detector, X, reset=reset, skip_check_array=True)
    if len(X) < (2 if reset else 1):
        raise ValueError(f"X: Found array with {len(X)} sample(s) (shape={X.shape}) while a minimum of 2 is required.")
    for i, name in enumerate(X.columns):
        if X.dtypes.iloc[i].kind in "mM":
            raise ValueError(
                f"X: column {name!r} holds times; turn it into numbers, such as hours or days since a date"
            )
        if is_number(X, i) and np.isinf(column_of(X, i)).any():
            raise ValueError(
                f"X: column {name!r} contains infinity; expected finite numbers, or NaN where one is missing"
            )
    return X


def is_frame(rows):
    return hasattr(rows, "iloc") and hasattr(rows, "columns")


def names_of(rows):
    """The names of the columns, or "column 0" and so on."""
    if is_frame(rows):
        return [str(name) for name in rows.columns]
    return [f"column {i}" for i in range(rows.shape[1])]


def column_of(rows, i):
    """Column i: a float array if it holds numbers, else a pandas Series."""
    if not is_frame(rows):
        return rows[:, i]
    column = rows.iloc[:, i]
    return column.to_numpy(dtype="float64", na_value=np.nan) if is_number(rows, i) else column


def is_number(rows, i):
    # Booleans count as numbers, as they do everywhere in Python.
    return not is_frame(rows) or rows.dtypes.iloc[i].kind in "biuf"


def take(rows, which):
    """Some rows, by a slice or an array of integers."""
    return rows.iloc[which] if is_frame(rows) else rows[which]

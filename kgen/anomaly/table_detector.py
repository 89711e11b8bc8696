"""What detectors of tables share: reading, gaps and categories, explanations by column."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kgen.anomaly.base import ROWS_AT_ONCE
from kgen.anomaly.base import Detector
from kgen.anomaly.explanation import Explanation
from kgen.anomaly.explanation import explained
from kgen.anomaly.tables import TableReader
from kgen.anomaly.tables import read_table
from kgen.anomaly.tables import take


class TableDetector(Detector):
    """Base of detectors of tables. Its holes see rows in standard units, float32 `(n, width)`."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def explain(self, X):
        """What each column adds to the strangeness of each row: an `Explanation` with the names of the columns.

        A column's share is what the strangeness loses when its value is replaced by what the network expects there.
        """
        check_is_fitted(self)
        rows = self._read(X, reset=False)
        parts = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            x = self.table_.transform(take(rows, slice(start, start + ROWS_AT_ONCE)))
            expected, strangeness = self._expected(x), self._vector_strangeness
            parts.append(explained(self.table_.names, self.table_.groups, x, expected, strangeness))
        return Explanation(parts[0].columns, np.concatenate([part.contributions for part in parts]))

    def _read(self, X, reset):
        return read_table(self, X, reset)

    def _learn(self, rows):
        self.table_ = TableReader().fit(rows, getattr(self, "feature_names_in_", None))
        self._learn_vectors(self.table_.transform(rows))

    def _strangeness(self, rows):
        return self._vector_strangeness(self.table_.transform(rows))

    def _state(self):
        table = getattr(self, "table_", None)  # an image has none
        return {**super()._state(), "table": None if table is None else {"mixed": self.mixed_, **table.state()}}

    def _restore(self, state):
        super()._restore(state)
        if state["table"] is not None:
            self.mixed_ = bool(state["table"]["mixed"])
            self.table_ = TableReader.restored(state["table"])

    # Holes -----------------------------------------------------------------------------------------------------------

    def _learn_vectors(self, x):
        """Train `model_` on float32 `(n, width)`."""
        raise NotImplementedError

    def _vector_strangeness(self, x):
        """How strange each of float32 `(n, width)` is: `(n,)`."""
        raise NotImplementedError

    def _expected(self, x):
        """What the network would have expected: float32 `(n, width)`."""
        raise NotImplementedError

"""Which columns made a row strange."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What each column adds to the strangeness of each row.

    contribution of column j = strangeness of the row - strangeness of the row with what the network expects in j

    Attributes:
        columns: names of the columns.
        contributions: float `(n, columns)`; negative where the row would be stranger with the expected value.
    """

    columns: tuple
    contributions: np.ndarray

    def top(self, count=3):
        """For each row the `count` columns that add most: a list of lists of (name, contribution)."""
        order = np.argsort(-self.contributions, axis=1)[:, :count]
        return [
            [(self.columns[j], float(row[j])) for j in best]
            for row, best in zip(self.contributions, order, strict=True)
        ]


def explained(columns, groups, rows, expected, strangeness):
    """An `Explanation` of rows `(n, width)`, whose column j fills `groups[j]`, by putting in what is expected."""
    contributions = np.empty((len(rows), len(columns)))
    whole = strangeness(rows)
    for j, group in enumerate(groups):
        mended = rows.copy()
        mended[:, group] = expected[:, group]
        contributions[:, j] = whole - strangeness(mended)
    return Explanation(tuple(columns), contributions)

"""Dates as people write them, and as ISO 8601 does: a translation that a small model learns within minutes."""

import datetime

import numpy as np

from kgen.datasets.pairs_of_text import TextPairs
from kgen.functional.checks import check_in

SIZES = {"train": 10_000, "test": 500, "validation": 500}
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
FORMS = (
    "{d} {month} {y}",
    "{month} {d}, {y}",
    "{weekday}, {month} {d}, {y}",
    "{weekday} {d} {mon} {y}",
    "{d} {mon} {y}",
    "the {nth} of {month} {y}",
    "{month} the {nth}, {y}",
    "{d:02}.{m:02}.{y}",
)


def dates(split, data_dir=None):
    """Dates in words and in ISO 8601: ("the 3rd of May 1979", "1979-05-03"), made up, the same every time.

    10,000 pairs to train, 500 to validate, 500 to test; no day of one is in another. Nothing is read from `data_dir`.
    Licence: there is nothing to license.
    """
    check_in("split", split, tuple(SIZES))
    rng = np.random.default_rng(5)
    days = rng.permutation((LAST - FIRST).days + 1)
    start = sum(size for name, size in SIZES.items() if list(SIZES).index(name) < list(SIZES).index(split))
    rng = np.random.default_rng([5, start])
    pairs = TextPairs([], [])
    for day in days[start : start + SIZES[split]]:
        date = FIRST + datetime.timedelta(days=int(day))
        form = FORMS[rng.integers(len(FORMS))]
        pairs.sources.append(_written(date, form).lower() if rng.random() < 0.3 else _written(date, form))
        pairs.targets.append(date.isoformat())
    return pairs


MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _written(date, form):
    month, weekday = MONTHS[date.month - 1], WEEKDAYS[date.weekday()]  # not the locale's names
    ending = "th" if 10 < date.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(date.day % 10, "th")
    return form.format(
        d=date.day, m=date.month, y=date.year, month=month, mon=month[:3], weekday=weekday, nth=f"{date.day}{ending}"
    )

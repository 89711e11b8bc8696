"""Measurements over time, in which people have marked when something was wrong."""

import csv
import json
from typing import NamedTuple

import numpy as np

from kgen.datasets.downloads import any_file_in
from kgen.datasets.downloads import downloaded
from kgen.datasets.downloads import read_text
from kgen.functional.checks import check_in

SPLITS = ("train", "test", "all")
NAB = "https://raw.githubusercontent.com/numenta/NAB/master"
# The folder of each series in NAB.
SERIES = {
    "nyc_taxi": "realKnownCause",
    "machine_temperature_system_failure": "realKnownCause",
    "ec2_cpu_utilization_24ae8d": "realAWSCloudwatch",
    "speed_7578": "realTraffic",
}
PROBATION, LONGEST_PROBATION = 0.15, 750


class Series(NamedTuple):
    """What `load("nab/nyc_taxi")` returns."""

    values: np.ndarray  # float32 (n,)
    times: np.ndarray  # datetime64[s] (n,), as they were written down
    windows: np.ndarray  # datetime64[s] (k, 2): from and to, both of them inside


def nab(split, data_dir, name):
    """One of four series of the Numenta Anomaly Benchmark: `(values, times, windows)`.

    - "nyc_taxi": passengers in half an hour, 10,320
    - "machine_temperature_system_failure": every five minutes, 22,695; one hour comes twice, as its clock was set back
    - "ec2_cpu_utilization_24ae8d": every five minutes, 4,032
    - "speed_7578": speed of cars, at irregular times, 1,127

    A window is a stretch of time around an anomaly. "train" is what NAB lets a detector see before it counts, the first
    15 %, 750 measurements at most; "test" is the rest and "all" everything, each with the windows that reach into it.

    `data_dir`, or the folder nab in it, holds `nyc_taxi.csv` (or .csv.gz) and so on, with a header and rows of
    timestamp and value, and `combined_windows.json` or `windows.json`, as they are in https://github.com/numenta/NAB
    (data, labels), from where Keras fetches them else. Licence: MIT. Lavin and Ahmad, Evaluating Real-time Anomaly
    Detection Algorithms: the Numenta Anomaly Benchmark, 2015.
    """
    check_in("split", split, SPLITS)
    file, labels = f"{SERIES[name]}/{name}.csv", "combined_windows.json"
    if data_dir is None:
        both = f"{name}.csv and {labels}"
        path = downloaded(f"nab/{name}", f"nab.{name}.csv", f"{NAB}/data/{file}", both)
        marked = downloaded(f"nab/{name}", f"nab.{labels}", f"{NAB}/labels/{labels}", both)
    else:
        names = (f"nab/{name}.csv.gz", f"nab/{name}.csv", f"{name}.csv.gz", f"{name}.csv")
        path = any_file_in(data_dir, names, "a timestamp and a value a row")
        names = (f"nab/{labels}", "nab/windows.json", labels, "windows.json")
        marked = any_file_in(data_dir, names, "the windows of anomalies")
    values, times = _measurements(path)
    windows = _windows(marked, file)
    seen = min(int(PROBATION * len(values)), LONGEST_PROBATION)
    part = {"train": slice(None, seen), "test": slice(seen, None), "all": slice(None)}[split]
    values, times = values[part], times[part]
    if not len(values):
        raise ValueError(f"{path}: too few measurements for two splits, {split!r} is empty")
    inside = (windows[:, 1] >= times[0]) & (windows[:, 0] <= times[-1])
    return Series(values, times, windows[inside])


def _measurements(path):
    rows = list(csv.reader(read_text(path).splitlines()))
    if not rows or [one.strip() for one in rows[0]] != ["timestamp", "value"]:
        raise ValueError(f"{path}: expected the header timestamp,value, got {','.join(rows[0] if rows else [])!r:.60}")
    try:
        times = np.array([time for time, _ in rows[1:]], "datetime64[s]")
        values = np.array([value for _, value in rows[1:]], "float64")
    except ValueError as error:
        raise ValueError(f"{path}: damaged, expected a timestamp and a number in each row ({error})") from None
    if not len(values) or not np.isfinite(values).all() or np.isnat(times).any():
        raise ValueError(f"{path}: expected finite values with their times, got NaN, or no rows")
    return values.astype("float32"), times


def _windows(path, file):
    """The windows of one series, from NAB's own file or from one that has further labels beside them."""
    try:
        found = json.loads(read_text(path))[file]
        found = found["windows"] if isinstance(found, dict) else found
        windows = np.array(found, "datetime64[us]").astype("datetime64[s]").reshape(-1, 2)
        if len(windows) != len(found) or np.isnat(windows).any() or (windows[:, 0] > windows[:, 1]).any():
            raise ValueError("not pairs of from and to")
    except (LookupError, TypeError, ValueError) as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: damaged, or without windows for {file} ({error!r}); fetch it again") from None
    return windows

"""Tables of numbers in which some rows are anomalies."""

from typing import NamedTuple

import numpy as np

from kgen.datasets.downloads import any_file_in
from kgen.datasets.downloads import downloaded
from kgen.datasets.npz import read_npz
from kgen.functional.checks import check_in

SPLITS = ("train", "test", "all")
SEED = 0
ADBENCH = "https://raw.githubusercontent.com/Minqi824/ADBench/main/adbench/datasets/Classical"
# What ADBench calls each file.
SETS = {
    "annthyroid": "2_annthyroid",
    "breastw": "4_breastw",
    "cardio": "6_cardio",
    "Cardiotocography": "7_Cardiotocography",
    "fault": "12_fault",
    "Ionosphere": "18_Ionosphere",
    "mammography": "23_mammography",
    "mnist": "24_mnist",
    "optdigits": "26_optdigits",
    "pendigits": "28_pendigits",
    "Pima": "29_Pima",
    "thyroid": "38_thyroid",
    "vowels": "40_vowels",
    "WBC": "42_WBC",
}


class Table(NamedTuple):
    """What `load("adbench/cardio")` returns."""

    rows: np.ndarray  # float32 (n, features), as measured: not scaled
    labels: np.ndarray  # uint8 (n,), 1 for an anomaly


def adbench(split, data_dir, name):
    """One of 14 tables of ADBench, from 223 × 9 to 11,183 × 6: `(rows, labels)`, where 1 is an anomaly.

    "train" is a half of the normal rows, the same random half every time, and "test" the other half with all anomalies:
    what a detector that learns from normal data alone is measured by. "all" is the table, for one that learns from
    everything, or for splits of one's own. Features are not scaled.

    `data_dir`, or the folder adbench in it, holds `cardio.npz` or `6_cardio.npz` and so on, with the arrays X and y, as
    they are in https://github.com/Minqi824/ADBench (adbench/datasets/Classical), from where Keras fetches them else.
    The folder is looked into first, since `mnist.npz` may be another one. Licence: BSD-2; the tables are those of UCI
    and ODDS. Han et al., ADBench: Anomaly Detection Benchmark, 2022.
    """
    check_in("split", split, SPLITS)
    published = f"{SETS[name]}.npz"
    if data_dir is None:
        path = downloaded(f"adbench/{name}", f"adbench.{published}", f"{ADBENCH}/{published}", f"it as {name}.npz")
    else:
        names = (f"adbench/{name}.npz", f"adbench/{published}", f"{name}.npz", published)
        path = any_file_in(data_dir, names, "the arrays X and y")
    x, y = read_npz(path, ("X", "y"))
    y = y.reshape(-1) if y.ndim == 2 else y
    if x.dtype.kind not in "fiu" or x.ndim != 2 or 0 in x.shape or y.dtype.kind not in "fiu" or y.shape != (len(x),):
        raise ValueError(
            f"{path}: expected X as numbers (n, features) and y (n,), got {x.dtype} of shape {x.shape} and "
            f"{y.dtype} of shape {y.shape}"
        )
    if not np.isfinite(x).all() or not np.isin(y, (0, 1)).all() or not (y == 0).any():
        raise ValueError(f"{path}: expected finite numbers in X and 0 or 1 in y, got others, or no 0")
    x, y = x.astype("float32"), y.astype("uint8")
    if split == "all":
        return Table(x, y)
    normal = np.random.default_rng(SEED).permutation(np.flatnonzero(y == 0))
    train = np.zeros(len(y), bool)
    train[normal[: (len(normal) + 1) // 2]] = True
    rows = train if split == "train" else ~train
    return Table(x[rows], y[rows])

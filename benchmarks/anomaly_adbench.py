"""Anomaly detection in tables, beside PyOD: ADBench's sets, two protocols, defaults only.

    KERAS_BACKEND=torch python benchmarks/anomaly_adbench.py --data FOLDER

Protocols, as in Livernoche et al. (On Diffusion Modeling for Anomaly Detection, 2024), whose table stands beside:

- semi: fitted on a random half of the normal rows, scored on the other half and all anomalies;
- unsup: fitted on a bootstrap sample of all rows, scored on all rows.

Columns are standardised; sets of fewer than 1,000 rows are bootstrapped up to 1,000 (so that there rows of the test can
repeat learned ones), those of more than 10,000 are sampled down. Every detector has its own defaults on every set;
kgen's were chosen with the labels of these sets in sight. Times are seconds of processor time: what else a machine does
hardly changes them.

A finished fit is a line of `results.jsonl` in `--out`; run again to go on, and with `--report` to see what is complete.
FOLDER holds `adbench/*.npz` with `X` and `y` (1 = anomaly), and `adbench/published_auroc_{semi,unsup}.csv`. PyOD's
detectors take part where `pyod` is installed.
"""

import argparse
import contextlib
import csv
import importlib
import itertools
import json
import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from side_by_side import facts
from side_by_side import is_here
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from kgen.backend import running

SETS = (
    "fault",
    "Ionosphere",
    "mammography",
    "mnist",
    "optdigits",
    "pendigits",
    "Pima",
    "annthyroid",
    "breastw",
    "cardio",
    "vowels",
    "thyroid",
    "WBC",
    "Cardiotocography",
)
KGEN = {
    "kgen VAE": ("VAEDetector", {}),
    "kgen VAE, as PyOD's learns": ("VAEDetector", {"epochs": 30, "batch_size": 32}),
    "kgen Diffusion": ("DiffusionDetector", {}),
    "kgen Diffusion, network": ("DiffusionDetector", {"measure": "network"}),
    "kgen Diffusion, neighbours": ("DiffusionDetector", {"measure": "neighbours"}),
}
PYOD = {
    "PyOD KNN": ("knn", "KNN"),
    "PyOD VAE": ("vae", "VAE"),
    "PyOD AutoEncoder": ("auto_encoder", "AutoEncoder"),
    "PyOD DeepSVDD": ("deep_svdd", "DeepSVDD"),
    "PyOD IForest": ("iforest", "IForest"),
    "PyOD ECOD": ("ecod", "ECOD"),
}
DEFAULT = ("kgen VAE", "kgen Diffusion", *PYOD)
PROTOCOLS = ("semi", "unsup")
SUMMARY = (
    ("precision", "average precision × 100", 100),
    ("fit", "fit, seconds of a core", 1),
    ("score", "score, seconds of a core", 1),
)
KEYS = ("protocol", "set", "seed", "detector")
PUBLISHED = ("KNN", "VAE", "IForest", "ECOD", "DeepSVDD", "DTE-NP", "DDPM")


def load(folder, name, seed, protocol):
    """(training rows, rows to score, their labels), standardised."""
    with np.load(Path(folder) / "adbench" / f"{name}.npz") as file:
        x, y = file["X"].astype("float64"), file["y"].astype(int)
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(x), min(max(len(x), 1000), 10_000), replace=len(x) < 1000)
    x, y = x[rows], y[rows]
    if protocol == "semi":
        normal = rng.permutation(np.flatnonzero(y == 0))
        learned = normal[: len(normal) // 2]
        scored = np.concatenate([normal[len(normal) // 2 :], np.flatnonzero(y == 1)])
    else:
        learned, scored = rng.choice(len(x), len(x)), np.arange(len(x))
    scaler = StandardScaler().fit(x[learned])
    return scaler.transform(x[learned]), scaler.transform(x[scored]), y[scored]


def make(detector, seed, width):
    """A detector by its name, and its function from rows to strangeness."""
    if detector in KGEN:
        name, arguments = KGEN[detector]
        made = getattr(importlib.import_module("kgen.anomaly"), name)(**arguments, seed=seed)
        return made, lambda rows: -made.score_samples(rows)
    module, name = PYOD[detector]
    arguments = {}
    if name in ("VAE", "AutoEncoder", "DeepSVDD"):
        arguments = {"random_state": seed, "verbose": 0}
    elif name == "IForest":
        arguments = {"random_state": seed}
    if name == "DeepSVDD":
        arguments["n_features"] = width
    made = getattr(importlib.import_module(f"pyod.models.{module}"), name)(**arguments)
    return made, made.decision_function


def measured(args, detector, name, seed, protocol):
    """The figures of one fit."""
    learned, scored, y = load(args.data, name, seed, protocol)
    made, strangeness = make(detector, seed, learned.shape[1])
    started = time.process_time()
    made.fit(learned)
    fitted = time.process_time()
    scores = np.nan_to_num(strangeness(scored))
    ended = time.process_time()
    return {
        "auroc": roc_auc_score(y, scores),
        "precision": average_precision_score(y, scores),
        "fit": fitted - started,
        "score": ended - fitted,
    }


class Results:
    """What is measured, a line of JSON a fit: a run that was stopped goes on where it was."""

    def __init__(self, file):
        self.file = Path(file)
        self.found = {}
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                with contextlib.suppress(json.JSONDecodeError):  # the last line of a run that was killed
                    self._keep(json.loads(line))

    def _keep(self, row):
        self.found[tuple(row[key] for key in KEYS)] = row

    def add(self, **row):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        self._keep(row)

    def seeds(self, sets, protocol, detector):
        """The seeds that a detector has seen on each of these sets."""
        seen = sorted({seed for _, _, seed, _ in self.found})
        return [seed for seed in seen if all((protocol, name, seed, detector) in self.found for name in sets)]


def published(data, protocol):
    """{set: {method: AUROC × 100}} of the paper, empty where the file is not there."""
    file = Path(data) / "adbench" / f"published_auroc_{protocol}.csv"
    if not file.exists():
        return {}
    with file.open(newline="") as lines:
        return {
            row["dataset"]: {k: float(v) for k, v in row.items() if k != "dataset"} for row in csv.DictReader(lines)
        }


def table(args, results, protocol):
    """Print what is complete, in Markdown: sets that every detector has seen, means of the seeds it has seen there."""
    sets = [name for name in args.sets if all(results.seeds([name], protocol, one) for one in args.detectors)]
    if not sets:
        print(f"\n{protocol}: no set is complete yet")
        return
    detectors, seeds = args.detectors, {name: results.seeds(sets, protocol, name) for name in args.detectors}
    beside = published(args.data, protocol)
    columns = [*detectors, *(f"published {name}" for name in PUBLISHED if beside)]

    def mean(name, detector, key):
        return np.mean([results.found[protocol, name, seed, detector][key] for seed in seeds[detector]])

    def line(title, values):
        print(f"| {title} |", " | ".join(values), "|" + " |" * (len(columns) - len(values)))

    part = "" if len(sets) == len(args.sets) else f", {len(sets)} of {len(args.sets)} sets"
    print(f"\nAUROC × 100, {protocol}{part}\n")
    line("set", columns)
    print("|---" * (len(columns) + 1) + "|")
    rows = []
    for name in sets:
        ours = [100 * mean(name, detector, "auroc") for detector in detectors]
        rows.append([*ours, *(beside[name][method] for method in PUBLISHED if beside)])
        line(name, [f"{value:.1f}" for value in rows[-1]])
    line("**mean**", [f"**{value:.2f}**" for value in np.mean(rows, axis=0)])
    for key, title, factor in SUMMARY:
        values = [factor * np.mean([mean(name, detector, key) for name in sets]) for detector in detectors]
        line(title, [f"{value:.2f}" for value in values])
    line("seeds", [str(len(seeds[detector])) for detector in detectors])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--protocols", nargs="+", default=PROTOCOLS, choices=PROTOCOLS)
    parser.add_argument("--detectors", nargs="+", default=DEFAULT, choices=(*KGEN, *PYOD))
    parser.add_argument("--out", default="runs/adbench")
    parser.add_argument("--report", action="store_true", help="print the seeds that are complete, measure nothing")
    args = parser.parse_args()
    started = time.time()
    args.detectors = [name for name in args.detectors if name in KGEN or is_here("pyod")]
    warnings.simplefilter("ignore")
    results = Results(Path(args.out) / "results.jsonl")
    for seed, protocol, name, detector in itertools.product(
        range(args.seeds), args.protocols, args.sets, args.detectors
    ):
        if not args.report and (protocol, name, seed, detector) not in results.found:
            figures = measured(args, detector, name, seed, protocol)
            results.add(protocol=protocol, set=name, seed=seed, detector=detector, backend=running(), **figures)
            print(f"{protocol} {name} {seed} {detector}: {100 * figures['auroc']:.2f}", flush=True)
    for protocol in args.protocols:
        table(args, results, protocol)
    spent = sum(row["fit"] + row["score"] for row in results.found.values())
    print(f"\n{running()}, {facts(started)}; all fits and scores {spent:.0f} s")


if __name__ == "__main__":
    main()

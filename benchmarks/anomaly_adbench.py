"""Anomaly detection in tables, beside PyOD: ADBench's sets, two protocols, defaults only.

    KERAS_BACKEND=torch python benchmarks/anomaly_adbench.py --data FOLDER

Protocols, as in Livernoche et al. (On Diffusion Modeling for Anomaly Detection, 2024), whose table stands beside:

- semi: fitted on a random half of the normal rows, scored on the other half and all anomalies;
- unsup: fitted on a bootstrap sample of all rows, scored on all rows.

Columns are standardised; sets of fewer than 1,000 rows are bootstrapped up to 1,000 (so that there rows of the test can
repeat learned ones), those of more than 10,000 are sampled down. Every detector has its own defaults on every set. A
finished cell is a file in `--out`; run again to go on. FOLDER holds `adbench/*.npz` with `X` and `y` (1 = anomaly), and
`adbench/published_auroc_{semi,unsup}.csv`. PyOD's detectors take part where `pyod` is installed.
"""

import argparse
import csv
import importlib
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
DEFAULT = (*list(KGEN)[:2], *PYOD)
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


def cell(args, detector, name, seed):
    """The figures of one fit, from its file if it has one."""
    file = Path(args.out) / f"{args.protocol}_{name}_{seed}_{detector.replace(' ', '-').replace(',', '')}.json"
    if not file.exists():
        learned, scored, y = load(args.data, name, seed, args.protocol)
        made, strangeness = make(detector, seed, learned.shape[1])
        started = time.perf_counter()
        made.fit(learned)
        fitted = time.perf_counter()
        scores = np.nan_to_num(strangeness(scored))
        figures = {
            "auroc": roc_auc_score(y, scores),
            "precision": average_precision_score(y, scores),
            "fit": fitted - started,
            "score": time.perf_counter() - fitted,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".part")
        temporary.write_text(json.dumps(figures))
        temporary.replace(file)
        print(f"{file.stem}: {100 * figures['auroc']:.2f}", flush=True)
    return json.loads(file.read_text())


def published(args):
    """{set: {method: AUROC × 100}} of the paper, empty where the file is not there."""
    file = Path(args.data) / "adbench" / f"published_auroc_{args.protocol}.csv"
    if not file.exists():
        return {}
    with file.open(newline="") as lines:
        return {
            row["dataset"]: {k: float(v) for k, v in row.items() if k != "dataset"} for row in csv.DictReader(lines)
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--protocol", default="semi", choices=("semi", "unsup"))
    parser.add_argument("--detectors", nargs="+", default=None, choices=(*KGEN, *PYOD))
    parser.add_argument("--out", default="runs/adbench")
    args = parser.parse_args()
    started = time.time()
    detectors = [name for name in args.detectors or DEFAULT if name in KGEN or is_here("pyod")]
    warnings.simplefilter("ignore")
    found = {
        name: {detector: [cell(args, detector, name, seed) for seed in range(args.seeds)] for detector in detectors}
        for name in args.sets
    }
    table = published(args)
    columns = [*detectors, *(f"published {name}" for name in PUBLISHED if table)]
    print(f"\nAUROC × 100, {args.protocol}, mean of {args.seeds} seeds, defaults only\n")
    print("| set |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    rows = []
    for name in args.sets:
        ours = [100 * np.mean([one["auroc"] for one in found[name][detector]]) for detector in detectors]
        rows.append([*ours, *(table[name][method] for method in PUBLISHED if table)])
        print(f"| {name} |", " | ".join(f"{value:.1f}" for value in rows[-1]), "|")
    print("| **mean** |", " | ".join(f"**{value:.2f}**" for value in np.mean(rows, axis=0)), "|")
    for key, title in (("precision", "average precision × 100"), ("fit", "fit, s"), ("score", "score, s")):
        factor = 100 if key == "precision" else 1
        means = [np.mean([[one[key] for one in row[detector]] for row in found.values()]) for detector in detectors]
        print(
            f"| {title} |",
            " | ".join(f"{factor * mean:.2f}" for mean in means),
            "|" + " |" * (len(columns) - len(means)),
        )
    print(f"\n{running()}, seeds 0 to {args.seeds - 1}, {facts(started)}")


if __name__ == "__main__":
    main()

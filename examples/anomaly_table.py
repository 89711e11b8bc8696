# %% [markdown]
"""
# What is strange in a table, how sure one can be, and which columns made it so

    python examples/anomaly_table.py --data FOLDER                       a table of ADBench, a minute
    python examples/anomaly_table.py --data FOLDER --table thyroid
    python examples/anomaly_table.py --quick                             seconds, on a table of scikit-learn's

FOLDER holds adbench/*.npz; without --data Keras downloads the table. The detectors learn from a half of the normal rows
and are asked about the other half with all anomalies. AUROC says how often an anomaly scores above a normal row, and
average precision how clean the top of the list is. One forest of scikit-learn's stands beside them. Then the strangest
rows with their reasons, and a file with the detector, which anybody can load without having to trust it.

With --quick the rows are tumours: benign ones are normal here, malignant ones are to be found.

**You will see** a table of figures for each detector, the five strangest rows with the columns that make them so, and
`detector.zip`.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score

import kgen
from kgen.script import read_options

QUICK = {"epochs": 60, "batch_size": 64, "hidden_dim": 32, "members": 2}


# %% [markdown]
# ## Detectors on a table


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with adbench/*.npz; else Keras downloads the table")
    parser.add_argument("--table", default="cardio", help="one of those that kgen.datasets.load('adbench/…') knows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="an embedded table, small networks, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("anomaly_table"), help="folder for the detector")
    options = read_options(parser)
    if options.quick:
        options.table, arguments = "breast cancer", QUICK
        train, test, labels, names = tumours()
    else:
        arguments = {}
        train = kgen.datasets.load(f"adbench/{options.table}", "train", options.data).rows
        test, labels = kgen.datasets.load(f"adbench/{options.table}", "test", options.data)
        names = [f"column {i}" for i in range(train.shape[1])]

    detectors = {
        "VAEDetector": kgen.anomaly.VAEDetector(seed=options.seed, **arguments),
        "DiffusionDetector": kgen.anomaly.DiffusionDetector(seed=options.seed, **arguments),
        "IsolationForest (scikit-learn)": IsolationForest(random_state=options.seed),
    }
    for name, detector in detectors.items():
        started = time.time()
        strangeness = -detector.fit(train).score_samples(test)
        figures = {
            "AUROC": float(roc_auc_score(labels, strangeness)),
            "average precision": float(average_precision_score(labels, strangeness)),
            "rows learned": len(train),
        }
        experiment = f"{name} on {options.table}, learned from normal rows"
        kgen.metrics.report(experiment, figures, getattr(detector, "model_", None), options.seed, started)

    detector = detectors["DiffusionDetector"]
    strangeness = -detector.score_samples(test)
    strangest = np.argsort(-strangeness)[:5]
    p_values = detector.predict_proba(test[strangest])[:, 1]
    print("| row | marked | score | p-value | because of |", "|---|---|---|---|---|", sep="\n")
    for row, p, why in zip(strangest, p_values, detector.explain(test[strangest]).top(2), strict=True):
        reasons = ", ".join(f"{names[int(column.removeprefix('column '))]} ({share:.2f})" for column, share in why)
        mark = "anomaly" if labels[row] else "normal"
        print(f"| {row} | {mark} | {strangeness[row]:.2f} | {p:.3f} | {reasons} |")

    options.out.mkdir(parents=True, exist_ok=True)
    detector.save(options.out / "detector.zip")
    again = kgen.anomaly.load(options.out / "detector.zip")
    apart = np.abs(again.score_samples(test) + strangeness).max()
    print(f"{options.out / 'detector.zip'}: scores as before (largest difference {apart:.1g})")


# %% [markdown]
# ## The table of the quick form


# %%
def tumours():
    """(normal rows to learn from, rows to judge, 1 for those that are to be found, names of the columns)."""
    whole = load_breast_cancer()
    benign = np.flatnonzero(whole.target == 1)
    learned = np.random.default_rng(0).permutation(benign)[: len(benign) // 2]
    judged = np.setdiff1d(np.arange(len(whole.target)), learned)
    return whole.data[learned], whole.data[judged], (whole.target[judged] == 0).astype(int), list(whole.feature_names)


# %%
if __name__ == "__main__":
    main()

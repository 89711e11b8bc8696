"""How time and memory of a detector grow with the rows of a table, from a thousand to a million.

    KERAS_BACKEND=torch python benchmarks/anomaly_rows.py [--rows 1000 10000 100000 1000000] [--detectors VAEDetector]

Rows have ten columns and lie near a plane of three dimensions. Each number of rows is a new process, and each time that
of its processor. "learn and judge": `fit` (so many steps, whatever the rows are, then a score for each of them) and
`score_samples` of as many others. "kgen score": the command line on a table (.csv) of so many rows, with a detector
that has learned from 10,000. The peak is that of the resident size; what it is above the rows themselves should not
grow.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import side_by_side

COLUMNS, PLANE = 10, 3
LEARNED = 10_000  # by the detector of the command line
MEGABYTE = 2**20


def table(count, seed):
    rng = np.random.default_rng(seed)
    plane = np.random.default_rng(0).normal(size=(PLANE, COLUMNS))
    return rng.normal(size=(count, PLANE)) @ plane + 0.1 * rng.normal(size=(count, COLUMNS))


# In processes of their own -------------------------------------------------------------------------------------------


def learn_and_judge(options):
    import kgen

    rows, others = table(options.count, 1), table(options.count, 2)
    detector = getattr(kgen.anomaly, options.detector)(seed=options.seed)
    started = time.process_time()
    detector.fit(rows)
    fitted = time.process_time()
    detector.score_samples(others)
    seconds = {"fit": fitted - started, "score": time.process_time() - fitted}
    return {**seconds, "peak": peak(resource.RUSAGE_SELF), "rows": 2 * rows.nbytes / MEGABYTE}


def command_line(options):
    with tempfile.TemporaryDirectory() as folder:
        path, run, out = (Path(folder) / name for name in ("table.csv", "run", "scores.csv"))
        write(path, LEARNED, 1)
        name = options.detector.replace("Detector", "-detector").lower()
        kgen("train", name, "--data", path, "--out", run, "--seed", options.seed)
        write(path, options.count, 2)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        kgen("score", run, "--data", path, "--out", out)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"score": seconds, "peak": peak(resource.RUSAGE_CHILDREN), "megabytes": path.stat().st_size / MEGABYTE}


CASES = {"learn and judge": learn_and_judge, "kgen score": command_line}


def kgen(*words):
    subprocess.run([sys.executable, "-m", "kgen.cli", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def write(path, count, seed):
    with open(path, "w") as file:
        file.write(",".join(f"c{i}" for i in range(COLUMNS)) + "\n")
        for start in range(0, count, LEARNED):
            np.savetxt(file, table(min(LEARNED, count - start), seed + start), fmt="%.6g", delimiter=",")


def peak(of):
    """The largest resident size so far, in MB of 2^20 bytes."""
    size = resource.getrusage(of).ru_maxrss
    return size / MEGABYTE if sys.platform == "darwin" else size / 1024


# What is asked of them -----------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--detectors", nargs="+", default=["VAEDetector", "DiffusionDetector"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--detector", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(CASES[options.work](options)))
        return
    started = time.time()
    for case in CASES:
        print(f"\n{case}:\n", "| detector | rows | fit, s | score, s | peak, MB | the rows, MB |", sep="\n")
        print("|---|---|---|---|---|---|", flush=True)
        for detector in options.detectors:
            for count in options.rows:
                words = ("--work", case, "--count", count, "--detector", detector, "--seed", options.seed)
                if found := side_by_side.ask(__file__, *words):
                    fit = f"{found['fit']:.1f}" if "fit" in found else "–"
                    size = found.get("rows", found.get("megabytes"))
                    figures = f"{fit} | {found['score']:.1f} | {found['peak']:,.0f} | {size:,.1f}"
                    print(f"| {detector} | {count:,} | {figures} |", flush=True)
    print(f"\n{side_by_side.facts(started, options.seed)}")


if __name__ == "__main__":
    main()

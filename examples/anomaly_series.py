# %% [markdown]
"""
# Something goes wrong in a series of measurements: is it noticed, and how often is the alarm a false one?

    python examples/anomaly_series.py --data FOLDER                      NAB's four series, some minutes
    python examples/anomaly_series.py --data FOLDER --series nyc_taxi
    python examples/anomaly_series.py --quick                            seconds, on a series that is made up

FOLDER holds nab/*.csv.gz and nab/windows.json; without --data Keras downloads them. A detector sees the first 15 % of a
series, 750 points at most, and never learns where anything is wrong; the end of that part is held back, and the
threshold is the score that clean points exceed at the wanted rate, by a Pareto tail. After that, a window that people
have marked counts as hit when there is an alarm in it, and any alarm outside is a false one. Beside it stands what one
would write in five lines: how many standard deviations a point lies from the mean of the points before it, with its
threshold found in the same way. A threshold that is found from so few points decides much, so the windows are also
counted at the one that lets the same share of later normal points alarm, which only hindsight knows.

**You will see** how many of the marked windows are hit and how many alarms are false, for both methods, means of some
seeds; and a picture of each series with its score, the threshold and the windows.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import kgen
from kgen.anomaly.thresholds import CleanScores
from kgen.script import read_options

SERIES = ("nyc_taxi", "machine_temperature_system_failure", "ec2_cpu_utilization_24ae8d", "speed_7578")
HELD_BACK = 0.4  # of the part that a detector may see
SHARE = 0.01  # of later normal points that alarm, in hindsight
QUICK = {"window": 16, "units": 8, "epochs": 40, "batch_size": 64}


# %% [markdown]
# ## Both methods on each series


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with nab/; else Keras downloads the series")
    parser.add_argument("--series", default=",".join(SERIES), help="of " + ", ".join(SERIES))
    parser.add_argument("--network", default="gru", help="gru, lstm or transformer")
    parser.add_argument("--rate", type=float, default=0.002, help="wanted share of clean points that raise an alarm")
    parser.add_argument("--smooth", type=int, default=1, help="scores are means of so many last ones, for both")
    parser.add_argument("--seeds", type=int, default=3, help="detectors of a series")
    parser.add_argument("--quick", action="store_true", help="a series that is made up, a small network")
    parser.add_argument("--out", type=Path, default=Path("anomaly_series"), help="folder for the pictures")
    options = read_options(parser)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.quick:
        options.series, options.seeds = "made up", 1

    table = []
    for name in options.series.split(","):
        started = time.time()
        values, times, windows, seen = made_up() if options.quick else measured(name, options.data)
        arguments = {"network": options.network, "held_back": HELD_BACK, **(QUICK if options.quick else {})}
        detectors = [
            kgen.anomaly.SequenceDetector(seed=seed, **arguments).fit(values[:seen])
            for seed in range(1, options.seeds + 1)
        ]
        found = {
            "SequenceDetector": [-detector.score_samples(values) for detector in detectors],
            "windowed Gaussian": [windowed_gaussian(values, detectors[0].window)],
        }
        for method, several in found.items():
            several = [smoothed(scores, options.smooth) for scores in several]
            limits = [threshold(scores, seen, options.rate) for scores in several]
            counts = [
                counted(scores[seen:], limit, times[seen:], windows)
                for scores, limit in zip(several, limits, strict=True)
            ]
            figures = {key: float(np.mean([count[key] for count in counts])) for key in counts[0]}
            model, seeds = None, None  # a Gaussian has neither
            if method == "SequenceDetector":
                model, seeds = detectors[0].model_, 1 if options.seeds == 1 else f"1 to {options.seeds}, the mean"
            kgen.metrics.report(f"{method} on {name}", figures, model, seeds, started)
            table.append((name, method, figures))
            picture = kgen.plots.anomaly_curve(
                several[0][seen:], limits[0], windows=windows, times=times[seen:], title=f"{name}, {method}"
            )
            picture.savefig(options.out / f"{name} {method}.png".replace(" ", "_"))

    names = ["windows", *[key for key in figures if key != "windows"]]
    print(f"| series | method | {' | '.join(names)} |", "|---|---" + "|---" * len(names) + "|", sep="\n")
    for name, method, figures in table:
        print(f"| {name} | {method} | {' | '.join(f'{figures[key]:.2f}'.removesuffix('.00') for key in names)} |")


# %% [markdown]
# ## The series


# %%
def measured(name, data):
    """(values, times, windows, how many points a detector may see) of a series of NAB."""
    whole = kgen.datasets.load(f"nab/{name}", "all", data)
    seen = len(kgen.datasets.load(f"nab/{name}", "train", data).values)
    return whole.values, whole.times, kgen.datasets.load(f"nab/{name}", "test", data).windows, seen


def made_up():
    """A noisy wave whose beat is lost twice; a single point of either stretch is nothing special."""
    time = np.arange(3000)
    values = np.sin(time / 4) + 0.1 * np.random.default_rng(0).normal(size=len(time))
    windows = [(1500, 1520), (2400, 2420)]
    for start, end in windows:
        values[start:end] = np.sin((time[start:end] + 6) / 2)
    return values, time, windows, 1000


# %% [markdown]
# ## The mark to beat


# %%
def windowed_gaussian(values, window):
    """How many standard deviations each point lies from the mean of the `window` points before it."""
    padded = np.concatenate([np.full(window, values[0]), values])
    before = sliding_window_view(padded, window)[:-1]
    return np.abs(values - before.mean(axis=1)) / np.maximum(before.std(axis=1), 1e-3 * values.std())


# %% [markdown]
# ## Counting alarms


# %%
def smoothed(scores, count):
    """The mean of each score and the `count` - 1 before it."""
    padded = np.concatenate([np.full(count - 1, scores[0]), scores])
    return sliding_window_view(padded, count).mean(axis=1)


def threshold(scores, seen, rate):
    """The score that clean points exceed at this rate, by the end of the part that the detector may see."""
    return CleanScores(scores[seen - int(HELD_BACK * seen) : seen], "pareto").threshold(rate)


def counted(scores, threshold, times, windows):
    """How many of the windows hold an alarm, and how many alarms lie outside of all."""
    marked = [(times >= start) & (times <= end) for start, end in windows]
    normal = scores[~np.any(marked, axis=0)]
    hits, in_hindsight = (
        sum(bool((scores[here] > limit).any()) for here in marked)
        for limit in (threshold, np.quantile(normal, 1.0 - SHARE))
    )
    return {
        "windows": len(windows),
        "hit": hits,
        "false alarms per 1,000 points": 1000.0 * float((normal > threshold).mean()),
        f"hit where {1000 * SHARE:g} of 1,000 alarm falsely": in_hindsight,
    }


# %%
if __name__ == "__main__":
    main()

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
threshold found in the same way.

**You will see** how many of the marked windows are hit and how many alarms are false, for both methods; and a picture
of each series with its score, the threshold and the windows.
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
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a series that is made up, a small network")
    parser.add_argument("--out", type=Path, default=Path("anomaly_series"), help="folder for the pictures")
    options = read_options(parser)
    options.out.mkdir(parents=True, exist_ok=True)
    arguments = QUICK if options.quick else {}

    table = []
    for name in ["made up"] if options.quick else options.series.split(","):
        started = time.time()
        values, times, windows, seen = made_up() if options.quick else measured(name, options.data)
        detector = kgen.anomaly.SequenceDetector(
            network=options.network, held_back=HELD_BACK, seed=options.seed, **arguments
        ).fit(values[:seen])
        found = {
            "SequenceDetector": -detector.score_samples(values),
            "windowed Gaussian": windowed_gaussian(values, detector.window),
        }
        for method, scores in found.items():
            scores = smoothed(scores, options.smooth)
            clean = scores[seen - int(HELD_BACK * seen) : seen]
            threshold = CleanScores(clean, "pareto").threshold(options.rate)
            figures = counted(scores[seen:] > threshold, times[seen:], windows)
            model = detector.model_ if method == "SequenceDetector" else None
            kgen.metrics.report(f"{method} on {name}", figures, model, options.seed, started)
            table.append((name, method, figures))
            picture = kgen.plots.anomaly_curve(
                scores[seen:], threshold, windows=windows, times=times[seen:], title=f"{name}, {method}"
            )
            picture.savefig(options.out / f"{name} {method}.png".replace(" ", "_"))

    print("| series | method | windows hit | false alarms per 1,000 points |", "|---|---|---|---|", sep="\n")
    for name, method, figures in table:
        rate = figures["false alarms per 1,000 points"]
        print(f"| {name} | {method} | {figures['windows hit']} of {figures['windows']} | {rate:.2f} |")


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


def counted(alarms, times, windows):
    """How many of the windows hold an alarm, and how many alarms lie outside of all."""
    inside, hit = np.zeros(len(alarms), bool), 0
    for start, end in windows:
        here = (times >= start) & (times <= end)
        hit += bool(alarms[here].any())
        inside |= here
    false_alarms = 1000.0 * float(alarms[~inside].mean())
    return {"windows hit": hit, "windows": len(windows), "false alarms per 1,000 points": false_alarms}


# %%
if __name__ == "__main__":
    main()

"""How strange something was, over time."""

import numpy as np
from matplotlib.figure import Figure

from kgen.functional.checks import check_number

SCORE, ALARM, MARKED = "#2b5c8a", "#c0392b", "#f2c14e"


def anomaly_curve(scores, threshold=None, truth=None, windows=None, times=None, title=None):
    """An anomaly score as a curve, with its threshold, the alarms above it, and what people have marked.

    Args:
        scores: float `(n,)`, higher is stranger.
        threshold: number, drawn as a line; scores above it are alarms, drawn as dots. None for neither.
        truth: `(n,)` of 0 and 1, or bool: what was an anomaly, drawn as a band behind the curve. None if nobody knows.
        windows: pairs (from, to) in the unit of `times`, drawn as bands too, such as those of `load("nab/nyc_taxi")`;
            None for none.
        times: `(n,)`, rising numbers or datetime64; None for 0, 1, 2, ….
        title: string above it, or None.

    Returns:
        a matplotlib `Figure` with one axes.

    Raises:
        ValueError: scores of another shape, or not finite; another number of `truth` or `times`; windows that are no
            pairs of from and to.

    Example:

    >>> import kgen
    >>> figure = kgen.plots.anomaly_curve([0.1, 0.2, 0.9, 0.1], threshold=0.5, truth=[0, 0, 1, 0])
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['score', 'threshold', '1 alarm', 'marked as anomaly']
    """
    scores = np.asarray(scores)
    if scores.dtype.kind not in "uif" or scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"scores: expected finite numbers of shape (n,), got {scores.dtype} of shape {scores.shape}")
    if threshold is not None:
        check_number("threshold", threshold)
    times = np.arange(len(scores)) if times is None else np.asarray(times)
    bands = _windows(windows) if windows is not None else []
    if truth is not None:
        truth = np.asarray(truth)
        if truth.shape != scores.shape or not np.isin(truth, (0, 1)).all():
            raise ValueError(f"truth: expected 0 or 1 for each of {len(scores)} scores, got shape {truth.shape}")
    if times.shape != scores.shape:
        raise ValueError(f"times: expected one for each of {len(scores)} scores, got shape {times.shape}")
    if truth is not None:
        bands += _stretches(truth.astype(bool), times)

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(times, scores, color=SCORE, linewidth=0.9, label="score")
    if threshold is not None:
        axes.axhline(threshold, color=ALARM, linewidth=1, linestyle="--", label="threshold")
        alarms = scores > threshold
        number = int(alarms.sum())
        dots = {"color": ALARM, "s": 14, "zorder": 3, "linewidths": 0}
        axes.scatter(times[alarms], scores[alarms], label=f"{number} alarm{'' if number == 1 else 's'}", **dots)
    for i, (start, end) in enumerate(bands):
        axes.axvspan(start, end, color=MARKED, alpha=0.45, linewidth=0, label="" if i else "marked as anomaly")
    axes.set(xlabel="" if times.dtype.kind == "M" else "time", ylabel="anomaly score")
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize=11, parse_math=False)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _windows(windows):
    pairs = [tuple(one) for one in windows]
    if not all(len(one) == 2 and one[0] <= one[1] for one in pairs):
        raise ValueError(f"windows: expected pairs (from, to), got {windows!r:.80}")
    return pairs


def _stretches(truth, times):
    """From and to of each run of True, half a step beyond its ends: one strange moment has a width too."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], truth, [False]]).astype(int)))
    half = (times[-1] - times[0]) / max(len(times) - 1, 1) / 2
    return [(times[start] - half, times[end - 1] + half) for start, end in zip(edges[::2], edges[1::2], strict=True)]

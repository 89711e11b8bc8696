"""How a cost grows: measured seconds beside the work that theory counts, as a table, a verdict and a picture.

Work comes in any unit, such as operations or bytes. Who does twice the work may take twice as long, so that

    seconds(b) / seconds(a) ≤ work(b) / work(a)   for b after a;

a constant part, such as what a call costs by itself, only makes a curve flatter.
"""

from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

TOLERANCE = 1.25  # what a busy machine and fuller caches may add before a curve is called steep


class Curve(NamedTuple):
    """Points in the order in which x grows; `seconds` and `work` are those of the same thing, such as a token."""

    name: str
    x: tuple
    seconds: tuple
    work: tuple


def steepest(curve):
    """(excess, a, b): the two points between which the time grows most beside the work, and how many times as much."""
    found = [
        (curve.seconds[b] / curve.seconds[a] * curve.work[a] / curve.work[b], curve.x[a], curve.x[b])
        for a in range(len(curve.x))
        for b in range(a + 1, len(curve.x))
    ]
    return max(found)


def verdict(curve):
    excess, a, b = steepest(curve)
    if excess <= TOLERANCE:
        return f"{curve.name}: no steeper than its theory."
    return f"{curve.name}: STEEPER than its theory, {excess:.2f} times from {a:,} to {b:,}."


def table(curve, x_name, thing):
    """Lines of Markdown."""
    yield f"| {x_name} | {thing}, ms | × the first | theory |"
    yield "|---|---|---|---|"
    for x, seconds, work in zip(curve.x, curve.seconds, curve.work, strict=True):
        grown, expected = seconds / curve.seconds[0], work / curve.work[0]
        yield f"| {x:,} | {1e3 * seconds:,.2f} | {grown:.2f} | {expected:.2f} |"


def figure(curves, x_name, thing, title):
    """Measured points and lines; dashed, in the same colour, the theory from the first point on."""
    drawn = Figure(figsize=(7, 5), layout="constrained")
    axes = drawn.subplots()
    for curve in curves:
        (line,) = axes.plot(curve.x, [1e3 * one for one in curve.seconds], "o-", label=curve.name)
        theory = [1e3 * curve.seconds[0] * work / curve.work[0] for work in curve.work]
        axes.plot(curve.x, theory, "--", color=line.get_color(), alpha=0.6, linewidth=1)
    axes.plot([], [], "--", color="grey", label="theory, from the first point on")
    axes.set(xlabel=x_name, ylabel=f"{thing}, ms", title=title)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    ticks = sorted({x for curve in curves for x in curve.x})
    axes.set_xticks(ticks, [f"{x:,}" for x in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    return drawn

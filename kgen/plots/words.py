"""Words as a map."""

import numpy as np
from matplotlib.figure import Figure

from kgen.plots.tokens import drawable


def word_map(model, words, pairs=(), title=None):
    """Where words lie to each other: a map on which near ones are used alike.

    Args:
        model: a model with `project(words)` that returns float `(n, 2)`.
        words: list of str.
        pairs: list of (word, word), each joined by an arrow: those that differ in the same way run side by side.
        title: str or None.

    Returns:
        a matplotlib `Figure`.

    Raises:
        ValueError: a pair with a word that is not among `words`, or that the model does not know.
    """
    words = list(words)
    for pair in pairs:
        if missing := [word for word in pair if word not in words]:
            raise ValueError(f"pairs: expected words of {words!r:.60}, got {missing[0]!r}")
    points = np.asarray(model.project(words))
    where = dict(zip(words, points, strict=True))
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    axes = figure.subplots()
    axes.scatter(points[:, 0], points[:, 1], s=14, color="tab:blue", linewidths=0)
    for start, end in pairs:
        arrow = {"arrowstyle": "->", "color": "tab:orange", "alpha": 0.7, "shrinkA": 4, "shrinkB": 4}
        axes.annotate("", where[end], where[start], arrowprops=arrow)
    for word, point in where.items():
        axes.annotate(drawable(word), point, xytext=(4, 3), textcoords="offset points", fontsize=9)
    axes.set(title=title, xticks=[], yticks=[])
    axes.margins(0.08)
    return figure

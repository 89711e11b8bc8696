"""How a beam search found its texts."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kgen.plots.tokens import shown

BEST, GREEDY, OTHER, TEXT = "#c2410c", "#1d4ed8", "#9a9a9a", "#222222"
STEP, LEAF = 1.15, 0.62  # inches for a step to the right, and for a leaf
BEND = np.linspace(0.0, 1.0, 30)  # from a node to the next, and how far it has risen: level at both ends
RISE = BEND**2 * (3 - 2 * BEND)


def beam_tree(search_history, labels=None, root="", title=None):
    """The tree of a beam search: what was kept at each step, the best text orange, the greedy path blue.

    Below each token stands the log-probability of the text up to it, in nats, the prompt not counted. Where a grey
    branch ends, it was given up. The texts that were returned end in their number and score.

    Args:
        search_history: one of the dicts that `kgen.decoding.Beam.search` returns with `history=True`.
        labels: strings by id, a list or dict, or a callable such as `lambda id: tokenizer.decode([id])`; None shows the
            ids.
        root: string at the root: the prompt.
        title: string above the tree, or None.

    Returns:
        a matplotlib `Figure`.

    Raises:
        ValueError: no such dict, or an id without a label.

    Example:

    >>> import numpy as np, kgen
    >>> found = {
    ...     "parents": np.array([[0, 0], [0, 1]]),
    ...     "ids": np.array([[1, 2], [0, 2]]),
    ...     "log_probabilities": np.log([[0.6, 0.4], [0.2, 0.3]]),
    ...     "greedy": np.array([0, 0]),
    ...     "texts": [([2, 2], np.log(0.3))],
    ... }
    >>> figure = kgen.plots.beam_tree(found, labels="ABC", root="the prompt")
    >>> sorted(text.get_text() for text in figure.axes[0].texts if text.get_text() in "ABC")
    ['A', 'B', 'C', 'C']
    """
    names = {"parents", "ids", "log_probabilities", "greedy", "texts"}
    if not isinstance(search_history, dict) or not names <= set(search_history):
        raise ValueError(
            f"search_history: expected a dict with {', '.join(sorted(names))}, "
            f"as Beam.search(…, history=True) returns, got {type(search_history).__name__}"
        )
    nodes, ends, greedy = _nodes(search_history)
    rows = _rows(nodes)
    steps, leaves = max(map(len, nodes)), max(rows.values()) + 1
    best = tuple(search_history["texts"][0][0]) if search_history["texts"] else ()

    labelled = {path: shown(_label(labels, path[-1])) if path else shown(root) or "·" for path in nodes}
    wide = STEP + 0.1 * max(0, max(len(text) for path, text in labelled.items() if path) - 5)
    size = wide * (steps + 1.4) + 0.11 * len(labelled[()]) + 0.5, LEAF * (leaves + 0.5) + 0.75
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.2 - 0.11 * len(labelled[()]) / wide, steps + 0.4 + 0.9 / wide)
    axes.set_ylim(leaves - 0.4, -0.9)
    for path, value in nodes.items():
        x, y = len(path), rows[path]
        on_best, on_greedy = path == best[:x], path == greedy[:x]
        colour, above = (BEST, 4) if on_best else (GREEDY, 3) if on_greedy else (OTHER, 2)
        ink = TEXT if above == 2 else colour
        strong = {"fontweight": "bold"} if on_best else {}
        if path:
            start = rows[path[:-1]]
            axes.plot(x - 1 + BEND, start + (y - start) * RISE, color=colour, linewidth=0.7 * above, zorder=above)
        if path and value is not None:
            axes.text(x, y + 0.36, _minus(f"{value:.2f}"), ha="center", va="center", fontsize=7.5, color=TEXT, zorder=6)
        box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": colour, "linewidth": 0.5 * above}
        place = {"ha": "center" if path else "right", "va": "center", "zorder": 6}
        axes.text(x, y, labelled[path], fontsize=11, color=TEXT, bbox=box, parse_math=False, **place, **strong)
        if path in ends:
            number, score = ends[path]
            axes.text(x + 0.4, y, _minus(f"{number}.  {score:.3f}"), va="center", fontsize=9, color=ink, **strong)
    for x in range(1, steps + 1):
        axes.text(x, -0.75, str(x), ha="center", va="center", fontsize=8, color="#888888")
    lines = [Line2D([], [], color=colour, linewidth=2.5) for colour in (BEST, GREEDY)]
    names = ["best text", "greedy path"]
    figure.legend(lines, names, loc="outside lower center", ncols=2, fontsize=8, frameon=False, borderaxespad=0.3)
    if title:
        figure.suptitle(title, fontsize=11, parse_math=False)
    return figure


def _nodes(history):
    """Log-probabilities by path, a tuple of ids from the root; number and score of each text by its path; and the
    greedy path. Of a text that has ended only the score is known."""
    values, paths, greedy = {(): 0.0}, [()] * len(history["parents"][0]), ()
    steps = zip(*(history[name] for name in ("parents", "ids", "log_probabilities", "greedy")), strict=True)
    for parents, ids, logs, follows in steps:
        paths = [(*paths[parent], int(one)) for parent, one in zip(parents, ids, strict=True)]
        values |= {path: float(log) for path, log in zip(paths, logs, strict=True) if log > -np.inf}
        greedy = paths[follows] if follows >= 0 else greedy
    ends = {tuple(ids): (number, score) for number, (ids, score) in enumerate(history["texts"], 1)}
    values |= {path: None for path in ends if path not in values}
    if len(greedy) < len(history["greedy"]):  # it has met a stop
        greedy = next((path for path in ends if path[:-1] == greedy), greedy)
    return values, ends, greedy


def _rows(paths):
    """Where each node stands from top to bottom: leaves at 0, 1, 2, …, the others in the middle of their children."""
    children = {path: [] for path in paths}
    for path in paths:
        if path:
            children[path[:-1]].append(path)
    rows, leaves = {}, iter(range(len(paths)))

    def place(path):
        for child in children[path]:
            place(child)
        below = [rows[child] for child in children[path]]
        rows[path] = (below[0] + below[-1]) / 2 if below else float(next(leaves))

    place(())
    return rows


def _label(labels, one):
    if labels is None:
        return str(one)
    try:
        return labels(one) if callable(labels) else labels[one]
    except (IndexError, KeyError):
        raise ValueError(f"labels: expected one for each id, got none for {one}") from None


def _minus(text):
    return text.replace("-", "−")

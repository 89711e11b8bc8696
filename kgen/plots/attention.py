"""What attends to what, head by head."""

import math

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kgen.functional.checks import check_int
from kgen.plots.tokens import drawable
from kgen.plots.tokens import shown

MOST_LABELS = 40  # along a side of a map: of more tokens every second, third … gets one
COLOURS = matplotlib.colormaps["YlGnBu"].with_extremes(bad="#e4e4e4")  # grey: hidden by the causal mask


def attention_map(scores, keys, queries=None, causal=None, title=None, columns=None):
    """Attention scores as heat maps, one for each head: a row is a token that looks, a column one that it looks at.

    All maps share one scale of colours, from 0 to the largest score. White space in tokens is shown as ␣ ⏎ ⇥, what
    the font lacks as □. The half that causal attention may not see is grey.

    Args:
        scores: float array or tensor `(heads, queries, keys)` or `(queries, keys)` in [0, 1], as an attention layer
            returns them for one example; or a dict of such arrays by the name of their layer, which makes a row of maps
            a layer.
        keys: one string for each key: a list of tokens, or a string of characters.
        queries: the same for the queries; None when they are the keys.
        causal: whether to show the half above the diagonal as hidden; None does so where all scores in it are 0.
        title: string above all maps, or None.
        columns: maps in a row, for an array; the default makes the picture about square.

    Returns:
        a matplotlib `Figure` with an axes for each head, then one for the colour bar; "head 0" is `scores[0]`.

    Raises:
        ValueError: scores of another shape or range, another number of tokens than of scores, or `columns` < 1.

    Example:

    >>> import numpy as np, kgen
    >>> scores = np.tril(np.ones((2, 3, 3))) / np.arange(1, 4)[:, None]
    >>> figure = kgen.plots.attention_map(scores, ["to", " be", "\\n"])
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['to', '␣be', '⏎']

    Reference: Vaswani et al., Attention Is All You Need, 2017, figures 3 to 5.
    """
    if columns is not None:
        check_int("columns", columns, minimum=1)
    keys = list(keys)
    queries = keys if queries is None else list(queries)
    layers = scores if isinstance(scores, dict) else {"": scores}
    if not layers:
        raise ValueError("scores: expected the scores of at least one layer, got an empty dict")
    layers = {name: _heads(name, values, queries, keys) for name, values in layers.items()}
    above = np.triu(np.ones((len(queries), len(keys)), bool), 1)
    if causal is None:
        causal = queries == keys and not any(heads[:, above].any() for heads in layers.values())
    elif causal and len(queries) != len(keys):
        raise ValueError(f"causal: expected as many queries as keys, got {len(queries)} and {len(keys)}")

    rows = _rows(layers, columns)
    cell = _cell(max(len(queries), len(keys)))
    figure, grid = _empty_grid(rows, queries, keys, cell)
    largest = max(float(heads.max()) for heads in layers.values()) or 1.0
    for i, row in enumerate(rows):
        for j, (name, values) in enumerate(row):
            shown = np.ma.masked_array(values, above & bool(causal))
            image = grid[i, j].imshow(shown, cmap=COLOURS, vmin=0.0, vmax=largest, interpolation="nearest")
            grid[i, j].set_title(drawable(name), fontsize=9, parse_math=False)
            _label(grid[i, j].xaxis, keys, cell, rotation=90)
            _label(grid[i, j].yaxis, queries, cell)
            nothing_below = i + 1 == len(rows) or j >= len(rows[i + 1])
            grid[i, j].spines[:].set(linewidth=0.6, color="#888888")
            grid[i, j].tick_params(length=2, color="#888888", labelleft=j == 0, labelbottom=nothing_below)
    slim = min(35.0, max(4.0, 10.0 * cell * len(queries) * len(rows)))  # a bar beside few queries is short
    figure.colorbar(image, ax=figure.axes, label="attention score", fraction=0.04, aspect=slim, pad=0.02)
    figure.supxlabel("looks at (key)", fontsize=9)
    figure.supylabel("token (query)", fontsize=9)
    if title:
        figure.suptitle(drawable(title), fontsize=11, parse_math=False)
    return figure


def _heads(name, values, queries, keys):
    """The scores of a layer as a checked array (heads, queries, keys)."""
    what = f"scores[{name!r}]" if name else "scores"
    if not isinstance(values, np.ndarray | list):
        import keras  # pictures of NumPy arrays need no backend

        values = keras.ops.convert_to_numpy(values)
    values = np.asarray(values, "float32")
    heads = values[None] if values.ndim == 2 else values
    if heads.ndim != 3 or 0 in heads.shape:
        raise ValueError(
            f"{what}: expected (heads, queries, keys) or (queries, keys), got {values.shape}; "
            "of a batch, take one example"
        )
    for axis, argument, tokens in ((1, "queries", queries), (2, "keys", keys)):
        if heads.shape[axis] != len(tokens):
            raise ValueError(
                f"{argument}: expected a token for each of {heads.shape[axis]} in {what} {values.shape}, "
                f"got {len(tokens)}"
            )
    if not (heads.min() >= 0.0 and heads.max() <= 1.001):  # bfloat16 rounds; NaN is refused too
        raise ValueError(
            f"{what}: expected what the softmax returns, in [0, 1], got values from {heads.min():g} to {heads.max():g}"
        )
    return heads


def _rows(layers, columns):
    """Rows of maps, each a pair of its title and its scores."""
    rows = []
    for layer, heads in layers.items():
        names = [f"head {i}" for i in range(len(heads))] if len(heads) > 1 or layer else [""]
        maps = [(f"{layer}, {name}" if layer else name, values) for name, values in zip(names, heads, strict=True)]
        width = len(maps) if layer else columns or _columns(len(maps))
        rows += [maps[i : i + width] for i in range(0, len(maps), width)]
    return rows


def _columns(n):
    """About as many as rows, a few more where that leaves no hole."""
    least = math.ceil(math.sqrt(n))
    return next((columns for columns in range(least, 2 * least) if n % columns == 0), least)


def _empty_grid(rows, queries, keys, cell):
    """A figure in which every token gets room for its label, and its axes (row, column)."""
    wide, high = max(1.3, cell * len(keys)), max(0.3, cell * len(queries))
    left, below = (0.1 * max(len(shown(token)) for token in tokens) for tokens in (queries, keys))
    columns = max(map(len, rows))
    figure = Figure(
        figsize=(columns * (wide + 0.2) + left + 1.3, len(rows) * (high + 0.4) + below + 0.8), layout="compressed"
    )
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for i, row in enumerate(rows):
        for axes in grid[i, len(row) :]:
            axes.remove()
    return figure, grid


def _cell(tokens):
    """Inches for a token."""
    return min(0.36, max(0.15, 2.4 / tokens)) if tokens <= MOST_LABELS else 0.15 * MOST_LABELS / tokens


def _label(axis, tokens, cell, rotation=0):
    every = math.ceil(len(tokens) / MOST_LABELS)
    size = min(9.0, 72 * 0.62 * every * cell)
    labels = [shown(token) for token in tokens[::every]]
    axis.set_ticks(range(0, len(tokens), every), labels, fontsize=size, rotation=rotation, parse_math=False)

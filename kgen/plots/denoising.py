"""How an image comes out of noise, step by step."""

import numpy as np
from matplotlib.figure import Figure

from kgen.functional.checks import check_int

DPI = 100
GAP = 4  # pixels of white between images
CAPTION = 20  # pixels for the line of text below them


def denoising_strip(steps, labels=None, most=10, cell=64):
    """A row for each sample, from the noise on the left to the image on the right, with the step below each column.

    Of more than `most` steps the first, the last and evenly many between them are shown. Small images are enlarged by a
    whole factor, so that every pixel stays a sharp square.

    Args:
        steps: uint8 `(steps, n, height, width, channels)` in [0, 255] with 1 or 3 channels: what the images were after
            each step, the noise first.
        labels: what to write below each step: a list of str or numbers, such as times; None for 0, 1, 2, ….
        most: int ≥ 2, columns at most.
        cell: about how wide an image becomes, in pixels; never smaller than it is.

    Returns:
        a matplotlib `Figure`; `figure.savefig("strip.png")` writes it pixel by pixel.

    Raises:
        ValueError: not uint8 images of that shape, none at all, or another number of labels.

    Example:

    >>> import numpy as np, kgen
    >>> steps = np.random.default_rng(0).integers(0, 256, (21, 2, 8, 8, 1), "uint8")
    >>> figure = kgen.plots.denoising_strip(steps, most=5)
    >>> [text.get_text() for text in figure.texts]
    ['0', '5', '10', '15', '20']
    """
    steps = np.asarray(steps)
    if steps.dtype != np.uint8 or steps.ndim != 5 or steps.shape[-1] not in (1, 3) or 0 in steps.shape:
        raise ValueError(
            f"steps: expected a uint8 array (steps, n, height, width, 1 or 3), got {steps.dtype} of shape {steps.shape}"
        )
    check_int("most", most, minimum=2)
    check_int("cell", cell, minimum=1)
    labels = list(range(len(steps))) if labels is None else list(labels)
    if len(labels) != len(steps):
        raise ValueError(f"labels: expected one for each of {len(steps)} steps, got {len(labels)}")
    chosen = np.unique(np.rint(np.linspace(0, len(steps) - 1, min(most, len(steps)))).astype(int))
    factor = max(1, round(cell / steps.shape[3]))
    steps = steps[chosen].repeat(factor, axis=2).repeat(factor, axis=3)
    columns, rows, height, width = steps.shape[:4]

    canvas = np.full((rows * (height + GAP) + GAP + CAPTION, columns * (width + GAP) + GAP, 3), 255, "uint8")
    for column, images in enumerate(steps):
        left = GAP + column * (width + GAP)
        for row, image in enumerate(images):
            top = GAP + row * (height + GAP)
            canvas[top : top + height, left : left + width] = image
    figure = Figure(figsize=(canvas.shape[1] / DPI, canvas.shape[0] / DPI), dpi=DPI)
    figure.figimage(canvas)
    for column, step in enumerate(chosen):
        x = (GAP + column * (width + GAP) + width / 2) / canvas.shape[1]
        figure.text(x, CAPTION / 2 / canvas.shape[0], _text(labels[step]), ha="center", va="center", fontsize=8)
    return figure


def _text(label):
    return f"{label:.3g}" if isinstance(label, float | np.floating) else str(label)

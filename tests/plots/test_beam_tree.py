"""The tree of a beam search shows what the search kept, and which text is the best."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

import kgen
from kgen.plots.beam import BEST
from kgen.plots.beam import GREEDY

# A beam of two over three letters, the root being A: C, then B; CM and BD; CMH and BDC. ABDC wins, ACMH is greedy.
LETTERS = "ABCDHM"
FOUND = {
    "parents": np.array([[0, 0], [1, 0], [0, 1]]),
    "ids": np.array([[2, 1], [3, 5], [2, 4]]),
    "log_probabilities": np.log([[0.5, 0.4], [0.36, 0.2], [0.324, 0.08]]),
    "greedy": np.array([0, 1, 1]),
    "texts": [([1, 3, 2], np.log(0.324)), ([2, 5, 4], np.log(0.08))],
}


def boxes(figure):
    """The tokens as (label, step), by the colour of their box."""
    found = {}
    for text in figure.axes[0].texts:
        if text.get_bbox_patch() is not None:
            colour = to_hex(text.get_bbox_patch().get_edgecolor())
            found.setdefault(colour, set()).add((text.get_text(), round(text.get_position()[0])))
    return found


def test_the_best_and_the_greedy_path_stand_out():
    figure = kgen.plots.beam_tree(FOUND, labels=LETTERS, root="A")
    assert boxes(figure) == {
        BEST: {("A", 0), ("B", 1), ("D", 2), ("C", 3)},
        GREEDY: {("C", 1), ("M", 2), ("H", 3)},
    }
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert {"−0.69", "−0.92", "−1.02", "−1.13", "−2.53", "1.  −1.127", "2.  −2.526"} <= shown


def test_texts_that_have_ended_and_branches_that_were_given_up_are_drawn():
    found = {
        "parents": np.array([[0, 0], [0, 0]]),
        "ids": np.array([[1, 2], [1, 2]]),
        "log_probabilities": np.array([[-0.5, -1.0], [-0.9, -np.inf]]),
        "greedy": np.array([0, -1]),
        "texts": [([1, 0], -0.6), ([1, 1], -0.9)],
    }
    drawn = boxes(kgen.plots.beam_tree(found))
    assert drawn[BEST] == {("·", 0), ("1", 1), ("0", 2)}  # the greedy path ended in 0, and nothing is likelier
    others = set().union(*drawn.values()) - drawn[BEST]
    assert others == {("2", 1), ("1", 2)}  # what has probability 0 is not there


def test_nodes_never_cover_each_other():
    figure = kgen.plots.beam_tree(FOUND, labels=lambda one: f" wo\nrd{one}", root="Once upon a time")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    with Image.open(file) as image:
        assert image.width > 300
    frames = [text.get_window_extent() for text in figure.axes[0].texts]
    frames = [frame for frame in frames if frame.width]
    assert not any(a.overlaps(b) for i, a in enumerate(frames) for b in frames[:i])


def test_what_is_no_history_is_refused():
    with pytest.raises(ValueError, match=r"^search_history: expected a dict with greedy, ids"):
        kgen.plots.beam_tree([FOUND])
    for labels in ("AB", {1: "B"}):
        with pytest.raises(ValueError, match=r"^labels: expected one for each id, got none for"):
            kgen.plots.beam_tree(FOUND, labels=labels)

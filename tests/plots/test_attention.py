"""The map of attention: every score in its place, every label legible."""

import io
import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import kgen
from kgen.plots.tokens import drawable

RNG = np.random.default_rng(0)
WORDS = ["the", " cat", " sat", "\n"]


def scores(*shape, causal=False):
    weights = RNG.uniform(0.1, 1.0, shape)
    weights = np.tril(weights) if causal else weights
    return weights / weights.sum(-1, keepdims=True)


def maps(figure):
    """The axes that hold a map, the colour bar being the last."""
    return figure.axes[:-1]


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_a_map_for_each_head_with_the_scores_it_was_given():
    given = scores(3, 4, 4)
    figure = kgen.plots.attention_map(given, WORDS, title="layer 2")
    assert [axes.get_title() for axes in maps(figure)] == ["head 0", "head 1", "head 2"]
    for axes, head in zip(maps(figure), given, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), head, rtol=1e-6)
        assert axes.images[0].get_clim() == (0.0, pytest.approx(given.max()))
    assert figure.get_suptitle() == "layer 2"
    assert figure.axes[-1].get_ylabel() == "attention score"


def test_what_a_layer_returns_can_be_drawn_as_it_is():
    attention = kgen.layers.MultiHeadAttention(num_heads=2, seed=1)
    _, returned = attention(RNG.normal(size=(1, 4, 6)), causal=True, return_attention_scores=True)
    shown = maps(kgen.plots.attention_map(returned[0], WORDS))[1].images[0].get_array()
    assert np.ma.count_masked(shown) == 6
    np.testing.assert_allclose(shown.sum(axis=1), 1.0, rtol=1e-5)


def test_white_space_is_visible_and_nothing_is_taken_for_a_formula():
    tokens = [" a", "\n", "\t", "", "$x$", "\x07", "a" * 30]
    figure = kgen.plots.attention_map(scores(7, 7), tokens)
    assert labels(maps(figure)[0].yaxis) == ["␣a", "⏎", "⇥", "", "$x$", "·", "a" * 13 + "…"]
    figure.savefig(io.BytesIO())  # a formula would be set here


def test_characters_that_no_font_has_are_boxes():
    tokens = ["é", "学生", "\r", "नम", "a学"]
    figure = kgen.plots.attention_map({"层": scores(1, 5, 5)}, tokens, title="学 1")
    assert labels(maps(figure)[0].xaxis) == ["é", "□□", "□", "□□", "a□"]
    assert (figure.get_suptitle(), maps(figure)[0].get_title()) == ("□ 1", "□, head 0")
    figure.savefig(io.BytesIO())  # a missing character would be a warning here


def test_the_users_own_fonts_are_asked(monkeypatch):
    for families in (["DejaVu Sans", "no such font"], ["no such font", "DejaVu Serif"], ["no such font"]):
        monkeypatch.setitem(matplotlib.rcParams, "font.family", families)
        assert drawable("é学") == "é□"
    monkeypatch.setitem(matplotlib.rcParams, "font.family", ["DejaVu Sans", "STIXGeneral"])
    assert drawable("é\u2a7d") == "é\u2a7d"


def test_queries_have_their_own_tokens_and_characters_need_no_list():
    axes = maps(kgen.plots.attention_map(scores(2, 3), "abc", queries=["eins", "zwei"]))[0]
    assert labels(axes.xaxis) == ["a", "b", "c"]
    assert labels(axes.yaxis) == ["eins", "zwei"]


@pytest.mark.parametrize(("causal", "hidden"), [(None, True), (True, True), (False, False)])
def test_the_half_that_causal_attention_hides_is_empty(causal, hidden):
    figure = kgen.plots.attention_map(scores(2, 4, 4, causal=True), WORDS, causal=causal)
    for axes in maps(figure):
        mask = np.ma.getmaskarray(axes.images[0].get_array())
        np.testing.assert_array_equal(mask, np.triu(np.full((4, 4), hidden), 1))


def test_a_single_score_above_the_diagonal_shows_that_it_is_not_causal():
    given = scores(2, 4, 4, causal=True)
    given[1, 0, 3] = 0.1
    figure = kgen.plots.attention_map(given, WORDS)
    assert not any(np.ma.getmaskarray(axes.images[0].get_array()).any() for axes in maps(figure))


def test_hidden_is_grey_and_zero_is_not():
    file = io.BytesIO()
    kgen.plots.attention_map(np.array([[1.0, 0.0], [0.0, 1.0]]), ["a", "b"], causal=True).savefig(file)
    with Image.open(file) as image:
        pixels = {tuple(pixel) for pixel in np.asarray(image.convert("RGB")).reshape(-1, 3)}
    assert (228, 228, 228) in pixels  # above the diagonal
    assert (255, 255, 217) in pixels  # below it


def test_a_dict_makes_a_row_a_layer():
    figure = kgen.plots.attention_map({"first": scores(2, 4, 4), "second": scores(3, 4, 4)}, WORDS)
    titles = [axes.get_title() for axes in maps(figure)]
    assert titles == [f"{layer}, head {i}" for layer, n in (("first", 2), ("second", 3)) for i in range(n)]
    rows = {round(axes.get_subplotspec().rowspan.start) for axes in maps(figure)}
    assert rows == {0, 1}
    named = [bool(axes.xaxis.get_tick_params()["labelbottom"]) for axes in maps(figure)]
    assert named == [False, False, True, True, True]


@pytest.mark.parametrize(("heads", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (7, 3), (8, 4), (12, 4)])
def test_many_heads_make_a_grid_with_few_holes(heads, columns):
    figure = kgen.plots.attention_map(scores(heads, 2, 2), ["a", "b"])
    assert max(axes.get_subplotspec().colspan.stop for axes in maps(figure)) == columns
    assert len(maps(figure)) == heads


@pytest.mark.parametrize(("tokens", "shown"), [(6, 6), (40, 40), (41, 21), (200, 40)])
def test_labels_never_touch_each_other_nor_leave_the_picture(tokens, shown):
    figure = kgen.plots.attention_map(scores(2, tokens, tokens), [f" word{i}" for i in range(tokens)], title="t")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    left = maps(figure)[0]
    for axis, side in ((left.xaxis, "x"), (left.yaxis, "y")):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        assert len(boxes) == shown
        spans = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes)
        assert all(one[1] <= other[0] + 0.5 for one, other in itertools.pairwise(spans))
        assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in boxes)
        assert min(label.get_fontsize() for label in axis.get_ticklabels()) >= 5


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"scores": np.ones((1, 2, 4, 4)) / 4}, r"scores: expected .* got \(1, 2, 4, 4\); of a batch, take one"),
        ({"scores": np.ones((2, 3)) / 3}, r"queries: expected a token for each of 2 in scores \(2, 3\), got 4"),
        ({"scores": np.ones((4, 3)) / 3}, r"keys: expected a token for each of 3 in scores \(4, 3\), got 4"),
        ({"scores": {"first": np.ones((4, 3)) / 3}}, r"keys: .* in scores\['first'\]"),
        ({"scores": np.full((4, 4), -2.0)}, r"scores: expected what the softmax returns, .* from -2 to -2"),
        ({"scores": np.full((4, 4), np.nan)}, r"scores: expected what the softmax returns, .* from nan to nan"),
        ({"scores": {}}, "scores: expected the scores of at least one layer"),
        ({"scores": np.zeros((0, 4, 4))}, "scores: expected"),
        ({"scores": np.ones((2, 4)) / 4, "queries": "ab", "causal": True}, "causal: expected as many .* got 2 and 4"),
        ({"columns": 0}, "columns: expected an integer of at least 1, got 0"),
    ],
)
def test_bad_input_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        kgen.plots.attention_map(**{"scores": scores(2, 4, 4), "keys": WORDS, **arguments})

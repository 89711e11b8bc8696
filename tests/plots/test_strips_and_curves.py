"""What a strip of images and a curve of scores show."""

import io

import numpy as np
import pytest
from PIL import Image

import kgen

STEPS = np.random.default_rng(0).integers(0, 256, (9, 2, 4, 6, 3), "uint8")
SCORES = np.array([0.1, 0.2, 0.9, 0.8, 0.1, 0.7, 0.2])


def pixels(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def test_each_row_is_a_sample_and_each_column_a_step():
    figure = kgen.plots.denoising_strip(STEPS, most=3, cell=12)
    drawn = pixels(figure)
    assert drawn.shape == (2 * (8 + 4) + 4 + 20, 3 * (12 + 4) + 4, 3)
    for column, step in enumerate((0, 4, 8)):  # the noise, the middle, the image
        for row in range(2):
            cell = drawn[4 + 12 * row : 12 + 12 * row, 4 + 16 * column : 16 + 16 * column]
            np.testing.assert_array_equal(cell, STEPS[step, row].repeat(2, 0).repeat(2, 1))
    assert [text.get_text() for text in figure.texts] == ["0", "4", "8"]
    assert (drawn[-20:] < 128).any()


def test_steps_are_called_what_they_are():
    figure = kgen.plots.denoising_strip(STEPS[:3, :, :, :, :1], labels=[1.0, 0.12345, "end"])
    assert [text.get_text() for text in figure.texts] == ["1", "0.123", "end"]
    assert len(kgen.plots.denoising_strip(STEPS).texts) == 9  # all, where they are few
    assert len(kgen.plots.denoising_strip(STEPS[:1]).texts) == 1


@pytest.mark.parametrize(
    ("steps", "changes", "reason"),
    [
        (STEPS[0], {}, r"steps: expected a uint8 array .* got uint8 of shape \(2, 4, 6, 3\)"),
        (STEPS / 255, {}, "steps: expected .* got float64"),
        (STEPS[:0], {}, "steps: expected"),
        (STEPS, {"labels": [1, 2]}, "labels: expected one for each of 9 steps, got 2"),
        (STEPS, {"most": 1}, "most: expected an integer of at least 2, got 1"),
    ],
)
def test_what_is_no_strip(steps, changes, reason):
    with pytest.raises(ValueError, match=reason):
        kgen.plots.denoising_strip(steps, **changes)


def bands(axes):
    """From and to of each band behind the curve."""
    return [(one.get_x(), one.get_x() + one.get_width()) for one in axes.patches]


def test_alarms_are_the_scores_above_the_threshold():
    figure = kgen.plots.anomaly_curve(SCORES, threshold=0.7, title="$a")
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), SCORES)
    assert list(axes.lines[1].get_ydata()) == [0.7, 0.7]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), [[2, 0.9], [3, 0.8]])
    assert "2 alarms" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert pixels(figure).std() > 1


def test_what_was_marked_is_a_band_for_each_stretch():
    axes = kgen.plots.anomaly_curve(SCORES, truth=[1, 0, 1, 1, 0, 0, 1]).axes[0]
    np.testing.assert_allclose(bands(axes), [(-0.5, 0.5), (1.5, 3.5), (5.5, 6.5)])
    assert not axes.collections and len(axes.lines) == 1  # without a threshold there are no alarms
    assert not bands(kgen.plots.anomaly_curve(SCORES, truth=SCORES > 1).axes[0])


def test_windows_and_scores_share_a_calendar():
    times = np.datetime64("2015-01-01T00:00") + np.arange(7) * np.timedelta64(1, "D")
    windows = np.array([["2015-01-02", "2015-01-04"]], "datetime64[s]")
    figure = kgen.plots.anomaly_curve(SCORES, times=times, windows=windows, truth=[0, 0, 0, 0, 0, 0, 1])
    axes = figure.axes[0]
    first = axes.convert_xunits(times[0])
    np.testing.assert_allclose(np.subtract(bands(axes), first), [(1, 3), (5.5, 6.5)])
    assert pixels(figure).std() > 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"scores": np.zeros((2, 2))}, r"scores: expected finite numbers .* got float64 of shape \(2, 2\)"),
        ({"scores": []}, "scores: expected"),
        ({"scores": [np.nan]}, "scores: expected finite"),
        ({"scores": ["a"]}, "scores: expected"),
        ({"scores": SCORES, "threshold": "high"}, "threshold: expected a number"),
        ({"scores": SCORES, "truth": [0, 1]}, r"truth: expected 0 or 1 for each of 7 scores, got shape \(2,\)"),
        ({"scores": SCORES, "truth": SCORES}, "truth: expected 0 or 1"),
        ({"scores": SCORES, "times": [0, 1]}, "times: expected one for each of 7 scores"),
        ({"scores": SCORES, "windows": [(3, 1)]}, r"windows: expected pairs .from, to., got \[\(3, 1\)\]"),
        ({"scores": SCORES, "windows": [(1, 2, 3)]}, "windows: expected pairs"),
    ],
)
def test_what_is_no_curve(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        kgen.plots.anomaly_curve(**arguments)

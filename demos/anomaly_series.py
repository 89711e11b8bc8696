"""Part of *Anomaly detection*: when a series did what nobody could have seen coming."""

import gradio as gr
import numpy as np

from .anomaly import AT_ONCE
from .anomaly import OWN_FILE
from .anomaly import QUEUE
from .anomaly_training import CALIBRATED
from .anomaly_training import LEAST
from .anomaly_training import MOST
from .anomaly_training import Judged
from .anomaly_training import downloads
from .anomaly_training import file_box
from .anomaly_training import moved
from .anomaly_training import threshold_controls
from .anomaly_training import trained
from .anomaly_training import training_controls
from .pictures import drawn
from .studio import MAX_SEED
from .studio import named
from .studio import number
from .studio import sentences
from .studio import sorry
from .studio import whole
from .texts import text
from .uploads import table_path
from .widgets import picture_box
from .widgets import within

PART_OF = "anomaly"
TITLE = "A series"
ORDER = 30

MAX_BYTES, MAX_HEAD = 20_000_000, 20_000
MAX_POINTS, FEWEST_POINTS = 30_000, 300
SHOWN = 20  # stretches
HEADERS = ["from", "to", "strangest at", "how strange"]
NETWORKS = ["gru", "lstm", "transformer"]
EXAMPLE = "a wave"
TRAINING = {}  # arguments of the detector, beyond its own defaults

ABOUT = f"""
A .csv with a header and a value a row, in the order of time; at most {MAX_POINTS:,} rows. A forecaster learns what
comes next, and strange is what it did not foresee. The last fifth is not learned from: it tells how a quiet time
scores, so it should be one. The example is made up: a noisy wave that loses its beat twice, for 20 points each.
"""


def wave():
    """(values `(n, 1)`, which points are off the beat)."""
    time = np.arange(2000)
    values, marked = np.sin(time / 4) + 0.1 * np.random.default_rng(0).normal(size=len(time)), np.zeros(len(time), bool)
    for start in (700, 1300):
        values[start : start + 20] = np.sin((time[start : start + 20] + 6) / 2)
        marked[start : start + 20] = True
    return values[:, None], marked


def sent_series(source, file, column):
    """(values `(n, 1)`, what is known to be odd or None), or a sentence."""
    if source == EXAMPLE:
        return wave()
    path = table_path("Series", file, MAX_BYTES, MAX_HEAD)
    from kgen.datasets import csv_table  # brings keras

    table = csv_table.read_csv(path, [column] if column else None)
    values = csv_table.numbers_of(path, table).to_numpy()[:, :1]
    if not FEWEST_POINTS <= len(values) <= MAX_POINTS:
        raise sorry(f"Series: expected {FEWEST_POINTS:,} to {MAX_POINTS:,} rows, there are {len(values):,}.")
    return values, None


def curve(judged, percent):
    """The scores as a picture, with the threshold."""
    import kgen

    figure = kgen.plots.anomaly_curve(judged.scores, judged.threshold(percent), truth=judged.marked)
    return drawn(figure)


def build():
    judged = gr.State()
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            source = gr.Radio([EXAMPLE, OWN_FILE], value=EXAMPLE, label="Series")
            upload = gr.File(label="File", file_types=[".csv", ".tsv", ".txt"], height=160)
            column = gr.Textbox("", label="Column", info="empty for the first one of numbers", max_length=200)
            network = gr.Dropdown(NETWORKS, value="gru", label="Network", interactive=True)
            seed, go, stop, progress = training_controls()
        with gr.Column(scale=2, min_width=320):
            rate, counts = threshold_controls()
            picture = picture_box("Scores")
            stretches = gr.Dataframe(headers=HEADERS, label="The strangest stretches", interactive=False)
            files = file_box()

    @sentences
    def judge_series(source_name, file, column_name, network_name, seed_value, percent):
        within(source, source_name)
        within(network, network_name)
        column_name = text("Column", column_name, 200).strip()
        seed_value, percent = whole("Seed", seed_value, 0, MAX_SEED), within(rate, percent)
        yield "reads …", "", None, None, None, None  # between two steps Stop takes hold
        values, marked = sent_series(source_name, file, column_name)
        import kgen  # and keras with it

        machine = kgen.anomaly.SequenceDetector(**CALIBRATED, **TRAINING, network=network_name, seed=seed_value)
        for told in trained(machine, values):
            yield told, *[gr.skip()] * 5
        yield "scores …", *[gr.skip()] * 5
        found = Judged("points", -machine.score_samples(values), machine.clean_scores_, marked)
        parts = machine.explain(values, threshold=found.threshold(percent))[:SHOWN]
        rows = [[one.start, one.stop - 1, one.peak, f"{one.score:.4g}"] for one in parts]
        lines = zip(range(len(values)), found.scores.tolist(), found.p_values().tolist(), strict=True)
        with downloads(machine, ["point", "score", "p-value"], lines) as paths:
            yield f"{len(values):,} points", found.told(percent), curve(found, percent), rows, paths, found

    def redraw(remembered, percent):
        percent = number("False alarms", percent, LEAST, MOST)
        return curve(remembered, percent) if isinstance(remembered, Judged) else None

    # Events ----------------------------------------------------------------------------------------------------------

    inputs = [source, upload, column, network, seed, rate]
    outputs = [progress, counts, picture, stretches, files, judged]
    starts = [go.click, seed.submit, column.submit]
    named(judge_series, "source", "file", "column", "network", "seed", "false_alarms")
    running = gr.on(starts, judge_series, inputs, outputs, api_name="judge_series", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_series")
    rate.change(moved, [judged, rate], counts, api_name="count_points", **AT_ONCE)
    rate.release(redraw, [judged, rate], picture, api_name="redraw_series", **AT_ONCE)
    upload.upload(lambda: OWN_FILE, None, source, api_name="take_series", **AT_ONCE)

"""Part of *Anomaly detection*: the strangest rows of a table, and why."""

import gradio as gr
import numpy as np

from .anomaly import AT_ONCE
from .anomaly import OWN_FILE
from .anomaly import QUEUE
from .anomaly_training import CALIBRATED
from .anomaly_training import FEWEST
from .anomaly_training import Judged
from .anomaly_training import downloads
from .anomaly_training import file_box
from .anomaly_training import moved
from .anomaly_training import threshold_controls
from .anomaly_training import trained
from .anomaly_training import training_controls
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import sorry
from .studio import whole
from .uploads import table_path
from .widgets import within

PART_OF = "anomaly"
TITLE = "A table"
ORDER = 10

MAX_BYTES, MAX_HEAD = 20_000_000, 20_000
MAX_ROWS, MAX_COLUMNS = 50_000, 200
SHOWN = 20  # rows
HEADERS = ["row", "score", "p-value", "because of"]
DETECTORS = {"Variational autoencoder": "VAEDetector", "Denoiser and neighbours": "DiffusionDetector"}
TRAINING = {}  # arguments of both, beyond their own defaults

ABOUT = f"""
A .csv or .tsv with a header: numbers, words for categories, empty cells where something is missing; at most
{MAX_ROWS:,} rows, {MAX_COLUMNS} columns and {MAX_BYTES // 1_000_000} MB. The examples are scikit-learn's: 130 bottles
of two growers among which there are 8 of a third, and 357 benign tumours with 18 malignant ones.
"""


def wines():
    from sklearn.datasets import load_wine

    whole = load_wine(as_frame=True)
    return mixed(whole.data, whole.target < 2, 8)


def tumours():
    from sklearn.datasets import load_breast_cancer

    whole = load_breast_cancer(as_frame=True)
    return mixed(whole.data, whole.target == 1, 18)


def mixed(table, usual, odd):
    """(all usual rows and so many of the others in a random order, which of them are the others)."""
    rng = np.random.default_rng(0)
    chosen = np.concatenate([np.flatnonzero(usual), rng.choice(np.flatnonzero(~usual), odd, replace=False)])
    chosen = rng.permutation(chosen)
    return table.iloc[chosen].reset_index(drop=True), ~np.asarray(usual)[chosen]


EXAMPLES = {"wines": wines, "tumours": tumours}


def sent_table(source, file):
    """(DataFrame, what is known to be odd or None) of what was chosen, or a sentence."""
    if source in EXAMPLES:
        return EXAMPLES[source]()
    path = table_path("Table", file, MAX_BYTES, MAX_HEAD)
    from kgen.datasets import csv_table  # brings keras

    table, _ = csv_table.without_names(path, csv_table.read_csv(path))
    if len(table) > MAX_ROWS or len(table.columns) > MAX_COLUMNS:
        raise sorry(f"Table: expected at most {MAX_ROWS:,} rows and {MAX_COLUMNS} columns.")
    if len(table) < FEWEST:
        raise sorry(f"Table: expected at least {FEWEST} rows to learn from, there are {len(table)}.")
    return table, None


def build():
    judged = gr.State()
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            source = gr.Radio([*EXAMPLES, OWN_FILE], value="wines", label="Rows")
            upload = gr.File(label="Table", file_types=[".csv", ".tsv", ".txt"], height=160)
            kind = gr.Dropdown([*DETECTORS], value=next(iter(DETECTORS)), label="Detector", interactive=True)
            seed, go, stop, progress = training_controls()
        with gr.Column(scale=2, min_width=320):
            rate, counts = threshold_controls()
            strangest = gr.Dataframe(headers=HEADERS, label="The strangest rows", interactive=False, wrap=True)
            files = file_box()

    @sentences
    def judge_table(source_name, file, detector, seed_value, percent):
        within(source, source_name)
        chosen = DETECTORS[within(kind, detector)]
        seed_value, percent = whole("Seed", seed_value, 0, MAX_SEED), within(rate, percent)
        yield "reads …", "", None, None, None  # between two steps Stop takes hold
        table, marked = sent_table(source_name, file)
        import kgen  # and keras with it

        machine = getattr(kgen.anomaly, chosen)(**CALIBRATED, **TRAINING, seed=seed_value)
        for told in trained(machine, table):
            yield told, gr.skip(), gr.skip(), gr.skip(), gr.skip()
        yield "scores …", gr.skip(), gr.skip(), gr.skip(), gr.skip()
        found = Judged("rows", -machine.score_samples(table), machine.clean_scores_, marked)
        p_values, order = found.p_values(), np.argsort(-found.scores)[:SHOWN]
        reasons = machine.explain(table.iloc[order]).top(3)
        rows = [
            [int(row) + 1, f"{found.scores[row]:.4g}", f"{p_values[row]:.2g}", ", ".join(name for name, _ in why)]
            for row, why in zip(order, reasons, strict=True)
        ]
        lines = zip(range(1, len(table) + 1), found.scores.tolist(), p_values.tolist(), strict=True)
        with downloads(machine, HEADERS[:3], lines) as paths:
            yield f"{len(table):,} rows, {len(table.columns)} columns", found.told(percent), rows, paths, found

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, outputs = [source, upload, kind, seed, rate], [progress, counts, strangest, files, judged]
    named(judge_table, "source", "file", "detector", "seed", "false_alarms")
    running = gr.on([go.click, seed.submit], judge_table, inputs, outputs, api_name="judge_table", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_table")
    rate.change(moved, [judged, rate], counts, api_name="count_rows", **AT_ONCE)
    upload.upload(lambda: OWN_FILE, None, source, api_name="take_table", **AT_ONCE)

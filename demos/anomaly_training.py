"""What the parts of *Anomaly detection* share: a training to watch and to stop, and a threshold to move."""

import csv
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np

from .studio import number
from .widgets import seed_box

LOOK_EVERY = 0.2  # seconds
LEAST, MOST = 0.1, 20.0  # percent of clean rows that may raise an alarm
THREAD = "kgen training"
FEWEST = 100  # rows: a fifth of them is held back, and says how clean rows score
CALIBRATED = {"held_back": 0.2, "false_alarm_rate": 0.05, "tail": "pareto"}


class Stopped(Exception):
    """Somebody pressed Stop."""


def trained(detector, rows):
    """Fit a detector in a thread of its own; yields how far it has come as text. Closing the generator stops it.

    Raises:
        whatever `detector.fit` raises.
    """
    import keras

    told, stop, failed = ["begins …"], threading.Event(), []

    class Watch(keras.callbacks.Callback):
        network = 0

        def on_train_begin(self, logs=None):
            self.network += 1

        def on_train_batch_begin(self, batch, logs=None):
            if stop.is_set():
                raise Stopped

        def on_train_batch_end(self, batch, logs=None):
            which = f"network {self.network}, " if self.network > 1 else ""
            loss = f", loss {float(logs['loss']):.3g}" if logs and "loss" in logs else ""
            told[0] = f"{which}step {batch + 1:,} of {self.params['steps']:,}{loss}"

    def fit():
        try:
            detector.fit(rows, callbacks=[Watch()])
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=fit, name=THREAD, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            yield told[0]
            thread.join(LOOK_EVERY)
    finally:
        stop.set()  # takes hold before the next step
    if failed:
        raise failed[0]


@dataclass(frozen=True)
class Judged:
    """What is remembered of a training: enough to move the threshold.

    Attributes:
        what: "rows", "images" or "points".
        scores: float `(n,)`, higher is stranger.
        clean: what held-back rows score, a `kgen.anomaly.thresholds.CleanScores`.
        marked: bool `(n,)`, what an example is known to have put among them; None where nobody knows.
        times: `(n,)` or None, what the points of a series are called.
    """

    what: str
    scores: np.ndarray
    clean: object
    marked: np.ndarray | None = None
    times: np.ndarray | None = None

    def threshold(self, percent):
        return self.clean.threshold(percent / 100.0)

    def p_values(self):
        return self.clean.p_values(self.scores)

    def told(self, percent):
        """How many alarms a threshold raises, as a line of Markdown."""
        alarms = self.scores > self.threshold(percent)
        text = f"**{alarms.sum():,} of {len(alarms):,} {self.what}** score above {self.threshold(percent):.4g}"
        if self.marked is not None:
            text += f", and with them {(alarms & self.marked).sum()} of the {self.marked.sum()} odd ones"
        return f"{text}."


def training_controls():
    """The seed, the buttons and how far it has come: (seed, go, stop, progress)."""
    seed = seed_box()
    with gr.Row():
        go = gr.Button("Train and look", variant="primary", min_width=110)
        stop = gr.Button("Stop", variant="stop", min_width=70)
    return seed, go, stop, gr.Textbox("", label="Progress", interactive=False)


def file_box():
    """Where the files of `downloads` appear."""
    return gr.File(label="Scores and detector", interactive=False, file_count="multiple", height=110)


def threshold_controls():
    """The slider of the threshold, and what it says: (rate, counts)."""
    rate = gr.Slider(
        LEAST,
        MOST,
        5.0,
        step=0.1,
        label="False alarms %",
        info="so many of the clean ones may score above the threshold",
        interactive=True,
    )
    return rate, gr.Markdown("", label="Alarms")


def moved(judged, percent):
    """What the slider says at once."""
    percent = number("False alarms", percent, LEAST, MOST)
    return judged.told(percent) if isinstance(judged, Judged) else ""


@contextmanager
def downloads(detector, header, rows):
    """Paths of a table of scores and of the detector itself, as long as the block lasts: gradio takes copies."""
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder, "scores.csv"), "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        detector.save(Path(folder, "detector.zip"))
        yield [str(Path(folder, "scores.csv")), str(Path(folder, "detector.zip"))]

"""The detector of a forecaster: strange is what nobody could have seen coming.

    strangeness(x_t) = -log p(x_t | x_{t-w}, …, x_{t-1})

The forecaster knows how sure it is, so a jump counts for more in a quiet stretch than in a wild one. Malhotra et al.,
Long Short Term Memory Networks for Anomaly Detection in Time Series, 2015.
"""

import collections
import dataclasses

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils.validation import check_is_fitted
from sklearn.utils.validation import validate_data

from kgen.anomaly.base import Detector
from kgen.anomaly.forecaster import Forecaster
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A strange part of a series: points `start` to `stop` (excluded), the strangest of them at `peak`."""

    start: int
    stop: int
    peak: int
    score: float


def stretches(strangeness, threshold, gap):
    """The parts of a series above a threshold, strangest first: `Stretch`es; alarms at most `gap` apart are one."""
    alarms = np.flatnonzero(strangeness > threshold)
    if not len(alarms):
        return []
    parts = np.split(alarms, np.flatnonzero(np.diff(alarms) > max(1, gap)) + 1)
    peaks = [int(part[np.argmax(strangeness[part])]) for part in parts]
    found = [
        Stretch(int(part[0]), int(part[-1]) + 1, peak, float(strangeness[peak] - threshold))
        for part, peak in zip(parts, peaks, strict=True)
    ]
    return sorted(found, key=lambda stretch: -stretch.score)


class SequenceDetector(Detector):
    """Detector of strange points in a series: those that a forecaster, trained on a normal series, finds improbable.

        strangeness(x_t) = -log p(x_t | x_{t-w}, …, x_{t-1})

    Before the first value of a series stands that value, w times.

    Args:
        window: w, how many values the forecaster sees, ≥ 1.
        network: "lstm", "gru" or "transformer".
        units: width of the network.
        contamination: number in (0, 0.5], the share of the training points that `predict` calls anomalies.
        false_alarm_rate: number in (0, 1) or None; sets the threshold instead, by points that were held back.
        tail: "empirical" or "pareto", how held-back points are read; see `predict_proba`.
        held_back: number in [0, 0.5], the share of the series, its end, that is kept for calibration.
        epochs: passes over the series, or None for as many as make 500 steps, at most 50: a short series would be
            learned by heart, and whatever came later would surprise.
        batch_size: windows a step.
        verbose: as in `keras.Model.fit`.
        seed: int ≥ 0. Two fits with the same seed on the same series are equal.

    A series is a float array `(n,)`, or `(n, channels)`, in the order of time.

    Raises:
        ValueError: an argument outside its range; a series that is too short, has gaps or another number of channels.

    Example:

    >>> import numpy as np, kgen
    >>> series = np.sin(np.arange(400) / 4)
    >>> detector = kgen.anomaly.SequenceDetector(window=8, units=8, epochs=20, batch_size=64).fit(series)
    >>> strange = series.copy()
    >>> strange[200] += 2.0
    >>> int(detector.score_samples(strange).argmin()) in (200, 201)
    True
    >>> stream = [detector.score_next(value) for value in strange[:3]]
    >>> np.allclose(stream, detector.score_samples(strange[:3]), rtol=1e-4)
    True

    Reference: Malhotra et al., Long Short Term Memory Networks for Anomaly Detection in Time Series, 2015.
    """

    most_passes = 50
    reads = ("series",)
    models = ("Forecaster",)

    def __init__(
        self,
        *,
        window=48,
        network="gru",
        units=32,
        contamination=0.01,
        false_alarm_rate=None,
        tail="empirical",
        held_back=0.1,
        epochs=None,
        batch_size=128,
        verbose=0,
        seed=0,
    ):
        self.window = window
        self.network = network
        self.units = units
        self.contamination = contamination
        self.false_alarm_rate = false_alarm_rate
        self.tail = tail
        self.held_back = held_back
        self.epochs = epochs
        self.batch_size = batch_size
        self.verbose = verbose
        self.seed = seed

    def fit(self, X, y=None, *, callbacks=()):
        """Learn from a normal series; `y` is there for scikit-learn's sake and not looked at.

        `callbacks` are Keras callbacks that watch the training.
        """
        self.forget()
        return super().fit(X, y, callbacks=callbacks)

    def score_next(self, value):
        """How normal the next value of a stream is, higher = more normal, as `score_samples` of the whole stream says.

        The detector remembers the last values by itself; `forget` begins a new stream.

        Args:
            value: number, or `(channels,)`.
        """
        check_is_fitted(self)
        value = np.atleast_1d(np.asarray(value, "float64"))
        if value.shape != (self.n_features_in_,) or not np.isfinite(value).all():
            raise ValueError(f"value: expected {self.n_features_in_} finite number(s), got {value}")
        if not self.recent_:
            self.recent_.extend([value] * self.window)
        score = -self._strangeness(np.stack([*self.recent_, value])[None])[0]
        self.recent_.append(value)
        return float(score)

    def forget(self):
        """Begin a new stream in `score_next`."""
        self.recent_ = collections.deque(maxlen=self.window)

    def explain(self, X, threshold=None):
        """The strange stretches of a series, strangest first: `Stretch`es; alarms half a window apart are one.

        `threshold` is the strangeness above which a point is an alarm, None for the detector's own, `-offset_`.
        """
        check_is_fitted(self)
        threshold = -self.offset_ if threshold is None else threshold
        return stretches(-self.score_samples(X), threshold, self.window // 2)

    def _check_arguments(self):
        for name in ("window", "units"):
            check_int(name, getattr(self, name), minimum=1)
        check_in("network", self.network, ("lstm", "gru", "transformer"))

    def _read(self, X, reset):
        series = X if hasattr(X, "ndim") else np.asarray(X)
        if series.ndim == 1:
            series = np.asarray(series)[:, None]
        series = validate_data(self, series, reset=reset, dtype=np.float64)
        if reset and len(series) <= 2 * self.window:
            raise ValueError(f"X: expected more than {2 * self.window} values, two windows, got {len(series)}")
        padded = np.concatenate([np.repeat(series[:1], self.window, axis=0), series])
        # A view: nothing is copied before a chunk of windows is computed.
        return np.moveaxis(sliding_window_view(padded, self.window + 1, axis=0), -1, 1)

    def _split(self, n):
        # Neighbouring windows share their values: only a whole stretch at the end is unknown to the network.
        count = int(self.held_back * n)
        return np.arange(n - count), np.arange(n - count, n)

    def _learn(self, rows):
        series = rows[:, -1]
        deviation = series.std(axis=0)
        self.mean_, self.deviation_ = series.mean(axis=0), np.where(deviation > 0, deviation, 1.0)
        channels = series.shape[1]
        self.model_ = Forecaster(self.window, channels, self.network, self.units, seed=self.seed)
        self._train(self._standard(rows))

    def _state(self):
        recent = [list(map(float, value)) for value in self.recent_]
        return {**super()._state(), "mean": self.mean_, "deviation": self.deviation_, "recent": recent}

    def _restore(self, state):
        super()._restore(state)
        self.mean_, self.deviation_ = state["mean"], state["deviation"]
        self.forget()
        self.recent_.extend(np.array(value, "float64") for value in state["recent"])

    def _strangeness(self, rows):
        return self.model_.surprise(self._standard(rows)).sum(axis=1)

    def _standard(self, rows):
        return ((rows - self.mean_) / self.deviation_).astype("float32")

"""What every detector shares: scikit-learn's verbs, thresholds, probabilities, bounded memory, pickles.

A detector learns what is normal and says of each row how strange it is. A detector of one kind fills four holes:
`_read(X, reset)` checks input and returns an array whose first axis counts the rows, `_learn(rows)` trains `model_`,
`_strangeness(rows)` scores some thousand rows, and `_check_arguments()` refuses bad ones. Everything else is here.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from kgen.anomaly.learning import PEAK_RATE
from kgen.anomaly.learning import train
from kgen.anomaly.pickling import from_bytes
from kgen.anomaly.pickling import to_bytes
from kgen.anomaly.saving import write
from kgen.anomaly.saving import write_preset
from kgen.anomaly.tables import take
from kgen.anomaly.thresholds import CleanScores
from kgen.anomaly.thresholds import check_rate
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number

ROWS_AT_ONCE = 8192


class Detector(OutlierMixin, BaseEstimator):
    """Base of kgen's detectors; their arguments that all of them have are these.

    Args:
        contamination: number in (0, 0.5]. So many of the training rows lie on the wrong side of the threshold.
        false_alarm_rate: number in (0, 1) or None. If given it sets the threshold instead: such a share of clean rows
            raises an alarm, measured on rows that were held back from training.
        tail: "empirical" or "pareto": how `false_alarm_rate` and `predict_proba` read the held-back rows, see
            `kgen.anomaly.thresholds`.
        held_back: number in [0, 0.5], the share of the rows that is not learned from but kept for calibration.
        epochs, batch_size: for the training.
        verbose: as in `keras.Model.fit`.
        seed: int. Two fits with the same seed on the same rows are equal.

    Attributes of a fitted detector: `model_` (a Keras model), `offset_`, `classes_` (-1, 1), `n_features_in_`, and
    `feature_names_in_` if it saw a DataFrame.
    """

    default_steps = 500  # where `epochs` is None,
    most_passes = None  # but not more passes than these, where something might be learned by heart
    reads = ()  # of "table", "images" and "series", what it can learn from
    models = ()  # names of the classes that `model_` may be of

    # Verbs -----------------------------------------------------------------------------------------------------------

    def fit(self, X, y=None, *, callbacks=()):
        """Learn what is normal from the rows of `X`; `y` is there for scikit-learn's sake and not looked at.

        `callbacks` are Keras callbacks that watch the training of each network.
        """
        self._check_shared_arguments()
        self._check_arguments()
        rows = self._read(X, reset=True)
        learned, held = self._split(len(rows))
        self.classes_ = np.array([-1, 1])
        self._watchers = list(callbacks)
        try:
            self._learn(take(rows, learned))
        finally:
            del self._watchers
        strangeness = self._in_chunks(self._strangeness, rows)
        self.clean_scores_ = CleanScores(strangeness[held], self.tail) if len(held) else None
        if self.false_alarm_rate is None:
            self.offset_ = -self._quantile(strangeness)
        else:
            self.offset_ = -self._clean().threshold(self.false_alarm_rate)
        return self

    def score_samples(self, X):
        """How normal each row is, higher = more normal: float64 `(n,)`."""
        check_is_fitted(self)
        return -self._in_chunks(self._strangeness, self._read(X, reset=False))

    def decision_function(self, X):
        """`score_samples(X) - offset_`: below 0 is an anomaly."""
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """-1 for an anomaly, 1 for a normal row: int `(n,)`."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def predict_proba(self, X):
        """How sure an alarm would be: float `(n, 2)`, a column for each of `classes_`.

        Column 1 is the share of clean rows that score as high as this one or higher (a p-value, measured on held-back
        rows); column 0 is the rest. To raise an alarm where column 0 exceeds 0.99 alarms on 1 % of clean rows.

        Raises:
            ValueError: nothing was held back, see `held_back` and `calibrate`.
        """
        check_is_fitted(self)
        p = self._clean().p_values(-self.score_samples(X))
        return np.stack([1.0 - p, p], axis=1)

    def calibrate(self, X):
        """Measure the scores of clean rows anew, on rows that were not in `fit`; moves `offset_` if it rests on them.

        Returns:
            the detector.
        """
        self.clean_scores_ = CleanScores(-self.score_samples(X), self.tail)
        if self.false_alarm_rate is not None:
            self.offset_ = -self._clean().threshold(self.false_alarm_rate)
        return self

    # Files -----------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write the fitted detector into one file, all or nothing; `kgen.anomaly.load` reads it on any backend.

        Unlike a pickle it may come from anybody: nothing in it is executed.
        """
        check_is_fitted(self)
        write(self, path)

    def save_to_preset(self, folder, card=""):
        """Write the fitted detector as a preset into a folder, its weights in half precision: `kgen.anomaly.load`."""
        check_is_fitted(self)
        write_preset(self, folder, card)

    def __getstate__(self):
        # Models hold locks and compiled functions: what is pickled of them is their .keras file.
        state = dict(super().__getstate__())
        if "model_" in state:
            state["model_"] = to_bytes(state["model_"])
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if isinstance(getattr(self, "model_", None), bytes):
            self.model_ = from_bytes(self.model_)

    # Holes -----------------------------------------------------------------------------------------------------------

    def _check_arguments(self):
        """Refuse bad arguments of this kind of detector."""

    def _read(self, X, reset):
        raise NotImplementedError

    def _learn(self, rows):
        raise NotImplementedError

    def _strangeness(self, rows):
        raise NotImplementedError

    def _arguments(self):
        """The arguments of the constructor as a file can hold them."""
        return self.get_params(deep=False)

    def _state(self):
        """What was learned, `model_` apart, as dicts, lists, strings, numbers, booleans, None and arrays."""
        clean = self.clean_scores_
        return {
            "offset": self.offset_,
            "features": self.n_features_in_,
            "names": list(getattr(self, "feature_names_in_", ())) or None,
            "clean": None if clean is None else {"scores": clean.scores, "tail": clean.tail},
        }

    def _restore(self, state):
        """Become the detector whose `_state` this is; `model_` is there."""
        self.classes_ = np.array([-1, 1])
        self.offset_ = float(state["offset"])
        self.n_features_in_ = int(state["features"])
        if state["names"] is not None:
            self.feature_names_in_ = np.array([str(name) for name in state["names"]], object)
        clean = state["clean"]
        self.clean_scores_ = None if clean is None else CleanScores(clean["scores"], clean["tail"])

    # What detectors use ----------------------------------------------------------------------------------------------

    @staticmethod
    def _in_chunks(function, rows):
        """`function` of some thousand rows at a time: memory does not grow with their number."""
        starts = range(0, len(rows), ROWS_AT_ONCE)
        parts = [function(take(rows, slice(start, start + ROWS_AT_ONCE))) for start in starts]
        return np.concatenate(parts).astype("float64")

    def _steps(self, rows):
        """How many steps `epochs` passes over the rows are."""
        steps_of_a_pass = -(-len(rows) // self.batch_size)
        if self.epochs is not None:
            return self.epochs * steps_of_a_pass
        return min(self.default_steps, (self.most_passes or self.default_steps) * steps_of_a_pass)

    def _train(self, rows, peak_rate=PEAK_RATE):
        steps = self._steps(rows)
        train(self.model_, rows, self.batch_size, steps, self.seed, self.verbose, peak_rate, self._watchers)

    def _check_shared_arguments(self):
        check_number("contamination", self.contamination, 0.0, 0.5)
        check_rate("contamination", self.contamination)
        if self.false_alarm_rate is not None:
            check_rate("false_alarm_rate", self.false_alarm_rate)
        check_in("tail", self.tail, ("empirical", "pareto"))
        check_number("held_back", self.held_back, 0.0, 0.5)
        if self.epochs is not None:
            check_int("epochs", self.epochs, minimum=1)
        check_int("batch_size", self.batch_size, minimum=1)
        check_int("seed", self.seed, minimum=0)

    def _split(self, n):
        """Which of n rows are learned from and which are held back."""
        order = np.random.default_rng([self.seed, 1]).permutation(n)
        count = int(self.held_back * n)
        return np.sort(order[count:]), np.sort(order[:count])

    def _quantile(self, strangeness):
        """The score with the share `contamination` of the training rows above it."""
        return float(np.quantile(strangeness, 1.0 - self.contamination))

    def _clean(self):
        if self.clean_scores_ is None:
            raise ValueError(
                f"held_back: {type(self).__name__} needs clean rows that it has not learned from, and none were held "
                "back. Fit with held_back=0.2 and more rows, or call calibrate(X) with clean rows."
            )
        return self.clean_scores_

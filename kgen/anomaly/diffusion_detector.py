"""The detector of a denoiser: how far must a row move to be normal?

A denoiser's answer to a row x at noise level σ is a step towards where rows are, D(x; σ) - x. For finitely many rows
x_i the best denoiser is known: it moves to a mean of the nearest rows, so its step is about as long as the distance to
them. It knows the rows by heart. A network cannot; it learns what they have in common. Both are right where the other
errs, and the score is the mean of their logarithms, which needs no weights and no units:

    strangeness(x) = log mean_k |x - x_k| + 1/L Σ_σ log |D(x; σ) - x|

Score networks as detectors: Mahmood et al., Multiscale Score Matching for Out-of-Distribution Detection, 2021.
Livernoche et al., On Diffusion Modeling for Anomaly Detection, 2024, found a non-parametric form best on tables.
"""

import math

import numpy as np
from sklearn.neighbors import NearestNeighbors

from kgen.anomaly.row_denoiser import RowDenoiser
from kgen.anomaly.table_detector import TableDetector
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int

LEVELS = (0.2, 0.4, 0.8)
SHORTEST = 1e-3  # a row that was learned has no distance to itself


class DiffusionDetector(TableDetector):
    """Detector of strange rows in tables: a denoising network and the nearest normal rows together.

        strangeness(x) = log mean_k |x - x_k| + 1/L Σ_σ log |D(x; σ) - x|

    with the nearest learned rows x_k, equal ones counted once, and noise levels σ of 0.2, 0.4 and 0.8 standard
    deviations. It learns from normal rows; a few anomalies among them do little harm.

    Args:
        measure: "both" (the sum above), "network" or "neighbours" (one of its terms).
        num_neighbors: k, ≥ 1.
        hidden_dim: units of both hidden layers of each network.
        members: how many networks learn side by side.
        reference_rows: of so many learned rows, chosen at random, neighbours are sought; bounds time and memory.
        contamination: number in (0, 0.5], the share of the training rows that `predict` calls anomalies.
        false_alarm_rate: number in (0, 1) or None; sets the threshold instead, by rows that were held back.
        tail: "empirical" or "pareto", how held-back rows are read; see `predict_proba`.
        held_back: number in [0, 0.5], the share of the rows that is kept for calibration.
        epochs: passes over the rows, or None for as many as make 500 steps.
        batch_size: rows a step.
        verbose: as in `keras.Model.fit`.
        seed: int ≥ 0. Two fits with the same seed on the same rows are equal.

    Rows are a float array `(n, columns)`, NaN where a value is missing, or a DataFrame, whose columns that are not
    numbers are categories.

    Raises:
        ValueError: an argument outside its range; infinite values; other columns than in `fit`.

    Example:

    >>> import numpy as np, kgen
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=200)
    >>> rows = np.stack([x, x + 0.1 * rng.normal(size=200)], axis=1)
    >>> detector = kgen.anomaly.DiffusionDetector(epochs=20, batch_size=64, hidden_dim=16, members=2).fit(rows)
    >>> detector.predict([[0.0, 0.0], [1.5, -1.5]])
    array([ 1, -1])

    Reference: Livernoche et al., On Diffusion Modeling for Anomaly Detection, 2024.
    """

    reads = ("table",)
    models = ("RowDenoiser",)

    def __init__(
        self,
        *,
        measure="both",
        num_neighbors=5,
        hidden_dim=128,
        members=4,
        reference_rows=20_000,
        contamination=0.1,
        false_alarm_rate=None,
        tail="empirical",
        held_back=0.1,
        epochs=None,
        batch_size=256,
        verbose=0,
        seed=0,
    ):
        self.measure = measure
        self.num_neighbors = num_neighbors
        self.hidden_dim = hidden_dim
        self.members = members
        self.reference_rows = reference_rows
        self.contamination = contamination
        self.false_alarm_rate = false_alarm_rate
        self.tail = tail
        self.held_back = held_back
        self.epochs = epochs
        self.batch_size = batch_size
        self.verbose = verbose
        self.seed = seed

    def _check_arguments(self):
        check_in("measure", self.measure, ("both", "network", "neighbours"))
        for name in ("num_neighbors", "hidden_dim", "members", "reference_rows"):
            check_int(name, getattr(self, name), minimum=1)

    def _learn_vectors(self, x):
        self.model_ = RowDenoiser(x.shape[1], self.hidden_dim, self.members, seed=self.seed)
        self._train(x)
        chosen = np.random.default_rng([self.seed, 2]).permutation(len(x))[: self.reference_rows]
        self._remember(x[np.sort(chosen)])

    def _remember(self, rows):
        # Each once: an anomaly that was learned with its copies would else be its own neighbourhood.
        self.reference_ = np.unique(rows, axis=0)
        count = min(self.num_neighbors, len(self.reference_))
        self.neighbors_ = NearestNeighbors(n_neighbors=count).fit(self.reference_)

    def _state(self):
        return {**super()._state(), "reference": self.reference_}

    def _restore(self, state):
        super()._restore(state)
        self._remember(state["reference"])

    def _vector_strangeness(self, x):
        strangeness = np.zeros(len(x))
        if self.measure != "network":
            distances = self.neighbors_.kneighbors(x)[0].mean(axis=1)
            strangeness += np.log(np.maximum(distances, SHORTEST))
        if self.measure != "neighbours":
            lengths = self.model_.step_lengths(x, LEVELS)
            strangeness += np.log(np.maximum(lengths, SHORTEST * math.sqrt(x.shape[1]))).mean(axis=1)
        return strangeness

    def _expected(self, x):
        return self.model_.expected(x, LEVELS[-1])

"""How strange is too strange: thresholds for a score of which only the clean side is known.

All functions here take scores of rows that are known to be clean and that the model has not learned from, higher =
stranger. Among n such scores and a new clean one, every order is equally likely, so

    P(new ≥ the k-th largest of n) = k / (n + 1)

whatever the distribution is. Below 1 / (n + 1) there is nothing left to count; there the excesses over a high threshold
u follow, for almost every distribution, a generalised Pareto law (Pickands, 1975):

    P(s > u + e) ≈ P(s > u) · (1 + ξ e / σ)^(-1/ξ)
"""

import math

import numpy as np
from scipy import stats

from kgen.functional.checks import check_in
from kgen.functional.checks import check_number

TAIL_SHARE = 0.1  # the largest tenth of the clean scores belongs to the tail
FEWEST_IN_TAIL = 10


class CleanScores:
    """What clean rows score, as a yardstick for others.

    Args:
        scores: float `(n,)` of clean rows that were held back from training, higher = stranger.
        tail: "empirical" (count) or "pareto" (beyond the nine tenths, the generalised Pareto law that fits best).

    Raises:
        ValueError: too few scores for a tail.
    """

    def __init__(self, scores, tail="empirical"):
        check_in("tail", tail, ("empirical", "pareto"))
        self.scores = np.sort(np.asarray(scores, "float64"))
        self.tail = tail
        if tail == "pareto":
            self._fit_tail()

    def p_values(self, scores):
        """How often a clean row scores as high or higher: float `(n,)` in (0, 1]."""
        scores = np.asarray(scores, "float64")
        count = len(self.scores) - np.searchsorted(self.scores, scores, side="left")
        p = (1.0 + count) / (1.0 + len(self.scores))
        if self.tail == "pareto":
            beyond = stats.genpareto.sf(scores - self.start, self.shape, scale=self.scale)
            p = np.where(scores > self.start, self.share * beyond, p)
        return np.clip(p, np.finfo("float64").tiny, 1.0)

    def threshold(self, false_alarm_rate):
        """The score that a share `false_alarm_rate` in (0, 1) of clean rows exceeds.

        Raises:
            ValueError: a rate outside (0, 1), or one that is too small to be counted among so few scores.
        """
        check_rate("false_alarm_rate", false_alarm_rate)
        if self.tail == "pareto" and false_alarm_rate < self.share:
            excess = stats.genpareto.isf(false_alarm_rate / self.share, self.shape, scale=self.scale)
            return float(self.start + excess)
        k = math.floor(false_alarm_rate * (len(self.scores) + 1))
        if k < 1:
            raise ValueError(
                f"false_alarm_rate: {false_alarm_rate} cannot be counted among {len(self.scores)} clean rows; give at "
                f'least {math.ceil(1 / false_alarm_rate) - 1} (held_back, calibrate) or extrapolate with tail="pareto"'
            )
        return float(self.scores[-k])

    def _fit_tail(self):
        n = len(self.scores)
        in_tail = max(FEWEST_IN_TAIL, round(TAIL_SHARE * n))
        if n < 2 * FEWEST_IN_TAIL:
            raise ValueError(f'tail: "pareto" needs at least {2 * FEWEST_IN_TAIL} clean rows, got {n}')
        self.start = float(self.scores[-in_tail - 1])
        self.share = in_tail / (n + 1)
        excesses = self.scores[-in_tail:] - self.start
        # Probability-weighted moments (Hosking and Wallis, 1987): a formula, so it cannot fail to converge, and better
        # than maximum likelihood where there are few excesses.
        weights = (in_tail - np.arange(1, in_tail + 1)) / (in_tail - 1)
        a0, a1 = excesses.mean(), (weights * excesses).mean()
        gap = max(a0 - 2.0 * a1, np.finfo("float64").tiny)
        self.shape = float(2.0 - a0 / gap)
        self.scale = float(max(2.0 * a0 * a1 / gap, np.finfo("float64").tiny))


def check_rate(name, value):
    """Refuse what is not a number in (0, 1)."""
    check_number(name, value, 0.0, 1.0)
    if value in (0, 1):
        raise ValueError(f"{name}: expected a number between 0 and 1, both excluded, got {value!r}")

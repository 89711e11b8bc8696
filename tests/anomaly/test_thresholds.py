import numpy as np
import pytest
from scipy import stats

from kgen.anomaly import VAEDetector
from kgen.anomaly.thresholds import CleanScores
from tests.anomaly.detectors import TINY


@pytest.mark.parametrize("tail", ["empirical", "pareto"])
@pytest.mark.parametrize("law", [stats.norm, stats.expon, stats.lognorm(1.0)])
def test_a_threshold_alarms_as_often_as_asked_whatever_the_distribution(tail, law):
    rates = []
    for seed in range(40):
        clean = CleanScores(law.rvs(size=1000, random_state=seed), tail)
        rates.append(law.sf(clean.threshold(0.01)))
    assert np.mean(rates) == pytest.approx(0.01, rel=0.1)


def test_below_what_can_be_counted_the_pareto_tail_goes_on():
    thresholds = [CleanScores(stats.expon.rvs(size=2000, random_state=s), "pareto").threshold(1e-4) for s in range(40)]
    assert np.median(thresholds) == pytest.approx(stats.expon.isf(1e-4), rel=0.1)
    with pytest.raises(ValueError, match=r"false_alarm_rate: 0.0001 cannot be counted among 2000 clean rows.*pareto"):
        CleanScores(np.arange(2000.0)).threshold(1e-4)


@pytest.mark.parametrize("tail", ["empirical", "pareto"])
def test_p_values_agree_with_thresholds_and_fall(tail):
    clean = CleanScores(stats.norm.rvs(size=999, random_state=0), tail)
    for rate in (0.5, 0.05, 0.01):
        threshold = clean.threshold(rate)
        assert clean.p_values([threshold + 1e-9])[0] <= rate < clean.p_values([threshold - 1e-9])[0] + 2e-3
    p = clean.p_values(np.linspace(-5, 8, 200))
    assert (np.diff(p) <= 0).all()
    assert p[0] == 1.0
    assert 0 < p[-1] < 2e-3


def test_scores_that_are_all_equal_have_an_answer():
    clean = CleanScores(np.ones(100), "pareto")
    assert clean.p_values([0.0, 1.0])[1] > 0.5
    assert clean.p_values([1.1])[0] < 1e-3


def test_a_detector_alarms_on_one_percent_of_fresh_clean_rows():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 3))
    rows, fresh = (rng.normal(size=(n, 3)) @ mixing for n in (4000, 10_000))
    detector = VAEDetector(**TINY, false_alarm_rate=0.01, held_back=0.5).fit(rows)
    for tail in ("empirical", "pareto"):
        assert 0.005 <= np.mean(detector.predict(fresh) == -1) <= 0.02, tail
        assert 0.005 <= np.mean(detector.predict_proba(fresh)[:, 0] > 0.99) <= 0.02, tail
        detector.set_params(tail="pareto").calibrate(rng.normal(size=(2000, 3)) @ mixing)


def test_calibrating_anew_moves_the_threshold_and_none_held_back_is_said():
    rng = np.random.default_rng(0)
    rows, clean = rng.normal(size=(400, 2)), 2.0 * rng.normal(size=(2000, 2))
    detector = VAEDetector(**TINY, held_back=0.0).fit(rows)
    with pytest.raises(ValueError, match="held_back: VAEDetector needs clean rows"):
        detector.predict_proba(rows)
    detector.set_params(false_alarm_rate=0.05).calibrate(clean)
    assert np.mean(detector.predict(2.0 * rng.normal(size=(4000, 2))) == -1) == pytest.approx(0.05, abs=0.02)


def test_contamination_is_the_share_of_training_rows_that_are_called_anomalies():
    rows = np.random.default_rng(0).normal(size=(200, 2))
    detector = VAEDetector(**TINY, contamination=0.15).fit(rows)
    assert np.sum(detector.predict(rows) == -1) == 30
    np.testing.assert_array_equal(detector.decision_function(rows) < 0, detector.predict(rows) == -1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"contamination": 0.6}, r"contamination: expected a number in \[0.0, 0.5\], got 0.6"),
        ({"contamination": 0}, "contamination: expected a number between 0 and 1, both excluded, got 0"),
        ({"false_alarm_rate": 2}, "false_alarm_rate: expected"),
        ({"tail": "normal"}, "tail: expected one of 'empirical', 'pareto', got 'normal'"),
        ({"held_back": 0.9}, "held_back: expected"),
        ({"epochs": 0}, "epochs: expected an integer of at least 1, got 0"),
        ({"measure": "loss"}, "measure: expected one of 'elbo', 'reconstruction', 'latent', got 'loss'"),
        ({"latent_dim": 0}, "latent_dim: expected"),
        ({"held_back": 0.02, "tail": "pareto", "false_alarm_rate": 0.1}, "tail: .pareto. needs at least 20 clean rows"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAEDetector(**{**TINY, **arguments}).fit(np.random.default_rng(0).normal(size=(50, 2)))

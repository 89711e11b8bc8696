import pickle

import keras
import numpy as np
import pytest

from kgen.anomaly import SequenceDetector

TINY = {"window": 8, "units": 8, "batch_size": 64}


def wave(n, seed=0):
    return np.sin(np.arange(n) / 4) + 0.05 * np.random.default_rng(seed).normal(size=n)


@pytest.fixture(scope="module")
def detector():
    return SequenceDetector(**TINY, epochs=60, false_alarm_rate=0.01, held_back=0.4).fit(wave(800))


def test_a_broken_beat_is_found_where_it_is(detector):
    series = wave(400, seed=1)
    series[250:255] = series[250]  # every value for itself is ordinary
    (found, *others) = detector.explain(series)
    assert 250 < found.peak < 258
    assert found.start <= found.peak < found.stop
    assert all(other.score < found.score for other in others)


def test_a_short_series_is_not_learned_by_heart():
    batches = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    SequenceDetector(window=8, units=8, held_back=0.5, batch_size=32).fit(wave(100), callbacks=[watch])
    assert len(batches) == 2 * 50  # of 50 windows, not the 500 of a long series


def test_alarms_on_a_clean_series_are_as_rare_as_asked(detector):
    assert np.mean(detector.predict(wave(4000, seed=2)) == -1) < 0.03


def test_a_stream_scores_as_the_series_does(detector):
    series = wave(20, seed=3)
    detector.forget()
    one_by_one = [detector.score_next(value) for value in series]
    np.testing.assert_allclose(one_by_one, detector.score_samples(series), rtol=1e-4, atol=1e-4)
    twin = pickle.loads(pickle.dumps(detector))  # in the middle of the stream
    assert twin.score_next(0.5) == pytest.approx(detector.score_next(0.5), rel=1e-4)


def test_the_past_does_not_see_the_future(detector):
    series = wave(60, seed=4)
    changed = series.copy()
    changed[40:] = 9.0
    before, after = detector.score_samples(series), detector.score_samples(changed)
    np.testing.assert_allclose(before[:40], after[:40], rtol=1e-4)
    assert after[40] < before[40] - 5


@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_other_networks_with_two_channels(network):
    series = np.stack([wave(200), wave(200, seed=5)], axis=1)
    detector = SequenceDetector(**TINY, network=network, epochs=30).fit(series)
    strange = series.copy()
    strange[100, 1] += 5.0
    assert detector.score_samples(strange).argmin() in (100, 101)


@pytest.mark.parametrize(
    ("arguments", "series", "message"),
    [
        ({}, np.ones(16), "X: expected more than 16 values, two windows, got 16"),
        ({}, np.full(40, np.nan), "NaN"),
        ({"network": "rnn"}, np.ones(40), "network: expected one of"),
        ({"window": 0}, np.ones(40), "window: expected"),
    ],
)
def test_bad_input(arguments, series, message):
    with pytest.raises(ValueError, match=message):
        SequenceDetector(**{**TINY, **arguments}).fit(series)


def test_bad_values_of_a_stream(detector):
    with pytest.raises(ValueError, match="value: expected 1 finite number"):
        detector.score_next(np.nan)
    with pytest.raises(ValueError, match="value: expected 1 finite number"):
        detector.score_next([1.0, 2.0])

import numpy as np
import pandas as pd
import pytest

from kgen.anomaly import DiffusionDetector
from kgen.anomaly import VAEDetector
from kgen.anomaly.tables import FAR_OUT
from kgen.anomaly.tables import TableReader
from tests.anomaly.detectors import TABLES
from tests.anomaly.detectors import TINY

LEARNS = {"epochs": 40, "batch_size": 64, "hidden_dim": 32, "members": 1}


def frame(n, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.choice(["car", "truck"], n)
    weight = np.where(kind == "car", 1.0, 10.0) + 0.1 * rng.normal(size=n)
    length = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    return pd.DataFrame({"kind": kind, "weight": weight, "length": length, "doors": np.full(n, 4)})


def test_the_columns_that_made_a_row_strange_are_named():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    table = pd.DataFrame({"a": x, "b": 2 * x + 0.1 * rng.normal(size=400), "c": rng.normal(size=400)})
    strange = pd.DataFrame({"a": [0.0, 0.0], "b": [0.0, 0.0], "c": [9.0, 0.0]})
    for detector in (VAEDetector(**LEARNS), DiffusionDetector(**LEARNS)):
        explanation = detector.fit(table).explain(strange)
        assert explanation.columns == ("a", "b", "c")
        (name, share), *_ = explanation.top(2)[0]
        assert name == "c"
        assert share > 2 * abs(explanation.contributions[0, :2]).max()


def test_what_is_strange_together_is_found_though_each_column_is_ordinary():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    rows = np.stack([x, x + 0.1 * rng.normal(size=600)], axis=1)
    odd = np.stack([x[:50], -x[:50]], axis=1)[np.abs(x[:50]) > 1]
    for detector in (VAEDetector(**LEARNS), DiffusionDetector(**LEARNS)):
        detector.fit(rows[100:])
        assert detector.score_samples(odd).max() < np.median(detector.score_samples(rows[:100]))


def test_a_strange_row_stays_strange_however_often_it_was_learned():
    rows = np.random.default_rng(0).normal(size=(300, 2))
    learned = np.concatenate([rows, np.full((6, 2), 5.0)])  # more copies than neighbours
    detector = DiffusionDetector(**TINY, measure="neighbours", held_back=0.0).fit(learned)
    assert detector.score_samples([[5.0, 5.0]]) < detector.score_samples(rows).min()


def test_mixed_tables_with_gaps():
    detector = DiffusionDetector(**LEARNS, held_back=0.2).fit(frame(400))
    assert list(detector.feature_names_in_) == ["kind", "weight", "length", "doors"]
    clean = frame(100, seed=1)
    strange = pd.DataFrame(
        {
            "kind": ["car", "boat", "car", "car"],
            "weight": [10.0, 1.0, 1.0, np.nan],
            "length": [0.0, 0.0, 0.0, 0.0],
            "doors": [4, 4, 2, 4],
        }
    )
    assert detector.score_samples(strange).max() < np.quantile(detector.score_samples(clean), 0.02)
    named = [row[0][0] for row in detector.explain(strange).top(1)]
    assert named[0] in ("kind", "weight")
    assert named[1:] == ["kind", "doors", "weight"]


def test_numbers_are_read_into_standard_units():
    rng = np.random.default_rng(0)
    rows = np.stack([1e6 * rng.normal(size=5000) + 1e8, np.full(5000, 7.0), rng.random(5000) < 0.01], axis=1)
    reader = TableReader().fit(rows)
    x = reader.transform(rows)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[:, 0].mean(), 0.0, atol=0.01)
    np.testing.assert_allclose(x[:, 0].std(), 1.0, atol=0.01)  # of a normal column both views are the same
    assert (x[:, 1] == 0).all()
    assert np.unique(x[:, 2]).size == 2
    order = np.argsort(rows[:, 0])
    assert (np.diff(x[order, 0]) >= 0).all()
    far = reader.transform(np.array([[np.nan, 8.0, 0.0], [1e12, 7.0, 0.0]]))
    assert far[0, 0] == FAR_OUT  # a gap where there was none
    assert 0 < far[0, 1] < 3
    assert far[1, 0] > 10


def test_marks_of_gaps_and_categories():
    table = frame(2000)
    reader = TableReader().fit(table)
    assert [group.stop - group.start for group in reader.groups] == [3, 1, 2, 1]
    x = reader.transform(table)
    np.testing.assert_allclose(x[:, reader.groups[0]].mean(axis=0), 0.0, atol=1e-4)
    assert (x[:, 2] == 0).all()
    new = table.head(2).assign(kind=["boat", None])
    assert (reader.transform(new)[:, 2] == FAR_OUT).all()


@pytest.mark.parametrize("make", TABLES.values())
def test_whatever_comes_gets_an_answer_or_a_clear_error(make):
    constant = np.ones((40, 2))
    detector = make().fit(constant)
    assert np.isfinite(detector.score_samples([[1.0, 1.0], [2.0, 1.0], [np.nan, 1.0]])).all()
    assert detector.score_samples([[1.0, 1.0]]) > detector.score_samples([[9.0, 1.0]])
    with pytest.raises(ValueError, match="infinity"):
        detector.predict([[np.inf, 1.0]])
    with pytest.raises(ValueError, match="1 sample"):
        make().fit(np.ones((1, 2)))
    with pytest.raises(ValueError, match="expecting 2 features"):
        detector.predict(np.ones((3, 5)))


def test_errors_of_mixed_tables():
    table = frame(60)
    detector = VAEDetector(**TINY).fit(table)
    with pytest.raises(ValueError, match="X: expected a DataFrame, as in fit"):
        detector.predict(np.ones((3, 4)))
    with pytest.raises(ValueError, match="X: column 'weight' contains infinity"):
        detector.predict(table.assign(weight=np.inf))
    with pytest.raises(ValueError, match="feature names"):
        detector.predict(table.rename(columns={"doors": "wheels"}))
    with pytest.raises(ValueError, match="X: column 'day' holds times"):
        VAEDetector(**TINY).fit(table.assign(day=pd.Timestamp("2024-01-01")))


def test_many_rows_are_scored_a_chunk_at_a_time(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(100, 2))
    detector = VAEDetector(**TINY).fit(rows)
    whole, seen = detector.score_samples(rows), []
    monkeypatch.setattr("kgen.anomaly.base.ROWS_AT_ONCE", 30)
    monkeypatch.setattr(
        detector, "_strangeness", lambda part: seen.append(len(part)) or VAEDetector._strangeness(detector, part)
    )
    np.testing.assert_allclose(detector.score_samples(rows), whole, rtol=1e-5)
    assert seen == [30, 30, 30, 10]

"""What scikit-learn asks of an outlier detector, and what its users do with one.

All of its own checks run where nothing is compiled. Each fits one or several networks, which other backends compile
anew: there those run that see numbers go in and out.
"""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from kgen import backend
from kgen.anomaly import VAEDetector
from tests.anomaly.detectors import TABLES
from tests.anomaly.detectors import TINY

WHERE_IT_COMPILES = ("check_outliers_fit_predict", "check_methods_subset_invariance", "check_estimators_pickle")


def checks():
    for name, make in TABLES.items():
        for estimator, check in estimator_checks_generator(make()):
            words = [getattr(check, "func", check).__name__, *map(str, getattr(check, "keywords", {}).values())]
            if backend.running() == "torch" or (words[0] in WHERE_IT_COMPILES and "True" not in words):
                yield pytest.param(estimator, check, id=f"{name}-{'-'.join(words)}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_agrees(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    return np.stack([x, -x + 0.1 * rng.normal(size=300), rng.normal(size=300)], axis=1)


def test_a_pickle_scores_as_the_detector_did(rows):
    detector = VAEDetector(**TINY).fit(rows)
    twin = pickle.loads(pickle.dumps(detector))
    np.testing.assert_allclose(twin.score_samples(rows), detector.score_samples(rows), rtol=1e-6)
    assert twin.offset_ == detector.offset_
    np.testing.assert_allclose(twin.predict_proba(rows), detector.predict_proba(rows), rtol=1e-6)


def test_in_a_pipeline_and_a_search(rows):
    def agreement(pipeline, x, y=None):
        return float(np.mean(pipeline.predict(x) == 1))

    pipeline = make_pipeline(StandardScaler(), VAEDetector(**TINY))
    search = GridSearchCV(pipeline, {"vaedetector__latent_dim": [1, 2]}, scoring=agreement, cv=2, refit=False)
    search.fit(rows)
    assert (search.cv_results_["mean_test_score"] > 0.5).all()


def test_a_clone_is_unfitted_and_has_the_arguments(rows):
    twin = clone(VAEDetector(**TINY, contamination=0.2).fit(rows))
    assert twin.contamination == 0.2
    assert not hasattr(twin, "model_")


def test_the_same_seed_gives_the_same_detector_and_another_seed_another(rows):
    first, again, other = (VAEDetector(**TINY, seed=seed).fit(rows).score_samples(rows) for seed in (1, 1, 2))
    np.testing.assert_allclose(first, again, rtol=1e-6)
    assert not np.allclose(first, other, rtol=1e-3)

"""Samplers draw from exactly the distribution that their papers name."""

import numpy as np
import pytest
from keras import ops

import kgen
from kgen.decoding import Greedy
from kgen.decoding import MinP
from kgen.decoding import RepetitionPenalty
from kgen.decoding import Temperature
from kgen.decoding import TopK
from kgen.decoding import TopP

P = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
DRAWS = 4000


def frequencies(sampler, probabilities=P, seen=None):
    """How often each token is drawn at evenly spread uniform numbers: the distribution itself, up to 1 / DRAWS."""
    logits = np.log(np.tile(probabilities, (DRAWS, 1))).astype("float32")
    uniform = ((np.arange(DRAWS) + 0.5) / DRAWS).astype("float32")
    seen = np.zeros(logits.shape, bool) if seen is None else np.tile(seen, (DRAWS, 1))
    parameters = np.array(sampler.parameters, "float32")
    ids = sampler(*(ops.convert_to_tensor(value) for value in (logits, uniform, parameters, seen)))
    return np.bincount(ops.convert_to_numpy(ids), minlength=len(probabilities)) / DRAWS


def distribution(sampler, probabilities=P):
    """What the sampler says it draws from."""
    logits, parameters = np.log(probabilities)[None].astype("float32"), np.array(sampler.parameters, "float32")
    seen = np.zeros(logits.shape, bool)
    weights = sampler.weights(*(ops.convert_to_tensor(value) for value in (logits, parameters, seen)))
    return normal(ops.convert_to_numpy(weights)[0])


def normal(weights):
    return np.array(weights) / np.sum(weights)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (Greedy(), [1, 0, 0, 0, 0]),
        (Temperature(), P),
        (Temperature(0.5), normal(P**2)),
        (Temperature(1e-3), [1, 0, 0, 0, 0]),
        (TopK(2), normal([0.4, 0.3, 0, 0, 0])),
        (TopK(1), [1, 0, 0, 0, 0]),
        (TopK(99), P),
        (TopK(2, temperature=0.5), normal([0.16, 0.09, 0, 0, 0])),
        (TopP(0.69), normal([0.4, 0.3, 0, 0, 0])),
        (TopP(0.71), normal([0.4, 0.3, 0.15, 0, 0])),
        (TopP(0.01), [1, 0, 0, 0, 0]),
        (TopP(1.0), P),
        (MinP(0.3), normal([0.4, 0.3, 0.15, 0, 0])),
        (MinP(1.0), [1, 0, 0, 0, 0]),
        (RepetitionPenalty(1.0, Temperature()), P),
    ],
    ids=repr,
)
def test_the_distribution_is_the_one_of_the_paper(sampler, expected):
    np.testing.assert_allclose(frequencies(sampler), expected, atol=2 / DRAWS)
    np.testing.assert_allclose(distribution(sampler), expected, atol=1e-6)


def test_a_penalty_makes_what_was_seen_less_likely():
    seen = np.array([True, False, False, False, False])
    expected = P.copy()
    expected[0] = np.exp(np.log(0.4) * 2.0)  # a negative logit is multiplied
    np.testing.assert_allclose(
        frequencies(RepetitionPenalty(2.0, Temperature()), seen=seen), normal(expected), atol=2 / DRAWS
    )
    assert frequencies(RepetitionPenalty(3.0), seen=seen)[1] == 1.0


def test_a_large_vocabulary_keeps_its_nucleus():
    probabilities = normal(np.exp(np.random.default_rng(0).normal(size=500) * 2))
    order = np.argsort(-probabilities)
    nucleus = order[: np.searchsorted(np.cumsum(probabilities[order]), 0.8) + 1]
    drawn = np.flatnonzero(frequencies(TopP(0.8), probabilities))
    assert set(drawn) <= set(nucleus)
    assert len(drawn) > 0.5 * len(nucleus)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: Temperature(0.0), "temperature"),
        (lambda: Temperature(-1.0), "temperature"),
        (lambda: TopK(0), "k"),
        (lambda: TopP(0.0), "p"),
        (lambda: TopP(1.1), "p"),
        (lambda: MinP(0.0), "p"),
        (lambda: RepetitionPenalty(0.5), "penalty"),
        (lambda: RepetitionPenalty(1.5, kgen.decoding.Beam(2)), "sampler"),
        (lambda: TopP(float("nan")), "p"),
    ],
)
def test_arguments_out_of_range_are_refused(make, argument):
    with pytest.raises(ValueError, match=rf"^{argument}: expected"):
        make()


def test_all_samplers_are_public():
    assert {"Greedy", "Temperature", "TopK", "TopP", "MinP", "RepetitionPenalty"} <= set(dir(kgen.decoding))

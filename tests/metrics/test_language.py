"""Perplexity, and sums over sums."""

import math

import keras
import pytest

import kgen
from kgen.metrics.language import PerplexityTracker
from kgen.metrics.language import RatioTracker

pytestmark = pytest.mark.every_backend


def test_perplexity_of_a_uniform_guess_is_the_size_of_the_vocabulary():
    assert kgen.metrics.perplexity(math.log(65)) == pytest.approx(65)


def test_the_tracker_weighs_batches_by_their_tokens():
    tracker = PerplexityTracker()
    tracker.update_state(math.log(2), sample_weight=3)
    tracker.update_state(math.log(8), sample_weight=1)
    assert float(tracker.result()) == pytest.approx(2 ** ((3 + 3) / 4), rel=1e-5)


def test_a_hopeless_model_has_a_finite_perplexity():
    tracker = PerplexityTracker()
    tracker.update_state(1e6)
    assert math.isfinite(float(tracker.result()))


def test_ratio_of_sums():
    tracker = RatioTracker()
    assert float(tracker.result()) == 0.0
    tracker.update_state(keras.ops.convert_to_tensor([1.0, 2.0]), keras.ops.convert_to_tensor([2.0, 2.0]))
    tracker.update_state(3.0, 2.0)
    assert float(tracker.result()) == pytest.approx(1.0)
    tracker.reset_state()
    assert float(tracker.result()) == 0.0

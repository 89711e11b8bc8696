"""Noise by position: normal enough to integrate with, and the same on every backend."""

import numpy as np
from keras import ops
from scipy import stats

from kgen.functional.fixed_noise import _normal
from kgen.functional.fixed_noise import _uniform
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.fixed_noise import fixed_uniform


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def test_it_is_the_same_at_every_call_and_differs_by_seed():
    np.testing.assert_array_equal(numpy_of(fixed_uniform((7, 3))), numpy_of(fixed_uniform((7, 3))))
    assert (numpy_of(fixed_uniform((7, 3))) != numpy_of(fixed_uniform((7, 3), seed=1))).all()


def test_the_first_rows_do_not_depend_on_how_many_follow():
    np.testing.assert_array_equal(numpy_of(fixed_uniform((9, 4)))[:5], numpy_of(fixed_uniform((5, 4))))


def test_uniform_passes_a_kolmogorov_smirnov_test():
    sample = numpy_of(fixed_uniform((50_000,), seed=3))
    assert sample.min() > 0 and sample.max() < 1
    assert stats.kstest(sample, "uniform").pvalue > 0.01


def test_normal_passes_a_kolmogorov_smirnov_test_and_neighbours_are_uncorrelated():
    sample = numpy_of(fixed_normal((50_000,)))
    assert stats.kstest(sample, "norm").pvalue > 0.01
    assert abs(np.corrcoef(sample[:-1], sample[1:])[0, 1]) < 0.02


def test_known_values():
    # Computed once in plain Python integers with the hash that the docstring names.
    def by_hand(index, seed=0):
        x = (index + 0x9E3779B9 * (seed + 1)) & 0xFFFFFFFF
        x = ((x ^ x >> 16) * 0x7FEB352D) & 0xFFFFFFFF
        x = ((x ^ x >> 15) * 0x846CA68B) & 0xFFFFFFFF
        x ^= x >> 16
        return ((x >> 9) + 0.5) / (1 << 23)

    expected = [by_hand(i) for i in range(1, 6)]
    np.testing.assert_allclose(numpy_of(fixed_uniform((5,))), expected, rtol=1e-6)


def test_even_the_rarest_numbers_are_finite():
    ends = _uniform(ops.convert_to_tensor(np.array([0, -1], "int32")))  # the lowest and the highest bits
    assert 0.0 < numpy_of(ends)[0] < 1e-7 and 1.0 - 1e-6 < numpy_of(ends)[1] < 1.0
    normal = numpy_of(_normal(ends))
    assert np.isfinite(normal).all() and 5.0 < normal[1] < 5.5

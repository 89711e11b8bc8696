"""Mixtures in the plane: as many points of each mode, where the table says."""

import numpy as np
import pytest

import kgen


@pytest.mark.parametrize(("name", "modes", "std"), [("gaussian_grid", 25, 0.05), ("gaussian_ring", 8, 0.01)])
def test_points_lie_around_the_centre_of_their_mode(name, modes, std):
    centres, stated = kgen.datasets.gaussian_modes(name)
    assert (len(centres), stated) == (modes, std)
    for split, n in (("train", 100_000), ("test", 10_000)):
        points, labels = kgen.datasets.load(name, split=split)
        assert points.shape == (n, 2)
        assert points.dtype == np.float32
        assert labels.dtype == np.int64
        assert set(np.bincount(labels, minlength=modes)) == {n // modes}
        deviation = (points - centres[labels]) / std
        assert np.abs(deviation.mean(axis=0)).max() < 0.05
        np.testing.assert_allclose(deviation.std(axis=0), 1.0, atol=0.03)
        assert (np.linalg.norm(points[:, None] - centres, axis=-1).argmin(axis=1) == labels).all()


def test_the_grid_is_the_one_of_the_paper():
    centres, _ = kgen.datasets.gaussian_modes("gaussian_grid")
    assert centres.tolist() == [[x, y] for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]


def test_the_ring_has_radius_one():
    centres, _ = kgen.datasets.gaussian_modes("gaussian_ring")
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(centres[2], [0.0, 1.0], atol=1e-7)


def test_they_are_the_same_every_time_and_differ_by_split():
    first, again = (kgen.datasets.load("gaussian_grid", split="test")[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    train = kgen.datasets.load("gaussian_grid")[0]
    assert not set(map(tuple, first)) & set(map(tuple, train))


def test_an_unknown_mixture():
    with pytest.raises(ValueError, match="name: expected one of 'gaussian_grid', 'gaussian_ring', got 'grid'"):
        kgen.datasets.gaussian_modes("grid")

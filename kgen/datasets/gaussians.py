"""Points in the plane, drawn from a few narrow Gaussians: whether a model finds all of them can be counted.

What a GAN forgets it never dreams of, and in pictures that is hard to see. Here every dream belongs to a mode, or to
none. The mixtures are those of Lin et al., PacGAN: The power of two samples in generative adversarial networks, 2018.
"""

import numpy as np

from kgen.functional.checks import check_in

SIZES = {"train": 100_000, "test": 10_000}
ANGLES = 2 * np.pi * np.arange(8) / 8
# For each mixture the centres of its modes, and the standard deviation of each.
MIXTURES = {
    "gaussian_grid": ([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], 0.05),
    "gaussian_ring": (np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1), 0.01),
}


def gaussian_modes(name):
    """Where the modes of a mixture are: (centres float32 `(modes, 2)`, their standard deviation, a float).

    What `kgen.metrics.mode_coverage(points, centres, radius=3 * std)` wants to know.

    Args:
        name: "gaussian_grid" (25 modes) or "gaussian_ring" (8 modes), as in `kgen.datasets.load`. Mode i of its labels
            is row i of the centres.

    Raises:
        ValueError: no such mixture.

    Example:

    >>> import kgen
    >>> centres, std = kgen.datasets.gaussian_modes("gaussian_grid")
    >>> centres.shape, std
    ((25, 2), 0.05)
    """
    check_in("name", name, tuple(MIXTURES))
    centres, std = MIXTURES[name]
    return np.asarray(centres, "float32"), std


def gaussian_grid(split, data_dir=None):
    """25 Gaussians on a grid, centres at -4, -2, 0, 2, 4 on both axes, standard deviation 0.05: PacGAN's "2D grid".

    100,000 points to train and 10,000 to test, float32 `(n, 2)`, and the mode of each, int64 0..24 (5 · column + row),
    equally many of each. Made up, the same every time; nothing is read from `data_dir`.
    Licence: there is nothing to license.
    """
    return _drawn("gaussian_grid", split)


def gaussian_ring(split, data_dir=None):
    """8 Gaussians on the unit circle, standard deviation 0.01: PacGAN's "2D ring". All else, Licence too, as the grid.

    Mode k lies at the angle 2πk / 8.
    """
    return _drawn("gaussian_ring", split)


def _drawn(name, split):
    check_in("split", split, tuple(SIZES))
    centres, std = gaussian_modes(name)
    rng = np.random.default_rng([list(SIZES).index(split), len(centres)])
    modes = rng.permutation(SIZES[split]) % len(centres)
    points = centres[modes] + std * rng.standard_normal((SIZES[split], 2))
    return points.astype("float32"), modes.astype("int64")

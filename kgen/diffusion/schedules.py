"""How noise takes the place of an image:  x_t = α_t x₀ + σ_t ε,  ε ~ N(0, 1).

t counts from 0, where next to nothing is noise, to N - 1, where next to all is. A schedule is the table of α and σ.
"""

import keras
import numpy as np

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.configured import Configured


class Schedule(Configured):
    """Base of schedules: `alphas` and `sigmas`, float64 `(num_timesteps,)`.

    `default_prediction` names what a network is best taught to predict, see `kgen.diffusion.predictions`.
    """

    default_prediction = "v"

    def __init__(self, num_timesteps):
        check_int("num_timesteps", num_timesteps, minimum=2)
        self.num_timesteps = num_timesteps

    def levels(self):
        """(alphas, sigmas), float64 `(num_timesteps,)` each."""
        raise NotImplementedError

    @property
    def alphas(self):
        return self.levels()[0]

    @property
    def sigmas(self):
        return self.levels()[1]


@keras.saving.register_keras_serializable(package="kgen")
class Linear(Schedule):
    """The variance that each step adds grows in a straight line: α² = Π (1 - β), σ² = 1 - α².

    Args:
        num_timesteps: N ≥ 2.
        beta_start, beta_end: the first and the last β, in (0, 1).

    Raises:
        ValueError: an argument outside its range.

    Reference: Ho et al., Denoising Diffusion Probabilistic Models, 2020.

    Example:

    >>> import kgen
    >>> schedule = kgen.diffusion.Linear()
    >>> [round(float(sigma), 2) for sigma in schedule.sigmas[[0, 500, 999]]]
    [0.01, 0.96, 1.0]
    """

    def __init__(self, num_timesteps=1000, beta_start=1e-4, beta_end=0.02):
        super().__init__(num_timesteps)
        check_number("beta_start", beta_start, minimum=1e-9, maximum=0.999)
        check_number("beta_end", beta_end, minimum=beta_start, maximum=0.999)
        self.beta_start = beta_start
        self.beta_end = beta_end

    def levels(self):
        return _of_betas(np.linspace(self.beta_start, self.beta_end, self.num_timesteps))


@keras.saving.register_keras_serializable(package="kgen")
class Cosine(Schedule):
    """α² falls as a squared cosine, so that less time is spent in mere noise.

        α²_t = f(t + 1) / f(0),  f(t) = cos²(π/2 · (t/N + s) / (1 + s))        no step with a β above 0.999

    Args:
        num_timesteps: N ≥ 2.
        offset: s, in [0, 1): how little noise the first step adds.

    Raises:
        ValueError: an argument outside its range.

    Reference: Nichol and Dhariwal, Improved Denoising Diffusion Probabilistic Models, 2021.

    Example:

    >>> import kgen
    >>> schedule = kgen.diffusion.Cosine()
    >>> [round(float(sigma), 2) for sigma in schedule.sigmas[[0, 500, 999]]]
    [0.01, 0.71, 1.0]
    """

    def __init__(self, num_timesteps=1000, offset=0.008):
        super().__init__(num_timesteps)
        check_number("offset", offset, minimum=0.0, maximum=0.999)
        self.offset = offset

    def levels(self):
        time = np.arange(self.num_timesteps + 1) / self.num_timesteps
        left = np.cos((time + self.offset) / (1.0 + self.offset) * np.pi / 2) ** 2
        return _of_betas(np.minimum(1.0 - left[1:] / left[:-1], 0.999))


@keras.saving.register_keras_serializable(package="kgen")
class Flow(Schedule):
    """The straight way from image to noise: α = 1 - σ (rectified flow, flow matching).

        σ = s u / (1 + (s - 1) u),  u = (t + 1) / N

    Args:
        num_timesteps: N ≥ 2.
        shift: s > 0; above 1 more time is spent where there is much noise, as large images want it.

    Raises:
        ValueError: an argument outside its range.

    References: Lipman et al., Flow Matching for Generative Modeling, 2023; Liu et al., Flow Straight and Fast, 2023;
    the shift: Esser et al., Scaling Rectified Flow Transformers, 2024.

    Example:

    >>> import kgen
    >>> schedule = kgen.diffusion.Flow()
    >>> [round(float(sigma), 3) for sigma in schedule.sigmas[[0, 499, 999]]]
    [0.001, 0.5, 1.0]
    """

    default_prediction = "velocity"

    def __init__(self, num_timesteps=1000, shift=1.0):
        super().__init__(num_timesteps)
        check_number("shift", shift, minimum=1e-3)
        self.shift = shift

    def levels(self):
        time = np.arange(1, self.num_timesteps + 1) / self.num_timesteps
        sigmas = self.shift * time / (1.0 + (self.shift - 1.0) * time)
        return 1.0 - sigmas, sigmas


def _of_betas(betas):
    kept = np.cumprod(1.0 - betas)
    return np.sqrt(kept), np.sqrt(1.0 - kept)

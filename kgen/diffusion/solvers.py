"""From noise to an image in a few steps. A solver is a table: each row asks the network once, and mixes what is there.

    x_next = a x + b x₀ + c z + d x' + e x₀'

x₀ is the image that the network sees behind x, z fresh noise, and x', x₀' are what x and x₀ were one row before. The
formulas of all solvers are such rows, so one loop runs them all (`loop.py`), and no solver knows a network.

All of them follow the same curve. In y = x/(α + σ) and τ = σ/(α + σ) it is dy/dτ = ε - x₀, with τ from 1 to 0 whatever
the schedule; in y = x/α and s = σ/α it is dy/ds = ε.
"""

from typing import NamedTuple

import keras
import numpy as np

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.configured import Configured

COLUMNS = ("x", "x0", "noise", "previous_x", "previous_x0")


class Plan(NamedTuple):
    """What a loop does, row by row."""

    times: np.ndarray  # int32 (rows,): t, as the network is told
    coefficients: np.ndarray  # float64 (rows, 5): of COLUMNS
    levels: np.ndarray  # float64 (rows, 2): α and σ of where the row leads
    start: tuple  # (α, σ) of where the first row begins


class Solver(Configured):
    """Base of solvers: `plan` makes the table for a schedule and a number of steps."""

    order = 1

    def plan(self, schedule, steps, start=1.0):
        """The way down to the image.

        Args:
            schedule: see `kgen.diffusion.Linear`.
            steps: int ≥ 1, how many; at most `num_timesteps`.
            start: in (0, 1]: where to begin, 1 in mere noise; at 0.6 an image that six tenths of the way have passed
                over still shows through.

        Raises:
            ValueError: an argument outside its range.
        """
        times, levels = _stations(schedule, steps, start)
        return self._plan(times, levels)

    def _plan(self, times, levels):
        rows = [self.row(i, levels) for i in range(len(times))]
        return Plan(times, np.array(rows), levels[1:], tuple(levels[0]))

    def row(self, i, levels):
        """The coefficients of step i, from `levels[i]` to `levels[i + 1]`; levels are pairs (α, σ), float64."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="kgen")
class DDIM(Solver):
    """Straight on to where the network sees the image, and as much noise as belongs there, part of it fresh.

        x_next = α' x₀ + √(σ'² - v²) ε + v z,   v = η σ' √(1 - (s'/s)²)

    Args:
        eta: η in [0, 1], the share of fresh noise; 0 is deterministic, 1 is `DDPM`.

    Raises:
        ValueError: `eta` outside its range.

    Reference: Song et al., Denoising Diffusion Implicit Models, 2021.

    Example:

    >>> import kgen
    >>> plan = kgen.diffusion.DDIM().plan(kgen.diffusion.Linear(), steps=4)
    >>> plan.times.tolist(), plan.coefficients.shape
    ([999, 749, 499, 249], (4, 5))
    """

    def __init__(self, eta=0.0):
        check_number("eta", eta, minimum=0.0, maximum=1.0)
        self.eta = eta

    def row(self, i, levels):
        return _first_order(levels[i], levels[i + 1], self.eta)


@keras.saving.register_keras_serializable(package="kgen")
class DDPM(Solver):
    """Draws from the posterior of the step before: as random as the noising itself, and good with many steps.

    Reference: Ho et al., Denoising Diffusion Probabilistic Models, 2020 (with its smaller variance).

    Example:

    >>> import kgen
    >>> kgen.diffusion.DDPM().plan(kgen.diffusion.Linear(), steps=1000).times[:3].tolist()
    [999, 998, 997]
    """

    def row(self, i, levels):
        return _first_order(levels[i], levels[i + 1], eta=1.0)


@keras.saving.register_keras_serializable(package="kgen")
class Euler(Solver):
    """Steps along the curve in the direction that it has where the step begins.

        y' = y + (τ' - τ) (ε - x₀)

    On a flow that is x' = x + (σ' - σ) velocity; and it is DDIM without fresh noise, which was found later to be this.

    Reference: Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, 2022.

    Example:

    >>> import kgen
    >>> kgen.diffusion.Euler().plan(kgen.diffusion.Flow(), steps=4).times.tolist()
    [999, 749, 499, 249]
    """

    def row(self, i, levels):
        return _first_order(levels[i], levels[i + 1], eta=0.0)

    def inversion(self, schedule, steps):
        """The way back: the plan that leads from an image to the noise from which `plan` makes that image.

        Arguments as for `plan`. The two ways meet the better the more steps there are.
        """
        times, levels = _stations(schedule, steps, 1.0)
        # An image is what is left at t = 0, where next to nothing is noise.
        times = np.append(times[1:], 0)[::-1].astype("int32")
        levels = np.concatenate([levels[:-1], [[schedule.alphas[0], schedule.sigmas[0]]]])[::-1]
        return self._plan(times, levels)


@keras.saving.register_keras_serializable(package="kgen")
class Heun(Euler):
    """Looks at the direction at both ends of an Euler step and takes the mean: twice the work, errors squared.

        y' = y + (τ' - τ) (u(y, τ) + u(ỹ, τ')) / 2,   u = ε - x₀,   ỹ = y + (τ' - τ) u(y, τ)

    Two rows for each step, one for the last.

    Reference: Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, 2022.

    Example:

    >>> import kgen
    >>> kgen.diffusion.Heun().plan(kgen.diffusion.Linear(), steps=3).times.tolist()
    [999, 666, 666, 332, 332]
    """

    order = 2

    def _plan(self, times, levels):
        rows, asked, reached = [], [], []
        for i, time in enumerate(times):
            here, there = levels[i], levels[i + 1]
            rows.append(_first_order(here, there, 0.0))
            asked.append(time)
            reached.append(there)
            if i + 1 < len(times):
                rows.append(_corrected(here, there))
                asked.append(times[i + 1])
                reached.append(there)
        return Plan(np.array(asked, "int32"), np.array(rows), np.array(reached), tuple(levels[0]))


@keras.saving.register_keras_serializable(package="kgen")
class DPMSolver(Solver):
    """DPM-Solver++ (2M): what the last two looks at the image say of where it moves; 10 to 20 steps are enough.

        x' = (σ'/σ) x + α' (1 - s'/s) (x₀ + (x₀ - x₀') h / 2h'),   h = log s - log s', h' that of the step before

    The first and the last step are of first order.

    Reference: Lu et al., DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models, 2022.

    Example:

    >>> import kgen
    >>> kgen.diffusion.DPMSolver().plan(kgen.diffusion.Linear(), steps=20).coefficients.shape
    (20, 5)
    """

    order = 2

    def row(self, i, levels):
        a, b, *_ = _first_order(levels[i], levels[i + 1], 0.0)
        if i in (0, len(levels) - 2):
            return a, b, 0.0, 0.0, 0.0
        with np.errstate(divide="ignore"):  # in mere noise s is infinite, and what was seen there counts nothing
            s = np.log(levels[i - 1 : i + 2, 1] / levels[i - 1 : i + 2, 0])
        half = 0.5 * (s[1] - s[2]) / (s[0] - s[1])
        return a, b * (1.0 + half), 0.0, 0.0, -b * half


def _stations(schedule, steps, start):
    """(times int32 `(steps,)`, falling; levels float64 `(steps + 1, 2)`, the clean image last)."""
    check_int("steps", steps, minimum=1)
    check_number("start", start, minimum=1e-6, maximum=1.0)
    most = max(1, round(start * schedule.num_timesteps))
    if steps > most:
        raise ValueError(f"steps: expected at most {most}, got {steps}; so many timesteps are there from the start on")
    times = np.round(np.linspace(most, 0, steps, endpoint=False)).astype("int32") - 1
    levels = np.stack(schedule.levels(), axis=1)[times]
    return times, np.concatenate([levels, [[1.0, 0.0]]])


def _first_order(here, there, eta):
    (alpha, sigma), (next_alpha, next_sigma) = here, there
    faded = alpha * next_sigma / (next_alpha * sigma) if eta else 1.0
    fresh = eta * next_sigma * np.sqrt(max(0.0, 1.0 - faded**2))
    kept = np.sqrt(max(0.0, next_sigma**2 - fresh**2)) / sigma
    return kept, next_alpha - alpha * kept, fresh, 0.0, 0.0


def _corrected(here, there):
    """Of the row after an Euler step: x and x₀ are those of its end, x' and x₀' those of its beginning."""
    (_, sigma), (_, next_sigma) = here, there
    total, next_total = sum(here), sum(there)
    half = 0.5 * (next_sigma / next_total - sigma / total)  # (τ' - τ) / 2, and u = (x - (α + σ) x₀) / σ
    return (
        next_total * half / next_sigma,
        -(next_total**2) * half / next_sigma,
        0.0,
        next_total * (1.0 / total + half / sigma),
        -next_total * total * half / sigma,
    )

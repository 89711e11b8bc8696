"""What a network may be taught to predict, and what follows from it for the image behind the noise.

Everything is linear. With x = α x₀ + σ ε, a network is taught c x₀ + d ε and its prediction p gives x₀ = a x + b p:

| prediction | c, d | a, b |
|---|---|---|
| epsilon, the noise | 0, 1 | 1/α, -σ/α |
| x0, the image | 1, 0 | 0, 1 |
| v = α ε - σ x₀ | -σ, α | α/(α² + σ²), -σ/(α² + σ²) |
| velocity = ε - x₀, the way of a flow | -1, 1 | 1/(α + σ), -σ/(α + σ) |

References: Ho et al., 2020 (ε); Salimans and Ho, Progressive Distillation, 2022 (v); Lipman et al., 2023 (velocity).
"""

import numpy as np

NAMES = ("epsilon", "x0", "v", "velocity")


def taught(prediction, schedule):
    """(c, d), float64 `(num_timesteps,)` each: at t the network is taught c x₀ + d ε."""
    alphas, sigmas = schedule.levels()
    zeros, ones = np.zeros_like(alphas), np.ones_like(alphas)
    return {
        "epsilon": (zeros, ones),
        "x0": (ones, zeros),
        "v": (-sigmas, alphas),
        "velocity": (-ones, ones),
    }[prediction]


def recovered(prediction, schedule):
    """(a, b), float64 `(num_timesteps,)` each: of a prediction p at t follows x₀ = a x + b p.

    Raises:
        ValueError: "epsilon", where a schedule ends in mere noise: there ε says nothing of x₀.
    """
    alphas, sigmas = schedule.levels()
    if prediction == "epsilon" and not alphas.all():
        raise ValueError(
            f"prediction: {schedule!r} ends in mere noise, of which 'epsilon' says nothing; take 'velocity'"
        )
    if prediction == "epsilon":
        return 1.0 / alphas, -sigmas / alphas
    if prediction == "x0":
        return np.zeros_like(alphas), np.ones_like(alphas)
    total, kept = (alphas**2 + sigmas**2, alphas) if prediction == "v" else (alphas + sigmas, 1.0)
    return kept / total, -sigmas / total


def weights(prediction, schedule, gamma=None):
    """How much the squared error of a prediction counts at each t, float64 `(num_timesteps,)`.

    Without `gamma`: 1 everywhere. With it: min(SNR, γ) times the squared error of x₀ that follows from it, where
    SNR = α²/σ²; what is nearly clean and what is nearly noise then pull less against each other (Hang et al., Efficient
    Diffusion Training via Min-SNR Weighting Strategy, 2023).
    """
    alphas, sigmas = schedule.levels()
    if gamma is None:
        return np.ones_like(alphas)
    return np.minimum((alphas / sigmas) ** 2, gamma) * recovered(prediction, schedule)[1] ** 2

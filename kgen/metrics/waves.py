"""How close a wave comes to the true one: error of samples, and distance of spectra.

A wave of the right spectrum with other phases sounds right and has a signal-to-noise ratio near 0 dB; so papers on
audio super-resolution print both.
"""

import numpy as np

from kgen.functional.checks import check_int
from kgen.metrics.sample_sets import SampleScore

FLOOR = 1e-10  # power below which silence is silence: -100 dB of a sample at full scale


def signal_to_noise(references, waves):
    """Signal-to-noise ratio of waves in dB, ∞ for equal ones.

        SNR = 10 log₁₀(Σ x² / Σ (x - y)²),  x the reference and y the wave

    The mean over waves is a mean of dB.

    Args:
        references: float `(n, samples)`, or one wave `(samples,)`, or a list of waves of different length: the truth.
        waves: the same lengths: what a model made of it.

    Returns:
        a float that knows how it was counted, with an attribute `each`: float64 `(n,)`.

    Raises:
        ValueError: no waves, another number or length, NaN, or a reference that is silent.

    Example:

    >>> import numpy as np, kgen
    >>> wave = np.sin(np.arange(8000.0))
    >>> kgen.metrics.signal_to_noise(wave, 0.9 * wave)
    20 (SNR, dB|n:1)

    Reference: Kuleshov et al., Audio Super-Resolution using Neural Networks, 2017.
    """
    pairs = _pairs(references, waves)
    each = []
    for i, (x, y) in enumerate(pairs):
        if not x.any():
            raise ValueError(f"references: expected some sound, wave {i} is silent; leave it out")
        with np.errstate(divide="ignore"):
            each.append(10.0 * np.log10(np.square(x).sum() / np.square(x - y).sum()))
    return _score("SNR, dB", each)


def log_spectral_distance(references, waves, window=2048, hop=None):
    """Log-spectral distance of waves, 0 for equal spectra; 1 is a factor of ten in power at every frequency.

        LSD = mean over frames of √(mean over frequencies of (log₁₀ |X|² - log₁₀ |Y|²)²)

    X and Y are short-time Fourier transforms under a Hann window; what has less power than 10⁻¹⁰ counts as 10⁻¹⁰.
    The unit is that of the paper (times ten it is dB).

    Args:
        references: float `(n, samples)` in [-1, 1], or one wave `(samples,)`, or a list of waves of different length.
        waves: the same lengths: what a model made of it.
        window: int ≥ 2, samples of a frame: the paper's 2,048 at 16 and 48 kHz; at 8 kHz 512 is 64 ms. Shorter waves
            are padded with silence to one frame.
        hop: int ≥ 1, samples from frame to frame; None for a quarter of `window`. A rest that fills no frame is not
            looked at.

    Returns:
        a float ≥ 0, symmetric, that knows how it was counted, with an attribute `each`: float64 `(n,)`. Figures of
        different windows must not be compared: `signature` names the window.

    Raises:
        ValueError: no waves, another number or length, or NaN.

    Example:

    >>> import numpy as np, kgen
    >>> wave = np.random.default_rng(0).normal(size=8000)
    >>> kgen.metrics.log_spectral_distance(wave, 10 * wave, window=512)
    2 (LSD|window:512|hop:128|n:1)

    Reference: Gray and Markel, Distance Measures for Speech Processing, 1976; Kuleshov et al., Audio Super-Resolution
    using Neural Networks, 2017.
    """
    check_int("window", window, minimum=2)
    hop = max(1, window // 4) if hop is None else hop
    check_int("hop", hop, minimum=1)
    pairs = _pairs(references, waves)
    each = []
    for x, y in pairs:
        difference = _log_power(x, window, hop) - _log_power(y, window, hop)
        each.append(np.sqrt(np.square(difference).mean(-1)).mean())
    return _score("LSD", each, f"window:{window}|hop:{hop}|")


def _log_power(wave, window, hop):
    """log₁₀ of the power, `(frames, frequencies)`."""
    wave = np.pad(wave, (0, max(0, window - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)  # periodic, as spectra want it
    return np.log10(np.maximum(np.square(np.abs(np.fft.rfft(frames * hann))), FLOOR))


def _score(name, each, settings=""):
    each = np.array(each)
    return SampleScore(each.mean(), name, f"{settings}n:{len(each)}", each=each)


def _pairs(references, waves):
    """A list of pairs of float64 waves of equal length."""
    references, waves = _listed("references", references), _listed("waves", waves)
    if len(waves) != len(references):
        raise ValueError(f"waves: expected one for each of {len(references)} references, got {len(waves)}")
    for i, (x, y) in enumerate(zip(references, waves, strict=True)):
        if len(x) != len(y):
            raise ValueError(f"waves: expected {len(x)} samples in wave {i}, as in its reference, got {len(y)}")
    return list(zip(references, waves, strict=True))


def _listed(name, waves):
    if not isinstance(waves, list | tuple):
        waves = np.asarray(waves)
        waves = waves[None] if waves.ndim == 1 else waves
    if not np.iterable(waves) or not len(waves):
        raise ValueError(f"{name}: expected waves as (n, samples), (samples,) or a list of (samples,), got {waves!r}")
    waves = [np.asarray(wave) for wave in waves]
    for wave in waves:
        if wave.dtype.kind not in "uif" or wave.ndim != 1 or not len(wave):
            raise ValueError(f"{name}: expected waves of shape (samples,), got {wave.dtype} of shape {wave.shape}")
        if not np.isfinite(wave).all():
            raise ValueError(f"{name}: expected finite samples, got NaN or infinite ones")
    return [wave.astype("float64") for wave in waves]

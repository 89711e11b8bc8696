"""Sound from WAV files and into them, by Python's own `wave`.

A sample is an integer in a file and a float in [-1, 1] here:

    float = integer / 2^(bits - 1),  integer = round(float · 2^15), +1 becoming 32,767

so that reading and writing a file of 16 bits changes nothing.
"""

import os
import wave as standard_library
from pathlib import Path

import numpy as np

from kgen.functional.checks import check_int
from kgen.presets.files import atomic_write

FULL_SCALE = 1 << 15


def audio_file(path):
    """The sound in a WAV file of PCM samples of 8, 16, 24 or 32 bits; of several channels, their mean.

    It is not resampled: a model wants the rate that it was trained on.

    Args:
        path: str or path.

    Returns:
        (wave, rate): float32 `(samples,)` in [-1, 1], and an int, samples a second.

    Raises:
        TypeError: `path` is neither a string nor a path.
        FileNotFoundError: there is no such file.
        ValueError: no WAV file, truncated, empty, or with samples that are no PCM (floats, compressed).

    Example:

    >>> import tempfile, numpy as np, kgen
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kgen.datasets.write_audio(folder + "/a.wav", np.sin(np.arange(800) / 3), rate=8000)
    ...     sound, rate = kgen.datasets.audio_file(folder + "/a.wav")
    >>> sound.shape, sound.dtype, rate
    ((800,), dtype('float32'), 8000)
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected a file as a string or a path, got {path!r}")
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"path: no such file: {path}")
    try:
        with standard_library.open(str(path), "rb") as file:
            channels, width, rate, frames, *_ = file.getparams()
            if frames * channels * width > path.stat().st_size:  # before memory is taken for what is not there
                raise ValueError(f"path: {path} is truncated, {frames} frames of sound do not fit in it")
            data = file.readframes(frames)
    except (standard_library.Error, EOFError) as error:
        reason = str(error) or "it ends in its header"
        raise ValueError(
            f"path: {path} is no WAV file of PCM samples ({reason}); convert it, for instance by "
            f"ffmpeg -i {path.name} -c:a pcm_s16le converted.wav"
        ) from None
    if width not in (1, 2, 3, 4) or rate < 1:
        raise ValueError(f"path: {path} has {8 * width} bits a sample at {rate} Hz; expected 8, 16, 24 or 32 bits")
    if not frames:
        raise ValueError(f"path: {path} holds no sound")
    if len(data) != frames * channels * width:
        raise ValueError(f"path: {path} is truncated, {len(data) // (channels * width)} of {frames} frames are there")
    samples = _integers(data, width).reshape(frames, channels) / 2.0 ** (8 * width - 1)
    return samples.mean(axis=1).astype("float32"), rate


def write_audio(path, wave, rate):
    """Write a sound as a mono WAV file of 16 bits.

    Args:
        path: str or path, replaced if it exists.
        wave: float `(samples,)` in [-1, 1].
        rate: int ≥ 1, samples a second.

    Raises:
        TypeError: `path` is neither a string nor a path.
        ValueError: no samples, another shape or dtype, NaN, or samples outside [-1, 1].

    Example: see `kgen.datasets.audio_file`.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected a file as a string or a path, got {path!r}")
    check_int("rate", rate, minimum=1)
    wave = np.asarray(wave)
    if wave.dtype.kind != "f" or wave.ndim != 1 or not len(wave):
        raise ValueError(f"wave: expected floats of shape (samples,), got {wave.dtype} of shape {wave.shape}")
    if not np.abs(wave).max() <= 1.0:  # NaN is refused too
        raise ValueError(
            f"wave: expected samples in [-1, 1], got some in [{wave.min():g}, {wave.max():g}]; "
            "divide by the largest, or use numpy.clip"
        )
    samples = np.rint(wave.astype("float64") * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    with atomic_write(path) as temporary, standard_library.open(str(temporary), "wb") as file:
        file.setparams((1, 2, int(rate), len(samples), "NONE", "not compressed"))
        file.writeframes(samples.tobytes())


def _integers(data, width):
    """The samples of any width as integers around zero."""
    if width == 1:  # the only one without a sign
        return np.frombuffer(data, "u1").astype("int16") - 128
    if width == 3:
        padded = np.zeros((len(data) // 3, 4), "u1")  # into the upper three bytes of four, little end first
        padded[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
        return padded.view("<i4")[:, 0] >> 8
    return np.frombuffer(data, f"<i{width}")

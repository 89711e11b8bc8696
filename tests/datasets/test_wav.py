"""WAV files: what is written is read again, whatever the width, and what is no sound is refused."""

import re
import struct
import wave

import numpy as np
import pytest

import kgen
from kgen.datasets import audio_file
from kgen.datasets import write_audio

SOUND = np.sin(np.arange(200) / 7) * np.linspace(-1, 1, 200)


def write(path, data, width, channels=1, rate=8000):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)
    return path


def encoded(sound, width):
    """The bytes of samples, integer by integer."""
    integers = np.rint(np.asarray(sound) * (2 ** (8 * width - 1) - 1)).astype("int64").tolist()
    if width == 1:
        return bytes(one + 128 for one in integers)
    return b"".join(one.to_bytes(width, "little", signed=True) for one in integers)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_every_width_are_the_sound(width, tmp_path):
    sound, rate = audio_file(write(tmp_path / "a.wav", encoded(SOUND, width), width, rate=22050))
    assert rate == 22050
    assert sound.dtype == np.float32
    np.testing.assert_allclose(sound, SOUND, atol=2.0 ** (2 - 8 * width) + 1e-7)


def test_channels_are_averaged(tmp_path):
    both = np.stack([SOUND, -0.5 * SOUND], axis=1).reshape(-1)
    sound, _ = audio_file(write(tmp_path / "a.wav", encoded(both, 2), 2, channels=2))
    np.testing.assert_allclose(sound, 0.25 * SOUND, atol=1e-4)


def test_reading_and_writing_changes_no_sample(tmp_path):
    integers = np.array([-(1 << 15), -1, 0, 1, 12345, (1 << 15) - 1], "<i2")
    write(tmp_path / "a.wav", integers.tobytes(), 2)
    sound, rate = audio_file(str(tmp_path / "a.wav"))
    assert sound.min() == -1.0
    write_audio(tmp_path / "b.wav", sound, rate)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_full_scale_is_kept(tmp_path):
    write_audio(tmp_path / "a.wav", np.array([1.0, -1.0, 0.0]), 8000)
    np.testing.assert_allclose(audio_file(tmp_path / "a.wav")[0], [1, -1, 0], atol=4e-5)


def header(audio_format=1, bits=16, frames=4, claimed=None):
    """A WAV file by hand, so that its header can say what Python's would not write."""
    size = frames * bits // 8
    form = struct.pack("<HHIIHH", audio_format, 1, 8000, 8000 * bits // 8, bits // 8, bits)
    data = struct.pack("<4sI", b"data", size if claimed is None else claimed) + b"\0" * size
    body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no WAV file of PCM samples .it ends in its header."),
        (b"not a sound", "is no WAV file"),
        (header(audio_format=3, bits=32), "is no WAV file of PCM samples .unknown format: 3.; convert it"),
        (header(bits=64), "has 64 bits a sample at 8000 Hz"),
        (header(frames=0), "holds no sound"),
        (header(frames=100, claimed=220), "is truncated, 100 of 110 frames"),
        (header(claimed=4_000_000_000), "is truncated, 2000000000 frames of sound do not fit"),
    ],
    ids=["empty", "text", "floats", "64 bits", "silent", "cut off", "boasting"],
)
def test_what_is_no_sound(data, reason, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"path: {re.escape(str(path))} {reason}"):
        audio_file(path)


def test_a_good_header_by_hand_is_read(tmp_path):
    (tmp_path / "a.wav").write_bytes(header())
    assert audio_file(tmp_path / "a.wav")[0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.array([0.0, 1.5]), r"wave: expected samples in \[-1, 1\], got some in \[0, 1.5\]"),
        (np.array([np.nan]), r"wave: expected samples in \[-1, 1\]"),
        (np.zeros((2, 2)), r"wave: expected floats of shape .samples,., got float64 of shape \(2, 2\)"),
        (np.zeros(2, "int16"), "wave: expected floats .* got int16"),
        (np.zeros(0), "wave: expected floats"),
    ],
)
def test_what_cannot_be_written(sound, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        write_audio(tmp_path / "a.wav", sound, 8000)
    assert not list(tmp_path.iterdir())


def test_other_arguments(tmp_path):
    with pytest.raises(ValueError, match="rate: expected an integer of at least 1, got 0"):
        write_audio(tmp_path / "a.wav", SOUND, 0)
    for function in (lambda path: write_audio(path, SOUND, 8000), audio_file):
        with pytest.raises(TypeError, match=r"path: expected a file .* got 3"):
            function(3)
    with pytest.raises(FileNotFoundError, match="path: no such file"):
        kgen.datasets.audio_file(tmp_path / "a.wav")

"""Spoken digits: six people say 0 to 9, half a second each, at 8 kHz."""

import itertools
import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kgen.datasets.downloads import find_in
from kgen.datasets.downloads import nothing_to_download
from kgen.datasets.npz import read_npz
from kgen.datasets.wav import audio_file
from kgen.functional.checks import check_in

SPLITS = ("train", "test")
ARRAYS = ("audio", "offsets", "digit", "speaker", "speakers", "rate")
TEST_ONE_IN = 5
RECORDING = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
HOW = (
    "Clone https://github.com/Jakobovski/free-spoken-digit-dataset and pass its folder; "
    "there is nothing to download by itself."
)


class SpokenDigits(NamedTuple):
    """What `load("spoken_digits")` returns; `speaker_names[speakers[i]]` says `labels[i]` in `waves[i]`."""

    waves: list  # float32 (samples,) in [-1, 1], each of its own length
    labels: np.ndarray  # int64 (n,) in 0..9
    speakers: np.ndarray  # int64 (n,)
    speaker_names: list
    rate: int  # samples a second


def spoken_digits(split, data_dir=None):
    """The Free Spoken Digit Dataset: `(waves, labels, speakers, speaker_names, rate)`, one to two thousand recordings.

    A wave is float32 `(samples,)` in [-1, 1], 1,000 to 18,000 samples at 8,000 a second, in a list because no two are
    equally long. Of each speaker and digit every fifth recording is "test", those whose number is 0, 5, 10 and so on:
    so no take is in two splits, but every voice is in both. (The published test is 0 to 4.)

    `data_dir` holds the folder `recordings` of https://github.com/Jakobovski/free-spoken-digit-dataset, with files such
    as 7_jackson_32.wav; or, in one file, `fsdd_8khz.npz`: `audio` int16, all recordings in a row, of each speaker and
    digit in the order of their numbers, which begin with a multiple of five; `offsets` int (n + 1,), where each begins
    and ends; `digit` and `speaker` int (n,); `speakers` str, the names; `rate` int. Licence: CC BY-SA 4.0.
    """
    check_in("split", split, SPLITS)
    path = find_in(data_dir, ("fsdd_8khz.npz",))
    waves, labels, speakers, names, numbers, rate = _from_npz(path) if path else _from_folder(data_dir)
    rows = np.flatnonzero((numbers % TEST_ONE_IN == 0) == (split == "test"))
    if not len(rows):
        raise ValueError(f"{path or data_dir}: {len(waves)} recordings are too few for two splits, {split!r} is empty")
    return SpokenDigits([waves[row] for row in rows], labels[rows], speakers[rows], names, rate)


def _from_npz(path):
    audio, offsets, digits, speakers, names, rate = read_npz(path, ARRAYS)
    n = len(digits) if digits.ndim else 0
    right = (
        audio.dtype == np.int16
        and audio.ndim == 1
        and n > 0
        and all(one.dtype.kind in "iu" for one in (offsets, digits, speakers, rate))
        and (offsets.shape, digits.shape, speakers.shape, rate.shape) == ((n + 1,), (n,), (n,), ())
        and names.dtype.kind == "U"
        and names.ndim == 1
    )
    if not right:
        raise ValueError(
            f"{path}: expected audio int16, offsets (n + 1,), digit and speaker (n,), speakers str and a rate, got "
            + ", ".join(f"{one.dtype} {one.shape}" for one in (audio, offsets, digits, speakers, names, rate))
        )
    inside = offsets[0] >= 0 and offsets[-1] <= len(audio) and (np.diff(offsets.astype("int64")) > 0).all()
    if not inside or digits.max() > 9 or speakers.max() >= len(names) or min(digits.min(), speakers.min(), rate) < 0:
        raise ValueError(f"{path}: damaged, offsets, digits or speakers point outside the data; make it again")
    labels, speakers = digits.astype("int64"), speakers.astype("int64")
    numbers = np.zeros(n, "int64")  # how many of the same speaker and digit came before
    for one in np.unique(10 * speakers + labels):
        same = 10 * speakers + labels == one
        numbers[same] = np.arange(same.sum())
    waves = [(audio[a:b] / np.float32(1 << 15)).astype("float32") for a, b in itertools.pairwise(offsets)]
    return waves, labels, speakers, names.tolist(), numbers, int(rate)


def _from_folder(data_dir):
    folder = Path(data_dir, "recordings").expanduser() if isinstance(data_dir, str | os.PathLike) else None
    found = [(RECORDING.fullmatch(path.name), path) for path in sorted(folder.iterdir())] if _is_dir(folder) else []
    found = [(int(match[1]), match[2], int(match[3]), path) for match, path in found if match]
    if not found:
        raise nothing_to_download(data_dir, "the folder recordings, or fsdd_8khz.npz", HOW)
    names = sorted({name for _, name, _, _ in found})
    sounds = [audio_file(path) for *_, path in found]
    rates = {rate for _, rate in sounds}
    if len(rates) > 1:
        raise ValueError(f"{folder}: expected recordings of one rate, got {sorted(rates)} samples a second")
    labels = np.array([digit for digit, *_ in found], "int64")
    speakers = np.array([names.index(name) for _, name, _, _ in found], "int64")
    numbers = np.array([number for _, _, number, _ in found])
    return [wave for wave, _ in sounds], labels, speakers, names, numbers, rates.pop()


def _is_dir(folder):
    return folder is not None and folder.is_dir()

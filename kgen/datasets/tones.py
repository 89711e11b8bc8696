"""Plucked strings: sound that needs no download, and whose high notes follow from the low ones."""

import numpy as np

from kgen.functional.checks import check_in

SIZES = {"train": 512, "test": 128}
LENGTH, RATE = 512, 8000


def tones(split, data_dir=None):
    """Tones as `(waves, pitches, rate)`: float32 `(n, 512)` in [-1, 1], float32 `(n,)` in Hz, and 8,000: 512 and 128.

    Each is a string of 80 to 400 Hz with overtones that are the weaker and fade the faster the higher they are. They
    are made up when asked for, the same every time. Licence: none needed.
    """
    check_in("split", split, tuple(SIZES))
    rng = np.random.default_rng([5, list(SIZES).index(split)])
    n = SIZES[split]
    pitches = np.exp(rng.uniform(np.log(80.0), np.log(400.0), n))
    time = np.arange(LENGTH) / RATE
    waves = np.zeros((n, LENGTH))
    for overtone in range(1, 10):
        phase = 2 * np.pi * overtone * (pitches[:, None] * time)
        waves += np.exp(-6.0 * overtone * time) / overtone**1.2 * np.sin(phase)
    return (0.5 * waves / np.abs(waves).max(axis=1, keepdims=True)).astype("float32"), pitches.astype("float32"), RATE

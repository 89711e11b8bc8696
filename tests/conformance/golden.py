"""The golden files: the outputs that every backend has to give."""

from pathlib import Path

import numpy as np

from tests.conformance.entries import built
from tests.conformance.entries import inputs_of
from tests.conformance.entries import outputs_of

GOLDEN = Path(__file__).parents[1] / "golden"


def file_of(entry):
    """Where the golden file of an entry lies."""
    return GOLDEN / f"{entry.name}.npz"


def write(entries):
    """Write what `check_golden` expects."""
    for entry in entries:
        outputs = outputs_of(built(entry), inputs_of(entry))
        np.savez_compressed(file_of(entry), *outputs)

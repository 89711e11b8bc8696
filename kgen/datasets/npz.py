"""Arrays from an `.npz` file of unknown origin: no pickle is read, and every error names the file."""

import zipfile

import numpy as np


def read_npz(path, names):
    """The arrays of these names, in this order; the others stay unread.

    Raises:
        ValueError: truncated, damaged, without one of the arrays, or with pickled Python objects in them.
    """
    if not zipfile.is_zipfile(path):  # also what is left of a download that was cut off: the index is at the end
        raise ValueError(f"{path}: truncated, or not an .npz file; fetch it again")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            held = archive.files
            arrays = [np.asarray(archive[name]) for name in names if name in held]
    except Exception as error:  # a flipped bit can make zipfile, zlib and numpy raise nearly every type there is
        raise ValueError(f"{path}: damaged, or not plain arrays ({error}); fetch it again") from error
    if missing := [name for name in names if name not in held]:
        raise ValueError(f"{path}: expected the arrays {', '.join(names)}; {', '.join(missing)} missing, holds {held}")
    return arrays

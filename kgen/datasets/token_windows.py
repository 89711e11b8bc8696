"""Windows of a long sequence of ids for next-token training: packed, in bounded memory, in a reproducible order."""

import copy
import os
from pathlib import Path

import keras
import numpy as np

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int

IGNORED = -1  # in place of a target that does not count


class TokenWindows(keras.utils.PyDataset):
    """Batches of windows of a token file for next-token training: `(x, y)`, both int32 `(batch_size, length)`.

    y is x one step later. Windows are packed: each is `length` consecutive ids whatever documents they belong to, and
    there is no padding. Of n ids the last n - 1 are targets, in ⌈(n - 1) / length⌉ windows that do not overlap, so an
    epoch has each target once. If the last window is short it begins earlier, to have `length` ids like the others,
    and the targets that the window before it has already are -1: a loss leaves them out
    (`keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)`), and no token counts twice.

    The file is mapped anew for each batch: memory stays bounded, worker processes need no state.

    Args:
        tokens: the path that `write_token_file` wrote, `MappedIds` of it, or a one-dimensional array of integers.
        length: int, ids a window, the context of a model. With fewer than length + 1 ids, windows are shorter.
        batch_size: int; the last batch of an epoch may be smaller.
        order: "shuffled": the windows in the order `numpy.random.default_rng([seed, epoch]).permutation(n)`;
            "sequential": as they lie in the file, for evaluation; "random": as many windows as the others have, that
            begin anywhere, drawn by `default_rng([seed, epoch])`: no target is -1, some come twice and some not at all.
        seed: int ≥ 0.
        kwargs: workers, use_multiprocessing, max_queue_size, as in `keras.utils.PyDataset`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or holds something else; fewer than two ids; an argument is out of range.

    Example:

    >>> import numpy as np, kgen
    >>> windows = kgen.datasets.TokenWindows(np.arange(10), length=4, batch_size=3, order="sequential")
    >>> x, y = windows[0]
    >>> x.tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7], [5, 6, 7, 8]]
    >>> y.tolist()
    [[1, 2, 3, 4], [5, 6, 7, 8], [-1, -1, -1, 9]]
    """

    def __init__(self, tokens, length, batch_size=32, *, order="shuffled", seed=0, **kwargs):
        super().__init__(**kwargs)
        check_int("length", length, minimum=1)
        check_int("batch_size", batch_size, minimum=1)
        check_in("order", order, ("shuffled", "sequential", "random"))
        check_int("seed", seed, minimum=0)
        if isinstance(tokens, str | os.PathLike):
            tokens = MappedIds(tokens)
        self.tokens = tokens if isinstance(tokens, MappedIds) else _Held(tokens)
        self.num_targets = len(self.tokens) - 1
        if self.num_targets < 1:
            raise ValueError(f"tokens: expected at least two ids, got {len(self.tokens)}")
        self.length = min(length, self.num_targets)
        self.batch_size = batch_size
        self.order = order
        self.seed = seed
        self.num_windows = -(-self.num_targets // self.length)
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Put the windows into the order of this epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        if self.order == "random":
            self.starts = rng.integers(0, self.num_targets - self.length + 1, self.num_windows)
            return
        self.starts = np.arange(self.num_windows) * self.length
        if self.order == "shuffled":
            self.starts = rng.permutation(self.starts)

    def __len__(self):
        return -(-self.num_windows // self.batch_size)

    def __getitem__(self, index):
        starts = self.starts[index * self.batch_size : (index + 1) * self.batch_size]
        begins = np.minimum(starts, self.num_targets - self.length)
        ids = self.tokens.read()
        windows = np.stack([ids[begin : begin + self.length + 1] for begin in begins]).astype("int32")
        x, y = windows[:, :-1].copy(), windows[:, 1:].copy()
        y[np.arange(self.length) < (starts - begins)[:, None]] = IGNORED
        return x, y


class _Held:
    """Ids in memory."""

    def __init__(self, ids):
        self.ids = np.asarray(ids)
        _check_ids("tokens", self.ids)

    def __len__(self):
        return len(self.ids)

    def read(self):
        return self.ids


class MappedIds:
    """Ids in a file that is mapped anew for each use; a slice of it is one, too."""

    def __init__(self, path):
        self.path = Path(path).expanduser()
        if not self.path.is_file():
            raise FileNotFoundError(f"tokens: no such file: {self.path}; write_token_file makes it")
        try:
            ids = np.lib.format.open_memmap(self.path, mode="r")  # nothing but .npy, no pickle
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f"tokens: {self.path} is damaged, or not an .npy file ({error}); write it again") from None
        _check_ids(f"tokens: {self.path}", ids)
        self.size, self.dtype, self.offset = len(ids), ids.dtype, ids.offset

    def __len__(self):
        return self.size

    def __getitem__(self, part):
        start, stop, _ = part.indices(self.size)
        ids = copy.copy(self)
        ids.size, ids.offset = stop - start, self.offset + start * self.dtype.itemsize
        return ids

    def read(self):
        # What a map has read stays in the memory of the process as long as the map lives.
        return np.memmap(self.path, self.dtype, "r", self.offset, (self.size,))


def _check_ids(name, ids):
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.kind not in "iu":
        found = f"{ids.dtype} of shape {ids.shape}" if isinstance(ids, np.ndarray) else type(ids).__name__
        raise ValueError(f"{name}: expected one-dimensional integers, got {found}")

"""Arrays in batches whose order is a function of (seed, epoch): a resumed training goes on with the same data."""

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Batches of in-memory arrays.

    Args:
        data: array, or tuple (x, y), or dict, or any nesting of these; None is passed through. All arrays have the same
            number of rows n.
        batch_size: int; the last batch of an epoch may be smaller.
        shuffle: bool. The order of epoch e is `numpy.random.default_rng([seed, e]).permutation(n)`.
        seed: int ≥ 0.
    """

    def __init__(self, data, batch_size=32, shuffle=False, seed=0):
        super().__init__()
        self.data = data if isinstance(data, tuple) else (data,)
        self.num_rows = len(next(leaf for leaf in keras.tree.flatten(data) if leaf is not None))
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.start_epoch(0)

    def start_epoch(self, epoch):
        """Put the rows into the order of this epoch."""
        if self.shuffle:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(self.num_rows)
        else:
            self.order = np.arange(self.num_rows)

    def __len__(self):
        return -(-self.num_rows // self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[rows], self.data)


class ReorderedBatches(keras.utils.PyDataset):
    """Somebody's `PyDataset`, its batches in an order that is a function of (seed, epoch).

    Args:
        dataset: a `keras.utils.PyDataset` of known or unknown length; of unknown length it keeps its own order.
        seed: int ≥ 0.
    """

    def __init__(self, dataset, seed=0):
        super().__init__(dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size)
        self.dataset = dataset
        self.seed = seed
        self.start_epoch(0)

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def start_epoch(self, epoch):
        """Put the batches into the order of this epoch."""
        count = self.num_batches
        self.order = None if count is None else np.random.default_rng([self.seed, epoch]).permutation(count)

    def __getitem__(self, index):
        return self.dataset[index if self.order is None else int(self.order[index])]

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()

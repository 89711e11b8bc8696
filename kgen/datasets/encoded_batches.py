"""Somebody's batches, turned into what a model takes when they are asked for."""

import keras


def encoded(dataset, encode):
    """An iterable of batches, each of them encoded, in a form that Keras takes.

    Args:
        dataset: a `keras.utils.PyDataset`, a generator, a `DataLoader`, a `tf.data.Dataset`.
        encode: function from one of its batches to the one that the model takes.
    """
    if isinstance(dataset, keras.utils.PyDataset):
        return EncodedBatches(dataset, encode)
    if iter(dataset) is dataset:  # what can be gone through once, Keras goes through once
        return (encode(batch) for batch in dataset)
    return EncodedIterable(dataset, encode)


class EncodedBatches(keras.utils.PyDataset):
    """The batches of a `PyDataset`, encoded: strings as ids, images and labels as one input.

    Args:
        dataset: a `keras.utils.PyDataset`.
        encode: function from one of its batches to the one that the model takes.
    """

    def __init__(self, dataset, encode):
        super().__init__(dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size)
        self.dataset = dataset
        self.encode = encode
        if hasattr(dataset, "start_epoch"):  # an order of its own for each epoch
            self.start_epoch = dataset.start_epoch

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        return self.encode(self.dataset[index])

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


class EncodedIterable(keras.utils.PyDataset):
    """The same for what can only be iterated: a DataLoader, a tf.data.Dataset.

    Batches are taken in turn; a dataset that ends begins anew if it can.
    """

    def __init__(self, dataset, encode):
        super().__init__()
        self.dataset = dataset
        self.encode = encode
        self._iterator = None
        self._length = len(dataset) if hasattr(dataset, "__len__") else None

    @property
    def num_batches(self):
        return self._length

    def __getitem__(self, index):
        if self._iterator is None:
            self._iterator = iter(self.dataset)
        try:
            return self.encode(next(self._iterator))
        except StopIteration:
            self._iterator = iter(self.dataset)
            return self.encode(next(self._iterator))

    def on_epoch_begin(self):
        self._iterator = None

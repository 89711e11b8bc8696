import keras
import numpy as np
import pytest

from kgen.datasets.batches import ArrayBatches
from kgen.datasets.batches import ReorderedBatches

ROWS = np.arange(10)


def epoch_of(batches):
    return [int(row) for i in range(len(batches)) for row in batches[i][0]]


def order(seed, epoch, batch_size=3):
    batches = ArrayBatches(ROWS, batch_size, shuffle=True, seed=seed)
    batches.start_epoch(epoch)
    return epoch_of(batches)


def test_order_is_a_function_of_seed_and_epoch():
    assert order(seed=1, epoch=2) == order(seed=1, epoch=2)
    assert order(seed=1, epoch=2) != order(seed=1, epoch=3)
    assert order(seed=1, epoch=2) != order(seed=2, epoch=2)
    assert order(seed=1, epoch=2) == order(seed=1, epoch=2, batch_size=4)


def test_earlier_epochs_do_not_matter():
    batches = ArrayBatches(ROWS, 3, shuffle=True, seed=1)
    for epoch in (0, 1, 2):
        batches.start_epoch(epoch)
    assert epoch_of(batches) == order(seed=1, epoch=2)


def test_order_is_the_documented_permutation():
    assert order(seed=5, epoch=7) == np.random.default_rng([5, 7]).permutation(10).tolist()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 99])
def test_every_row_comes_once(batch_size, shuffle):
    batches = ArrayBatches(ROWS, batch_size, shuffle=shuffle)
    rows = epoch_of(batches)
    assert sorted(rows) == ROWS.tolist()
    assert shuffle or rows == ROWS.tolist()


@pytest.mark.parametrize("batch_size, sizes", [(5, [5, 5]), (4, [4, 4, 2]), (99, [10])])
def test_sizes_of_batches(batch_size, sizes):
    batches = ArrayBatches(ROWS, batch_size)
    assert [len(batches[i][0]) for i in range(len(batches))] == sizes


def test_rows_of_all_arrays_stay_together():
    data = ({"ids": ROWS, "mask": (ROWS * 10, None)}, -ROWS)
    batches = ArrayBatches(data, 4, shuffle=True, seed=1)
    for i in range(len(batches)):
        x, y = batches[i]
        np.testing.assert_array_equal(x["mask"][0], 10 * x["ids"])
        np.testing.assert_array_equal(y, -x["ids"])
        assert x["mask"][1] is None


def test_keras_takes_one_array_as_inputs_alone():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Identity()])
    outputs = model.predict(ArrayBatches(ROWS[:, None].astype("float32"), 4), verbose=0)
    np.testing.assert_array_equal(outputs[:, 0], ROWS)


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_users_data_set_has_its_batches_reordered(epoch):
    theirs = ArrayBatches(ROWS, 3)
    ours = ReorderedBatches(theirs, seed=1)
    ours.start_epoch(epoch)
    order = np.random.default_rng([1, epoch]).permutation(4)
    assert ours.num_batches == 4
    for i, j in enumerate(order):
        np.testing.assert_array_equal(ours[i][0], theirs[int(j)][0])

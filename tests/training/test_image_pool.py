"""The memory of generated images."""

import numpy as np
import pytest
from keras import ops

from kgen.training.image_pool import ImagePool


def images(*values):
    return np.stack([np.full((2, 2, 1), value, "float32") for value in values])


def passed(pool, batch, training=True):
    return ops.convert_to_numpy(pool(batch, training=training))[:, 0, 0, 0]


def test_an_empty_pool_is_filled_first():
    pool = ImagePool(4, (2, 2, 1), seed=1)
    np.testing.assert_array_equal(passed(pool, images(1, 2, 3, 4)), [1, 2, 3, 4])
    kept = ops.convert_to_numpy(pool.kept.value)[:, 0, 0, 0]
    assert sorted(kept) == [1, 2, 3, 4]


def test_a_full_pool_gives_half_of_the_images_from_its_memory_and_loses_none():
    pool = ImagePool(8, (2, 2, 1), seed=1)
    seen, given, older = set(), [], 0
    for step in range(200):
        batch = range(4 * step + 1, 4 * step + 5)
        seen |= set(batch)
        out = passed(pool, images(*batch))
        older += sum(value not in batch for value in out)
        given += list(out)
    kept = ops.convert_to_numpy(pool.kept.value)[:, 0, 0, 0]
    assert 0.4 < older / len(given) < 0.6
    twice = {value for value in given if given.count(value) > 1}
    assert len(twice) <= 8 and max(map(given.count, given)) == 2  # only those that found room were shown and kept
    assert {*given, *kept} == seen


def test_without_training_or_size_it_gives_back_what_it_gets():
    for pool, training in ((ImagePool(4, (2, 2, 1), seed=1), False), (ImagePool(0, (2, 2, 1)), True)):
        np.testing.assert_array_equal(passed(pool, images(5, 6), training), [5, 6])
        assert all((ops.convert_to_numpy(weight.value) == 0).all() for weight in pool.weights)


def test_a_bad_size_is_refused():
    with pytest.raises(ValueError, match="size: expected an integer of at least 0"):
        ImagePool(-1, (2, 2, 1))

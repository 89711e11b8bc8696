"""Unpaired images: each side a deck of its own, whose order is a function of (seed, epoch), through `fit` as well."""

import keras
import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.datasets import UnpairedImages
from kgen.models.base import GenerativeModel


def numbered(n, channels=1, size=2):
    """Images whose pixels are the number of the image."""
    return np.broadcast_to(np.arange(n, dtype="uint8")[:, None, None, None], (n, size, size, channels)).copy()


def epoch_of(dataset, epoch=None):
    """Numbers of the images of each side, in order."""
    if epoch is not None:
        dataset.start_epoch(epoch)
    batches = [dataset[i][0] for i in range(len(dataset))]
    return [[int(image.flat[0]) for batch in batches for image in batch[side]] for side in "ab"]


# Laws


@pytest.mark.parametrize(("n_a", "n_b", "batch_size"), [(10, 7, 4), (7, 10, 4), (5, 5, 1), (3, 20, 6), (2, 3, 8)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_image_comes_and_none_of_a_side_more_than_once_more_than_another(n_a, n_b, batch_size, shuffle):
    dataset = UnpairedImages(numbered(n_a), numbered(n_b), batch_size=batch_size, shuffle=shuffle)
    for epoch in (0, 1):
        for rows, n in zip(epoch_of(dataset, epoch), (n_a, n_b), strict=True):
            counts = np.bincount(rows, minlength=n)
            assert counts.min() >= 1
            assert counts.max() - counts.min() <= 1
            assert sorted(rows[:n]) == list(range(n))  # all of it, before anything comes again


@pytest.mark.parametrize("batch_size", [1, 4, 6, 16])
def test_all_batches_have_one_shape(batch_size):
    dataset = UnpairedImages(numbered(10, 3), numbered(7, 3), batch_size=batch_size)
    assert len(dataset) == -(-10 // batch_size)
    for i in range(len(dataset)):
        (batch,) = dataset[i]
        assert batch["a"].shape == batch["b"].shape == (batch_size, 2, 2, 3)
        assert batch["a"].dtype == np.uint8


def order(seed, epoch):
    return epoch_of(UnpairedImages(numbered(10), numbered(10), seed=seed), epoch)


def test_order_is_a_function_of_seed_and_epoch():
    assert order(1, 2) == order(1, 2)
    assert order(1, 2)[0] != order(1, 3)[0]
    assert order(1, 2)[0] != order(2, 2)[0]
    assert order(1, 2)[0] != order(1, 2)[1]  # each side on its own
    dataset = UnpairedImages(numbered(10), numbered(10), seed=1)
    for epoch in range(3):
        dataset.start_epoch(epoch)
    assert epoch_of(dataset) == order(1, 2)


def test_the_first_deck_is_the_documented_permutation():
    assert order(5, 7)[0][:10] == np.random.default_rng([5, 7, 0]).permutation(10).tolist()


def test_unshuffled_it_is_the_same_in_every_epoch():
    dataset = UnpairedImages(numbered(4), numbered(6), batch_size=3, shuffle=False)
    assert epoch_of(dataset, 0) == epoch_of(dataset, 9) == [[0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4, 5]]


def test_num_rows_is_the_length_of_an_epoch():
    dataset = UnpairedImages(numbered(10), numbered(7), batch_size=2, num_rows=5)
    assert len(dataset) == 3
    a, b = epoch_of(dataset)
    assert len(a) == len(b) == 6
    assert len(set(a)) == 6


def test_sides_may_differ_in_size_and_channels():
    (batch,) = UnpairedImages(numbered(4, 1, size=2), numbered(6, 3, size=5))[0]
    assert batch["a"].shape == (4, 2, 2, 1)
    assert batch["b"].shape == (4, 5, 5, 3)


def test_an_only_channel_may_be_left_out():
    dataset = UnpairedImages(numbered(4)[..., 0], numbered(4))
    np.testing.assert_array_equal(dataset.a, dataset.b)


def test_images_of_folders(tmp_path):
    for side, n, height in (("a", 3, 10), ("b", 2, 14)):
        (tmp_path / side).mkdir()
        for i in range(n):
            Image.new("L", (12, height), 10 * i).save(tmp_path / side / f"{i}.png")
    dataset = UnpairedImages.from_folders(tmp_path / "a", str(tmp_path / "b"), image_size=8, batch_size=1, seed=3)
    assert dataset.a.shape == (3, 8, 8, 3)
    assert dataset.b.shape == (2, 8, 8, 3)
    assert (dataset.batch_size, dataset.seed) == (1, 3)


# Training


@keras.saving.register_keras_serializable(package="tests")
class Balance(GenerativeModel):
    """Two scales, learned so that the two sides of a batch weigh the same: what it becomes tells the order of data."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.scales = self.add_weight(name="scales", shape=(2,), initializer="ones")
        self.gap = keras.metrics.Mean(name="gap")
        self.built = True

    def call(self, inputs, training=False):
        a, b = (keras.ops.mean(keras.ops.cast(inputs[side], "float32"), axis=(1, 2, 3)) for side in "ab")
        return keras.ops.sin(self.scales[0] * a) - self.scales[1] * b / 10

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = keras.ops.mean(y_pred**2)
        self.gap.update_state(loss)
        return loss

    def default_optimizer(self):
        return keras.optimizers.Adam(0.02)


def fresh():
    model = Balance(seed=1)
    model.compile()
    return model


def data(seed=1):
    return UnpairedImages(numbered(10), numbered(7), batch_size=3, seed=seed)


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path):
    straight, other, begun = fresh(), fresh(), fresh()
    straight.fit(data(), epochs=4, verbose=0)
    other.fit(data(seed=2), epochs=4, verbose=0)
    begun.fit(data(), epochs=2, verbose=0)
    begun.save(tmp_path / "model.keras")
    resumed = kgen.load(tmp_path / "model.keras")
    resumed.fit(data(), initial_epoch=2, epochs=4, verbose=0)
    np.testing.assert_allclose(resumed.get_weights()[0], straight.get_weights()[0], rtol=1e-6)
    assert np.abs(other.get_weights()[0] - straight.get_weights()[0]).max() > 1e-4  # else the test sees nothing


def test_evaluate_takes_it_and_fit_validates_with_it():
    model, fixed = fresh(), UnpairedImages(numbered(10), numbered(7), batch_size=3, shuffle=False)
    first = model.evaluate(fixed, return_dict=True, verbose=0)
    assert set(first) == {"loss", "gap"}
    assert model.evaluate(fixed, return_dict=True, verbose=0) == first
    history = model.fit(data(), epochs=2, validation_data=fixed, verbose=0).history
    after = model.evaluate(fixed, return_dict=True, verbose=0)["loss"]
    np.testing.assert_allclose(history["val_loss"][-1], after, rtol=1e-6)


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"a": numbered(3)[:0]}, "a: expected uint8 images .* got no image at all"),
        ({"b": numbered(3) / 255.0}, "b: .*Rescaling happens inside the model"),
        ({"b": numbered(3, 2)}, r"b: expected \(height, width, channels\) with 1 or 3 channels.* got \(2, 2, 2\)"),
        ({"a": numbered(3)[0, 0]}, r"a: expected uint8 images of shape .* got uint8 of shape \(2, 1\)"),
        ({"a": numbered(3).astype("float32") - 1}, r"a: .* got float32 in \[-1, 1\]"),
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, got 0"),
        ({"num_rows": 0}, "num_rows: expected an integer of at least 1, got 0"),
        ({"seed": -1}, "seed: expected an integer of at least 0, got -1"),
        ({"shuffle": "no"}, "shuffle: expected one of False, True, got 'no'"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        UnpairedImages(**{"a": numbered(3), "b": numbered(4), **arguments})


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder: .*nowhere"):
        UnpairedImages.from_folders(tmp_path / "nowhere", tmp_path)

"""Laws of the PixelCNN: an honest distribution, the past alone, and paintings that follow it."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.datasets import load_digits

import kgen
from kgen.functional.pixel_likelihoods import LIKELIHOODS

DIGITS = np.rint(load_digits().images * 255 / 16).astype("uint8")[..., None]
SMALL = {"filters": 4, "num_blocks": 2, "first_kernel_size": 3, "head_dim": 4, "seed": 1}


def tiny(image_shape=(2, 3, 1), **arguments):
    model = kgen.models.PixelCNN(image_shape, **{**SMALL, **arguments})
    rng = np.random.default_rng(0)  # weights that say something
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def all_images(image_shape, levels):
    """Every image of so many levels: integers `(levels^pixels, height, width, channels)`."""
    every = itertools.product(range(levels), repeat=int(np.prod(image_shape)))
    return np.array(list(every), "int32").reshape(-1, *image_shape)


def nats(model, values, labels=None):
    """-log p of each image of integers."""
    return ops.convert_to_numpy(model._cost(ops.convert_to_tensor(values), labels)).astype("float64")


@pytest.mark.parametrize(
    ("shape", "likelihood", "levels"),
    [
        ((2, 3, 1), "bernoulli", 2),
        ((1, 2, 3), "bernoulli", 2),
        ((2, 2, 1), "categorical", 3),
        ((1, 1, 3), "logistic", 5),
        ((1, 2, 1), "logistic", 16),
        ((2, 2, 1), "codes", 4),
    ],
)
def test_the_probabilities_of_all_images_sum_up_to_one(shape, likelihood, levels):
    model = tiny(shape, likelihood=likelihood, levels=levels)
    probabilities = np.exp(-nats(model, all_images(shape, levels)))
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-4)
    assert probabilities.max() > 2.0 * probabilities.mean()  # and it prefers some


@pytest.mark.parametrize("likelihood", ["categorical", "logistic"])
def test_a_likelihood_is_its_table(likelihood):
    distribution = LIKELIHOODS[likelihood](6)
    parameters = ops.convert_to_tensor(
        np.random.default_rng(0).normal(size=(3, distribution.parameters)) * 3.0, "float32"
    )
    table = ops.convert_to_numpy(distribution.table(parameters))
    for level in range(6):
        one = distribution.log_probability(parameters, ops.full((3,), level, dtype="int32"))
        np.testing.assert_allclose(ops.convert_to_numpy(one), table[:, level], rtol=1e-4)


def test_no_future_pixel_or_colour_moves_what_a_pixel_is_told():
    shape = (4, 5, 3)
    model = tiny(shape, likelihood="logistic", levels=256, num_classes=3)
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, shape).astype("int32")
    before = ops.convert_to_numpy(model.network(image[None], np.array([1])))[0].reshape(np.prod(shape), -1)
    for place in (0, 7, 31, 58):  # in raster order, colours innermost
        changed = image.reshape(-1).copy()
        changed[place:] = rng.integers(0, 256, len(changed) - place)
        after = ops.convert_to_numpy(model.network(changed.reshape(1, *shape), np.array([1])))[0].reshape(
            len(before), -1
        )
        np.testing.assert_array_equal(after[: place + 1], before[: place + 1])
        assert (abs(after[place + 1 :] - before[place + 1 :]).max(axis=-1) > 0).any()


def test_painting_draws_from_the_conditionals_of_the_model():
    # Every choice is the inverse of the distribution function at its uniform number, given the pixels before it.
    model = tiny((3, 4, 3), likelihood="categorical", levels=5, num_classes=2)
    labels, n = np.array([0, 1, 1], "int32"), 3
    values = model._painted(n, 7, labels, 1.0, None)
    uniforms = np.random.default_rng(7).random((n, 3, 4, 3), "float32")
    logits = ops.convert_to_numpy(model.network(values, labels)).astype("float64")
    cumulative = np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)).cumsum(axis=-1)
    below = np.where(values > 0, np.take_along_axis(cumulative, np.maximum(values - 1, 0)[..., None], -1)[..., 0], 0.0)
    above = np.take_along_axis(cumulative, values[..., None], -1)[..., 0]
    assert (below <= uniforms + 1e-5).all() and (uniforms <= above + 1e-5).all()
    assert len(np.unique(values)) == 5


def test_paintings_are_as_frequent_as_they_are_likely():
    model = tiny((2, 2, 1))
    painted = model.generate(4000, seed=3)[..., 0].reshape(-1, 4) // 255
    found = np.bincount(painted @ [8, 4, 2, 1], minlength=16) / 4000
    expected = np.exp(-nats(model, all_images((2, 2, 1), 2)))
    assert abs(found - expected).sum() < 0.08  # of 16 cells; twice what chance makes of it


def test_no_temperature_takes_the_likeliest_level():
    model = tiny((3, 3, 1), likelihood="categorical", levels=4)
    values = model._painted(2, 1, None, 0.0, None)
    np.testing.assert_array_equal(values[0], values[1])
    logits = ops.convert_to_numpy(model.network(values))[0]
    np.testing.assert_array_equal(logits.argmax(axis=-1), values[0])


def test_what_is_given_stays_and_the_rest_follows_from_it():
    model = tiny((4, 4, 1), likelihood="categorical", levels=256, num_classes=2)
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1), "uint8")
    completed = model.complete(images, rows=2, n=3, seed=1, labels=1)
    assert completed.shape == (2, 3, 4, 4, 1) and completed.dtype == np.uint8
    assert (completed[:, :, :2] == images[:, None, :2]).all()
    assert (completed[:, 0, 2:] != completed[:, 1, 2:]).any()
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    assert (model.complete(images, mask=mask, n=4, seed=1)[:, :, 1:3, 1:3] == images[:, None, 1:3, 1:3]).all()
    anew = model.complete(images[:1], rows=0, n=8, seed=5, labels=1)[0]
    np.testing.assert_array_equal(anew, model.generate(8, seed=5, labels=1))


def test_progress_is_told_and_may_end_it():
    model, told = tiny((8, 2, 1)), []
    expected = model.generate(2, seed=1)
    np.testing.assert_array_equal(model.generate(2, seed=1, progress=lambda *at: told.append(at)), expected)
    assert told == [(row, 8) for row in range(1, 9)]

    def stop(done, whole):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.generate(2, progress=stop)


def test_the_loop_is_compiled_once_for_any_seed_and_temperature(programs):
    model = tiny((3, 2, 1))
    model.generate(4, seed=1)
    traces = model._loop.traces
    model.generate(3, seed=2, temperature=0.5)  # as many places are computed
    assert model._loop.traces <= traces + 1  # PyTorch runs it, the others have it


def test_binary_pixels_are_those_that_the_vae_is_measured_on():
    model = tiny((8, 8, 1))
    values = (np.random.default_rng(4).random(DIGITS[:9].shape, "float32") < DIGITS[:9] / 255.0).astype("int32")
    figures = model.evaluate(DIGITS[:9], full=True, seed=4, verbose=0)
    assert figures["nll"] == pytest.approx(nats(model, values).mean(), rel=1e-5)
    assert figures["bits_per_dimension"] == pytest.approx(figures["nll"] / (64 * np.log(2)), rel=1e-6)


def test_training_makes_digits_likelier_and_labels_help():
    labels = load_digits().target
    model = kgen.models.PixelCNN((8, 8, 1), num_classes=10, **{**SMALL, "num_blocks": 1, "filters": 8})
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(DIGITS[:600], labels[:600], batch_size=16, epochs=3, verbose=0)
    before = np.log(2) * 64
    right = model.evaluate(DIGITS[:200], labels[:200], full=True, verbose=0)["nll"]
    wrong = model.evaluate(DIGITS[:200], (labels[:200] + 1) % 10, full=True, verbose=0)["nll"]
    assert right < wrong - 0.1 and right < before - 2.0


def test_codes_come_and_go_as_integers():
    model = tiny((2, 3, 1), likelihood="codes", levels=300)
    assert model.generate(2, seed=1).dtype == np.int32
    codes = np.arange(12).reshape(2, 2, 3)
    assert (model.complete(codes, rows=1, seed=1)[:, 0, :1, :, 0] == codes[:, :1]).all()
    for bad, message in ((codes + 290, "got some in"), (codes / 2.0, "got float64"), (codes[:, :1], "of shape")):
        with pytest.raises(ValueError, match=f"images: expected integers in .0, 300.* {message}"):
            model.evaluate(bad)


def test_a_data_set_chooses_the_likelihood():
    assert kgen.models.PixelCNN.for_data(DIGITS, **SMALL).likelihood == "bernoulli"
    colour = kgen.models.PixelCNN.for_data(np.zeros((2, 4, 4, 3), "uint8"), **SMALL)
    assert colour.likelihood == "logistic" and tuple(colour.image_shape) == (4, 4, 3)
    assert len(kgen.models.PixelCNN.choose_data(DIGITS, 1)) == 1
    assert len(kgen.models.PixelCNN.choose_data(DIGITS, 1, num_classes=10)) == 2


def test_bad_use_is_refused():
    model = tiny((8, 8, 1))
    for arguments, message in (
        ({}, "rows, mask: expected one of the two"),
        ({"rows": 9}, "rows: expected at most the 8 of the image, got 9"),
        ({"mask": np.zeros((8, 8))}, "mask: expected bool of shape"),
        ({"rows": 2, "labels": 1}, "labels: this PixelCNN has no classes"),
        ({"rows": 2, "temperature": -1.0}, "temperature: expected"),
        ({"rows": 2, "progress": True}, "progress: expected a function"),
    ):
        with pytest.raises(ValueError, match=message):
            model.complete(DIGITS[:1], **arguments)

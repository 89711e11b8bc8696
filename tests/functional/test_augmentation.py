"""Augmentation: what each change does, in plain NumPy; that it is linear, and gradients are its transpose."""

import doctest

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional import augmentation
from kgen.functional.augmentation import POLICIES
from kgen.functional.augmentation import apply_changes
from kgen.functional.augmentation import augment
from kgen.functional.augmentation import draw_changes

SETS = [(policy,) for policy in POLICIES] + [POLICIES]


def images(n=6, height=16, width=11, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, height, width, channels)).astype("float32")


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def changed(x, policies, changes):
    return numpy_of(apply_changes(ops.convert_to_tensor(x), policies, changes))


def by_hand(x, policies, changes):
    """The docstring's formulas, one image at a time."""
    made = []
    for image, (b, s, c, down, right, row, column) in zip(x.astype("float64"), changes, strict=True):
        if "color" in policies:
            image = image + b - 0.5
            mean = image.mean(axis=-1, keepdims=True)
            image = mean + 2 * s * (image - mean)
            image = image.mean() + (0.5 + c) * (image - image.mean())
        if "translation" in policies:
            for axis, draw in ((0, down), (1, right)):
                size = image.shape[axis]
                reach = int(size / 8 + 0.5)
                image = np.moveaxis(image, axis, 0)
                first = int(draw * (2 * reach + 1))
                padded = np.pad(image, [(reach, reach), (0, 0), (0, 0)])
                image = np.moveaxis(padded[first : first + size], 0, axis)
        if "cutout" in policies:
            places = []
            for draw, size in ((row, image.shape[0]), (column, image.shape[1])):
                length = int(size / 2 + 0.5)
                first = int(draw * (size + 1 - length % 2)) - length // 2
                places.append(slice(max(first, 0), max(first + length, 0)))
            image = image.copy()
            image[places[0], places[1]] = 0.0
        made.append(image)
    return np.stack(made)


# Laws


@pytest.mark.parametrize("policies", SETS, ids="+".join)
@pytest.mark.parametrize("channels", [1, 3])
def test_changes_are_those_of_the_formulas(policies, channels):
    x, changes = images(40, channels=channels), draw_changes(40, seed=1)
    expected = by_hand(x, policies, numpy_of(changes))
    np.testing.assert_allclose(changed(x, policies, changes), expected, atol=1e-5)


@pytest.mark.parametrize("policies", SETS, ids="+".join)
def test_the_gradient_is_the_transpose(policies):
    # Each change is x → Lx + b, so ⟨Lv, w⟩ = ⟨v, Lᵀw⟩, and Lᵀw is the gradient of ⟨Lx + b, w⟩.
    v, w, changes = images(seed=1), images(seed=2), draw_changes(6, seed=1)
    linear = changed(v, policies, changes).astype("float64") - changed(0 * v, policies, changes)
    weights = ops.convert_to_tensor(w)
    gradient = backend.input_gradient(
        lambda x: apply_changes(x, policies, changes) * weights, ops.convert_to_tensor(0 * v)
    )
    np.testing.assert_allclose((linear * w).sum(), (v.astype("float64") * numpy_of(gradient)).sum(), rtol=1e-4)


def test_a_gradient_may_be_taken_of_a_gradient():
    # As R1 of a discriminator that is shown changed images does.
    changes = draw_changes(6, seed=1)

    def slope(x):
        return backend.input_gradient(lambda y: apply_changes(y, POLICIES, changes) ** 3, x)

    x = ops.convert_to_tensor(images())
    v = ops.convert_to_tensor(images(seed=1))
    curve = numpy_of(backend.input_gradient(lambda y: slope(y) * v, x)).astype("float64")
    step = 1e-2
    difference = (numpy_of(slope(x + step * v)).astype("float64") - numpy_of(slope(x - step * v))) / (2 * step)
    np.testing.assert_allclose(curve, difference, atol=2e-3 * np.abs(curve).max())  # the slope is quadratic: exact


def test_gradients_pass_where_the_draw_is_made_too():
    gradient = backend.input_gradient(lambda x: augment(x, POLICIES, seed=1), ops.convert_to_tensor(images()))
    assert np.isfinite(numpy_of(gradient)).all()
    assert np.abs(numpy_of(gradient)).max() > 0


def test_one_draw_does_the_same_to_two_batches():
    x, y, changes = images(seed=1), images(seed=2), draw_changes(6, seed=3)
    policies = ("translation", "cutout")  # linear
    both = changed(x, policies, changes) + changed(y, policies, changes)
    np.testing.assert_allclose(changed(x + y, policies, changes), both, atol=1e-5)


def test_a_generator_moves_on_and_an_integer_does_not():
    x, draws = ops.convert_to_tensor(images()), keras.random.SeedGenerator(1)
    first, second = (numpy_of(augment(x, POLICIES, draws)) for _ in range(2))
    assert np.abs(first - second).max() > 0.1
    again = numpy_of(augment(x, POLICIES, keras.random.SeedGenerator(1)))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(*(numpy_of(augment(x, POLICIES, seed=7)) for _ in range(2)))


def test_images_that_are_not_drawn_stay_bit_by_bit():
    x = images(200, 8, 8)
    np.testing.assert_array_equal(numpy_of(augment(ops.convert_to_tensor(x), POLICIES, seed=1, p=0.0)), x)
    some = numpy_of(augment(ops.convert_to_tensor(x), POLICIES, seed=1, p=0.25))
    alike = (some == x).all(axis=(1, 2, 3))
    assert 0.6 < alike.mean() < 0.9
    all_of_them = numpy_of(augment(ops.convert_to_tensor(x), POLICIES, seed=1))
    np.testing.assert_array_equal(some[~alike], all_of_them[~alike])
    assert not (all_of_them == x).all(axis=(1, 2, 3)).any()


def test_the_probability_may_be_a_tensor():
    x = ops.convert_to_tensor(images())
    expected = numpy_of(augment(x, POLICIES, seed=1, p=0.5))
    np.testing.assert_array_equal(numpy_of(augment(x, POLICIES, seed=1, p=ops.convert_to_tensor(0.5))), expected)
    np.testing.assert_array_equal(numpy_of(augment(x, POLICIES, seed=1, p=keras.Variable(0.5))), expected)


def test_no_policy_is_no_change():
    x = images()
    np.testing.assert_array_equal(changed(x, (), draw_changes(6, seed=1)), x)


def test_compiled_it_is_the_same_for_any_number_of_images():
    function = backend.compiled(lambda x, changes: apply_changes(x, POLICIES, changes))
    for n in (1, 5):
        x, changes = images(n), draw_changes(n, seed=1)
        made = numpy_of(function(ops.convert_to_tensor(x), changes))
        np.testing.assert_allclose(made, by_hand(x, POLICIES, numpy_of(changes)), atol=1e-5)


class Judge(keras.Model):
    """Learns from changed images only."""

    def __init__(self):
        super().__init__()
        self.score = keras.layers.Dense(1)
        self.draws = keras.random.SeedGenerator(1)

    def call(self, x):
        return self.score(ops.reshape(augment(x, POLICIES, self.draws, p=0.8), (-1, 8 * 8 * 3)))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred**2)


@pytest.mark.parametrize("jit_compile", [False, "auto"])
def test_it_works_within_fit(jit_compile, programs):
    model = Judge()
    model.compile("sgd", jit_compile=backend.prefers_jit(True) and bool(jit_compile))
    history = model.fit(images(10, 8, 8), batch_size=4, verbose=0)  # a last batch of 2
    assert np.isfinite(history.history["loss"]).all()
    assert numpy_of(model.draws.state.value)[1] > 0


# Numbers


def test_a_large_draw_reaches_as_far_as_it_may_and_no_further():
    spot = np.zeros((2000, 17, 33, 1), "float32")
    spot[:, 8, 16] = 1.0
    moved = changed(spot, ("translation",), draw_changes(2000, seed=1))
    _, rows, columns, _ = np.nonzero(moved)
    assert len(rows) == 2000  # none was lost
    assert sorted(set(rows - 8)) == list(range(-2, 3))
    assert sorted(set(columns - 16)) == list(range(-4, 5))
    assert np.bincount(rows - 6).min() > 2000 / 5 * 0.8


def test_a_hole_is_a_quarter_of_the_image_at_most():
    made = changed(np.ones((500, 16, 12, 1), "float32"), ("cutout",), draw_changes(500, seed=1))
    share = (made == 0).mean(axis=(1, 2, 3))
    assert share.max() == 0.25
    assert 0.1 < share.mean() < 0.2  # some of it lies outside


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_dtype_stays(dtype):
    x = ops.cast(ops.convert_to_tensor(images()), dtype)
    made = augment(x, POLICIES, seed=1)
    assert keras.backend.standardize_dtype(made.dtype) == dtype
    assert tuple(made.shape) == (6, 16, 11, 3)
    assert np.isfinite(numpy_of(ops.cast(made, "float32"))).all()


# Errors


@pytest.mark.parametrize(
    ("x", "policies", "p", "message"),
    [
        (images(), ("colour",), 1.0, "policies: expected one of 'color', 'translation', 'cutout', got 'colour'"),
        (images(), "color", 1.0, "policies: expected some of color, translation, cutout in a tuple, got 'color'"),
        (images()[0], POLICIES, 1.0, r"images: expected floats .* got float32 of shape \(16, 11, 3\)"),
        (images().astype("uint8"), POLICIES, 1.0, r"images: expected floats in \[-1, 1\] .* got uint8 of"),
        (images(), POLICIES, 1.5, r"p: expected a number in \[0.0, 1.0\], got 1.5"),
        (images(), POLICIES, None, r"p: expected a number in \[0.0, 1.0\], got None"),
    ],
)
def test_what_is_refused(x, policies, p, message):
    with pytest.raises(ValueError, match=message):
        augment(ops.convert_to_tensor(x), policies, seed=1, p=p)


def test_the_example_runs():
    assert doctest.testmod(augmentation).failed == 0

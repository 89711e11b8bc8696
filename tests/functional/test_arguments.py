"""The small helpers that every layer leans on."""

import random

import keras
import pytest

from kgen.functional import checks
from kgen.functional.arguments import arguments_of
from kgen.functional.seeding import seeded


class Holder:
    def __init__(self, width, sizes=(1, 2), inner=None, **kwargs):
        self.width, self.sizes, self.inner = width, sizes, inner


def test_arguments_are_read_off_the_signature():
    assert arguments_of(Holder(3)) == {"width": 3, "sizes": [1, 2], "inner": None}


def test_layers_among_the_arguments_are_serialized():
    inner = arguments_of(Holder(3, inner=keras.layers.Dense(2, name="inner")))["inner"]
    assert keras.saving.deserialize_keras_object(inner).units == 2


def test_seeded_gives_equal_weights_and_leaves_the_global_generator_alone():
    random.seed(5)
    expected = random.Random(5).random()
    kernels = []
    for _ in range(2):
        with seeded(7):
            layer = keras.layers.Dense(3)
        layer.build((None, 4))
        kernels.append(keras.ops.convert_to_numpy(layer.kernel.value))
    assert (kernels[0] == kernels[1]).all()
    assert random.random() == expected


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True, None])
def test_check_int_names_the_argument_and_the_value(value):
    with pytest.raises(ValueError, match=r"width: expected an integer of at least 1, got") as error:
        checks.check_int("width", value, minimum=1)
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, "1", True])
def test_check_number_refuses_what_is_no_finite_number_in_range(value):
    with pytest.raises(ValueError, match=r"beta: expected"):
        checks.check_number("beta", value, minimum=0.0, maximum=10.0)

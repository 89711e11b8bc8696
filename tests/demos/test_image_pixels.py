"""The studio offers models that paint pixel by pixel, and those that dream codes, without knowing their classes."""

import numpy as np
import pytest

import kgen
from demos.image_dreams import KNOBS
from demos.image_dreams import NEEDS
from demos.image_generation import about_model
from demos.pictures import tile
from demos.studio import Studio

SIZES = {"filters": 4, "num_blocks": 1, "first_kernel_size": 3, "head_dim": 4, "seed": 1}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    kgen.models.PixelCNN((6, 4, 1), num_classes=3, **SIZES).save(folder / "painter.keras")
    prior = kgen.models.PixelCNN((2, 2, 1), likelihood="codes", levels=5, **SIZES, name="prior")
    kgen.models.VQVAE((4, 4, 1), 5, 2, (4,), prior=prior, seed=1).save(folder / "coder.keras")
    return Studio([folder / "painter.keras", folder / "coder.keras"])


@pytest.mark.parametrize(
    ("name", "turned", "about"),
    [
        ("painter", {"temperature", "labels"}, "**PixelCNN** · 6 × 4 × 1 pixels, 3 classes"),
        ("coder", {"temperature"}, "**VQVAE** · 4 × 4 × 1 pixels"),
    ],
)
def test_dreams_are_offered_with_the_controls_that_turn_something(studio, name, turned, about):
    facts = studio.facts(name, *NEEDS)
    assert {argument for argument, knob in KNOBS.items() if knob.turns(argument, facts)} == turned
    assert about_model(facts) == about
    options = {"labels": 2} if "labels" in turned else {}
    dreams = studio.model(name, *NEEDS).generate(4, seed=1, temperature=0.9, **options)
    assert np.asarray(tile(dreams)).std() > 0

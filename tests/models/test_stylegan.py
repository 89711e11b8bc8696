"""What StyleGAN promises, beyond conformance."""

import numpy as np
import pytest

import kgen


def tiny(**arguments):
    defaults = {"image_shape": (8, 8, 3), "latent_dim": 4, "filters": (4, 4), "mapping_layers": 2, "seed": 1}
    return kgen.models.StyleGAN(**{**defaults, **arguments})


def test_all_levels_of_a_mix_are_the_rows_dream_and_none_is_the_columns():
    model = tiny()
    rows, columns = [1, 2], [3, 4, 5]
    whole = model.mix(rows, columns, level=2)
    none = model.mix(rows, columns, level=0)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            np.testing.assert_allclose(whole[i, j], model.generate(1, seed=row)[0], atol=1)
            np.testing.assert_allclose(none[i, j], model.generate(1, seed=column)[0], atol=1)


@pytest.mark.parametrize("level", [-1, 3, 1.5])
def test_a_level_that_is_not_there_is_refused(level):
    with pytest.raises(ValueError, match="level: expected one of 0, 1, 2"):
        tiny().mix([1], [2], level=level)


def test_truncation_leads_to_one_image():
    model = tiny()
    images = model.generate(6, seed=1, truncation=1e-6)
    assert (images == images[0]).all()
    assert (model.generate(6, seed=1) != model.generate(6, seed=1)[0]).any()


def test_the_mean_style_moves_in_training_and_the_average_takes_it_over():
    model = tiny()
    model.compile()
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), "uint8")
    model.fit(images, batch_size=8, epochs=2, verbose=0)
    mean = model.average_generator.mapping.mean_w
    assert (np.asarray(model.generator.mapping.mean_w) != 0).all()
    assert (np.asarray(mean) != 0).all()


def test_styles_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"styles: expected shape \(n, 4\) or \(n, 4, 4\)"):
        tiny().decode_styles(np.zeros((2, 5)))


@pytest.mark.parametrize("shape", [(9, 7, 1), (16, 8, 3)])
def test_images_of_any_shape(shape):
    assert tiny(image_shape=shape).generate(2, seed=1).shape == (2, *shape)

"""The callback that shows what a model dreams."""

import numpy as np
import pytest
from PIL import Image

import kgen

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), "uint8")


@pytest.mark.parametrize(("every", "written"), [(1, [1, 2, 3, 4]), (2, [1, 2, 4]), (9, [1])])
def test_a_picture_an_epoch(tmp_path, every, written):
    model = kgen.models.VAE((8, 8, 1), 2, architecture="mlp", hidden_dims=(4,), seed=1)
    model.compile()
    callback = kgen.training.SampleImages(tmp_path / "new" / "samples", n=4, every=every)
    model.fit(IMAGES, epochs=4, callbacks=[callback], verbose=0)
    names = sorted(path.name for path in (tmp_path / "new" / "samples").iterdir())
    assert names == [f"epoch_{epoch:04d}.png" for epoch in written]


@pytest.mark.parametrize("argument", ["n", "every"])
def test_bad_arguments_are_refused(argument):
    with pytest.raises(ValueError, match=f"{argument}: expected an integer of at least 1, got 0"):
        kgen.training.SampleImages("samples", **{argument: 0})


def test_restorations_stand_between_what_was_given_and_the_truth(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), "uint8")
    model = kgen.models.ImageRestorer((8, 8, 3), scale=2, widths=(4,), blocks=1, num_heads=1, seed=1)
    callback = model.samples_callback(tmp_path, 1, (images,))
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_end(0)
    with Image.open(tmp_path / "epoch_0001.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    cell = 96
    gap = (pixels.shape[1] - 12 * cell) // 13
    assert pixels.shape[:2] == (4 * (cell + gap) + gap, 12 * (cell + gap) + gap)  # a row a task, three for each image

    def at(row, column):
        top, left = gap + row * (cell + gap) + 6, gap + column * (cell + gap) + 6
        return pixels[top : top + cell : 12, left : left + cell : 12]

    hole = model.damaged("inpainting", images[:4], seed=1)[1][3]
    for row in range(4):
        np.testing.assert_array_equal(at(row, 11), images[3])
    np.testing.assert_array_equal(at(1, 9), np.where(hole[..., None], 127, images[3]))
    np.testing.assert_array_equal(at(1, 10)[~hole], images[3][~hole])


def test_what_restores_sound_shows_no_pictures(tmp_path):
    assert kgen.models.AudioSuperResolution.samples_callback(tmp_path, 1, (np.zeros((2, 8)),)) is None

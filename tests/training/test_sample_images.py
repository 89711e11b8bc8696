"""The callback that shows what a model dreams."""

import numpy as np
import pytest

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

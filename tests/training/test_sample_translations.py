"""The callback that shows how a model translates."""

import numpy as np
import pytest

import kgen
from tests.training.toys import trained


def test_a_file_an_epoch(tmp_path):
    callback = kgen.training.SampleTranslations(tmp_path / "new", ["eins", "zwei\ndrei"], ["one", "two three"], every=2)
    trained(3, callback)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["epoch_0001.txt", "epoch_0002.txt"]
    assert (tmp_path / "new" / "epoch_0002.txt").read_text(encoding="utf-8") == (
        "source       eins\nreference    one\ntranslation  EINS\n"
        "\n"
        "source       zwei drei\nreference    two three\ntranslation  ZWEI DREI\n"
    )


def test_references_may_be_missing_and_options_go_to_generate(tmp_path):
    trained(1, kgen.training.SampleTranslations(tmp_path, "äh", sampler="!"))
    assert (tmp_path / "epoch_0001.txt").read_text(encoding="utf-8") == "source       äh\ntranslation  ÄH!\n"


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="sources and references: expected the same number of rows, got 2 and 1"):
        kgen.training.SampleTranslations(tmp_path, ["a", "b"], ["a"])
    vae = kgen.models.VAE((8, 8, 1), 2, architecture="mlp", hidden_dims=(4,), seed=1)
    vae.compile()
    with pytest.raises(ValueError, match=r"SampleTranslations: expected a model with candidates\(…\), got a VAE"):
        callback = kgen.training.SampleTranslations(tmp_path, ["a"])
        vae.fit(np.zeros((4, 8, 8, 1), "uint8"), callbacks=[callback], verbose=0)

"""The callback that shows what a model looks at."""

import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.training import attention_maps
from tests.training.toys import trained


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: the arguments of each call of `attention_map`."""
    calls = []

    def draw(*arguments, **options):
        calls.append((*arguments, options))
        return kgen.plots.attention_map(*arguments, **options)

    monkeypatch.setattr(attention_maps, "attention_map", draw)
    return calls


def language_model(**arguments):
    arguments = {"context_length": 8, "num_layers": 1, "num_heads": 2, "model_dim": 8, "seed": 1, **arguments}
    model = kgen.models.GPT(**arguments)
    model.compile()
    return model


def after_an_epoch(model, callback):
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_end(0, {})


@pytest.mark.parametrize(("target", "tokens"), [(None, ["DER", "HUND"]), ("the big dog", ["the", "big", "dog"])])
def test_what_a_translation_looks_at(tmp_path, drawn, target, tokens):
    trained(2, kgen.training.AttentionMaps(tmp_path / "new", "der Hund", target, every=2))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["epoch_0001.png", "epoch_0002.png"]
    with Image.open(tmp_path / "new" / "epoch_0002.png") as image:
        assert min(image.size) > 100
    layers, keys, queries, options = drawn[-1]
    assert list(layers) == ["layer 1", "layer 2"] and layers["layer 2"].shape == (3, len(tokens), 2)
    assert (keys, queries, options) == (["der", "Hund"], tokens, {"title": "epoch 2"})


def test_what_a_text_looks_at(tmp_path, drawn):
    model = language_model(tokenizer=kgen.tokenizers.ByteTokenizer())
    after_an_epoch(model, kgen.training.AttentionMaps(tmp_path, "a dog"))
    scores, keys, queries, _ = drawn[0]
    assert keys == list("a dog") and queries is None
    np.testing.assert_allclose(scores, model.attention("a dog")[0], atol=1e-6)
    assert (tmp_path / "epoch_0001.png").exists()


def test_ids_are_their_own_labels(tmp_path, drawn):
    after_an_epoch(language_model(vocabulary_size=9), kgen.training.AttentionMaps(tmp_path, [3, 8]))
    assert drawn[0][1] == ["3", "8"]


def test_what_cannot_be_drawn_is_refused_before_the_first_step(tmp_path):
    model = language_model(vocabulary_size=9)
    with pytest.raises(ValueError, match="target: a GPT looks at one text only, expected None"):
        model.fit(np.arange(9), callbacks=[kgen.training.AttentionMaps(tmp_path, [1], [2])], verbose=0)
    model = kgen.models.RNNLanguageModel(vocabulary_size=9, context_length=4, num_layers=1, units=4, seed=1)
    model.compile()
    with pytest.raises(ValueError, match=r"expected a model with attention\(…\), got a RNNLanguageModel"):
        model.fit(np.arange(9), callbacks=[kgen.training.AttentionMaps(tmp_path, [1])], verbose=0)

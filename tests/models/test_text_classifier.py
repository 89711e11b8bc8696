"""TextClassifier: an encoder inside, what of it learns, and what labels may be."""

import itertools

import numpy as np
import pytest

import kgen

TEXTS, LABELS = ["a fine day", "what a fine cat", "a bad day", "bad, bad cat"] * 4, ["good", "good", "bad", "bad"] * 4


def encoder(**changed):
    shape = {"num_layers": 1, "num_heads": 2, "model_dim": 12, "context_length": 16, "seed": 1, "name": "encoder"}
    return kgen.models.BERT.for_data(TEXTS, **{**shape, **changed})


def classifier(**changed):
    return kgen.models.TextClassifier(**{"encoder": encoder(), "class_names": ["bad", "good"], "seed": 1, **changed})


def changed_by_fit(model):
    """Names of the layers of the encoder that move when the classifier learns."""
    before = {layer.name: layer.get_weights() for layer in model.encoder.layers}
    model.compile()
    model.fit(TEXTS, LABELS, batch_size=8, verbose=0)
    return {
        layer.name
        for layer in model.encoder.layers
        if any((a != b).any() for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
    }


@pytest.mark.parametrize(
    ("freeze", "moved"),
    [
        (False, {"token_embedding", "positions", "segments", "embedding_norm", "block_1"}),
        ("embeddings", {"block_1"}),
        (True, set()),
    ],
)
def test_what_is_frozen_does_not_learn(freeze, moved):
    assert changed_by_fit(classifier(freeze=freeze)) == moved


def test_padding_cannot_move_anything():
    model = classifier()
    together = model.probabilities(TEXTS[:4])
    np.testing.assert_allclose(together, np.concatenate([model.probabilities([one]) for one in TEXTS[:4]]), atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-6)
    assert model.classify(TEXTS[:4]) == [["bad", "good"][i] for i in together.argmax(axis=1)]


def test_mean_pooling_classifies_the_mean_that_embed_returns():
    model = classifier()
    kernel, bias = model.classifier.get_weights()
    logits = model.logits(model.prepare(TEXTS[:4])[0])
    np.testing.assert_allclose(model.encoder.embed(TEXTS[:4]) @ kernel + bias, logits, atol=1e-5)


def test_a_trained_encoder_goes_into_the_file(tmp_path):
    read = encoder()
    read.compile()
    read.fit(TEXTS, verbose=0)
    model = classifier(encoder=read)
    model.compile()
    model.fit(TEXTS, LABELS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = kgen.load(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.probabilities(TEXTS), model.probabilities(TEXTS), atol=1e-6)
    assert loaded.class_names == ["bad", "good"] and loaded.encoder.fill_mask("a [MASK] day")
    loaded.fit(TEXTS, LABELS, verbose=0)


def test_a_classifier_for_data_makes_or_loads_its_encoder(tmp_path):
    shape = {"num_layers": 1, "num_heads": 2, "model_dim": 12, "context_length": 16}
    encoder(**shape).save(tmp_path / "encoder.keras")
    model = kgen.models.TextClassifier.for_data(TEXTS, LABELS, encoder=tmp_path / "encoder.keras", seed=1)
    assert model.class_names == ["bad", "good"] and model.encoder.model_dim == 12
    new = kgen.models.TextClassifier.for_data(TEXTS, np.array([0, 1, 2, 2] * 4), seed=1)
    assert (new.num_classes, type(new.encoder)) == (3, kgen.models.BERT)


def test_batches_of_texts_are_encoded():
    model = classifier()
    model.compile()
    batches = itertools.repeat((np.array(TEXTS[:4]), np.array([1, 1, 0, 0])))
    assert np.isfinite(model.fit(batches, steps_per_epoch=1, verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ("one text", None, "a list of texts"),
        (TEXTS, LABELS[:3], "same number of rows"),
        (TEXTS, ["so-so"] * 16, "some of bad, good"),
        ([], [], "one or more texts"),
    ],
)
def test_what_it_cannot_learn_from_is_refused(x, y, words):
    model = classifier()
    model.compile()
    with pytest.raises(ValueError, match=words):
        model.fit(x, y, verbose=0)

"""ViT: the laws of a model that reads an image as a set of patches, and what its labels may be."""

import numpy as np
import pytest
from keras import ops

import kgen
from kgen.functional.patches import patchify
from kgen.functional.patches import unpatchify

SHAPE = {"image_shape": (8, 8, 1), "num_classes": 3, "patch_size": 4, "num_layers": 2, "model_dim": 12, "num_heads": 2}


def filled(**changed):
    """A model whose weights are large enough to have opinions."""
    model, rng = kgen.models.ViT(**{**SHAPE, "seed": 1, **changed}), np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    return model


def images(n=5):
    return np.random.default_rng(1).integers(0, 256, (n, 8, 8, 1), "uint8")


def rearranged(x, order=(2, 0, 3, 1)):
    patches = ops.convert_to_numpy(patchify(x, 4))[:, list(order)]
    return ops.convert_to_numpy(unpatchify(patches, 4, 8, 8))


@pytest.mark.parametrize("pooling", ["token", "mean"])
def test_without_positions_the_order_of_the_patches_does_not_matter(pooling):
    model, x = filled(pooling=pooling), images()
    with_positions = model.logits(rearranged(x))
    assert np.abs(with_positions - model.logits(x)).max() > 1e-2
    table = model.embedding.position_layer.embeddings
    table.assign(np.zeros(table.shape))
    np.testing.assert_allclose(model.logits(rearranged(x)), model.logits(x), atol=1e-5)


@pytest.mark.parametrize("pooling", ["token", "mean"])
def test_attention_and_its_roll_out_are_shares(pooling):
    model = filled(pooling=pooling)
    scores, shares = model.attention(images()), model.attention_rollout(images())
    tokens = 4 + (pooling == "token")
    assert scores.shape == (5, 2, 2, tokens, tokens) and shares.shape == (5, 2, 2)
    np.testing.assert_allclose(scores.sum(axis=-1), 1.0, atol=1e-5)
    assert shares.min() >= 0
    if pooling == "mean":
        np.testing.assert_allclose(shares.sum(axis=(1, 2)), 1.0, atol=1e-5)
    else:
        assert shares.sum(axis=(1, 2)).max() < 1.0  # the class token keeps a share for itself


@pytest.mark.parametrize("pooling", ["token", "mean"])
def test_feature_maps_are_what_the_classes_are_read_from(pooling):
    model, x = filled(pooling=pooling), images()
    maps = ops.convert_to_numpy(model.feature_maps(x))
    assert maps.shape == (5, 2, 2, 12)
    if pooling == "mean":
        logits = ops.convert_to_numpy(model.classifier(maps.mean(axis=(1, 2))))
        np.testing.assert_allclose(logits, model.logits(x), rtol=1e-4, atol=1e-5)


def test_shares_of_classes_that_are_whole_are_labels():
    model, x, y = filled(), images(), np.array([0, 2, 1, 1, 0])
    model.compile()
    of_labels, of_shares = (model.evaluate(x, labels, verbose=0) for labels in (y, np.eye(3)[y]))
    np.testing.assert_allclose(of_labels, of_shares, rtol=1e-5)
    nats = -np.log(model.probabilities(x)[np.arange(5), y]).mean()
    assert model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == pytest.approx(nats, rel=1e-4)


def test_smoothing_is_for_training_alone():
    model, x, y = filled(label_smoothing=0.3), images(), np.array([0, 2, 1, 1, 0])
    logits, labels = ops.convert_to_tensor(model.logits(x)), ops.convert_to_tensor(y)
    losses = [model.compute_loss(None, labels, logits, training=training) for training in (True, False)]
    log_probabilities = np.log(model.probabilities(x))
    hard, everywhere = -log_probabilities[np.arange(5), y].mean(), -log_probabilities.mean()
    losses = [float(ops.convert_to_numpy(loss)) for loss in losses]
    np.testing.assert_allclose(losses, [0.7 * hard + 0.3 * everywhere, hard], rtol=1e-4)


def test_names_of_classes_are_labels_too():
    names = ["bag", "boot", "coat"]
    model, x = filled(class_names=names), images()
    assert model.classify(x) == [names[i] for i in model.predict_classes(x)]
    model.compile()
    named, numbered = (model.evaluate(x, y, verbose=0) for y in (["boot"] * 5, [1] * 5))
    assert named == numbered
    with pytest.raises(ValueError, match="y: expected some of bag, boot, coat"):
        model.evaluate(x, ["hat"] * 5, verbose=0)


def test_flipping_is_half_of_the_time_and_only_that():
    model, x = filled(augmentation=("flip",)), images(64)
    plain = ops.cast(x, "float32") / 127.5 - 1.0
    changed = ops.convert_to_numpy(model._changed(plain))
    plain = ops.convert_to_numpy(plain)
    same = (changed == plain).all(axis=(1, 2, 3))
    flipped = (changed == plain[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same | flipped).all() and 16 < flipped.sum() < 48


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1], "same number of rows"),
        ([0, 1, 2, 3, 0], "some in"),
        (np.full((5, 3), 0.5), "rows sum to 1"),
        (["a"] * 5, "5 integers"),
    ],
)
def test_labels_that_are_none_are_refused(labels, words):
    model = filled()
    model.compile()
    with pytest.raises(ValueError, match=words):
        model.fit(images(), labels, verbose=0)


def test_without_labels_it_says_so():
    model = filled()
    model.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="y: a ViT learns from labels"):
        model.fit(images(), verbose=0)
    with pytest.raises(ValueError, match="y: expected labels"):
        model.evaluate(images(), full=True)


def test_the_worst_class_is_told():
    model, x = filled(), images(40)
    y = model.predict_classes(x)
    wrong = y.copy()
    first = np.flatnonzero(y == y[0])
    wrong[first] = (y[0] + 1) % 3
    figures = model.evaluate(x, wrong, full=True)
    assert figures["accuracy"] == pytest.approx(1 - len(first) / 40)
    assert model.evaluate(x, y, full=True)["accuracy of the worst class"] == 1.0

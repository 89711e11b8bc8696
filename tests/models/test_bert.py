"""BERT: the laws of a model that reads from both sides, and everything that `fit`, `embed` and `fill_mask` take."""

import itertools

import numpy as np
import pytest
from keras import ops

import kgen

TEXTS = ["the cat sat on the mat", "a dog ran to the house", "the dog sat", "a cat ran"]
SHAPE = {"num_layers": 2, "num_heads": 2, "model_dim": 12, "context_length": 16, "seed": 1}


def words():
    return kgen.tokenizers.WordPieceTokenizer.train(TEXTS, 80, progress=False)


def filled(**changed):
    """A model whose weights are large enough to have opinions."""
    model, rng = kgen.models.BERT(**{"tokenizer": words(), **SHAPE, **changed}), np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def model():
    return filled()


# Laws ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "token", None])
def test_padding_cannot_move_anything(model, pooling):
    together = model.embed(TEXTS, pooling)
    for text, found in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(model.embed(text, pooling), found, atol=1e-5)


def test_every_word_sees_every_other(model):
    one, other = model.hidden_states("the cat sat")[-1], model.hidden_states("the cat ran")[-1]
    assert (np.abs(one - other).max(axis=1) > 1e-3).all()


def test_pooling_is_of_the_hidden_states(model):
    states = model.embed(TEXTS[0], None)
    assert states.shape == (len(model.tokens(TEXTS[0])), 12)
    np.testing.assert_allclose(model.embed(TEXTS[0]), states.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(model.embed(TEXTS[0], "token"), states[0], atol=1e-5)
    np.testing.assert_allclose(model.hidden_states(TEXTS[0])[-1], states, atol=1e-5)
    np.testing.assert_allclose(model.attention(TEXTS[0]).sum(axis=-1), 1.0, atol=1e-5)


def test_the_loss_is_that_of_the_gaps_alone(model):
    ids = np.stack([np.pad(row, (0, 16 - len(row))) for row in model.rows(TEXTS)]).astype("int32")
    guessing = model({"cloze": ops.convert_to_tensor(ids)})
    targets = ops.convert_to_numpy(guessing["targets"])
    logits = ops.convert_to_numpy(model.readout(guessing["hidden"])).astype("float64")
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    counted = targets >= 0
    assert counted.any() and not counted.all()
    assert not np.isin(targets[counted], [0, 1, 2]).any()  # neither padding nor what begins and ends a text
    nats = -np.take_along_axis(log_probabilities, np.maximum(targets, 0)[..., None], axis=-1)[..., 0]
    loss = model.compute_loss(None, None, guessing, training=False)
    assert float(ops.convert_to_numpy(loss)) == pytest.approx(nats[counted].mean(), rel=1e-4)


def test_training_hides_anew_and_evaluation_does_not(model):
    ids = ops.convert_to_tensor(np.full((4, 16), 7, "int32"))
    first, second = (ops.convert_to_numpy(model({"cloze": ids}, training=True)["hidden"]) for _ in range(2))
    assert (first != second).any()
    first, second = (ops.convert_to_numpy(model({"cloze": ids})["hidden"]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_segments_and_positions_matter():
    ids = np.array([[1, 5, 6, 5, 6, 2]], "int32")
    model = filled(tokenizer=None, vocabulary_size=20)
    one, other = (model({"ids": ids, "segments": np.full((1, 6), segment, "int32")}) for segment in (0, 1))
    assert np.abs(ops.convert_to_numpy(one - other)).max() > 1e-3
    np.testing.assert_array_equal(*(ops.convert_to_numpy(x) for x in (model(ids), one)))
    same = ops.convert_to_numpy(model(ids))[0]
    assert np.abs(same[1] - same[3]).max() > 1e-3


def test_an_offset_moves_the_table_of_positions():
    moved, plain = filled(position_offset=2), filled()
    for one, other in zip(moved.weights, plain.weights, strict=True):
        one.assign(np.concatenate([np.zeros((2, 12)), other]) if one.shape != other.shape else other)
    np.testing.assert_allclose(moved.embed(TEXTS), plain.embed(TEXTS), atol=1e-6)


def test_shared_layers_are_one_layer_used_again():
    shared, plain = (filled(share_layers=share, embedding_dim=6) for share in (True, False))
    block = len(shared.blocks[0].weights)
    for layer in plain.blocks:
        layer.set_weights(shared.blocks[0].get_weights())
    for name in ("token_embedding", "position_layer", "segment_embedding", "embedding_norm", "embedding_projection"):
        getattr(plain, name).set_weights(getattr(shared, name).get_weights())
    np.testing.assert_allclose(shared.embed(TEXTS), plain.embed(TEXTS), atol=1e-6)
    assert len(plain.weights) == len(shared.weights) + block


# What it takes and gives ---------------------------------------------------------------------------------------------


def test_gaps_are_filled_with_the_likeliest(model):
    (first, share), *rest = model.fill_mask("the [MASK] sat", top=80)
    assert share >= rest[0][1] and sum(p for _, p in [(first, share), *rest]) == pytest.approx(1.0, abs=1e-4)
    both = model.fill_mask("the [MASK] [MASK]", top=2)
    assert len(both) == 2 and all(len(one) == 2 for one in both)
    with pytest.raises(ValueError, match=r"text: expected '\[MASK\]'"):
        model.fill_mask("the cat sat")


def test_special_tokens_in_texts_are_text(model):
    assert "[SEP]" not in model.tokens("cat [SEP] dog")[1:-1]


def test_long_texts_go_on_in_further_rows(model):
    long = " ".join(TEXTS * 3)
    rows = model.rows([long, "a cat"], windows=True)
    assert len(rows) > 2 and max(map(len, rows)) <= 16
    inside = np.concatenate([row[1:-1] for row in rows[:-1]])
    np.testing.assert_array_equal(inside, model.tokenizer.encode(long))
    assert [len(row) for row in model.rows([long])] == [16]
    with pytest.raises(ValueError, match="text: expected at most 14 tokens"):
        model.hidden_states(long)


@pytest.mark.parametrize("kind", ["string", "texts", "rows", "long", "batches", "path"])
def test_what_fit_takes(kind, tmp_path):
    model = kgen.models.BERT(tokenizer=words(), **{**SHAPE, "num_layers": 1})
    model.compile()
    rows = model.tokenizer.encode(TEXTS)
    (tmp_path / "text.txt").write_text(" ".join(TEXTS * 4))
    data = {
        "string": " ".join(TEXTS),
        "texts": TEXTS,
        "rows": rows,
        "long": np.concatenate(rows),
        "batches": itertools.repeat(np.array(TEXTS)),
        "path": tmp_path / "text.txt",
    }[kind]
    history = model.fit(data, batch_size=2, steps_per_epoch=1, verbose=0).history
    assert set(history) == {"loss", "accuracy"} and np.isfinite(history["loss"]).all()


def test_what_it_cannot_read_is_refused():
    model = filled(tokenizer=None, vocabulary_size=20)
    for bad, words_of_error in (([], "one or more texts"), (["a cat"], "no tokenizer"), ([[25]], r"ids in \[0, 20\)")):
        with pytest.raises(ValueError, match=words_of_error):
            model.embed(bad) if bad else model.rows(bad)
    with pytest.raises(ValueError, match="context_length=16"):
        model(np.zeros((1, 17), "int32"))
    with pytest.raises(ValueError, match="pooler=False"):
        model.pooled(model(np.ones((1, 4), "int32")))
    with pytest.raises(ValueError, match="mask_token"):
        kgen.models.BERT(tokenizer=kgen.tokenizers.CharacterTokenizer.train(TEXTS, progress=False))

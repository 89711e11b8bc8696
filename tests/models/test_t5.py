"""T5: text with gaps, and the network's own laws; what it shares with all translators is in test_translation.py."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.datasets.span_corruption import SpanCorruption
from kgen.datasets.span_corruption import noise_of
from kgen.datasets.span_corruption import random_spans
from kgen.datasets.span_corruption import window_for

SENTINELS = [90, 91, 92, 93, 94, 95]
START, END = 98, 99
TEXT = "one two three four five six seven eight nine ten. " * 40


def put_together(source, target):
    """The text of a source and its target: each sentinel replaced by what follows it in the target."""
    spans, found = {}, None
    for one in target:
        if one in SENTINELS:
            found = spans.setdefault(one, [])
        else:
            found.append(one)
    return [token for one in source for token in spans.get(one, [one])]


@pytest.mark.parametrize("shuffle", [False, True])
def test_source_and_target_together_are_the_text(shuffle):
    ids = np.random.default_rng(0).integers(0, 90, 500)
    batches = SpanCorruption(ids, 30, SENTINELS, START, END, batch_size=4, shuffle=shuffle, seed=5)
    places = {tuple(ids[i : i + window_for(30, 6)].tolist()) for i in range(len(ids))}
    for index in range(len(batches)):
        x, y = batches[index]
        assert x["source"].shape[1] <= 30 and (x["target"][:, 0] == START).all()
        np.testing.assert_array_equal(x["target"][:, 1:], y[:, :-1])
        assert (y[:, -1] == END).all() and (x["source"][:, -1] == END).all()
        for source, target in zip(x["source"][:, :-1].tolist(), y[:, :-1].tolist(), strict=True):
            assert tuple(put_together(source, target)) in places


def test_spans_are_as_many_and_as_long_as_stated_and_anywhere():
    noise, spans = noise_of(100)
    assert (noise, spans) == (15, 5)
    hidden = random_spans(np.random.default_rng(0), 4000, 100)
    assert (hidden.sum(axis=1) == noise).all()
    assert ((hidden[:, 1:] > hidden[:, :-1]).sum(axis=1) == spans).all()
    assert not hidden[:, 0].any() and hidden[:, -1].all()
    middle = hidden[:, 20:90].mean(axis=0)  # the ends are special, elsewhere no place is
    np.testing.assert_allclose(middle, middle.mean(), atol=0.03)


def test_windows_fill_the_context_and_have_a_sentinel_for_each_span():
    for length in (8, 40, 256, 512):
        noise, spans = noise_of(window_for(length, 100))
        assert length - 2 <= window_for(length, 100) - noise + spans + 1 <= length
    assert window_for(512, 100) == 568  # as in T5
    assert noise_of(window_for(512, 3))[1] == 3


def test_gaps_are_a_function_of_seed_and_epoch():
    one, other = (SpanCorruption(np.arange(300) % 80, 20, SENTINELS, START, END, 4, True, seed=3) for _ in range(2))
    one.start_epoch(4), other.start_epoch(1), other.start_epoch(4)
    np.testing.assert_array_equal(one[1][0]["source"], other[1][0]["source"])
    other.start_epoch(5)
    assert (one[1][0]["source"] != other[1][0]["source"]).any()
    evaluated = SpanCorruption(np.arange(300) % 80, 20, SENTINELS, START, END, 4, seed=3)
    before = evaluated[0][1]
    evaluated.start_epoch(7)
    np.testing.assert_array_equal(evaluated[0][1], before)


def tiny(**changed):
    return kgen.models.T5(
        **{
            "vocabulary_size": 20,
            "num_layers": 2,
            "num_heads": 4,
            "model_dim": 64,
            "dropout": 0.0,
            "seed": 1,
            **changed,
        }
    )


def test_order_is_known_by_the_learned_distances_alone():
    model, ids, order = tiny(), np.array([[3, 1, 4, 7, 5, 9, 2, 6]], "int32"), [2, 0, 1, 5, 4, 3, 7, 6]

    def encoded(ids):
        return ops.convert_to_numpy(model.encode(ids)[0])[0]

    assert np.abs(encoded(ids)[order] - encoded(ids[:, order])).max() > 1e-2
    model.encoder_bias.embeddings.assign(np.zeros(model.encoder_bias.embeddings.shape))
    np.testing.assert_allclose(encoded(ids)[order], encoded(ids[:, order]), atol=1e-4)


def test_queries_begin_small_in_place_of_scaled_scores():
    model = tiny()
    for kernel in (
        model.encoder_blocks[0].attention.query_key_value.kernel,
        model.decoder_blocks[1].cross.query.kernel,
    ):
        queries, others = np.split(ops.convert_to_numpy(kernel), [64], axis=1)
        assert float(queries.std()) == pytest.approx((64 * 16) ** -0.5, rel=0.1)
        assert not others.shape[1] or float(others.std()) == pytest.approx(64**-0.5, rel=0.1)
    assert model.encoder_blocks[0].attention.scale == 1.0


@pytest.mark.parametrize("tied", [True, False])
def test_tied_states_are_divided_before_they_are_read_out(tied):
    model = tiny(tie_embeddings=tied)
    hidden = np.random.default_rng(0).normal(size=(2, 3, 64)).astype("float32")
    table = model.token_embedding.embeddings if tied else ops.transpose(model.token_embedding.reverse_embeddings)
    expected = hidden @ ops.convert_to_numpy(table).T * (64**-0.5 if tied else 1.0)
    np.testing.assert_allclose(ops.convert_to_numpy(model.readout(hidden)), expected, atol=1e-4)
    assert 0.3 < expected.std() < 3, "logits of a new model are of size 1"


@pytest.fixture(scope="module")
def counting():
    sizes = {"context_length": 24, "num_layers": 1, "num_heads": 2, "model_dim": 32}
    return kgen.models.T5.for_data(TEXT, vocabulary_size=300, dropout=0.0, seed=1, **sizes)


def test_text_alone_is_learned(counting, tmp_path):
    assert counting.tokenizer.special_tokens[-1] == "<extra_id_0>" and len(counting.sentinels) == 1
    counting.compile(keras.optimizers.Adam(1e-2))
    before = counting.evaluate(TEXT, full=True)
    counting.fit(TEXT, epochs=12, batch_size=8, verbose=0)
    after = counting.evaluate(TEXT, full=True)
    assert after["nats_per_token"] < 0.4 * before["nats_per_token"]
    stock = counting.evaluate(TEXT, verbose=0, return_dict=True)
    assert stock["perplexity"] == pytest.approx(after["perplexity"], rel=0.05)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    for data in (tmp_path / "text.txt", kgen.datasets.text_files(tmp_path), [TEXT, TEXT]):
        assert len(counting.prepare(data)[0]) > 100


def test_what_is_written_for_a_gap_is_put_into_it(counting, monkeypatch):
    first, five, six = counting.sentinels[0], *(counting.tokenizer.encode(one) for one in (" five", " six"))
    for written, expected in (
        ([first, *five, *six], "four five six seven"),
        ([*five, first, *six], "four six seven"),
        ([], "four seven"),
    ):
        monkeypatch.setattr(counting, "generate", lambda row, written=written: written)
        assert counting.fill("four<extra_id_0> seven") == expected
    monkeypatch.undo()
    assert counting.fill("") == ""
    assert counting.fill("four<extra_id_0> seven", max_new_tokens=2).startswith("four")


def test_without_sentinels_text_alone_is_refused():
    tokenizer = kgen.tokenizers.CharacterTokenizer.train([TEXT], progress=False)
    model = tiny(tokenizer=tokenizer, vocabulary_size=None)
    model.compile()
    with pytest.raises(ValueError, match=r"x: .*CharacterTokenizer.* has no special token '<extra_id_0>'.*for_data"):
        model.fit(TEXT)
    with pytest.raises(ValueError, match="text: expected a str"):
        model.fill("one <extra_id_0>")
    with pytest.raises(ValueError, match="sources: expected text, got list"):
        kgen.models.T5.for_data([[1, 2]])

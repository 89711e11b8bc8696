"""What all kinds of translation models promise, beyond conformance."""

import keras
import numpy as np
import pytest

import kgen
from kgen.models.base_translation import TranslationModel

SOURCES = ["one two three", "two", "three three one two", "one", "two three", "one one two", "three two one"] * 4
WORDS = {"one": "uno", "two": "dos", "three": "tres"}
TARGETS = [" ".join(WORDS[word] for word in text.split()[::-1]) for text in SOURCES]
KINDS = ("transformer", "t5", "gru", "lstm-dot", "plain")


def small(kind, **changed):
    tokenizer = kgen.tokenizers.CharacterTokenizer.train([*SOURCES, *TARGETS], progress=False)
    common = {"tokenizer": tokenizer, "context_length": 24, "dropout": 0.0, "seed": 1, **changed}
    if kind == "transformer":
        return kgen.models.TransformerSeq2Seq(num_layers=2, num_heads=2, model_dim=16, **common)
    if kind == "t5":
        return kgen.models.T5(num_layers=2, num_heads=2, model_dim=16, **common)
    options = {"gru": {}, "lstm-dot": {"cell": "lstm", "attention": "dot"}, "plain": {"attention": None}}[kind]
    return kgen.models.Seq2SeqRNN(num_layers=2, units=12, **options, **common)


@pytest.fixture(scope="module", params=KINDS)
def trained(request):
    model = small(request.param)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(SOURCES, TARGETS, batch_size=14, epochs=24, verbose=0)
    return model


def log_probability(model, source, ids):
    """log p(ids | source), by one pass of teacher forcing."""
    row = np.array([[*model.tokenizer.encode(source), model.end_id]], "int32")
    target = np.array([[model.start_id, *ids[:-1]]], "int32")
    logits = keras.ops.cast(model.readout(model({"source": row, "target": target})), "float32")
    logs = keras.ops.convert_to_numpy(keras.ops.log_softmax(logits))[0]
    return float(logs[np.arange(len(ids)), ids].sum())


def test_steps_with_a_cache_equal_one_pass(trained):
    found = trained.candidates(SOURCES[:5], kgen.decoding.Beam(4, length_penalty=0.0), max_new_tokens=15)
    text, score = found[0][0]
    ids = [*trained.tokenizer.encode(text), trained.end_id]
    assert log_probability(trained, SOURCES[0], ids[:15]) == pytest.approx(score, abs=1e-3)


def test_a_beam_of_one_is_greedy_and_a_wider_one_never_less_likely(trained):
    greedy = trained.generate(SOURCES[:5], max_new_tokens=15, sampler=kgen.decoding.Greedy())
    assert trained.generate(SOURCES[:5], max_new_tokens=15, sampler=kgen.decoding.Beam(1)) == greedy
    one, four = (
        trained.candidates(SOURCES[:5], kgen.decoding.Beam(width, length_penalty=0.0), max_new_tokens=15)
        for width in (1, 4)
    )
    assert all(b[0][1] >= a[0][1] - 1e-4 for a, b in zip(one, four, strict=True))


def test_neither_the_batch_nor_padding_changes_a_translation(trained):
    alone = [trained.generate(text, max_new_tokens=15, sampler=kgen.decoding.Greedy()) for text in SOURCES[:5]]
    together = trained.generate(SOURCES[:5], max_new_tokens=15, sampler=kgen.decoding.Greedy(), batch_size=4)
    assert together == alone


def test_it_learns(trained):
    fresh = trained.from_config(trained.get_config())
    assert trained.mean_nats(SOURCES, TARGETS) < 0.6 * fresh.mean_nats(SOURCES, TARGETS)


def test_full_evaluation(trained):
    figures = trained.evaluate(SOURCES[:7], TARGETS[:7], full=True, sampler=kgen.decoding.Greedy(), batch_size=7)
    assert set(figures) == {"bleu", "chrf", "perplexity", "nats_per_token", "sentences"}
    assert 0 <= figures["bleu"] <= 100 and figures["sentences"] == 7
    assert figures["perplexity"] == pytest.approx(np.exp(figures["nats_per_token"]))
    stock = trained.evaluate(SOURCES[:7], TARGETS[:7], batch_size=7, return_dict=True, verbose=0)
    assert stock["perplexity"] == pytest.approx(figures["perplexity"], rel=1e-4)


def test_attention_sums_to_one(trained):
    if getattr(trained, "attention_kind", "any") is None:
        with pytest.raises(ValueError, match="attention=None"):
            trained.attention("one two", "dos uno")
        return
    scores = trained.attention("one two", "dos uno")
    sources, targets = trained.attention_tokens("one two", "dos uno")
    assert scores.shape[2:] == (len(targets), len(sources)) == (8, 8)
    assert "".join(sources[:-1]) == "one two"
    np.testing.assert_allclose(scores.sum(-1), 1.0, atol=1e-5)


def test_the_encoder_tells_who_looks_at_whom(trained):
    if hasattr(trained, "self_attention"):
        scores, tokens = trained.self_attention("one two"), trained.source_tokens("one two")
        assert scores.shape == (2, 2, 8, 8) and "".join(tokens[:-1]) == "one two"
        np.testing.assert_allclose(scores.sum(-1), 1.0, atol=1e-5)
        assert np.triu(scores, 1).any()  # later tokens are seen, too


def test_text_in_text_out(trained):
    greedy = kgen.decoding.Greedy()
    assert trained.generate("") == "" and trained.generate(["", " \n"]) == ["", ""]
    assert isinstance(trained.generate("one", sampler=greedy), str)
    pieces = list(trained.generate("one two", sampler=greedy, stream=True, max_new_tokens=15))
    assert "".join(pieces) == trained.generate("one two", sampler=greedy, max_new_tokens=15)
    with_blank = list(trained.generate(["", "one two"], sampler=greedy, stream=True, max_new_tokens=15))
    assert "".join(first for first, _ in with_blank) == ""
    for strange in ("😀 émoji", "Слово", "\x00", "<|end|> one", "漢字"):
        assert isinstance(trained.generate(strange, sampler=greedy, max_new_tokens=5), str)


def test_a_long_text_is_refused_cut_or_translated_in_pieces(trained):
    text = "one two three. " * 400
    with pytest.raises(ValueError, match=r"source: number 0 has \d+ tokens.*truncate=True.*translate"):
        trained.generate(text)
    greedy = kgen.decoding.Greedy()
    assert isinstance(trained.generate(text, truncate=True, sampler=greedy), str)
    document = " one two.\n\n" + "three " * 12 + "\nTwo. One?  "
    found = trained.translate(document, greedy)
    assert found.startswith(" ") and found.endswith("  ") and found.count("\n") == 3
    assert "".join(trained.translate(document, greedy, batch_size=1, stream=True)) == found


@pytest.mark.parametrize("kind", ["transformer", "gru"])
def test_batches_of_strings(kind):
    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return SOURCES[:6], TARGETS[:6]

    model = small(kind)
    model.compile()
    assert np.isfinite(model.fit(Pairs(), verbose=0).history["loss"]).all()
    assert np.isfinite(model.evaluate(Pairs(), verbose=0)).all()


def test_sample_weights_count():
    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return SOURCES[:2], TARGETS[:2], np.array([0.0, 1.0], "float32")

    model = small("gru")
    model.compile()
    weighted = model.evaluate(Pairs(), return_dict=True, verbose=0)
    second = model.evaluate(SOURCES[1:2], TARGETS[1:2], return_dict=True, verbose=0)
    assert weighted["loss"] == pytest.approx(second["loss"], rel=1e-4)


def test_what_fit_refuses():
    model = small("gru")
    model.compile()
    with pytest.raises(ValueError, match="y: a Seq2SeqRNN learns from pairs"):
        model.fit(SOURCES)
    with pytest.raises(ValueError, match="y: expected as many targets as sources, 28, got 27"):
        model.fit(SOURCES, TARGETS[1:])
    with pytest.raises(ValueError, match="x: expected pairs"):
        model.fit([], [])
    with pytest.raises(ValueError, match="left out 1 of 1 pairs, all of them"):
        model.fit(["one " * 30], ["uno"])
    with pytest.warns(UserWarning, match="left out 2 of 30 pairs"):
        model.fit([*SOURCES, "one " * 30, ""], [*TARGETS, "uno", "uno"], verbose=0)
    ids_only = kgen.models.Seq2SeqRNN(vocabulary_size=9, units=4)
    with pytest.raises(ValueError, match="no tokenizer"):
        ids_only.generate("one")
    with pytest.raises(ValueError, match=r"expected ids in \[0, 9\)"):
        ids_only.generate([3, 9])


def test_scheduled_sampling_keeps_the_first_token_and_mixes_the_rest():
    model = small("gru", scheduled_sampling=0.5)
    true, guessed = keras.ops.full((40, 9), 3, "int32"), keras.ops.full((40, 9), 5, "int32")
    mixed = keras.ops.convert_to_numpy(model._partly_guessed(true, guessed))
    assert (mixed[:, 0] == 3).all() and set(np.unique(mixed)) == {3, 5}
    assert 0.4 < (mixed[:, 1:] == 5).mean() < 0.6


def test_beam_history_draws_a_tree():
    model = small("gru")
    history, label = model.beam_history("one two", kgen.decoding.Beam(2), max_new_tokens=6)
    assert history["parents"].shape == history["ids"].shape
    figure = kgen.plots.beam_tree(history, label)
    assert figure.axes


def test_similar_sentences_run_the_same_program(programs):
    model = small("gru")
    for text in ("one", "two two", "three one two"):
        model.generate(text, sampler=kgen.decoding.Greedy())
    assert model.token_loop().traces <= 2 * (keras.config.backend() != "torch") + 3 * (
        keras.config.backend() == "torch"
    )


def test_all_are_translation_models():
    assert issubclass(kgen.models.TransformerSeq2Seq, TranslationModel)
    assert issubclass(kgen.models.T5, TranslationModel)
    assert issubclass(kgen.models.Seq2SeqRNN, TranslationModel)

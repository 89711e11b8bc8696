"""Word embeddings: the loss by hand, what is thinned out, arithmetic with words."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.datasets.word_rows import WordRows
from kgen.datasets.word_rows import kept_shares

WORDS = ["the", "man", "woman", "king", "queen", "boy", "girl", "stone"]
COUNTS = [400, 60, 60, 20, 20, 30, 30, 5]
FLAT = {  # to the right the sex, upwards the age, and a crown
    "the": (0, 0, 0, 1),
    "man": (1, 1, 0, 0),
    "woman": (-1, 1, 0, 0),
    "king": (1, 1, 1, 0),
    "queen": (-1, 1, 1, 0),
    "boy": (1, -1, 0, 0),
    "girl": (-1, -1, 0, 0),
    "stone": (0, 0, -1, 1),
}
TOPICS = [
    ["the cat chased small mice", "small mice feared the cat", "mice smelled the hungry cat"],
    ["the ship crossed wide seas", "wide seas carried the ship", "seas surrounded the heavy ship"],
]
TEXTS = [text for topic in TOPICS for text in topic] * 30


def small(**changed):
    return kgen.models.WordEmbeddings(**{"vocabulary": WORDS, "counts": COUNTS, "model_dim": 4, "seed": 1, **changed})


@pytest.fixture(scope="module")
def placed():
    """A model whose vectors are set by hand, of different lengths."""
    model = small()
    vectors = np.array([FLAT[word] for word in WORDS], "float32") * np.arange(1, 9)[:, None]
    model.word_embedding.embeddings.assign(vectors)
    return model


def test_the_loss_is_the_formula_pair_by_pair_averaged_over_the_windows_that_may_be_drawn():
    model = small(window=3, num_negatives=2)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    words, texts = rng.integers(0, 8, (2, 7)).astype("int32"), np.array([[0, 0, 0, 0, 1, 1, 1], [2] * 7], "int32")
    v, u = (np.asarray(weight, "float64") for weight in model.get_weights())
    noise = ops.convert_to_numpy(model._noise_words(training=False))

    def log_sigmoid(x):
        return -np.log1p(np.exp(-x))

    nats, pairs = 0.0, 0
    for reach, row in itertools.product((1, 2, 3), range(2)):  # as often as each other are these windows drawn
        for i, j in itertools.permutations(range(7), 2):
            if abs(i - j) <= reach and texts[row, i] == texts[row, j]:
                center = v[words[row, i]]
                nats -= log_sigmoid(center @ u[words[row, j]])
                nats -= 2 * np.mean([log_sigmoid(-center @ u[one]) for one in noise])
                pairs += 1
    found = model.compute_loss(words, texts, model(words), training=False)
    assert float(ops.convert_to_numpy(found)) == pytest.approx(nats / pairs, rel=1e-5)
    parts = sum(float(tracker.result()) for tracker in model.trackers.values())
    assert parts == pytest.approx(nats / pairs, rel=1e-5)


def test_noise_is_drawn_by_the_count_to_the_power_of_three_quarters():
    model = small()
    expected = np.array(COUNTS, "float64") ** 0.75
    for draws, training in ((1, False), (20, True)):
        drawn = [ops.convert_to_numpy(model._noise_words(training)) for _ in range(draws)]
        shares = np.bincount(np.concatenate(drawn), minlength=8) / np.size(drawn)
        np.testing.assert_allclose(shares, expected / expected.sum(), atol=1 / 256)
    assert any((one != drawn[0]).any() for one in drawn), "always the same"


def test_frequent_words_are_thinned_out_at_the_stated_rate():
    np.testing.assert_allclose(kept_shares([0.25, 0.04, 0.001], 0.01), [0.2 + 0.04, 0.5 + 0.25, 1.0])
    assert (kept_shares([0.9, 0.1], None) == 1).all()
    words = np.arange(40_000) % 4
    rows = WordRows(words, np.zeros_like(words), [0.1, 0.5, 1.0, 1.0], length=20, shuffle=True, seed=3)
    shares = np.bincount(rows.words.ravel(), minlength=4) / rows.words.size
    np.testing.assert_allclose(shares, np.array([0.1, 0.5, 1, 1]) / 2.6, atol=0.01)
    assert rows.num_rows == 1300


def test_rows_are_a_function_of_seed_and_epoch_and_keep_neighbours_together():
    words = np.arange(1000, dtype="int32")
    texts = words // 10
    one, other = (WordRows(words, texts, np.full(1000, 0.5), 16, 4, shuffle=True, seed=3) for _ in range(2))
    one.start_epoch(5), other.start_epoch(2), other.start_epoch(5)
    np.testing.assert_array_equal(one.words, other.words)
    assert len(one) == 8 and one[7][0].shape == (3, 16)
    other.start_epoch(6)
    assert (one.words != other.words).any()
    steps = np.diff(one.words, axis=1)
    assert ((steps > 0) | (np.diff(one.texts // 100, axis=1) == 1)).all(), "in the order of the text, or begun anew"
    np.testing.assert_array_equal(one.texts % 100, one.words // 10)


def test_analogies_and_neighbours_of_vectors_set_by_hand(placed):
    assert placed.analogy("man", "boy", "woman", top=1)[0][0] == "girl"
    assert placed.analogy("man", "king", "woman", top=7)[0][0] == "queen"
    assert len(placed.analogy("man", "king", "woman", top=99)) == len(WORDS) - 3
    near = placed.most_similar("man", top=3)
    assert near[0] == ("king", pytest.approx(2 / 6**0.5)) and near[1][0] != "man"
    assert placed.similarity("boy", "woman") == pytest.approx(-1.0)
    assert placed.most_similar(placed.vector("king") / 4, top=1) == [("king", pytest.approx(1.0))]
    assert placed.odd_one_out(["man", "king", "stone", "queen"]) == "stone"
    assert placed.vectors.shape == (8, 4) and placed.vector("The").tolist() == [0, 0, 0, 1]


def test_a_map_keeps_parallel_what_differs_alike(placed):
    words = ["man", "woman", "boy", "girl"]
    man, woman, boy, girl = placed.project(words)
    np.testing.assert_allclose(man - woman, boy - girl, atol=1e-5)
    axes = kgen.plots.word_map(placed, words, pairs=[("man", "woman"), ("boy", "girl")], title="sexes").axes[0]
    assert {text.get_text() for text in axes.texts} == {"", *words} and axes.get_title() == "sexes"
    with pytest.raises(ValueError, match=r"pairs: .*'queen'"):
        kgen.plots.word_map(placed, words, pairs=[("man", "queen")])


def test_full_evaluation_asks_questions(placed):
    questions = [("man", "king", "woman", "queen"), ("man", "boy", "woman", "stone"), ("man", "king", "dog", "cat")]
    figures = placed.evaluate("the man and the king", full=True, questions=questions)
    assert figures["questions"] == 2 and figures["words"] == 4
    assert figures["top1"] == 0.5 and figures["top5"] in (0.5, 1.0)
    assert "top1" not in placed.evaluate("the king", full=True)


def test_an_unknown_word_is_refused_with_near_spellings(placed):
    with pytest.raises(ValueError, match=r"word: expected a word of the vocabulary of 8, got 'kings'; near .*'king'"):
        placed.most_similar("kings")
    with pytest.raises(ValueError, match="c: expected a word"):
        placed.analogy("man", "king", "xyz")
    with pytest.raises(ValueError, match=r"word: expected a word or a vector of shape \(4,\), got shape \(3,\)"):
        placed.most_similar(np.ones(3))
    with pytest.raises(ValueError, match="words: expected at least three"):
        placed.odd_one_out(["man", "king"])
    with pytest.raises(ValueError, match="words: expected a list"):
        placed.project("man")


def learned(epochs):
    model = kgen.models.WordEmbeddings.for_data(TEXTS, model_dim=8, window=3, subsample=None, seed=1)
    model.compile()
    return model, model.fit(TEXTS, epochs=epochs, batch_size=1, verbose=0).history


def test_training_repeats_itself_and_reports_its_parts():
    (one, history), (other, _) = learned(1), learned(1)
    np.testing.assert_array_equal(one.vectors, other.vectors)
    assert set(history) == {"loss", "neighbours", "noise"}
    assert history["loss"][-1] == pytest.approx(history["neighbours"][-1] + history["noise"][-1], rel=1e-4)


def test_words_of_one_topic_come_together():
    model, _ = learned(20)
    animals, sea = ([word for word in " ".join(topic).split() if word != "the"] for topic in TOPICS)
    together = np.mean([model.similarity(*both) for words in (animals, sea) for both in itertools.pairwise(words)])
    apart = np.mean([model.similarity(*both) for both in zip(animals, sea, strict=True)])
    assert together > apart + 0.2
    assert model.odd_one_out(["cat", "mice", "ship", "small"]) == "ship"


def test_the_vocabulary_of_texts():
    model = kgen.models.WordEmbeddings.for_data(TEXTS, min_count=60, model_dim=2)
    assert model.vocabulary[0] == "the" and model.counts[0] == 180 and "feared" not in model.vocabulary
    assert len(kgen.models.WordEmbeddings.for_data(TEXTS, vocabulary_size=4, model_dim=2).vocabulary) == 4
    cased = kgen.models.WordEmbeddings.for_data(["The cat. Don't the CAT?"], min_count=1, lowercase=False)
    assert set(cased.vocabulary) == {"The", "the", "cat", "Don't", "CAT"}
    with pytest.raises(ValueError, match=r"min_count: .*5 times, got 2 different words of which 0 do"):
        kgen.models.WordEmbeddings.for_data("one two")


def test_what_fit_takes(tmp_path):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return TEXTS[index::2]

    (tmp_path / "text.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    model = kgen.models.WordEmbeddings.for_data(tmp_path / "text.txt", model_dim=2, seed=1)
    words, texts = model.prepare([["the", "cat"], ["unheard"], ["seas"]])
    assert [model.vocabulary[word] for word in words] == ["the", "cat", "seas"] and texts.tolist() == [0, 0, 2]
    model.compile()
    for data in (TEXTS, " ".join(TEXTS), np.array(TEXTS), tmp_path, kgen.datasets.text_files(tmp_path), Batches()):
        assert np.isfinite(model.fit(data, verbose=0).history["loss"]).all()
    held_out = model.fit(TEXTS, validation_split=0.2, verbose=0).history["val_loss"]
    assert np.isfinite(held_out).all()
    assert model.evaluate(TEXTS, verbose=0, return_dict=True)["loss"] == pytest.approx(
        model.evaluate(TEXTS, full=True)["loss"], rel=1e-5
    )
    for wrong, reason in ((["unheard"], "at least two words"), (3.5, "expected text"), (np.array([999]), "ids in")):
        with pytest.raises(ValueError, match=f"x: .*{reason}"):
            model.prepare(wrong)
    with pytest.raises(ValueError, match="y: "):
        model.fit(TEXTS, TEXTS)


def test_neighbours_are_written_down(tmp_path):
    model = small()
    model.compile()
    model.fit("the man the king the woman", callbacks=kgen.training.SampleNeighbours(tmp_path, ["king"], 2), verbose=0)
    line = (tmp_path / "epoch_0001.txt").read_text(encoding="utf-8")
    assert line.startswith("king: ") and line.count(",") == 1

"""ROUGE, exact match and F1: values by hand, laws, what is refused."""

import pytest

import kgen

METRICS = {
    "exact_match": kgen.metrics.exact_match,
    "f1": kgen.metrics.f1,
    "rouge1": lambda *texts: kgen.metrics.rouge(*texts)["rouge1"],
    "rouge2": lambda *texts: kgen.metrics.rouge(*texts)["rouge2"],
    "rougeL": lambda *texts: kgen.metrics.rouge(*texts)["rougeL"],
}
every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@every_metric
def test_equal_texts_have_all_of_it_and_foreign_ones_nothing(metric):
    texts = ["A man sleeps.", "Two dogs run on the beach, a beach!"]
    assert metric(texts, texts) == 100.0
    assert metric(texts, [text.upper() for text in texts]) == 100.0
    assert metric(texts, ["x y z", ""]) == 0.0


@every_metric
def test_the_closest_of_several_references_counts_and_texts_are_averaged(metric):
    right, wrong = "Two dogs run.", "Nobody is there."
    assert metric([right, right], [[wrong, right], wrong]) == 50.0
    assert metric([right, right], [right, wrong]) == 50.0
    assert "nrefs:var" in metric([right, right], [[wrong, right], wrong]).signature
    assert "nrefs:2" in metric([right], [[wrong, right]]).signature


def test_rouge_by_hand():
    found = kgen.metrics.rouge(["police kill the gunman today"], ["The gunman police killed."])
    # Of 5 and 4 words police, the, gunman are in both; of 4 and 3 pairs "the gunman"; in order two: "the gunman".
    assert found["rouge1"] == pytest.approx(100 * 2 * 3 / (5 + 4))
    assert found["rouge2"] == pytest.approx(100 * 2 * 1 / (4 + 3))
    assert found["rougeL"] == pytest.approx(100 * 2 * 2 / (5 + 4))


def test_a_word_counts_as_often_as_it_is_in_both():
    assert kgen.metrics.rouge(["no no no"], ["no no way"])["rouge1"] == pytest.approx(100 * 2 * 2 / 6)
    assert kgen.metrics.f1(["no no no"], ["no no way"]) == pytest.approx(100 * 2 * 2 / 6)


def test_the_order_of_words_matters_for_the_longest_common_subsequence_alone():
    found = kgen.metrics.rouge(["a b c d e f"], ["f e d c b a"])
    assert found["rouge1"] == 100 and found["rouge2"] == 0
    assert found["rougeL"] == pytest.approx(100 / 6)
    assert kgen.metrics.rouge(["a x b y c z"], ["a b c"])["rougeL"] == pytest.approx(100 * 2 * 3 / 9)


def test_words_of_other_scripts_are_words():
    assert kgen.metrics.rouge(["Ein schöner Tag."], ["ein schoner tag"])["rouge1"] == pytest.approx(100 * 2 / 3)
    assert kgen.metrics.rouge(["猫 が いる"], ["猫 が いた"])["rouge1"] == pytest.approx(100 * 2 / 3)


def test_answers_are_normalised_as_squad_does():
    assert kgen.metrics.exact_match(["  The  Denver Broncos. "], ["denver broncos"]) == 100
    assert kgen.metrics.exact_match(["an apple-pie"], ["applepie"]) == 100  # punctuation goes without a blank
    assert kgen.metrics.exact_match(["theatre"], ["atre"]) == 0  # articles are whole words
    assert kgen.metrics.f1(["the 24 interceptions"], ["24"]) == pytest.approx(100 * 2 / 3)


def test_an_answer_without_words_is_right_where_nothing_is():
    for metric in (kgen.metrics.exact_match, kgen.metrics.f1):
        assert metric(["the"], [""]) == 100
        assert metric(["", "word"], ["word", ""]) == 0


@every_metric
def test_what_is_refused(metric):
    with pytest.raises(ValueError, match="hypotheses: expected at least one string"):
        metric([], [])
    with pytest.raises(ValueError, match=r"references: expected a string, .* for each of 2 hypotheses, got 1"):
        metric(["a", "b"], ["a"])
    with pytest.raises(TypeError, match="hypotheses: expected a list of strings, got 'a'"):
        metric("a", ["a"])
    with pytest.raises(TypeError, match="references: expected strings, got None"):
        metric(["a"], [[None]])

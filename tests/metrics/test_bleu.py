"""BLEU and chrF: known values, signatures, and what is refused."""

import copy
import json
import math
import pickle
import sys

import numpy as np
import pytest

import kgen
from kgen.metrics.translation import Score

HYPOTHESES = ["A man sleeps.", "Two dogs run on the beach."]
REFERENCES = ["A man is sleeping.", "Two dogs are running on the beach."]


def test_bleu_by_hand():
    # 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 quadruples are in the reference, which is as long.
    score = kgen.metrics.bleu(["a b c d e"], ["a b c d f"])
    assert score == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert score.precisions == pytest.approx((80, 75, 200 / 3, 50))
    assert (score.brevity_penalty, score.hypothesis_length, score.reference_length) == (1.0, 5, 5)


def test_too_short_a_translation_pays():
    score = kgen.metrics.bleu(["a b c d"], ["a b c d e"])
    assert score.precisions == (100,) * 4
    assert score == pytest.approx(100 * math.exp(1 - 5 / 4))
    assert score.brevity_penalty == pytest.approx(math.exp(1 - 5 / 4))


def test_a_corpus_is_counted_as_a_whole():
    # 5 + 4 of 10 words, 4 + 3 of 8 pairs, 3 + 2 of 6 triples, 2 + 1 of 4 quadruples: no mean of two scores.
    score = kgen.metrics.bleu(["a b c d e", "a b c d e"], ["a b c d e", "a b c d f"])
    assert score == pytest.approx(100 * (9 / 10 * 7 / 8 * 5 / 6 * 3 / 4) ** 0.25)


def test_chrf_by_hand():
    # Of the single characters half agree, of the one pair none; longer ones are in neither. P = R = 1 / 4.
    assert kgen.metrics.chrf(["ab"], ["ac"]) == pytest.approx(25.0)
    # P = (3/3 + 2/2 + 1/1) / 3 = 1 and R = (3/4 + 2/3 + 1/2 ) / 3, the quadruple being in one of them only.
    recall = (3 / 4 + 2 / 3 + 1 / 2) / 3
    for beta in (1, 2):
        score = kgen.metrics.chrf(["abc"], ["abcd"], beta=beta)
        assert score == pytest.approx(100 * (1 + beta**2) * recall / (beta**2 + recall))
        assert score.name == f"chrF{beta}"


@pytest.mark.parametrize("metric", [kgen.metrics.bleu, kgen.metrics.chrf])
def test_equal_texts_have_all_of_it_and_foreign_ones_nothing(metric):
    assert metric(REFERENCES, REFERENCES) == 100.0
    assert metric(["", ""], REFERENCES) == 0.0
    assert 0.0 <= metric(["x", "y"], REFERENCES) < 5.0


@pytest.mark.parametrize("metric", [kgen.metrics.bleu, kgen.metrics.chrf])
def test_options_change_figure_and_signature(metric):
    shouted = [text.upper() for text in REFERENCES]
    assert metric(shouted, REFERENCES) < 50.0
    lower = metric(shouted, REFERENCES, lowercase=True)
    assert lower == 100.0
    assert "case:lc" in lower.signature


def test_options_of_one_metric():
    words = kgen.metrics.chrf(HYPOTHESES, REFERENCES, word_order=2)
    assert words.name == "chrF2++" and "nw:2" in words.signature
    characters = kgen.metrics.bleu(HYPOTHESES, REFERENCES, tokenize="char")
    assert "tok:char" in characters.signature and characters > kgen.metrics.bleu(HYPOTHESES, REFERENCES)


@pytest.mark.parametrize("metric", [kgen.metrics.bleu, kgen.metrics.chrf])
def test_several_references_for_each_hypothesis(metric):
    both = [[one, other] for one, other in zip(REFERENCES, HYPOTHESES, strict=True)]
    assert metric(HYPOTHESES, both) == 100.0
    assert "nrefs:2" in metric(HYPOTHESES, both).signature
    some = metric(HYPOTHESES, [REFERENCES[0], [REFERENCES[1], HYPOTHESES[1]]])
    assert metric(HYPOTHESES, REFERENCES) < some < 100.0
    assert "nrefs:var" in some.signature
    assert "nrefs:1" in metric(np.array(HYPOTHESES), tuple(REFERENCES)).signature


def test_a_score_says_how_it_was_counted():
    import sacrebleu

    score = kgen.metrics.bleu(HYPOTHESES, REFERENCES)
    assert score.signature == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    assert repr(score) == f"{float(score):.2f} (BLEU|{score.signature})"
    assert f"{score:.1f}" == f"{float(score):.1f}"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_score_survives_pickling(protocol):
    score = kgen.metrics.bleu(HYPOTHESES, REFERENCES)
    again = pickle.loads(pickle.dumps(score, protocol))
    assert type(again) is Score and again == score and vars(again) == vars(score)


def test_a_score_is_a_float():
    score = kgen.metrics.bleu(HYPOTHESES, REFERENCES)
    assert repr(copy.deepcopy(score)) == repr(score)
    assert type(score / 2) is float and type(score + score) is float and type(float(score)) is float
    assert max(score, 0.0) is score and score > 1 and hash(score) == hash(float(score))
    assert json.loads(json.dumps({"bleu": score})) == {"bleu": float(score)}
    assert np.mean([score, score]) == pytest.approx(score)


@pytest.mark.parametrize("metric", [kgen.metrics.bleu, kgen.metrics.chrf])
@pytest.mark.parametrize(
    ("hypotheses", "references", "error", "reason"),
    [
        ([], [], ValueError, "hypotheses: expected at least one string, got an empty list"),
        (["a"], [], ValueError, "references: expected at least one string"),
        (["a"], [[]], ValueError, "references: expected at least one string"),
        (["a", "b"], ["a"], ValueError, "references: expected a string, .* for each of 2 hypotheses, got 1"),
        (["a", "b"], [["a", "b"]], ValueError, "references: .* for each of 2 hypotheses, got 1"),
        ("a", ["a"], TypeError, "hypotheses: expected a list of strings, got 'a'; make a list"),
        (["a"], "a", TypeError, "references: expected a list of strings, got 'a'"),
        (None, ["a"], TypeError, "hypotheses: expected a list of strings, got None"),
        (["a", 1], ["a", "b"], TypeError, r"hypotheses: expected strings, got 1 \(int\)"),
        (["a"], [None], TypeError, "references: expected a list of strings, got None"),
        (["a"], [["a", None]], TypeError, r"references: expected strings, got None \(NoneType\)"),
        ([b"a"], ["a"], TypeError, r"hypotheses: expected strings, got b'a' \(bytes\)"),
    ],
)
def test_bad_input_is_refused(metric, hypotheses, references, error, reason):
    with pytest.raises(error, match=reason):
        metric(hypotheses, references)


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match=r"tokenize: expected one of 'none', .* got 'words'"):
        kgen.metrics.bleu(["a"], ["a"], tokenize="words")
    with pytest.raises(ValueError, match="word_order: expected an integer of at least 0, got -1"):
        kgen.metrics.chrf(["a"], ["a"], word_order=-1)
    with pytest.raises(ValueError, match="beta: expected an integer of at least 1, got 0"):
        kgen.metrics.chrf(["a"], ["a"], beta=0)


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(ImportError, match=rf"{name}: needs sacrebleu: pip install 'keras-kgen\[eval\]'"):
        getattr(kgen.metrics, name)(["a"], ["a"])


def test_a_tokenizer_that_is_not_installed_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "MeCab", None)
    with pytest.raises(ImportError, match=r"tokenize: 'ja-mecab' cannot be used here: .*sacrebleu\[ja\]"):
        kgen.metrics.bleu(["a"], ["a"], tokenize="ja-mecab")

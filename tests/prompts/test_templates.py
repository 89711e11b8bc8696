"""Templates fill in text and nothing else; examples stand before the question, the most similar last."""

import numpy as np
import pytest

import kgen

FILMS = [
    {"text": "a dull film", "label": "bad"},
    {"text": "a fine day at sea", "label": "good"},
    {"text": "a dull day", "label": "bad"},
]


def test_a_pair_is_the_whole_text():
    template = kgen.prompts.Template("{{{text}}}\nanswer:  {label}!\n")
    values = {"text": "{label} {0} {text.__class__}", "label": 3}
    prompt, answer = template.pair(**values)
    assert prompt + answer == template(**values) == "{{label} {0} {text.__class__}}\nanswer:  3!\n"
    assert template.prompt(text=values["text"]) == prompt == "{{label} {0} {text.__class__}}\nanswer:"
    assert template.places == ["text", "label"]


@pytest.mark.parametrize("text", ["no place", "{a} {a}", "{}", "{0}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{a", "a}"])
def test_what_is_no_template_is_refused(text):
    with pytest.raises(ValueError, match=r"^text: "):
        kgen.prompts.Template(text)


def test_missing_and_unknown_values_are_named():
    template = kgen.prompts.Template("{text} {label}")
    for values in ({}, {"text": "a", "lable": "b"}, {"text": "a", "label": "b", "more": "c"}):
        with pytest.raises(ValueError, match=r"^values: expected text, label"):
            template(**values)


def test_few_shots():
    template = kgen.prompts.Template("{text} = {label}")
    prompt = kgen.prompts.few_shot(template, FILMS[:2], {"text": "a day", "label": "good"}, "Judge.", "\n")
    assert prompt == "Judge.\na dull film = bad\na fine day at sea = good\na day ="
    assert kgen.prompts.few_shot(template, [], FILMS[0]) == "a dull film ="


def test_the_most_similar_example_stands_last():
    similar = kgen.prompts.SimilarExamples(FILMS, "text")
    assert similar.choose("dull, dull day", 2) == [FILMS[0], FILMS[2]]
    assert similar.choose("dull, dull day", 9, without=[2])[-1] == FILMS[0]
    assert len(similar.choose("x", 9, without=[2])) == 2 and similar.choose("x", 0) == []


def test_any_vectors_will_do_and_their_length_does_not_matter():
    def embed(texts):
        return [[len(text) * one, len(text) * (1 - one)] for text in texts for one in ["fine" in text]]

    similar = kgen.prompts.SimilarExamples(FILMS, "text", embed)
    assert similar.choose("fine", 1) == [FILMS[1]]
    with pytest.raises(ValueError, match=r"^embed: expected 3 rows"):
        kgen.prompts.SimilarExamples(FILMS, "text", lambda texts: np.zeros(3))
    with pytest.raises(ValueError, match=r"^examples: "):
        kgen.prompts.SimilarExamples(FILMS, "title")

"""Small errands in words, with one right answer each: what a tiny model can learn to do when it is told."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kgen.datasets.chats import conversation
from kgen.datasets.splitting import bucket
from kgen.functional.checks import check_in

SIZES = {"train": 4000, "test": 400}
TEST_ONE_IN = 8  # errands, by their words

OPPOSITES = """hot cold, big small, old new, wet dry, loud quiet, fast slow, high low, light dark, hard soft, rich poor,
long short, full empty, early late, open shut, thick thin, young aged"""
KINDS = {
    "animal": "cat dog horse mouse sheep goat duck frog lion bear",
    "colour": "red green blue white black yellow brown grey pink purple",
    "food": "bread cheese rice soup honey butter pasta salad jam cake",
    "tool": "hammer saw spade axe drill rake ladder brush knife needle",
}
CAPITALS = "Answer in capitals."  # what the system may say

_PAIRS = [pair.split() for pair in OPPOSITES.split(",")]
_OPPOSITE = {word: other for pair in _PAIRS for word, other in (pair, pair[::-1])}
_KIND = {word: kind for kind, words in KINDS.items() for word in words.split()}


class Errand(NamedTuple):
    """What somebody may ask: forms of the question, how to go on asking, and the answer."""

    forms: tuple
    again: str
    words: list  # what may be asked about
    number: int  # of them in a question
    answer: Callable


ERRANDS = (
    Errand(
        ("What is the opposite of {}?", "Tell me the opposite of {}.", "Which word says the reverse of {}?"),
        "And of {}?",
        list(_OPPOSITE),
        1,
        lambda word: _OPPOSITE[word],
    ),
    Errand(
        ("What kind of thing is {}?", "What sort of thing is {}?", "Say what kind of thing {} is."),
        "And what is {}?",
        list(_KIND),
        1,
        lambda word: _KIND[word],
    ),
    Errand(
        ("Which word is first in {} {} {}?", "Say the first word of {} {} {}.", "What does {} {} {} begin with?"),
        "And in {} {} {}?",
        list(_KIND),
        3,
        lambda first, second, third: first,
    ),
    Errand(
        ("Which word is last in {} {} {}?", "Say the last word of {} {} {}.", "What does {} {} {} end with?"),
        "And in {} {} {}?",
        list(_KIND),
        3,
        lambda first, second, third: third,
    ),
)


def errands(split, data_dir=None):
    """Conversations in which somebody asks for small errands and gets the right answers, made up, always the same.

    4,000 to train and 400 to test: opposites, kinds of things, the first or last of three words; up to three questions,
    of which those after the first say only "And of wet?". In some the system wants answers in capitals. No first
    question of one split is in the other, but its words are, in other forms. Nothing is read from `data_dir`. Licence:
    there is nothing to license.
    """
    check_in("split", split, tuple(SIZES))
    rng, found = np.random.default_rng([7, len(split)]), []
    while len(found) < SIZES[split]:
        errand = ERRANDS[rng.integers(len(ERRANDS))]
        forms = [errand.forms[rng.integers(len(errand.forms))], errand.again, errand.again]
        asked = [rng.choice(errand.words, errand.number, replace=False).tolist() for _ in range(rng.integers(1, 4))]
        system = CAPITALS if rng.random() < 0.2 else ""
        questions = [form.format(*words) for form, words in zip(forms, asked, strict=False)]
        if (bucket(questions[0], TEST_ONE_IN) == 0) == (split == "test"):
            answers = [errand.answer(*words) for words in asked]
            answers = [answer.upper() for answer in answers] if system else answers
            turns = [turn for pair in zip(questions, answers, strict=True) for turn in pair]
            found.append(conversation(*turns, system=system))
    return found

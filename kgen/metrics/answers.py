"""Answers that are a few words of a text, as SQuAD counts them."""

import re
import string
from collections import Counter

from kgen.metrics.text_lists import reference_count
from kgen.metrics.text_lists import with_references
from kgen.metrics.translation import Score

PUNCTUATION = str.maketrans("", "", string.punctuation)
ARTICLES = re.compile(r"\b(a|an|the)\b")


def exact_match(hypotheses, references):
    """The share of answers, in percent, that are one of the right ones: the same after SQuAD's normalisation.

    That is lower case, no ASCII punctuation, no "a", "an", "the", and one blank between words.

    Args:
        hypotheses: list of str, the answers.
        references: a str for each, or a list of several, any of which is right.

    Returns:
        a float in [0, 100] that knows how it was counted.

    Raises:
        TypeError: something else than strings.
        ValueError: nothing to count, or another number of references than of hypotheses.

    Example:

    >>> import kgen
    >>> kgen.metrics.exact_match(["The Panthers!", "308"], ["panthers", ["309", "308 points"]])
    50.00 (exact match|nrefs:var|norm:squad)

    Reference: Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, 2016.
    """
    return _mean("exact match", hypotheses, references, lambda one, other: float(one == other))


def f1(hypotheses, references):
    """How much of the right answers is in those given, in percent: the F-score of their words, a mean over answers.

        F₁ = 100 · 2 m / (words of the answer + words of the reference),  m the words in both, each as often as in both

    after SQuAD's normalisation, which is that of `exact_match`. Where either has no words left, both must be empty.

    Args:
        hypotheses: list of str, the answers.
        references: a str for each, or a list of several, of which the closest counts.

    Returns:
        a float in [0, 100] that knows how it was counted.

    Raises:
        TypeError: something else than strings.
        ValueError: nothing to count, or another number of references than of hypotheses.

    Example:

    >>> import kgen
    >>> kgen.metrics.f1(["the blue car"], ["a blue bus"])
    50.00 (answer F1|nrefs:1|norm:squad)

    Reference: Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, 2016.
    """
    return _mean("answer F1", hypotheses, references, _overlap)


def _mean(name, hypotheses, references, likeness):
    """100 times the mean over answers of the likeness to the closest reference, both as lists of words."""
    hypotheses, references = with_references(hypotheses, references)
    found = [
        max(likeness(_words(text), _words(one)) for one in several)
        for text, several in zip(hypotheses, references, strict=True)
    ]
    return Score(100.0 * sum(found) / len(found), name, f"{reference_count(references)}|norm:squad")


def _words(text):
    return ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split()


def _overlap(words, others):
    if not words or not others:
        return float(words == others)
    return 2.0 * (Counter(words) & Counter(others)).total() / (len(words) + len(others))

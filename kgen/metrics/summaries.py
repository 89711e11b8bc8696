"""ROUGE: how much of what people wrote in a summary is in another one."""

import re
from collections import Counter

from kgen.metrics.text_lists import reference_count
from kgen.metrics.text_lists import with_references
from kgen.metrics.translation import Score

WORDS = re.compile(r"[^\W_]+")  # letters and digits of any script; the others only separate


def rouge(hypotheses, references):
    """ROUGE-1, ROUGE-2 and ROUGE-L of summaries: the F-scores of words, of pairs of words, and of what is in order.

        F₁ = 100 · 2 P R / (P + R),  P = matches / n-grams of the hypothesis,  R = matches / n-grams of the reference

    and the mean over hypotheses. Matches are n-grams in both, each counted as often as it is in both; for ROUGE-L they
    are the longest common subsequence of the words. Words are runs of letters and digits in lower case, not stemmed: of
    English, this is what the package rouge-score counts, which drops all letters but a to z.

    Args:
        hypotheses: list of str, the summaries.
        references: a str for each hypothesis, or a list of several, of which the closest counts for each figure.

    Returns:
        dict of "rouge1", "rouge2" and "rougeL", floats in [0, 100], 100 for equal words, that know how they were
        counted.

    Raises:
        TypeError: something else than strings.
        ValueError: nothing to count, or another number of references than of hypotheses.

    Example:

    >>> import kgen
    >>> kgen.metrics.rouge(["the cat sat on the mat"], ["the cat was on the mat"])["rouge2"]
    60.00 (ROUGE-2 F1|nrefs:1|case:lc|stem:no)

    Reference: Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004.
    """
    hypotheses, references = with_references(hypotheses, references)
    signature = f"{reference_count(references)}|case:lc|stem:no"
    found = {"rouge1": [], "rouge2": [], "rougeL": []}
    for text, several in zip(hypotheses, references, strict=True):
        words, others = _words(text), [_words(one) for one in several]
        found["rouge1"].append(max(_overlap(words, other, 1) for other in others))
        found["rouge2"].append(max(_overlap(words, other, 2) for other in others))
        found["rougeL"].append(max(_f1(_longest_common(words, other), len(words), len(other)) for other in others))
    return {
        name: Score(100.0 * sum(each) / len(each), f"ROUGE-{name[-1]} F1", signature) for name, each in found.items()
    }


def _words(text):
    return WORDS.findall(text.lower())


def _overlap(words, others, n):
    one, other = (Counter(zip(*(text[i:] for i in range(n)), strict=False)) for text in (words, others))
    return _f1((one & other).total(), one.total(), other.total())


def _f1(matches, hypothesis, reference):
    return 2.0 * matches / (hypothesis + reference) if matches else 0.0


def _longest_common(words, others):
    """Length of the longest common subsequence: lengths[j] is that of the words so far and the first j others."""
    lengths = [0] * (len(others) + 1)
    for word in words:
        before = 0
        for j, other in enumerate(others):
            here = lengths[j + 1]
            lengths[j + 1] = before + 1 if word == other else max(here, lengths[j])
            before = here
    return lengths[-1]

"""How close translations come to those of people, as sacreBLEU counts it, so that papers can be compared."""

import itertools

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.metrics.text_lists import with_references


class Score(float):
    """A figure in [0, 100] that knows how it was counted; in arithmetic a float like any other.

    Args:
        value: float.
        name: "BLEU", or "chrF2" with its β.
        signature: what sacreBLEU asks to publish beside a figure: number of references, case, tokenizer, version.
        details: further attributes. BLEU has `precisions` (in percent, of 1 to 4 words), `brevity_penalty` in [0, 1],
            and `hypothesis_length` and `reference_length` in words.
    """

    def __new__(cls, value, name="", signature="", **details):
        score = super().__new__(cls, value)
        vars(score).update(details, name=name, signature=signature)
        return score

    def __repr__(self):
        return f"{float(self):.2f} ({self.name}|{self.signature})"


def bleu(hypotheses, references, lowercase=False, tokenize="13a"):
    """BLEU of a whole corpus: how many n-grams of the translations stand in the references.

        BLEU = 100 · min(1, exp(1 - r / c)) · (p₁ p₂ p₃ p₄)^¼

    with p_n the share of the translations' n-grams that a reference has too, c and r the words in translations and
    references. It is no mean over sentences, and of a few sentences it says little.

    Args:
        hypotheses: list of str, the translations, detokenized as a reader would see them.
        references: a str for each hypothesis, or a list of several.
        lowercase: bool, whether upper case counts as lower case.
        tokenize: how to cut into words: "13a" (the usual), "intl", "char", "zh", "none", "ja-mecab", "ko-mecab", or
            "flores200" and the like, for which sacreBLEU downloads a model.

    Returns:
        a float in [0, 100], 100 for equal texts, with `signature`, `precisions`, `brevity_penalty`,
        `hypothesis_length` and `reference_length`.

    Raises:
        ImportError: sacrebleu is not installed, or what the tokenizer needs is not.
        TypeError: something else than strings.
        ValueError: nothing to count, another number of references than of hypotheses, or an unknown tokenizer.

    Example:

    >>> import kgen
    >>> score = kgen.metrics.bleu(["the cat sat on a mat"], [["the cat sat on the mat", "there is a cat on a mat"]])
    >>> score  # doctest: +ELLIPSIS
    70.71 (BLEU|nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:...)
    >>> round(score, 1), score.brevity_penalty
    (70.7, 1.0)

    Reference: Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, 2002; Post, A Call for
    Clarity in Reporting BLEU Scores, 2018.
    """
    metrics = _sacrebleu("bleu")
    check_in("tokenize", tokenize, metrics.BLEU.TOKENIZERS)
    try:
        metric = metrics.BLEU(lowercase=bool(lowercase), tokenize=tokenize)
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ImportError(f"tokenize: {tokenize!r} cannot be used here: {reason}") from error
    found, signature = _counted(metric, hypotheses, references)
    return Score(
        min(found.score, 100.0),  # the geometric mean of hundreds is a little more
        found.name,
        signature,
        precisions=tuple(found.precisions),
        brevity_penalty=found.bp,
        hypothesis_length=found.sys_len,
        reference_length=found.ref_len,
    )


def chrf(hypotheses, references, lowercase=False, word_order=0, beta=2):
    """chrF of a whole corpus: the F-score of the n-grams of 1 to 6 characters, for languages with many word forms.

        chrF = 100 · (1 + β²) P R / (β² P + R)

    with P the share of the translations' n-grams that the reference has too, R the share of the reference's that the
    translation has, both means over n. White space does not count.

    Args:
        hypotheses: list of str, the translations, detokenized as a reader would see them.
        references: a str for each hypothesis, or a list of several, of which the closest counts.
        lowercase: bool, whether upper case counts as lower case.
        word_order: int ≥ 0, n-grams of how many words count as well; 2 for chrF++.
        beta: int ≥ 1, how much more R weighs than P.

    Returns:
        a float in [0, 100], 100 for equal texts, with `signature`.

    Raises:
        ImportError: sacrebleu is not installed.
        TypeError: something else than strings.
        ValueError: nothing to count, another number of references than of hypotheses, or a number out of range.

    Example:

    >>> import kgen
    >>> kgen.metrics.chrf(["the cat sat"], ["the cats sat"])  # doctest: +ELLIPSIS
    68.66 (chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:...)

    Reference: Popović, chrF: Character n-gram F-score for Automatic MT Evaluation, 2015.
    """
    metrics = _sacrebleu("chrf")
    check_int("word_order", word_order, minimum=0)
    check_int("beta", beta, minimum=1)
    metric = metrics.CHRF(word_order=word_order, beta=beta, lowercase=bool(lowercase))
    found, signature = _counted(metric, hypotheses, references)
    return Score(min(found.score, 100.0), found.name, signature)


def _sacrebleu(what):
    try:
        from sacrebleu import metrics  # here, because most of kgen does without it
    except ImportError:
        raise ImportError(f"{what}: needs sacrebleu: pip install 'keras-kgen[eval]'") from None
    return metrics


def _counted(metric, hypotheses, references):
    """What a metric of sacreBLEU finds, and its signature."""
    hypotheses, references = with_references(hypotheses, references)
    # sacreBLEU takes the first reference of each hypothesis, then the second of each, …, None where there is none.
    found = metric.corpus_score(hypotheses, list(itertools.zip_longest(*references)))
    return found, str(metric.get_signature())

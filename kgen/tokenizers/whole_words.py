"""Text as whole words, and the vocabulary of a text."""

import collections
import difflib
import re

from kgen.functional.checks import check_int
from kgen.tokenizers.corpus import most_frequent

WORD = re.compile(r"\w+(?:['’]\w+)*")  # "don't" is one word


def words_of(text, lowercase=True):
    """The words of a text as a list of str; what is a list of words already stays as it is.

    Args:
        text: str, bytes in UTF-8, or a list of str.
        lowercase: bool, whether "The" is "the".
    """
    if not isinstance(text, str | bytes):
        return list(text)
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return WORD.findall(text.lower() if lowercase else text)


def counted_words(texts, min_count=5, most=None, lowercase=True):
    """The words that occur often enough, the most frequent first, and how often: (list of str, list of int).

    Args:
        texts: iterable of texts, or of lists of words.
        min_count: int ≥ 1; what occurs less often is left out.
        most: int ≥ 1, how many words to keep, or None for all.
        lowercase: as in `words_of`.

    Raises:
        ValueError: fewer than two words are left.
    """
    check_int("min_count", min_count, minimum=1)
    if most is not None:
        check_int("vocabulary_size", most, minimum=2)
    counts = collections.Counter()
    for text in texts:
        counts.update(words_of(text, lowercase))
    kept = [word for word in most_frequent(counts) if counts[word] >= min_count][:most]
    if len(kept) < 2:
        raise ValueError(
            f"min_count: expected texts in which some words occur {min_count} times, got {len(counts)} different "
            f"words of which {len(kept)} do; take a smaller min_count, or more text"
        )
    return kept, [counts[word] for word in kept]


def check_known(name, word, places):
    """Refuse a word that is not among `places`, with those of a near spelling."""
    if word not in places:
        near = difflib.get_close_matches(str(word), list(places), n=3)
        hint = f"; near to it are {', '.join(map(repr, near))}" if near else ""
        raise ValueError(f"{name}: expected a word of the vocabulary of {len(places):,}, got {word!r}{hint}")


def check_vocabulary(vocabulary, counts):
    """Refuse what is no list of different words, or counts that do not belong to it."""
    if isinstance(vocabulary, str) or not isinstance(vocabulary, list | tuple) or len(vocabulary) < 2:
        raise ValueError(f"vocabulary: expected a list of at least two words, got {vocabulary!r:.60}")
    strange = next((word for word in vocabulary if not isinstance(word, str) or not word), None)
    if strange is not None or len(set(vocabulary)) < len(vocabulary):
        what = f"{strange!r} is none" if strange is not None else f"{vocabulary!r:.60} has one of them twice"
        raise ValueError(f"vocabulary: expected different words, {what}")
    if counts is not None:
        if not isinstance(counts, list | tuple) or len(counts) != len(vocabulary):
            raise ValueError(f"counts: expected one for each of {len(vocabulary)} words, got {counts!r:.60}")
        for count in counts:
            check_int("counts", count, minimum=1)

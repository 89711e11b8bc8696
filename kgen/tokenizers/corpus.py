"""The texts a tokenizer reads: checked, and cut into pieces so that memory stays bounded."""

import re
import time
from collections.abc import Iterable

import keras

PIECE = 1 << 16  # characters; what `tokenizers` keeps of a text while it works is some hundred times as large
QUIET_SECONDS = 1.0

_LAST_WORD = re.compile(r".*\S(?= \S)", re.DOTALL)  # up to the last single space between two words
_SURROGATES = re.compile("[\ud800-\udfff]")


def training_pieces(texts, progress=True):
    """Yields the texts in pieces of bounded length, with a bar once it takes longer than a second.

    Surrogates without a partner, which are no characters, become U+FFFD.

    Raises:
        TypeError: `texts` is one string, no iterable, or yields something else than strings.
        ValueError: there is no text in it.
    """
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise TypeError(f"texts: expected an iterable of strings, got {type(texts).__name__}; pass [text] for one text")
    total = 0
    for text in _with_bar(texts) if progress else texts:
        if not isinstance(text, str):
            raise TypeError(f"texts: expected strings, got one {type(text).__name__}: {text!r:.50}")
        total += len(text)
        yield from pieces(_SURROGATES.sub("\ufffd", text))
    if not total:
        raise ValueError("texts: expected some text to learn from, got none")


def pieces(text):
    """Yields a text in pieces of at most `PIECE` characters, cut before a space between two words.

    Pre-tokenizers that split at single spaces (those of GPT-2 and its successors, BERT's) see no difference. Where
    there is no such space for `PIECE` characters the cut is somewhere.
    """
    start = 0
    while len(text) - start > PIECE:
        words = _LAST_WORD.match(text, start, start + PIECE)
        end = words.end() if words else start + PIECE
        yield text[start:end]
        start = end
    yield text[start:]


def most_frequent(counts):
    """The keys of a `Counter` by falling frequency, equally frequent ones in their own order."""
    return sorted(counts, key=lambda one: (-counts[one], one))


def _with_bar(texts):
    bar, count, start = None, 0, time.monotonic()
    target = len(texts) if hasattr(texts, "__len__") else None
    for count, text in enumerate(texts, 1):
        yield text
        if time.monotonic() - start > QUIET_SECONDS:
            bar = bar or keras.utils.Progbar(target, unit_name="text", interval=QUIET_SECONDS)
            bar.update(count, finalize=False)
    if bar:
        bar.update(count, finalize=True)

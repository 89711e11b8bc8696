"""A text in sentences, without losing a character of what stands between them."""

import re

# After a full stop (and what closes a quotation) and before white space; a line ends a sentence too.
_END = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s)|[。！？]+["'”’」』）]*|(?=[\r\n])""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“«])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|e\.g|i\.e|No|Nr|Fig|M|Mme|Mlle|bzw|z\.B|u\.a|d\.h|ca)\.$"
)
_EDGES = re.compile(r"^(\s*)(.*?)(\s*)$", re.DOTALL)


def sentences_of(text):
    """The sentences of a text, each with what stands around it: a list of (white space, sentence, white space).

    All of them put together are the text. A sentence is empty only in a text of white space. Abbreviations ("Dr.",
    "e.g.", initials) end none; like all rules of this kind, these are right most of the time.

    Example:

    >>> from kgen.tokenizers.sentences import sentences_of
    >>> [sentence for _, sentence, _ in sentences_of("Dr. Who sleeps. Why? \\n\\nNobody knows")]
    ['Dr. Who sleeps.', 'Why?', 'Nobody knows']
    """
    pieces, start = [], 0
    for found in _END.finditer(text):
        end = found.end()
        if end == start or (found.group() == "." and _goes_on(text, start, end)):
            continue
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    parts = [_EDGES.match(piece).groups() for piece in pieces if piece]
    merged = []  # white space without a sentence belongs to its neighbour
    for before, sentence, after in parts:
        if merged and (not sentence or not merged[-1][1]):
            first = merged.pop()
            merged.append(
                (first[0], first[1], first[2] + before + after)
                if not sentence
                else (first[0] + first[2] + before, sentence, after)
            )
        else:
            merged.append((before, sentence, after))
    return merged


def cut(text, fits):
    """A text in pieces that each fit: cut after commas and the like, between words, and only then within a word.

    Args:
        text: str.
        fits: function from a str to bool; a single character is taken to fit.
    """
    if fits(text) or len(text) < 2:
        return [text]
    middle = len(text) // 2
    places = [found.end() for found in re.finditer(r"[,;:–—]\s+", text)] or [
        found.end() for found in re.finditer(r"\s+", text)
    ]
    places = [place for place in places if 0 < place < len(text)] or [middle]
    place = min(places, key=lambda one: abs(one - middle))
    return cut(text[:place], fits) + cut(text[place:], fits)


def _goes_on(text, start, end):
    """Whether a single full stop at `end` belongs to an abbreviation or stands before a small letter."""
    behind = text[end:].lstrip(" \t")[:1]
    return bool(_ABBREVIATION.search(text[start:end])) or behind.islower()

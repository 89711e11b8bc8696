"""Models that read a text and can say who looks at whom in it; their tokens put together to words."""

import itertools

import numpy as np

from .studio import sorry

# A translator's encoder, a BERT, a GPT: what tells them apart is what their verb takes.
READERS = (("self_attention", "tokenizer"), ("attention(text)", "tokenizer"), ("attention(x)", "tokenizer"))


def reading_models(studio):
    """Names of the models that can say it, those first that see a sentence as a whole."""
    return [*dict.fromkeys(name for needs in READERS for name in studio.names(*needs))]


def needs_of(studio, name):
    """What of `READERS` a model has; a sentence when it has none of it."""
    names = reading_models(studio)
    if not isinstance(name, str) or name not in names:
        raise sorry(f"There is no such model here. There are: {', '.join(names) or 'none'}.")
    return next(needs for needs in READERS if name in studio.names(*needs))


def attention_of(model, needs, text):
    """(float array `(layers, heads, tokens, tokens)`, the tokens) of a text."""
    if needs == READERS[0]:
        return model.self_attention(text), model.source_tokens(text)
    if needs == READERS[1]:
        return model.attention(text), model.tokens(text)
    tokens = [model.tokenizer.decode([one], skip_special=False) for one in model.tokenizer.encode(text)]
    return model.attention(text), tokens


def by_words(scores, tokens):
    """Attention between words: a word gives the mean of what its tokens give, and gets the sum of what they get.

    Clark et al., What Does BERT Look At?, 2019, section 4.1.

    Args:
        scores: float `(layers, heads, tokens, tokens)`.
        tokens: list of str; the pieces of a word in a row, white space at its beginning or end, or "##" before all but
            the first.

    Returns:
        (float `(layers, heads, words, words)`, list of str)

    >>> by_words(np.full((1, 1, 3, 3), 1 / 3), ["a", "lamp", "##s"])[1]
    ['a', 'lamps']
    """
    starts = [i for i, token in enumerate(tokens) if i == 0 or _begins(tokens[i - 1], token, tokens)]
    member = np.zeros((len(starts), len(tokens)), "float32")
    for word, (start, end) in enumerate(itertools.pairwise([*starts, len(tokens)])):
        member[word, start:end] = 1.0
    words = ["".join(token.removeprefix("##") for token in _of(tokens, row)).strip() for row in member]
    given = member / member.sum(axis=1, keepdims=True)
    return np.einsum("wq,lhqk,vk->lhwv", given, scores, member), [word or "␣" for word in words]


def _begins(before, token, tokens):
    """Whether a token begins a word."""
    if any(one.startswith("##") for one in tokens) or tokens[0] == "[CLS]":
        return not token.startswith("##")
    if before.isspace():  # a space of its own stands before the word that it belongs to
        return False
    if not token or not before or token[0].isspace() or before[-1].isspace():
        return True
    if _is_special(token) or _is_special(before):
        return True
    return _is_letter(before[-1]) != _is_letter(token[0])


def _is_special(token):
    """Whether it is a mark such as "<|end|>"."""
    return len(token) > 2 and token[0] == "<" and token[-1] == ">"


def _is_letter(character):
    return character.isalnum() or character in "'’_"


def _of(tokens, row):
    return [token for token, there in zip(tokens, row, strict=True) if there]

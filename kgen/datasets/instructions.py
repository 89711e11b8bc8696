"""Instructions made by templates from sets of opinions and of questions."""

import numpy as np

from kgen.datasets.chats import conversation
from kgen.datasets.questions import xquad
from kgen.datasets.reviews import sentiment
from kgen.prompts.filling_in import Template
from kgen.tokenizers.sentences import sentences_of

OPINIONS = (
    Template("Is this review good or bad?\n{text}\n{answer}"),
    Template("What does the reviewer think of the film, good or bad?\n{text}\n{answer}"),
    Template("{text}\nGood or bad?\n{answer}"),
)
QUESTIONS = (
    Template("{text}\n{question}\n{answer}"),
    Template("Answer from the text.\n{text}\n{question}\n{answer}"),
    Template("{question}\n{text}\n{answer}"),
)
NAMES = ("bad", "good")


def instructions(split, data_dir=None):
    """Conversations of one question each, about film reviews and about sentences of Wikipedia, with the answers.

    Whether a review is "good" or "bad", from "sentiment"; a question whose answer is a part of the sentence that comes
    with it, from "xquad/en"; each in one of several forms, in an order that is always the same. `data_dir` holds the
    files of both, and their splits are these: see `kgen.datasets.reviews` and `kgen.datasets.questions`. Licence: the
    reviews state none, research use; the questions CC BY-SA 4.0.
    """
    rng, found = np.random.default_rng(0), []
    for text, label in zip(*sentiment(split, data_dir), strict=True):
        found.append(_asked(OPINIONS, rng, text=text, answer=NAMES[label]))
    for context, question, answer, start in zip(*xquad(split, data_dir, "en"), strict=True):
        text = sentence_with(context, start, answer)
        found.append(_asked(QUESTIONS, rng, text=text, question=question, answer=answer))
    return [found[i] for i in rng.permutation(len(found))]


def sentence_with(context, start, answer):
    """The sentence of a text in which an answer stands, with the next ones if it goes on there."""
    at, kept = 0, []
    for before, sentence, after in sentences_of(context):
        at += len(before) + len(sentence) + len(after)
        if at > start:
            kept.append(before + sentence + after)
        if at >= start + len(answer):
            break
    return "".join(kept).strip()


def _asked(forms, rng, **values):
    prompt, answer = forms[rng.integers(len(forms))].pair(**values)
    return conversation(prompt, answer.strip())

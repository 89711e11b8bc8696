"""Questions whose answer is a part of a text, in several languages."""

import json
from typing import NamedTuple

import numpy as np

from kgen.datasets.downloads import any_file_in
from kgen.datasets.downloads import downloaded
from kgen.datasets.downloads import json_lines
from kgen.datasets.downloads import read_text
from kgen.datasets.splitting import bucket
from kgen.functional.checks import check_in

SPLITS = ("train", "test", "all")
LANGUAGES = ("en", "de", "es", "ar", "el", "hi", "ro", "ru", "th", "tr", "vi", "zh")
XQUAD = "https://raw.githubusercontent.com/google-deepmind/xquad/master"
TEST_ONE_IN = 4  # articles


class Questions(NamedTuple):
    """What `load("xquad/en")` returns: `contexts[i][starts[i]:]` begins with `answers[i]`."""

    contexts: list
    questions: list
    answers: list
    starts: np.ndarray  # int64 (n,), in characters


def xquad(split, data_dir, language):
    """Questions about paragraphs of Wikipedia, with answers: `(contexts, questions, answers, starts)`, up to 1,190.

    A row is a question. Its answer stands in its context, from character `starts[i]` on. The rows of all languages are
    translations of each other. It was made for tests; for a model that learns from it, the questions about one article
    in four are "test", by a hash of its title, the others "train", and "all" is all.

    `data_dir`, or the folder qa in it, holds `xquad.en.json` as it is in https://github.com/google-deepmind/xquad, from
    where Keras fetches it else; or `xquad.en.jsonl.gz` (or .jsonl), an object a line with title, context, question,
    answer and answer_start. Licence: CC BY-SA 4.0. Artetxe et al., On the Cross-lingual Transferability of Monolingual
    Representations, 2020.
    """
    check_in("split", split, SPLITS)
    name = f"xquad.{language}.json"
    if data_dir is None:
        path = downloaded(f"xquad/{language}", name, f"{XQUAD}/{name}", "it")
    else:
        names = (f"{name}l.gz", f"{name}l", name)
        path = any_file_in(data_dir, (*names, *(f"qa/{one}" for one in names)), "questions and answers")
    rows = _published(path) if path.suffix == ".json" else _rows(path)
    for number, (_, context, _, answer, start) in enumerate(rows, 1):
        if not isinstance(start, int) or start < 0 or not answer or not context.startswith(answer, start):
            raise ValueError(f"{path}: expected answer {number}, {answer!r:.60}, at {start!r} of its context")
    rows = [row for row in rows if split == "all" or (bucket(row[0], TEST_ONE_IN) == 0) == (split == "test")]
    if not rows:
        raise ValueError(f"{path}: too few articles for two splits, {split!r} is empty")
    _, contexts, questions, answers, starts = map(list, zip(*rows, strict=True))
    return Questions(contexts, questions, answers, np.array(starts, "int64"))


def _rows(path):
    """Tuples (title, context, question, answer, start)."""
    keys = ("title", "context", "question", "answer")
    return [(*(row[key] for key in keys), row.get("answer_start")) for row in json_lines(path, keys)]


def _published(path):
    """The same from the form that SQuAD has."""
    try:
        return [
            (article["title"], part["context"], one["question"], one["answers"][0]["text"], start)
            for article in json.loads(read_text(path))["data"]
            for part in article["paragraphs"]
            for one in part["qas"]
            for start in [one["answers"][0]["answer_start"]]
        ]
    except (ValueError, LookupError, TypeError) as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: damaged, or no questions in the form of SQuAD ({error!r}); fetch it again") from None

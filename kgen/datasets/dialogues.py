"""Conversations and what was said in them, in a sentence or two."""

from kgen.datasets.downloads import any_file_in
from kgen.datasets.downloads import downloaded
from kgen.datasets.downloads import json_lines
from kgen.datasets.pairs_of_text import TextPairs
from kgen.functional.checks import check_in

SPLITS = ("train", "test", "validation")
DIALOGSUM = "https://raw.githubusercontent.com/cylnlp/dialogsum/main/DialogSum_Data"
PUBLISHED = {"train": "train", "validation": "dev", "test": "test"}


def dialogsum(split, data_dir=None):
    """DialogSum, everyday conversations in English and their summaries: 12,460, 500 and 500 pairs.

    A conversation has a line for each turn: "#Person1#: Hello!". The splits are the published ones; of the three
    summaries that a conversation of "test" has, the first is taken.

    `data_dir`, or the folder summarization in it, holds `dialogsum.train.jsonl`, `dialogsum.dev.jsonl` for "validation"
    and `dialogsum.test.jsonl` (or .jsonl.gz) of https://github.com/cylnlp/dialogsum, from where Keras fetches them
    else. Licence: CC BY-NC-SA 4.0. Chen et al., DialogSum: A Real-Life Scenario Dialogue Summarization Dataset, 2021.
    """
    check_in("split", split, SPLITS)
    name = f"dialogsum.{PUBLISHED[split]}.jsonl"
    if data_dir is None:
        path = downloaded("dialogsum", name, f"{DIALOGSUM}/{name}", "it")
    else:
        names = (name, f"{name}.gz", f"summarization/{name}", f"summarization/{name}.gz")
        path = any_file_in(data_dir, names, "conversations and summaries")
    summary = "summary1" if split == "test" else "summary"
    rows = json_lines(path, ("dialogue", summary))
    return TextPairs([row["dialogue"] for row in rows], [row[summary] for row in rows])

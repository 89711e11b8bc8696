"""Sentences with an opinion, each set as `(texts, labels)`: a list of str, and int64, 1 for "good" and 0 for "bad"."""

from typing import NamedTuple

import numpy as np

from kgen.datasets.downloads import downloaded
from kgen.datasets.downloads import find_in
from kgen.datasets.downloads import nothing_to_download
from kgen.datasets.downloads import read_text
from kgen.datasets.splitting import bucket
from kgen.functional.checks import check_in

SPLITS = ("train", "test")
RT = "https://raw.githubusercontent.com/dennybritz/cnn-text-classification-tf/master/data/rt-polaritydata"
TEST_ONE_IN = {"sentiment": 10, "sentiment_uci": 5}
UCI = "https://archive.ics.uci.edu/dataset/331/sentiment+labelled+sentences"
UCI_FILES = ("amazon_cells_labelled.txt", "imdb_labelled.txt", "yelp_labelled.txt")


class LabelledTexts(NamedTuple):
    """What `load("sentiment")` returns."""

    texts: list
    labels: np.ndarray  # int64 (n,)


def sentiment(split, data_dir=None):
    """Sentences from reviews of films, lower-cased and cut into words by blanks, half of them good: `(texts, labels)`.

    10,662 sentences in two files, `rt-polarity.pos` and `rt-polarity.neg`, which `data_dir` holds or Keras fetches from
    https://github.com/dennybritz/cnn-text-classification-tf (data/rt-polaritydata); about one in ten is "test", by a
    hash of its letters. Or else `data_dir`, or the folder sentiment in it, holds one's own split,
    `rt_polarity.train.tsv.gz` and `rt_polarity.test.tsv.gz` (or .tsv): 1 or 0, a tab, the sentence. Licence: none is
    stated; research use. Pang and Lee, Seeing Stars: Exploiting Class Relationships for Sentiment Categorization with
    Respect to Rating Scales, 2005.
    """
    check_in("split", split, SPLITS)
    stem = f"rt_polarity.{split}.tsv"
    path = find_in(data_dir, (f"{stem}.gz", stem, f"sentiment/{stem}.gz", f"sentiment/{stem}"))
    if path:
        return _gathered(path, _labelled(path, label_first=True))
    rows = []
    for label, name in enumerate(("rt-polarity.neg", "rt-polarity.pos")):
        if data_dir is None:
            path = downloaded("sentiment", name, f"{RT}/{name}", "rt-polarity.pos and rt-polarity.neg")
        else:
            path = find_in(data_dir, (name, f"sentiment/{name}"))
        if not path:
            what = f"{stem}.gz, or rt-polarity.pos and rt-polarity.neg"
            raise nothing_to_download(data_dir, what, "Put them there, or leave data_dir out to download the data.")
        rows += [(line.strip(), label) for line in read_text(path).split("\n")]
    return _gathered(path, _of_split("sentiment", split, rows))


def sentiment_uci(split, data_dir=None):
    """Sentences from reviews of things to buy, of films and of restaurants, half of them good: `(texts, labels)`.

    About one in five is "test", by a hash of the sentence: the same whatever the order, and equal sentences are
    together. `data_dir`, or the folder sentiment in it, holds `uci_sentences.amazon_imdb.tsv.gz` (or .tsv: 1 or 0, a
    tab, the sentence), or the three files `amazon_cells_labelled.txt`, `imdb_labelled.txt`, `yelp_labelled.txt`, 1,000
    sentences each, from https://archive.ics.uci.edu/dataset/331/sentiment+labelled+sentences, all of which are read.
    Licence: CC BY 4.0. Kotzias et al., From Group to Individual Labels using Deep Features, 2015.
    """
    check_in("split", split, SPLITS)
    stem = "uci_sentences.amazon_imdb.tsv"
    path = find_in(data_dir, (f"{stem}.gz", stem, f"sentiment/{stem}.gz", f"sentiment/{stem}"))
    if path:
        return _gathered(path, _of_split("sentiment_uci", split, _labelled(path, label_first=True)))
    paths = [find_in(data_dir, (name, f"sentiment/{name}")) for name in UCI_FILES]
    if None in paths:
        raise nothing_to_download(data_dir, ", ".join(UCI_FILES), f"They are in the archive at {UCI}: unpack it there.")
    rows = [row for path in paths for row in _labelled(path, label_first=False)]
    return _gathered(paths[0], _of_split("sentiment_uci", split, rows))


def _labelled(path, label_first):
    """Pairs (text, label) from lines with a tab between them."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        label, _, text = line.partition("\t") if label_first else reversed(line.rpartition("\t"))
        label, text = label.strip(), text.strip()
        if label not in ("0", "1") or not text:
            where = "in front of" if label_first else "behind"
            raise ValueError(f"{path}: expected 0 or 1 {where} a tab in line {number}, got {line!r:.60}")
        rows.append((text, int(label)))
    return rows


def _of_split(name, split, rows):
    one_in = TEST_ONE_IN[name]
    return [(text, label) for text, label in rows if text and (bucket(text, one_in) == 0) == (split == "test")]


def _gathered(path, rows):
    if not rows:
        raise ValueError(f"{path}: expected sentences, there are none, or too few for two splits")
    return LabelledTexts([text for text, _ in rows], np.array([label for _, label in rows], "int64"))

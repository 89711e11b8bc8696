"""Sentences and their translations, each set as `(sources, targets)`, two lists of str."""

import unicodedata
import zipfile
from pathlib import Path

from kgen.datasets.downloads import any_file_in
from kgen.datasets.downloads import downloaded
from kgen.datasets.downloads import find_in
from kgen.datasets.pairs_of_text import TextPairs
from kgen.datasets.pairs_of_text import text_pairs
from kgen.datasets.splitting import bucket
from kgen.functional.checks import check_in

SPLITS = ("train", "test", "validation")
TATOEBA = "https://www.manythings.org/anki/fra-eng.zip"
MULTI30K = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
MULTI30K_NAMES = {"train": ("train", "train"), "validation": ("val", "val"), "test": ("test2016", "test_2016_flickr")}


def tatoeba_en_fr(split, data_dir=None):
    """Short everyday sentences in English and French from Tatoeba, 96 % "train", 2 % "validation", 2 % "test".

    One English sentence has several translations, so its split is a hash of its letters (without case, accents and
    punctuation): all its pairs are together, and so are those of "Go." and "Go!".

    `data_dir` holds `tatoeba_en-fr.tsv.gz`, `tatoeba_en-fr.tsv` or the `fra.txt` of
    https://www.manythings.org/anki/fra-eng.zip, which Keras fetches else (a tab between English and French; further
    columns are not read). Licence: CC BY 2.0, Tatoeba (https://tatoeba.org) and manythings.org/anki.
    """
    check_in("split", split, SPLITS)
    names = ("tatoeba_en-fr.tsv.gz", "tatoeba_en-fr.tsv", "fra.txt")
    if data_dir is None:
        path = _unzipped(downloaded("tatoeba_en_fr", "fra-eng.zip", TATOEBA, "the fra.txt in it"), "fra.txt")
    else:
        path = any_file_in(data_dir, names, "English and French, a tab between them")
    pairs = text_pairs(path, delimiter="\t")
    kept = TextPairs([], [])
    for source, target in zip(*pairs, strict=True):
        if _split_of(source) == split:
            kept.sources.append(source)
            kept.targets.append(target)
    return kept


def multi30k(split, data_dir=None):
    """Multi30k (task 1), descriptions of pictures in English and German: 29,000, 1,014 and 1,000 pairs, raw text.

    The splits are the published ones; "test" is test2016. `data_dir`, or the folder multi30k in it, holds
    `en-de.train.tsv.gz`, `en-de.val.tsv.gz` and `en-de.test2016.tsv.gz` (or .tsv), a tab between English and German, or
    the two files of a split as they lie in https://github.com/multi30k/dataset (data/task1/raw: `train.en.gz` and
    `train.de.gz`, `val…`, `test_2016_flickr…`), which Keras fetches else. Licence: none is stated; captions derive from
    Flickr30k, research use. D. Elliott et al., "Multi30K: Multilingual English-German Image Descriptions", 2016.
    """
    return _multi30k("multi30k", "de", split, data_dir)


def multi30k_en_fr(split, data_dir=None):
    """Multi30k with French in place of German: `en-fr.train.tsv.gz` and so on. All else, Licence too, as `multi30k`.

    D. Elliott et al., "Findings of the Second Shared Task on Multimodal Machine Translation", 2017.
    """
    return _multi30k("multi30k_en_fr", "fr", split, data_dir)


def _multi30k(name, language, split, data_dir):
    check_in("split", split, SPLITS)
    ours, theirs = MULTI30K_NAMES[split]
    stem, files = f"en-{language}.{ours}.tsv", [f"{theirs}.{one}.gz" for one in ("en", language)]
    if data_dir is None:
        both = " and ".join(files)
        return text_pairs(*(downloaded(name, f"multi30k.{file}", f"{MULTI30K}/{file}", both) for file in files))
    pairs = [find_in(data_dir, (file, f"multi30k/{file}")) for file in files]
    if None not in pairs:
        return text_pairs(*pairs)
    names = (f"{stem}.gz", stem, f"multi30k/{stem}.gz", f"multi30k/{stem}")
    return text_pairs(any_file_in(data_dir, names, "English and its translation, a tab between them"), delimiter="\t")


def _split_of(sentence):
    letters = (one for one in unicodedata.normalize("NFKD", sentence.casefold()) if one.isalnum())
    return {0: "test", 1: "validation"}.get(bucket("".join(letters), 50), "train")


def _unzipped(path, member):
    """Beside an archive, one of its files."""
    target = Path(path).with_name(member)
    if not target.is_file():
        try:
            with zipfile.ZipFile(path) as archive:
                data = archive.read(member)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"{path}: damaged, or without {member} ({error}); delete it to fetch it again") from None
        target.write_bytes(data)
    return target

import gzip
import re
import unicodedata
import zipfile

import keras
import pytest

import kgen
from kgen.datasets import prose
from kgen.datasets.splitting import bucket

TRANSLATIONS = ("tatoeba_en_fr", "multi30k", "multi30k_en_fr")


def letters(sentence):
    return "".join(one for one in unicodedata.normalize("NFKD", sentence.casefold()) if one.isalnum())


# Embedded


@pytest.mark.parametrize("name, least", [("pydoc", 200_000), ("stdlib_code", 5_000_000)])
def test_embedded_texts(name, least):
    train, test = (kgen.datasets.load(name, split) for split in ("train", "test"))
    assert all(isinstance(text, str) and text for text in [*train, *test])
    assert set(train).isdisjoint(set(test) - {text for text in test if len(text) < 100})
    characters = [sum(map(len, texts)) for texts in (train, test)]
    assert sum(characters) > least
    assert 0.02 < characters[1] / sum(characters) < 0.3
    assert kgen.datasets.load(name, "test", data_dir="/nowhere") == test


def test_code_is_code_and_packages_stay_together():
    for split in ("train", "test"):
        assert sum("def " in text for text in kgen.datasets.load("stdlib_code", split)) > 20
    train, test = ("\n".join(kgen.datasets.load("stdlib_code", split)) for split in ("train", "test"))
    assert ("class JSONEncoder" in train) != ("class JSONEncoder" in test)
    assert ("class JSONEncoder" in train) == ("class JSONDecoder" in train)


def test_a_python_without_them(tmp_path, monkeypatch):
    monkeypatch.setattr(prose.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"stdlib_code.*{re.escape(str(tmp_path))}"):
        kgen.datasets.load("stdlib_code")
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data.topics", None)
    with pytest.raises(FileNotFoundError, match="pydoc"):
        kgen.datasets.load("pydoc")


# Shakespeare


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "tinyshakespeare.txt.gz"])
def test_shakespeare(name, tmp_path):
    text = "First Citizen:\r\nBefore we proceed … né" * 10
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    (train,), (test,) = (kgen.datasets.load("shakespeare", split, tmp_path) for split in ("train", "test"))
    assert train + test == text
    assert len(train) == int(0.9 * len(text))


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"n\xe9e", gzip.compress(b"abc" * 99)[:-9]])
def test_shakespeare_is_damaged(data, tmp_path):
    path = tmp_path / "tinyshakespeare.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        kgen.datasets.load("shakespeare", "train", tmp_path)


# Translations


@pytest.fixture
def tatoeba(tmp_path):
    rows = [(f"Sentence {i // 3}{'!' if i % 3 else '.'}", f"Phrase {i}") for i in range(900)]
    (tmp_path / "tatoeba_en-fr.tsv.gz").write_bytes(gzip.compress("".join(f"{s}\t{t}\n" for s, t in rows).encode()))
    return tmp_path, rows


def test_splits_of_tatoeba_are_all_and_share_no_sentence(tatoeba):
    folder, rows = tatoeba
    splits = {split: kgen.datasets.load("tatoeba_en_fr", split, folder) for split in ("train", "validation", "test")}
    assert sorted(pair for split in splits.values() for pair in zip(*split, strict=True)) == sorted(rows)
    keys = [set(map(letters, split.sources)) for split in splits.values()]
    assert len(set.union(*keys)) == sum(map(len, keys)) == 300
    assert min(map(len, keys)) > 0
    assert len(splits["train"].sources) > 0.85 * len(rows)


def test_order_and_further_sentences_change_no_split(tatoeba):
    folder, rows = tatoeba
    before = set(kgen.datasets.load("tatoeba_en_fr", "test", folder).sources)
    (folder / "tatoeba_en-fr.tsv.gz").unlink()
    more = [*reversed(rows), *((f"New {i}.", "x") for i in range(200))]
    (folder / "fra.txt").write_text("".join(f"{s}\t{t}\tCC-BY 2.0\n" for s, t in more))
    after = set(kgen.datasets.load("tatoeba_en_fr", "test", folder).sources)
    assert {one for one in after if one.startswith("Sentence")} == before


def test_buckets_are_the_same_everywhere():
    assert [bucket(key, 1000) for key in ("", "go", "猫")] == [652, 977, 770]
    counts = [[bucket(str(i), 5) for i in range(1000)].count(one) for one in range(5)]
    assert min(counts) > 150


@pytest.mark.parametrize("name, language", [("multi30k", "de"), ("multi30k_en_fr", "fr")])
@pytest.mark.parametrize("below", ["", "multi30k"])
def test_multi30k(name, language, below, tmp_path):
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    for split, file in (("train", "train"), ("validation", "val"), ("test", "test2016")):
        (folder / f"en-{language}.{file}.tsv.gz").write_bytes(gzip.compress(f"A {split}.\tEin {split}.\n".encode()))
        assert kgen.datasets.load(name, split, tmp_path) == ([f"A {split}."], [f"Ein {split}."])


def test_multi30k_as_it_is_published(tmp_path):
    for language in ("en", "de"):
        (tmp_path / f"test_2016_flickr.{language}.gz").write_bytes(
            gzip.compress(f"{language} 1\n{language} 2\n".encode())
        )
    assert kgen.datasets.load("multi30k", "test", tmp_path) == (["en 1", "en 2"], ["de 1", "de 2"])


# Downloads


def test_downloads(tmp_path, monkeypatch):
    asked = []

    def get_file(name, origin, **options):
        asked.append(origin)
        path = tmp_path / name
        if name.endswith("zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("fra.txt", "".join(f"Go {i}.\tVa {i} !\tCC-BY\n" for i in range(99)))
        else:
            path.write_bytes(gzip.compress(f"of {origin[-5:]}\n".encode()) if name.endswith("gz") else b"ten chars.")
        return str(path)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert kgen.datasets.load("shakespeare") == ["ten chars"]
    assert kgen.datasets.load("multi30k", "validation") == (["of en.gz"], ["of de.gz"])
    assert len(kgen.datasets.load("tatoeba_en_fr").sources) > 80
    assert [url.rpartition("/")[2] for url in asked] == ["input.txt", "val.en.gz", "val.de.gz", "fra-eng.zip"]


@pytest.mark.parametrize(
    "name, holds", [("shakespeare", "tinyshakespeare.txt"), ("tatoeba_en_fr", "fra.txt"), ("multi30k", "train.de.gz")]
)
def test_failed_download_says_what_to_put_where(name, holds, monkeypatch):
    def get_file(*args, **kwargs):
        raise Exception("URL fetch failure: Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(FileNotFoundError, match=f"'{name}' could not be downloaded.*Name or service") as error:
        kgen.datasets.load(name)
    assert "https://" in str(error.value)
    assert holds in str(error.value)
    assert "data_dir=" in str(error.value)


@pytest.mark.parametrize("name", ["shakespeare", *TRANSLATIONS])
def test_missing_file_says_what_to_put_where(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path)) + ".*(tsv|txt)"):
        kgen.datasets.load(name, data_dir=tmp_path)
    with pytest.raises(TypeError, match="data_dir"):
        kgen.datasets.load(name, data_dir=3)


def test_a_damaged_archive(tmp_path, monkeypatch):
    (tmp_path / "fra-eng.zip").write_bytes(b"<html>406</html>")
    monkeypatch.setattr(keras.utils, "get_file", lambda *args, **kwargs: str(tmp_path / "fra-eng.zip"))
    with pytest.raises(ValueError, match=r"fra-eng\.zip: damaged"):
        kgen.datasets.load("tatoeba_en_fr")


def test_translations_have_a_validation_split():
    for name in TRANSLATIONS:
        with pytest.raises(ValueError, match="split: expected one of 'train', 'test', 'validation', got 'dev'"):
            kgen.datasets.load(name, "dev")

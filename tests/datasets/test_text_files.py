import gzip
import os
import pickle
import tracemalloc
import warnings

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

import kgen
from kgen.datasets import folder_of_text
from kgen.datasets import text_source

few = settings(max_examples=30, deadline=None, derandomize=True)


def write(folder, **files):
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


# Laws


@few
@given(text=strategies.text(min_size=1, max_size=300), limit=strategies.integers(1, 20))
def test_pieces_are_the_text(text, limit):
    rest, pieces = text, []
    while len(rest) > limit:
        end = folder_of_text.cut(rest, limit)
        assert 0 < end <= limit
        pieces.append(rest[:end])
        rest = rest[end:]
    assert "".join([*pieces, rest]) == text


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 16])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_in_a_file_comes_out_in_order(block, packed, tmp_path, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK", block)
    text = "née 🐈\r\nשלום\n\n\tx\ufffd " * 30
    data = text.encode()
    (tmp_path / "a.txt").write_bytes(gzip.compress(data) if packed else data)
    files = kgen.datasets.text_files(tmp_path / "a.txt", characters=50)
    pieces = list(files)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 50
    assert list(files) == pieces  # and once more


def test_pieces_end_with_lines_else_with_words(tmp_path):
    write(tmp_path, a_txt="one two\nthree four\nfive six seven eight nine\n\nten")
    pieces = list(kgen.datasets.text_files(tmp_path, characters=20))
    assert pieces == ["one two\nthree four\n", "five six seven eight", " nine\n\nten"]


def test_memory_is_bounded_whatever_the_length_of_a_line(tmp_path):
    for name, data in (("words", b"word " * 2_000_000), ("line", b"x" * 10_000_000)):
        path = tmp_path / name
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(data)
        tracemalloc.start()
        assert sum(map(len, kgen.datasets.text_files(path))) == len(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000


def test_files_come_sorted_and_each_is_a_document(tmp_path):
    write(tmp_path, b_txt="b" * 40, a__z_txt="az", a__b_txt="ab", c_txt="c")
    files = kgen.datasets.text_files(tmp_path, characters=16)
    assert [list(document) for document in files.documents()] == [["ab"], ["az"], ["b" * 16, "b" * 16, "b" * 8], ["c"]]
    assert list(files) == ["ab", "az", "b" * 16, "b" * 16, "b" * 8, "c"]
    assert list(pickle.loads(pickle.dumps(files))) == list(files)


def test_a_tokenizer_learns_from_files(tmp_path):
    write(tmp_path, a_txt="the cat " * 9, b_txt="the hat " * 9)
    files = kgen.datasets.text_files(tmp_path)
    tokenizer = kgen.tokenizers.BytePairTokenizer.train(files, 300)
    assert tokenizer.get_config() == kgen.tokenizers.BytePairTokenizer.train(list(files), 300).get_config()


def test_pieces_are_encoded_as_if_they_were_one(tmp_path):
    code = "def f(x):\n    # née\n    return  x + 1\n\n\n\nclass A: pass\n\tx = 'a b'\n" * 5
    write(tmp_path, a_py=code)
    tokenizer = kgen.tokenizers.BytePairTokenizer.train([code], 320)
    pieces = list(kgen.datasets.text_files(tmp_path, characters=40))
    assert len(pieces) > 8
    assert [one for ids in tokenizer.encode(pieces) for one in ids] == tokenizer.encode(code)


# What files hold


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1251"])
def test_encodings(encoding, tmp_path):
    text = "Привет\n" * 9 if encoding == "cp1251" else "née\n" * 9
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    marked = encoding in ("utf-8-sig", "utf-16")
    assert "".join(kgen.datasets.text_files(tmp_path, encoding="utf-8" if marked else encoding)) == text


@pytest.mark.parametrize("block", [5, 1 << 16])
def test_undecodable_bytes_are_replaced_and_counted(block, tmp_path, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK", block)
    write(
        tmp_path,
        a_txt="fine \ufffd".encode() + b" but \xff\xfe not this \xe2\x82",
        b_txt=b"n\xe9e, was she?",
        c_txt="fine",
    )
    files = kgen.datasets.text_files(tmp_path)
    with pytest.warns(UserWarning, match=r"read 3 files from .*; replaced 5 undecodable bytes in 2 \(a.txt, …\)"):
        texts = ["".join(document) for document in files.documents()]
    assert texts == ["fine \ufffd but \ufffd\ufffd not this \ufffd\ufffd", "n\ufffde, was she?", "fine"]
    assert len(list(files)) >= 3  # and does not say it again


def test_what_is_no_text_is_skipped_and_counted(tmp_path):
    write(tmp_path, a_png=b"\x89PNG\r\n\x00\x01", b_txt=b"", c_txt=b"\xcf\xf0\xe8\xe2\xe5\xf2", e_txt="text")
    (tmp_path / ".hidden").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.warns(UserWarning, match="text_files: read 1 files") as warned:
        assert list(kgen.datasets.text_files(tmp_path)) == ["text"]
    assert len(warned) == 1
    for reason in ("1 hidden", "1 dangling links", "1 binary", "1 empty", "1 not text in utf-8"):
        assert reason in str(warned[0].message)


def test_a_broken_gz_file_is_read_up_to_there(tmp_path):
    data = gzip.compress(os.urandom(100_000).hex().encode())
    write(tmp_path, a_gz=data[:50_000], b_txt="whole")
    with pytest.warns(UserWarning, match=r"read 2 files from .*skipped 1: 1 damaged, read up to there \(a.gz\)"):
        pieces = list(kgen.datasets.text_files(tmp_path))
    assert pieces[-1] == "whole"
    assert 10_000 < sum(map(len, pieces)) < 200_000


def test_no_warning_without_a_reason(tmp_path):
    write(tmp_path, a_txt="x", b_txt="y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(kgen.datasets.text_files(tmp_path)) == ["x", "y"]


# Errors


def test_no_such_path(tmp_path):
    with pytest.raises(FileNotFoundError, match="path: no such folder"):
        kgen.datasets.text_files(tmp_path / "nothing")
    with pytest.raises(TypeError, match="path: expected"):
        kgen.datasets.text_files(3)


def test_no_text_at_all(tmp_path):
    with pytest.raises(ValueError, match=r"path: no text could be read from .*it is empty"):
        list(kgen.datasets.text_files(tmp_path))
    write(tmp_path, a_png=b"\x00")
    with pytest.raises(ValueError, match=r"path: no text could be read from .*1 binary"):
        list(kgen.datasets.text_files(tmp_path))


def test_wrong_arguments(tmp_path):
    for encoding in ("no-such", None, 3):
        with pytest.raises(ValueError, match="encoding: expected"):
            kgen.datasets.text_files(tmp_path, encoding=encoding)
    with pytest.raises(ValueError, match="characters: expected"):
        kgen.datasets.text_files(tmp_path, characters=0)

"""Text on its way into `fit`."""

import numpy as np
import pytest

import kgen
from kgen.datasets.text_batches import ids_of
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import rows_of
from kgen.datasets.text_batches import token_file_of
from kgen.datasets.token_windows import MappedIds

BYTES = kgen.tokenizers.ByteTokenizer()


@pytest.mark.parametrize("value", ["a", b"a", ["a", "b"], [["a"]], np.array(["a"]), np.array(["a"], object), ("a",)])
def test_text_is_recognised(value):
    assert is_text(value)


@pytest.mark.parametrize("value", [[], [1, 2], np.arange(3), np.array([1, None], object), None, {"a": 1}])
def test_other_things_are_not(value):
    assert not is_text(value)


def test_documents_end_with_the_end_token_and_one_string_does_not():
    end = BYTES.end_id
    assert ids_of(["ab", "c"], BYTES).tolist() == [*BYTES.encode("ab"), end, *BYTES.encode("c"), end]
    assert ids_of("ab", BYTES).tolist() == BYTES.encode("ab")


def test_rows_are_cut_and_filled_with_what_does_not_count():
    x, y = rows_of(["abcdef", "a"], BYTES, 4)
    a, b, c, d, e = BYTES.encode("abcde")
    assert x.tolist() == [[a, b, c, d], [a, BYTES.pad_id, BYTES.pad_id, BYTES.pad_id]]
    assert y.tolist() == [[b, c, d, e], [BYTES.end_id, -1, -1, -1]]


def test_a_token_file_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "a.txt").write_text("hello")
    path = token_file_of(kgen.datasets.text_files(tmp_path / "a.txt"), BYTES)
    written = path.stat().st_mtime_ns
    assert token_file_of(kgen.datasets.text_files(tmp_path / "a.txt"), BYTES) == path
    assert path.stat().st_mtime_ns == written
    (tmp_path / "a.txt").write_text("another text")
    assert token_file_of(kgen.datasets.text_files(tmp_path / "a.txt"), BYTES) != path
    assert ids_of(tmp_path / "a.txt", BYTES).read().tolist()[:-1] == BYTES.encode("another text")


def test_a_slice_of_mapped_ids_is_mapped(tmp_path):
    np.save(tmp_path / "ids.npy", np.arange(50, dtype="uint16"))
    ids = MappedIds(tmp_path / "ids.npy")
    part = ids[10:30][5:]
    assert len(part) == 15
    assert part.read().tolist() == list(range(15, 30))
    windows = kgen.datasets.TokenWindows(part, 4, 2, order="sequential")
    assert windows[0][0].tolist() == [[15, 16, 17, 18], [19, 20, 21, 22]]

import gzip

import numpy as np
import pytest

from kgen.datasets.csv_table import csv_chunks
from kgen.datasets.csv_table import csv_header
from kgen.datasets.csv_table import read_csv

ROWS = "name,size,ok,word\na,1.5,True,x\nb,,False,\n\nc,2e3,True,y\n"


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace(",", "\t").encode(),
        ROWS.replace(",", ";").encode(),
        gzip.compress(ROWS.encode()),
    ],
)
def test_columns_are_numbers_or_words(content, tmp_path):
    (tmp_path / "table").write_bytes(content)
    assert csv_header(tmp_path / "table") == ["name", "size", "ok", "word"]
    table = read_csv(tmp_path / "table")
    assert [table[name].dtype.kind in "biuf" for name in table] == [False, True, True, False]
    np.testing.assert_array_equal(table["size"], [1.5, np.nan, 2000.0])
    np.testing.assert_array_equal(table["ok"].astype(float), [1, 0, 1])
    assert table["word"].isna().tolist() == [False, True, False]
    assert [*read_csv(tmp_path / "table", ["ok", "name"])] == ["ok", "name"]


def test_chunks_together_are_the_table_and_keep_its_kinds(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("flag,number,word,rest\n" + "".join(f"{i % 2 == 0},{i},{i},z\n" for i in range(7)) + ",,,\n")
    chunks = list(csv_chunks(path, {"word": False, "flag": True, "number": True}, rows_at_once=3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 2]
    assert all([*chunk] == ["word", "flag", "number"] for chunk in chunks)
    assert [word for chunk in chunks for word in chunk["word"]][:7] == [str(i) for i in range(7)]
    flags = np.concatenate([chunk["flag"] for chunk in chunks])
    np.testing.assert_array_equal(flags, [1, 0, 1, 0, 1, 0, 1, np.nan])
    assert all(chunk["number"].dtype == "float64" for chunk in chunks)
    assert chunks[1].index[0] == 3  # rows are counted through


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"", "empty|no rows|expected a table"),
        (b"a,b\n", "expected rows below the header"),
        (b"a,b\n1,2\n3,4,5\n", "not a table that can be read"),
        (b"\x00\x01\x02\xff" * 100, "expected a table as text"),
        (gzip.compress(ROWS.encode() * 99)[:-9], "damaged|Compressed file"),
        (b"a,b\n1,2\n2,3\nthree,4\n", "expected numbers in column 'a', got 'three' in row 3"),
    ],
)
def test_what_is_no_table_is_named(content, finding, tmp_path):
    (tmp_path / "odd.csv").write_bytes(content)
    with pytest.raises(ValueError, match=finding) as refused:
        read_csv(tmp_path / "odd.csv")
    assert "odd.csv" in str(refused.value)


def test_what_is_asked_for_has_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv: no such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="has no column 'c'; it has a, b"):
        list(csv_chunks(tmp_path / "table.csv", {"c": True}))

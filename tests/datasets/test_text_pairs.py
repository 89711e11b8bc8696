import gzip
import re
import warnings

import pytest

import kgen
from kgen.datasets import text_lines
from kgen.datasets import text_source

ENGLISH = ["Go.", "Hi, you!", 'He said "no".', "A\u2028B", "🐈"]
FRENCH = ["Va !", "Salut, toi !", "Il a dit « non ».", "A\u2028B", "chat"]


def write(path, text, encoding="utf-8"):
    data = text if isinstance(text, bytes) else text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def tsv(columns=(ENGLISH, FRENCH)):
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True))


# Laws


@pytest.mark.parametrize("block", [3, 1 << 16])
@pytest.mark.parametrize("form", ["tsv", "tsv.gz", "txt", "csv", "csv.gz", "parallel", "parallel.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_form_gives_the_same_pairs(form, end, block, tmp_path, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK", block)
    text = tsv()
    if form.startswith("csv"):
        quoted = [[one.replace('"', '""') for one in side] for side in (ENGLISH, FRENCH)]
        text = "".join(f'"{one}","{two}"\n' for one, two in zip(*quoted, strict=True))
    if form.startswith("parallel"):
        ending = ".gz" if form.endswith("gz") else ""
        paths = [
            write(tmp_path / f"a.{language}{ending}", end.join(side))
            for language, side in (("en", ENGLISH), ("fr", FRENCH))
        ]
    else:
        paths = [write(tmp_path / f"pairs.{form}", text.replace("\n", end))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = kgen.datasets.text_pairs(*paths)
    assert pairs == (ENGLISH, FRENCH)
    assert kgen.datasets.text_pairs(*map(str, paths)) == pairs


def test_columns_header_and_delimiter(tmp_path):
    path = write(tmp_path / "a.tsv", tsv([["id", "1", "2"], ["French", "oui", "non"], ["English", "yes", "no"]]))
    pairs = kgen.datasets.text_pairs(path, columns=(2, 1), header=True)
    assert pairs == (["yes", "no"], ["oui", "non"])
    path = write(tmp_path / "b.txt", 'yes;"oui; oui"\n')
    assert kgen.datasets.text_pairs(path, delimiter=";").targets == ["oui; oui"]


def test_white_space_around_is_removed(tmp_path):
    path = write(tmp_path / "a.tsv", "  yes \t\u00a0oui\u00a0 \tmore\n\n\n")
    assert kgen.datasets.text_pairs(path) == (["yes"], ["oui"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding, tmp_path):
    path = write(tmp_path / "a.tsv", "yes\tdéjà\nno\tnée\n", encoding)
    said = encoding if encoding == "latin-1" else "utf-8"
    assert kgen.datasets.text_pairs(path, encoding=said) == (["yes", "no"], ["déjà", "née"])


# Broken rows


@pytest.mark.parametrize("block", [4, 1 << 16])
def test_broken_rows_are_left_out_and_counted(block, tmp_path, monkeypatch):
    monkeypatch.setattr(text_source, "BLOCK", block)
    monkeypatch.setattr(text_lines, "MAX_LINE", 50)
    rows = [
        b"yes\toui",
        b"one column",
        b"empty\t ",
        b"\tvide",
        b"",
        b"d\xe9j\xe0\tdeja",
        b"long\t" + b"x" * 99,
        b"no\tnon",
        b"last\t\xff",
    ]
    path = write(tmp_path / "a.tsv", b"\n".join(rows))
    with pytest.warns(UserWarning, match="read 2 pairs from .*, left out 6") as warned:
        assert kgen.datasets.text_pairs(path) == (["yes", "no"], ["oui", "non"])
    assert len(warned) == 1
    for reason in (
        "1 without two columns (line 2)",
        "2 with an empty side (line 3, …)",
        "2 with another encoding (line 6, …)",
        "1 too long (line 7)",
    ):
        assert reason in str(warned[0].message)


def test_a_line_of_two_files_that_cannot_be_read_takes_its_partner_with_it(tmp_path):
    one = write(tmp_path / "a.en", b"a\nb\xff\n\nd\ne")
    two = write(tmp_path / "a.fr", b"A\nB\nC\nD\n\n")
    with pytest.warns(UserWarning, match="left out 3: 1 with another encoding .line 2., 2 with an empty side .line 3"):
        assert kgen.datasets.text_pairs(one, two) == (["a", "d"], ["A", "D"])


def test_an_open_quote_loses_no_more_than_it_must(tmp_path):
    path = write(tmp_path / "a.csv", 'yes,oui\n"open,row\n' + "no,non\n" * 40_000)
    with pytest.warns(UserWarning, match="that are no rows of a table"):
        pairs = kgen.datasets.text_pairs(path)
    assert pairs.sources[0] == "yes"
    assert len(pairs.sources) > 15_000


# Errors


def test_two_files_of_unequal_length(tmp_path):
    one, two = write(tmp_path / "a.en", "a\nb\nc\n"), write(tmp_path / "a.fr", "A\nB")
    with pytest.raises(
        ValueError, match=r"target_path: expected as many lines as in .*a\.en, which are 3, got 2 in .*fr"
    ):
        kgen.datasets.text_pairs(one, two)


def test_nothing_usable(tmp_path):
    for text, message in (
        ("no tab here\n", "1 without two columns"),
        ("\t\n", "1 with an empty side"),
        ("\n", "empty"),
    ):
        path = write(tmp_path / "a.tsv", text)
        with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
            kgen.datasets.text_pairs(path)


@pytest.mark.parametrize(
    "data, message", [(b"", "is empty"), (b"PK\x00\x01", "is binary"), (b"\xcf\xf0\xe8", "not text in")]
)
def test_what_is_no_text(data, message, tmp_path):
    path = write(tmp_path / "a.tsv", data)
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
        kgen.datasets.text_pairs(path)


def test_a_truncated_gz_file(tmp_path):
    path = write(tmp_path / "a.tsv.gz", tsv())
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ValueError, match=re.escape(str(path)) + " is damaged"):
        kgen.datasets.text_pairs(path)


def test_wrong_arguments(tmp_path):
    path = write(tmp_path / "a.tsv", tsv())
    for columns in (3, (0,), (0, -1), "01"):
        with pytest.raises(ValueError, match="columns: expected"):
            kgen.datasets.text_pairs(path, columns=columns)
    for delimiter in ("", ", ", '"', 3):
        with pytest.raises(ValueError, match="delimiter: expected"):
            kgen.datasets.text_pairs(path, delimiter=delimiter)
    with pytest.raises(ValueError, match="encoding: expected"):
        kgen.datasets.text_pairs(path, encoding="no-such")
    with pytest.raises(ValueError, match="path: expected a file"):
        kgen.datasets.text_pairs(tmp_path)
    with pytest.raises(FileNotFoundError, match="target_path: no such file"):
        kgen.datasets.text_pairs(path, tmp_path / "nothing")
    with pytest.raises(TypeError, match="path: expected a file"):
        kgen.datasets.text_pairs(None)

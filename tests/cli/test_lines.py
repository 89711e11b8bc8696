"""A file through a function, line by line: whatever is in it, and however it was stopped."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tracemalloc

import pytest

from kgen.cli import lines
from kgen.cli.progress import ProgressLine


def upper(texts, place):
    return [text.upper() for text in texts]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(lines, "CHUNK_LINES", 8)


@pytest.fixture
def source(tmp_path):
    rng = random.Random(1)
    words = [" ".join(f"w{rng.randrange(99)}" for _ in range(rng.randrange(6))) for _ in range(50)]
    (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in words))
    return tmp_path / "in.txt"


def test_line_i_of_the_result_belongs_to_line_i(source, tmp_path, small_chunks):
    seen = []

    def answer(texts, place):
        seen.append(texts)
        return upper(texts, place)

    outcome = lines.map_file(answer, source, tmp_path / "new" / "out.txt", batch_size=3)
    assert (tmp_path / "new" / "out.txt").read_text() == source.read_text().upper()
    assert outcome == (50, 0, None)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out.txt"]
    assert max(map(len, seen)) == 3 and all(text.strip() for texts in seen for text in texts)
    assert all(sorted(texts, key=len, reverse=True) == texts for texts in seen)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"\n", b"\n"),
        (b"a", b"A\n"),
        (b"a\n\n  \nb\n", b"A\n\n\nB\n"),
        (b"a\r\nb\r\n", b"A\nB\n"),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", "A\n\ufeffB\n".encode()),
        ("a\u2028b\x0bc\x00\n".encode(), "A\u2028B\x0bC\x00\n".encode()),
        (gzip.compress(b"a\nb") + gzip.compress(b"c\n"), b"A\nBC\n"),
    ],
)
def test_what_a_line_is(content, expected, tmp_path):
    (tmp_path / "in").write_bytes(content)
    lines.map_file(upper, tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == expected


def test_bytes_that_are_not_utf_8_are_replaced_and_counted(tmp_path):
    (tmp_path / "in").write_bytes(b"fine\nna\xefve\n\xff\n")
    assert lines.map_file(upper, tmp_path / "in", tmp_path / "out") == (3, 2, 2)
    assert (tmp_path / "out").read_text() == "FINE\nNA\ufffdVE\n\ufffd\n"


def test_an_answer_of_several_lines_becomes_one(source, tmp_path):
    lines.map_file(lambda texts, place: [f"{text}\r\nmore" for text in texts], source, tmp_path / "out")
    assert (tmp_path / "out").read_bytes().count(b"\n") == 50


def test_a_gz_comes_out_where_a_gz_is_asked_for(source, tmp_path, small_chunks):
    lines.map_file(upper, source, tmp_path / "out.gz")
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()).decode() == source.read_text().upper()


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
@pytest.mark.parametrize("batches", [0, 1, 5, 16])
def test_a_stopped_file_goes_on_where_it_was(name, batches, source, tmp_path, small_chunks):
    asked = []

    def stopping(texts, place):
        if len(asked) == batches:
            raise KeyboardInterrupt
        asked.append((texts, place))
        return upper(texts, place)

    def noting(texts, place):
        asked.append((texts, place))
        return upper(texts, place)

    whole, out = tmp_path / "whole", tmp_path / name
    lines.map_file(noting, source, whole, batch_size=3)
    expected, asked = asked, []
    with pytest.raises(KeyboardInterrupt):
        lines.map_file(stopping, source, out, batch_size=3, options={"seed": 1})
    assert not out.exists()
    part, note = lines.unfinished(out)
    done = json.loads(note.read_text())["lines"]
    assert done % 8 == 0 and (done > 0) == (batches > 2)
    with open(part, "ab") as file:
        file.write(b"half a li")  # what a killed process had begun to write
    asked.clear()
    lines.map_file(noting, source, out, batch_size=3, options={"seed": 1}, resume=True)
    made = gzip.decompress(out.read_bytes()) if name.endswith("gz") else out.read_bytes()
    assert made == whole.read_bytes()
    assert asked == expected[len(expected) - len(asked) :] and len(asked) < len(expected) + (batches < 3)
    assert not part.exists() and not note.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from kgen.cli import lines
lines.CHUNK_LINES = 8
source, out, *resume = sys.argv[1:]

def answer(texts, place):
    if "w7" in texts[0] and not resume:
        os.kill(os.getpid(), signal.SIGKILL)
    return [text.upper() for text in texts]

lines.map_file(answer, Path(source), Path(out), resume=bool(resume))
"""


def test_kill_9_leaves_what_is_finished(tmp_path):
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("".join(f"w{i // 8}\n" for i in range(80)))
    words = [sys.executable, "-c", KILLED, str(source), str(out)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    assert subprocess.run(words, env=environment, capture_output=True).returncode == -signal.SIGKILL
    assert not out.exists()
    assert lines.unfinished(out)[0].read_text() == source.read_text()[: 7 * 8 * 3].upper()
    assert subprocess.run([*words, "--resume"], env=environment).returncode == 0
    assert out.read_text() == source.read_text().upper()


@pytest.fixture
def stopped(source, tmp_path, small_chunks):
    """An unfinished out.txt, of which 16 lines are done."""
    left = iter(range(2))

    def stopping(texts, place):
        next(left)
        return upper(texts, place)

    with pytest.raises(StopIteration):
        lines.map_file(stopping, source, tmp_path / "out.txt", options={"seed": 1, "model": "a"})
    return tmp_path / "out.txt"


def go_on(source, out, seed=1, **options):
    return lines.map_file(upper, source, out, options={"seed": seed, "model": "a"}, resume=True, **options)


def test_other_options_are_refused(source, stopped):
    with pytest.raises(ValueError, match=r"out.txt.part was begun differently \(seed: 1 there, 2 now\)"):
        go_on(source, stopped, seed=2)


def test_another_beginning_of_the_input_is_refused_and_a_longer_end_is_not(source, stopped):
    content = source.read_text()
    source.write_text("x" + content)
    with pytest.raises(ValueError, match=r"the first 16 lines of .*in.txt are not those"):
        go_on(source, stopped)
    source.write_text("".join(content.splitlines(keepends=True)[:9]))
    with pytest.raises(ValueError, match=r"the first 16 lines of .*in.txt are not those"):
        go_on(source, stopped)
    source.write_text(content + "one more\n")
    assert go_on(source, stopped).lines == 51
    assert stopped.read_text() == source.read_text().upper()


def test_what_is_there_is_neither_overwritten_nor_forgotten(source, stopped):
    part = lines.unfinished(stopped)[0]
    with pytest.raises(FileExistsError, match=r"part is unfinished; go on with --resume"):
        lines.map_file(upper, source, stopped)
    kept = part.read_bytes()
    stopped.write_text("precious")
    with pytest.raises(FileExistsError, match=r"out.txt exists; .*--overwrite"):
        go_on(source, stopped)
    assert (stopped.read_text(), part.read_bytes()) == ("precious", kept)
    go_on(source, stopped, overwrite=True)
    assert stopped.read_text() == source.read_text().upper()
    with pytest.raises(FileNotFoundError, match="there is no unfinished"):
        go_on(source, stopped, overwrite=True)


def test_a_part_that_lost_lines_is_refused(source, stopped):
    lines.unfinished(stopped)[0].write_text("W1\n")
    with pytest.raises(ValueError, match="shorter than it was"):
        go_on(source, stopped)


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (gzip.compress(b"a line\n" * 9999)[:-20], "damaged after line"),
        ("a\nb\n".encode("utf-16"), "UTF-16; convert it"),
    ],
)
def test_input_that_cannot_be_read_is_named(content, finding, tmp_path):
    (tmp_path / "in").write_bytes(content)
    with pytest.raises(ValueError, match=rf"^--file: .*in (is )?{finding}"):
        lines.map_file(upper, tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_text_that_is_refused_is_in_one_of_these_lines(source, tmp_path, small_chunks):
    def picky(texts, place):
        if place >= 16:
            raise ValueError("prompt: too long")
        return texts

    with pytest.raises(ValueError, match=r"^prompt: too long \(in one of the lines 17 to 24\)$"):
        lines.map_file(picky, source, tmp_path / "out")


def test_folders_and_missing_files_are_refused(source, tmp_path):
    with pytest.raises(FileNotFoundError, match="--file: no such file"):
        lines.check_paths(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ValueError, match="--file: expected a file, got the folder"):
        lines.check_paths(tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match="--out: expected a file, got the folder"):
        lines.check_paths(source, tmp_path)


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(count):
        with gzip.open(tmp_path / "in.gz", "wt", compresslevel=1) as file:
            file.writelines(f"line {i} of a long file\n" for i in range(count))
        tracemalloc.start()
        try:
            lines.map_file(upper, tmp_path / "in.gz", tmp_path / "out", overwrite=True)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1000)
    assert peak(40_000) < 1.2 * peak(4000)


def test_a_pipe_is_read_like_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(f"printf 'a\\nb\\n' > {tmp_path / 'pipe'}", shell=True)
    assert lines.map_file(upper, tmp_path / "pipe", tmp_path / "out").lines == 2
    assert writer.wait() == 0


def test_progress_rises_to_the_whole_file(source, tmp_path, small_chunks):
    told = []
    lines.map_file(upper, source, tmp_path / "out", batch_size=3, progress=lambda *facts: told.append(facts))
    assert told == sorted(told) and told[-1] == (50, 1.0)


def test_progress_goes_on_where_it_was(source, stopped):
    told = []
    go_on(source, stopped, progress=lambda *facts: told.append(facts))
    assert told[0][0] == 24 and told[0][1] > 16 / 50


def test_progress_is_for_terminals(capsys):
    line = ProgressLine(sys.stderr)
    line(32, 0.1)
    line.end()
    assert not capsys.readouterr().err

    class Terminal:
        text = ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    terminal = Terminal()
    line = ProgressLine(terminal)
    line(32, 0.25)
    line.begun = (line.begun[0] - 10, *line.begun[1:])
    line(1064, 0.5)
    line.end()
    first, second = terminal.text.split("\r")[1:]
    assert first.startswith("32 lines, 25%\x1b")
    assert second.startswith(("1,064 lines, 50%, 103.", "1,064 lines, 50%, 102."))
    assert " lines/s, 20 s left" in second and second.endswith("\n")

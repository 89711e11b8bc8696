"""Conversations from the user's own file, whatever is in it, and those that kgen makes."""

import gzip
import json

import pytest

import kgen
from kgen.datasets import errands
from kgen.datasets.chats import conversation
from kgen.datasets.instructions import sentence_with

GOOD = conversation("Is it late?", "No.", system="Be short.")
BROKEN = [
    b"{",
    b"3",
    b"[]",
    b'{"messages": "hello"}',
    b'{"messages": [{"role": "user", "content": "alone"}]}',
    b'{"messages": [{"role": "boss", "content": "x"}]}',
    b'{"prompt": "a", "answer": 3}',
    b'{"prompt": "caf\xe9", "answer": "x"}',
    b"[" * 5000,
]


def test_every_form_of_a_line(tmp_path):
    lines = [
        {"messages": GOOD, "source": "elsewhere"},
        GOOD,
        {"prompt": "a", "answer": "b"},
        {"prompt": "a", "completion": "b"},
        {"instruction": "a", "output": "b"},
    ]
    path = tmp_path / "chats.jsonl.gz"
    path.write_bytes(gzip.compress(("\ufeff" + "\r\n\n".join(map(json.dumps, lines))).encode()))
    assert kgen.datasets.conversations(path) == [GOOD, GOOD, *[conversation("a", "b")] * 3]


def test_broken_lines_are_counted_and_left_out(tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\n".join([*BROKEN, json.dumps(GOOD).encode()]))
    with pytest.warns(UserWarning, match=r"read 1 from .*, left out 9: .*that are no JSON \(line 1") as warned:
        assert kgen.datasets.conversations(path) == [GOOD]
    assert len(warned) == 1
    assert "without a word of the assistant's (line 5)" in str(warned[0].message)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"{\n{", b"\x00\x01"])
def test_a_file_without_conversations_is_an_error(tmp_path, content):
    path = tmp_path / "chats.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^path: .*chats\.jsonl"):
        kgen.datasets.conversations(path)
    with pytest.raises(FileNotFoundError, match=r"^path: no such file"):
        kgen.datasets.conversations(tmp_path / "none.jsonl")


def test_errands_are_always_the_same_and_right():
    train, test = (kgen.datasets.load("errands", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (4000, 400)
    assert test == errands.errands("test")
    firsts = [
        {next(one["content"] for one in talk if one["role"] == "user") for talk in some} for some in (train, test)
    ]
    assert firsts[0].isdisjoint(firsts[1])
    answers = {talk[0]["content"]: talk[1]["content"] for talk in train if talk[0]["role"] == "user"}
    known = {question: answer for question, answer in answers.items() if "opposite of wet" in question}
    assert known and set(known.values()) == {"dry"}
    asked_on = next(talk for talk in train if len(talk) == 6 and talk[2]["content"].startswith("And of"))
    assert asked_on[3]["content"] == errands._OPPOSITE[asked_on[2]["content"][7:-1]]
    assert any(talk[0]["role"] == "system" and talk[2]["content"].isupper() for talk in train)


def test_instructions_ask_about_what_the_sets_say(tmp_path):
    (tmp_path / "rt_polarity.train.tsv").write_text("1\ta fine film\n0\ta dull film\n")
    context = "Mr. Gray slept. Cats sleep at noon. Dogs do not."
    question = {"context": context, "question": "When?", "answer": "at noon", "answer_start": context.index("at noon")}
    rows = [{"title": f"t{i}", **question} for i in range(12)]
    (tmp_path / "xquad.en.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = kgen.datasets.load("instructions", "train", tmp_path)
    pairs = {(question["content"].count("\n"), answer["content"]) for question, answer in found}
    assert {answer for _, answer in pairs} == {"good", "bad", "at noon"}
    asked = [question["content"] for question, answer in found if answer["content"] == "at noon"]
    assert all("Cats sleep at noon." in one and "Dogs" not in one and "When?" in one for one in asked)


def test_the_sentence_of_an_answer():
    text = "One two. Three four.  Five six."
    assert [sentence_with(text, text.index(one), one) for one in ("One", "four", "six.", "two. Three")] == [
        "One two.",
        "Three four.",
        "Five six.",
        "One two. Three four.",
    ]

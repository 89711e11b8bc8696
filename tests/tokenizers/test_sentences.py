"""Sentences: nothing lost, and cut where a reader would."""

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from kgen.tokenizers.sentences import cut
from kgen.tokenizers.sentences import sentences_of


@given(st.text(alphabet=" \n\tabcABC.!?\"'…。»,;", max_size=60))
@example(" \n\n;")  # white space of several pieces before the first sentence
def test_nothing_is_lost(text):
    parts = sentences_of(text)
    assert "".join(part for three in parts for part in three) == text
    assert all(not one.strip() for before, _, after in parts for one in (before, after))
    assert all(sentence for _, sentence, _ in parts) or len(parts) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("He said “Go.” Then he went.", ["He said “Go.”", "Then he went."]),
        ("Dr. Who met Mr. J. Smith. They left.", ["Dr. Who met Mr. J. Smith.", "They left."]),
        ("It costs 3.50 euros. e.g. this", ["It costs 3.50 euros. e.g. this"]),
        ("A title\nA line", ["A title", "A line"]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("Wait… What?!", ["Wait…", "What?!"]),
    ],
)
def test_cut_where_a_reader_would(text, expected):
    assert [sentence for _, sentence, _ in sentences_of(text)] == expected


@given(st.text(min_size=1, max_size=80), st.integers(1, 20))
def test_pieces_fit(text, most):
    pieces = cut(text, lambda one: len(one) <= most)
    assert "".join(pieces) == text and all(len(one) <= most for one in pieces)


def test_words_stay_whole_where_they_can():
    assert cut("a bc, def ghi", lambda one: len(one) <= 7) == ["a bc, ", "def ghi"]

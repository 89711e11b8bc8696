"""Text out of ids: whole characters, and stop strings that nobody ever sees."""

import itertools

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

import kgen
from kgen.decoding.text import stream_text

BYTES = kgen.tokenizers.ByteTokenizer()


def streamed(text, cuts, stop):
    """The pieces of a text whose bytes come in groups."""
    ids = BYTES.encode(text)
    groups = [[ids[a:b]] for a, b in itertools.pairwise([0, *sorted(cut % (len(ids) + 1) for cut in cuts), len(ids)])]
    return [piece[0] for piece in stream_text(groups, BYTES, 1, stop)]


@settings(max_examples=60, deadline=None)
@given(strategies.text("abcé猫", max_size=12), strategies.lists(strategies.integers(0, 40), max_size=6))
def test_pieces_are_the_text_up_to_the_first_stop_string(text, cuts):
    stop = ("ab", "bca", "猫")
    ends = [text.index(one) for one in stop if one in text]
    assert "".join(streamed(text, cuts, stop)) == text[: min(ends, default=len(text))]


@pytest.mark.parametrize("text", ["née", "猫が", "👩‍👩‍👧"])
def test_a_character_is_never_split(text):
    for piece in streamed(text, range(40), ()):
        assert "\ufffd" not in piece


def test_the_beginning_of_a_stop_string_is_held_back():
    assert streamed("xENy", [1, 2, 3], ("END",)) == ["x", "", "", "ENy"]


def test_it_ends_when_every_row_has_stopped():
    seen = []

    def groups():
        for group in ([[BYTES.encode("a.")[0]], BYTES.encode("b.")], [BYTES.encode("."), []], [[1], [1]]):
            seen.append(group)
            yield group

    assert [list(piece) for piece in stream_text(groups(), BYTES, 2, (".",))] == [["a", "b"], ["", ""]]
    assert len(seen) == 2

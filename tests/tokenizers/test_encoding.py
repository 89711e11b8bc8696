"""What holds for encode and decode of every tokenizer."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

import kgen
from kgen.tokenizers import corpus
from tests.tokenizers.conftest import KNOWING_BYTES
from tests.tokenizers.conftest import NAMES
from tests.tokenizers.conftest import TEXTS
from tests.tokenizers.conftest import trained

ODD_TEXTS = [
    "",
    " ",
    "\n\n",
    "\x00",
    "a\x00b",
    "שלום עולם",
    "👩‍👩‍👧‍👦🇫🇷",
    "e\u0301",
    "\u202etxt",
    "\ufffd",
    "\ufeffa",
    "\U0010ffff",
    "a" * 999,
]
MADE = {name: trained(name) for name in NAMES}

few = settings(max_examples=40, deadline=None, derandomize=True)


# Laws


@few
@given(text=strategies.text())
@pytest.mark.parametrize("name", KNOWING_BYTES)
def test_any_text_comes_back(name, text):
    tokenizer = MADE[name]
    assert tokenizer.decode(tokenizer.encode(text)) == text


@few
@given(data=strategies.binary())
@pytest.mark.parametrize("name", KNOWING_BYTES)
def test_any_bytes_come_back(name, data):
    tokenizer = MADE[name]
    ids = tokenizer.encode(data)
    assert tokenizer.decode_bytes(ids) == data
    assert tokenizer.decode(ids) == data.decode("utf-8", "replace")


@few
@given(ids=strategies.lists(strategies.integers(0, 258)))
@pytest.mark.parametrize("name", KNOWING_BYTES)
@pytest.mark.parametrize("skip_special", [False, True])
def test_text_of_any_ids_is_their_bytes_as_text(name, skip_special, ids):
    tokenizer = MADE[name]
    text = tokenizer.decode(ids, skip_special)
    assert text == tokenizer.decode_bytes(ids, skip_special).decode("utf-8", "replace")


@few
@given(text=strategies.text())
@pytest.mark.parametrize("name", NAMES)
def test_ids_are_ordinary_ones_of_the_vocabulary(name, text):
    tokenizer = MADE[name]
    special = {tokenizer.id_of(token) for token in tokenizer.special_tokens} - {tokenizer.unknown_id}
    ids = tokenizer.encode(text)
    assert all(isinstance(one, int) and 0 <= one < tokenizer.vocabulary_size for one in ids)
    assert special.isdisjoint(ids)


@few
@given(text=strategies.text(alphabet="".join(sorted(set("".join(TEXTS))))))
def test_known_characters_come_back(text):
    tokenizer = MADE["CharacterTokenizer"]
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts_are_texts(tokenizer, text):
    ids = tokenizer.encode(text)
    assert isinstance(tokenizer.decode(ids), str)
    assert isinstance(tokenizer.encode(text.encode() + b"\xff"), list)
    if isinstance(tokenizer, kgen.tokenizers.BytePairTokenizer):
        assert tokenizer.decode(ids) == text


def test_words_come_back(tokenizer):
    assert tokenizer.decode(tokenizer.encode("the cat sat")) == "the cat sat"


def test_several_texts_are_the_texts_one_by_one(tokenizer):
    texts = [*TEXTS, *ODD_TEXTS]
    rows = tokenizer.encode(texts)
    assert rows == [tokenizer.encode(text) for text in texts] == tokenizer.encode(np.array(texts, object))
    assert tokenizer.decode(rows) == [tokenizer.decode(row) for row in rows]
    assert tokenizer.encode([]) == tokenizer.decode([[], []][:0] or np.zeros((0, 3), int)) == []
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode([[], []]) == ["", ""]


def test_ids_may_be_arrays_and_tensors(tokenizer):
    ids = tokenizer.encode(TEXTS[0])
    text = tokenizer.decode(ids)
    for one in (np.array(ids), np.array(ids, "uint16"), tuple(ids), keras.ops.convert_to_tensor(ids), iter(ids)):
        assert tokenizer.decode(one) == text
    assert tokenizer.decode(keras.ops.convert_to_tensor([ids, ids])) == [text, text]


def test_long_texts_are_encoded_as_if_they_were_not_cut(tokenizer, monkeypatch):
    text = "\n".join(TEXTS)
    whole = tokenizer.encode(text)
    monkeypatch.setattr(corpus, "PIECE", 40)
    assert len(list(corpus.pieces(text))) > 10
    assert tokenizer.encode(text) == whole


@few
@given(text=strategies.text(max_size=80), size=strategies.integers(2, 9))
def test_pieces_are_the_text(text, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "PIECE", size)
        parts = list(corpus.pieces(text))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= size


def test_fast_ways_give_what_the_engine_gives():
    for name in ("ByteTokenizer", "CharacterTokenizer"):
        tokenizer = MADE[name]
        for text in [*TEXTS, *ODD_TEXTS]:
            assert tokenizer.encode(text) == tokenizer._engine.encode(text).ids


# Numbers


def test_ids_of_bytes():
    tokenizer = kgen.tokenizers.ByteTokenizer()
    assert (tokenizer.pad_id, tokenizer.start_id, tokenizer.end_id) == (0, 1, 2)
    assert (tokenizer.mask_id, tokenizer.unknown_id) == (None, None)
    assert tokenizer.vocabulary_size == 3 + 256
    assert tokenizer.encode(bytes(range(256))) == list(range(3, 259))


def test_special_tokens_of_each_class():
    for name, tokenizer in MADE.items():
        bert = name == "WordPieceTokenizer"
        tokens = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"] if bert else ["<|pad|>", "<|start|>", "<|end|>"]
        assert tokenizer.special_tokens == tokens
        assert tokenizer.pad_id == 0
        assert [tokenizer.token_of(one) for one in (tokenizer.start_id, tokenizer.end_id)] == tokens[1:3]
        assert tokenizer.mask_id == (3 if bert else None)


def test_tokens_and_ids_belong_together(tokenizer):
    tokens = [tokenizer.token_of(one) for one in range(tokenizer.vocabulary_size)]
    assert [tokenizer.id_of(token) for token in tokens] == list(range(tokenizer.vocabulary_size))


def test_unknown_characters():
    tokenizer = MADE["CharacterTokenizer"]
    ids = tokenizer.encode("cat Ω\ufffd")
    assert ids[-2:] == [tokenizer.unknown_id] * 2
    assert tokenizer.decode(ids) == "cat \ufffd\ufffd"
    assert "\ufffd" not in tokenizer.special_tokens


def test_a_surrogate_without_partner_is_no_character(tokenizer):
    assert tokenizer.encode("a\ud800b") == tokenizer.encode("a\ufffdb")


def test_special_tokens_are_left_out_of_the_text_unless_asked_for(tokenizer):
    ids = [tokenizer.start_id, *tokenizer.encode("the cat"), tokenizer.end_id, tokenizer.pad_id]
    assert tokenizer.decode(ids) == "the cat"
    shown = tokenizer.decode(ids, skip_special=False)
    assert shown.startswith(tokenizer.start_token)
    assert shown.endswith(tokenizer.pad_token)


# Errors


@pytest.mark.parametrize("text", [3, None, [1], [None], [["a"]]])
def test_what_is_no_text(tokenizer, text):
    with pytest.raises(TypeError, match="text: expected a string"):
        tokenizer.encode(text)


def test_ids_outside_the_vocabulary(tokenizer):
    size = tokenizer.vocabulary_size
    for ids in ([size], [-1], [1, 2**40], np.array([[0, size]])):
        with pytest.raises(ValueError, match=rf"ids: expected integers in \[0, {size}\)"):
            tokenizer.decode(ids)
    with pytest.raises(ValueError, match="ids: expected integers"):
        tokenizer.token_of(size)
    with pytest.raises(ValueError, match="token: 'no such token'"):
        tokenizer.id_of("no such token")


@pytest.mark.parametrize("ids", [3, None, [0.5], "abc", [None]])
def test_what_is_no_id(tokenizer, ids):
    with pytest.raises(TypeError, match="ids: expected integers"):
        tokenizer.decode(ids)

import numpy as np
import pytest
import tokenizers as hf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

import kgen
from tests.tokenizers.conftest import NAMES
from tests.tokenizers.conftest import TEXTS
from tests.tokenizers.conftest import trained

MADE = {name: trained(name) for name in NAMES}
few = settings(max_examples=40, deadline=None, derandomize=True)


@few
@given(seed=strategies.integers(0, 2**32), length=strategies.integers(0, 30), skip_special=strategies.booleans())
@pytest.mark.parametrize("name", NAMES)
def test_pieces_of_any_ids_are_their_text(name, seed, length, skip_special):
    tokenizer = MADE[name]
    ids = np.random.default_rng(seed).integers(0, tokenizer.vocabulary_size, length)
    assert "".join(tokenizer.decode_stream(ids, skip_special)) == tokenizer.decode(ids, skip_special)


def test_pieces_of_text_are_the_text(tokenizer):
    for text in TEXTS:
        ids = tokenizer.encode(text)
        pieces = list(tokenizer.decode_stream(iter(ids)))
        assert "".join(pieces) == tokenizer.decode(ids)
        assert "" not in pieces


def test_no_character_is_split():
    tokenizer = MADE["ByteTokenizer"]
    text = "né🐈\ufffdz"
    assert list(tokenizer.decode_stream(tokenizer.encode(text))) == list(text)


def test_a_character_comes_with_its_last_byte():
    decoder = kgen.tokenizers.StreamingDecoder(MADE["ByteTokenizer"])
    assert [decoder.push(one) for one in MADE["ByteTokenizer"].encode("🐈")] == ["", "", "", "🐈"]
    assert decoder.finish() == ""


def test_what_never_becomes_a_character_comes_in_the_end():
    tokenizer = MADE["BytePairTokenizer"]
    decoder = kgen.tokenizers.StreamingDecoder(tokenizer)
    given = [decoder.push(one) for one in tokenizer.encode(b"a\xf0\x9f")]
    assert given == ["a", "", ""]
    assert decoder.finish() == "\ufffd" == tokenizer.decode(tokenizer.encode(b"\xf0\x9f"))


def test_word_pieces_get_their_spaces():
    tokenizer = kgen.tokenizers.WordPieceTokenizer.train(["the flat cats"] * 9, 60)
    pieces = list(tokenizer.decode_stream([tokenizer.start_id, *tokenizer.encode("the cat flats")]))
    assert "".join(pieces) == "the cat flats"
    assert " cat" in pieces or " c" in pieces


def test_other_tokenizers_stream_too():
    engine = hf.Tokenizer(hf.models.Unigram([("<unk>", 0.0), ("▁", -2.0), ("▁cat", -3.0), ("s", -4.0), ("é", -4.0)], 0))
    engine.pre_tokenizer, engine.decoder = hf.pre_tokenizers.Metaspace(), hf.decoders.Metaspace()
    tokenizer = kgen.tokenizers.Tokenizer(engine.to_str())
    assert list(tokenizer.decode_stream(tokenizer.encode("cats é cat"))) == ["cat", "s", " ", "é", " cat"]


def test_two_streams_do_not_disturb_each_other(tokenizer):
    ids = tokenizer.encode(TEXTS[1])
    one, two = (tokenizer.decode_stream(ids) for _ in range(2))
    assert "".join(a + "" for pair in zip(one, two, strict=True) for a in pair[:1]) == tokenizer.decode(ids)


def test_an_id_outside_the_vocabulary(tokenizer):
    decoder = kgen.tokenizers.StreamingDecoder(tokenizer)
    with pytest.raises(ValueError, match="ids: expected integers in"):
        decoder.push(tokenizer.vocabulary_size)

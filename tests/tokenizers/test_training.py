import pytest

import kgen
from kgen.tokenizers import corpus
from tests.tokenizers.conftest import NAMES
from tests.tokenizers.conftest import TEXTS
from tests.tokenizers.conftest import trained


@pytest.mark.parametrize("name", NAMES)
def test_the_same_texts_give_the_same_tokenizer(name):
    assert len({trained(name).tokenizer_json for _ in range(3)}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_any_iterable_will_do(name):
    cls = getattr(kgen.tokenizers, name)
    from_list = cls.train(TEXTS, 300)
    for texts in (tuple(TEXTS), (text for text in TEXTS), map(str, TEXTS)):
        assert cls.train(texts, 300).tokenizer_json == from_list.tokenizer_json


@pytest.mark.parametrize("name", NAMES[1:])
def test_vocabulary_size_is_a_limit_that_is_reached(name):
    cls = getattr(kgen.tokenizers, name)
    least = {"BytePairTokenizer": 259}.get(name, 40)
    for size in (least, least + 5):
        assert cls.train(TEXTS, size).vocabulary_size == size
    assert cls.train(["ab"], 5000).vocabulary_size < 300


def test_the_most_frequent_characters_are_kept():
    tokenizer = kgen.tokenizers.CharacterTokenizer.train(["aaabbc", "ddd"], 3 + 1 + 2)
    assert [tokenizer.token_of(one) for one in range(3, 6)] == ["\ufffd", "a", "d"]
    assert tokenizer.decode(tokenizer.encode("abcd")) == "a\ufffd\ufffdd"


def test_frequent_words_become_tokens():
    ids = trained("BytePairTokenizer").encode("the cat")
    assert len(ids) == 2
    tokenizer = trained("WordPieceTokenizer")
    assert [tokenizer.token_of(one) for one in tokenizer.encode("The CAT")] == ["the", "cat"]


def test_case_of_word_pieces():
    cased = trained("WordPieceTokenizer", lowercase=False)
    assert cased.decode(cased.encode("The cat")) == "The cat"
    assert trained("WordPieceTokenizer").encode("The Été") == trained("WordPieceTokenizer").encode("the ete")


def test_word_pieces_have_no_tokens_in_vain():
    # A Chinese character and a comma are words of their own: "##," would never be used.
    tokenizer = kgen.tokenizers.WordPieceTokenizer.train(["ab, 猫"] * 3, 100)
    tokens = {tokenizer.token_of(one) for one in range(5, tokenizer.vocabulary_size)}
    assert tokens == {",", "a", "b", "猫", "##a", "##b", "ab", "##ab"}


def test_word_pieces_of_a_large_alphabet():
    texts = ["".join(chr(0x4E00 + i) for i in range(500)), "一丁 七万 " * 50]
    tokenizer = kgen.tokenizers.WordPieceTokenizer.train(texts, 45)
    assert tokenizer.vocabulary_size <= 45
    assert tokenizer.unknown_id not in tokenizer.encode("一丁")
    assert tokenizer.encode(chr(0x4E00 + 499)) == [tokenizer.unknown_id]


def test_long_texts_are_read_in_pieces(monkeypatch):
    monkeypatch.setattr(corpus, "PIECE", 50)
    whole = [" ".join(TEXTS)]
    assert kgen.tokenizers.BytePairTokenizer.train(whole, 300).encode("the cat")
    assert max(map(len, corpus.training_pieces(whole))) <= 50


def test_progress_is_shown_when_it_takes_long(monkeypatch, capsys):
    trained("BytePairTokenizer")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(corpus, "QUIET_SECONDS", -1)
    trained("BytePairTokenizer", progress=False)
    assert capsys.readouterr().out == ""
    trained("BytePairTokenizer")
    assert "12/12" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES[1:])
def test_what_cannot_be_learned_from(name):
    cls = getattr(kgen.tokenizers, name)
    with pytest.raises(TypeError, match=r"texts: .* got str; pass .text."):
        cls.train("one text", 300)
    with pytest.raises(TypeError, match="texts: expected an iterable of strings, got int"):
        cls.train(3, 300)
    for wrong in (b"bytes", None, ["nested"]):
        with pytest.raises(TypeError, match="texts: expected strings, got one"):
            cls.train(["a", wrong], 300)
    for empty in ([], [""], iter([])):
        with pytest.raises(ValueError, match="texts: expected some text"):
            cls.train(empty, 300)


@pytest.mark.parametrize(
    "name, least", [("BytePairTokenizer", 259), ("CharacterTokenizer", 5), ("WordPieceTokenizer", 7)]
)
def test_a_vocabulary_that_is_too_small(name, least):
    cls = getattr(kgen.tokenizers, name)
    cls.train(TEXTS, least)
    for wrong in (least - 1, 0, -5, 1e3, "many"):
        with pytest.raises(ValueError, match=f"vocabulary_size: expected an integer of at least {least}"):
            cls.train(TEXTS, wrong)


def test_wrong_options():
    with pytest.raises(TypeError, match="colour"):
        trained("BytePairTokenizer", colour="red")
    with pytest.raises(ValueError, match="lowercase"):
        trained("WordPieceTokenizer", lowercase="yes")
    with pytest.raises(TypeError, match="Tokenizer only loads"):
        kgen.tokenizers.Tokenizer.train(TEXTS)


def test_an_error_of_the_iterable_reaches_the_caller():
    def texts():
        yield "the cat"
        raise OSError("disk on fire")

    for name in NAMES[1:]:
        with pytest.raises(OSError, match="disk on fire"):
            getattr(kgen.tokenizers, name).train(texts(), 300)

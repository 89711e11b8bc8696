"""Text cannot inject special tokens, whatever the tokenizer is."""

import json

import pytest
import tokenizers as hf

import kgen
from tests.tokenizers.conftest import TEXTS
from tests.tokenizers.conftest import trained


def special_ids(tokenizer):
    return {tokenizer.id_of(token) for token in tokenizer.special_tokens} - {tokenizer.unknown_id}


def test_text_that_spells_a_special_token_is_text(tokenizer):
    for token in tokenizer.special_tokens:
        for text in (token, f"cat{token}cat", f" {token} {token}", token * 3):
            ids = tokenizer.encode(text)
            assert special_ids(tokenizer).isdisjoint(ids)
            if not isinstance(tokenizer, kgen.tokenizers.WordPieceTokenizer):
                known = set(tokenizer.decode(ids)) - {"\ufffd"}
                assert known <= set(text)
                assert "\ufffd" in tokenizer.decode(ids) or tokenizer.decode(ids) == text


def test_text_reads_special_tokens_when_asked_to(tokenizer):
    text = f"{tokenizer.start_token}the cat{tokenizer.end_token}"
    ids = tokenizer.encode(text, allow_special=True)
    assert ids == [tokenizer.start_id, *tokenizer.encode("the cat"), tokenizer.end_id]
    assert tokenizer.encode([text, "a"], allow_special=True) == [ids, tokenizer.encode("a")]
    assert special_ids(tokenizer).isdisjoint(tokenizer.encode(text))  # and the next call is careful again


def test_a_corpus_full_of_special_tokens_teaches_none():
    for name in ("BytePairTokenizer", "WordPieceTokenizer", "CharacterTokenizer"):
        cls = getattr(kgen.tokenizers, name)
        tokenizer = cls.train(["<|end|> [SEP] <|end|>[SEP]"] * 50, 400)
        assert special_ids(tokenizer).isdisjoint(tokenizer.encode("<|end|> [SEP]<|end|>[SEP]"))


def test_further_special_tokens():
    for name in ("ByteTokenizer", "CharacterTokenizer", "BytePairTokenizer", "WordPieceTokenizer"):
        tokenizer = trained(name, extra_tokens=["<extra_0>", "<extra_1>"], mask_token="<|mask|>")
        assert tokenizer.special_tokens[-2:] == ["<extra_0>", "<extra_1>"]
        assert tokenizer.token_of(tokenizer.mask_id) == "<|mask|>"
        assert special_ids(tokenizer).isdisjoint(tokenizer.encode("<extra_0><|mask|>"))
        assert tokenizer.encode("<extra_1>", allow_special=True) == [tokenizer.id_of("<extra_1>")]


def test_no_special_tokens_at_all():
    nothing = dict.fromkeys(("pad_token", "start_token", "end_token", "mask_token"))
    for name in ("ByteTokenizer", "CharacterTokenizer", "BytePairTokenizer"):
        tokenizer = trained(name, **nothing)
        assert tokenizer.special_tokens == []
        assert (tokenizer.pad_id, tokenizer.start_id, tokenizer.end_id, tokenizer.mask_id) == (None,) * 4
        assert tokenizer.decode(tokenizer.encode(TEXTS[0])) == TEXTS[0]
    assert kgen.tokenizers.ByteTokenizer(**nothing).encode("\x00a") == [0, 97]


def test_one_token_may_have_two_roles():
    tokenizer = trained("BytePairTokenizer", start_token="<|endoftext|>", end_token="<|endoftext|>")
    assert tokenizer.start_id == tokenizer.end_id
    assert tokenizer.special_tokens == ["<|pad|>", "<|endoftext|>"]


def unigram():
    """As T5 has it: the special tokens are among the pieces, and the likeliest ones."""
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁cat", -3.0), ("s", -4.0)]
    engine = hf.Tokenizer(hf.models.Unigram([*words, *((one, -5.0) for one in "<>/a")], 2))
    engine.pre_tokenizer, engine.decoder = hf.pre_tokenizers.Metaspace(), hf.decoders.Metaspace()
    engine.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return engine


def test_models_that_see_special_tokens_in_text_are_corrected():
    engine = unigram()
    engine.encode_special_tokens = True
    assert engine.token_to_id("</s>") in engine.encode("cat</s>").ids  # what the package would do
    tokenizer = kgen.tokenizers.Tokenizer(engine.to_str(), pad_token="<pad>", end_token="</s>")
    assert (tokenizer.pad_id, tokenizer.end_id, tokenizer.unknown_id) == (0, 1, 2)
    for text in ("cat</s>", "</s></s>", "<pad> cats </s>", "<unk>"):
        assert special_ids(tokenizer).isdisjoint(tokenizer.encode(text))
    assert tokenizer.encode("cats") == unigram().encode("cats").ids
    assert 1 in tokenizer.encode("cat</s>", allow_special=True)


def test_what_can_only_be_a_special_token_is_refused():
    engine = unigram()
    engine.add_special_tokens(["▁cat"])
    tokenizer = kgen.tokenizers.Tokenizer(engine.to_str())
    with pytest.raises(ValueError, match="only spell as a special token"):
        tokenizer.encode("cat")


@pytest.mark.parametrize(
    "name, token", [("BytePairTokenizer", "cat"), ("CharacterTokenizer", "c"), ("ByteTokenizer", 3)]
)
def test_special_tokens_that_are_ordinary_text(name, token):
    with pytest.raises(ValueError, match=r"ordinary text|end_token: expected a string of at least two"):
        trained(name, end_token=token)
    with pytest.raises(ValueError, match=r"ordinary text|extra_tokens: expected a string of at least two"):
        trained(name, extra_tokens=[token])


def test_extra_tokens_are_a_list():
    with pytest.raises(ValueError, match="extra_tokens: expected a list"):
        trained("ByteTokenizer", extra_tokens="<sep>")


def test_roles_are_tokens_of_the_vocabulary(tokenizer):
    with pytest.raises(ValueError, match="mask_token: '<nothing>' is not in the vocabulary"):
        type(tokenizer)(tokenizer.tokenizer_json, mask_token="<nothing>")


def test_a_token_with_a_role_becomes_special():
    engine = json.loads(trained("BytePairTokenizer").tokenizer_json)
    engine["added_tokens"] = []
    tokenizer = kgen.tokenizers.BytePairTokenizer(json.dumps(engine), end_token="<|end|>")
    assert tokenizer.special_tokens == ["<|end|>"]
    assert tokenizer.end_id not in tokenizer.encode("<|end|>")

"""Files of tokenizers: those that others wrote are read exactly, those that are broken are refused by name."""

import copy
import json
import os
import pickle
import re

import pytest
import tokenizers as hf

import kgen
from kgen.tokenizers import engine
from tests.tokenizers.conftest import TEXTS
from tests.tokenizers.conftest import trained

MORE = [*TEXTS, "Unbelievable cats don't sit.  Zwei  Räume", "\x00 \ufffd 猫猫", "[MASK] <|endoftext|>"]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A folder with vocab.json and merges.txt, and Hugging Face's own tokenizer for it."""
    folder = tmp_path_factory.mktemp("gpt2")
    maker = hf.ByteLevelBPETokenizer()
    maker.train_from_iterator(TEXTS, 300, special_tokens=["<|endoftext|>"], show_progress=False)
    maker.save_model(str(folder))
    return folder, hf.ByteLevelBPETokenizer.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def bert(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    maker = hf.BertWordPieceTokenizer(lowercase=request.param)
    maker.train_from_iterator(TEXTS, 200, show_progress=False)
    maker.save_model(str(folder))
    return folder, hf.BertWordPieceTokenizer.from_file(str(folder / "vocab.txt"), lowercase=request.param)


# Laws


def test_what_was_saved_is_read(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "made")
    assert {file.name for file in (tmp_path / "made").iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    for path in (tmp_path / "made", str(tmp_path / "made" / "tokenizer.json")):
        for cls in (type(tokenizer), kgen.tokenizers.Tokenizer):
            loaded = cls.from_file(path)
            assert type(loaded) is type(tokenizer)
            assert loaded.get_config() == tokenizer.get_config()
            assert loaded.encode(MORE) == tokenizer.encode(MORE)


def test_others_read_what_was_saved(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    theirs = hf.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert [theirs.encode(text).ids for text in TEXTS] == tokenizer.encode(TEXTS)


def test_copies_are_equal(tokenizer):
    ids = tokenizer.encode(MORE)
    for other in (copy.copy(tokenizer), copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert type(other) is type(tokenizer)
        assert other.get_config() == tokenizer.get_config()
        assert other.encode(MORE) == ids


def test_the_configuration_is_plain_json(tokenizer):
    config = json.loads(json.dumps(tokenizer.get_config()))
    assert type(tokenizer).from_config(config).encode(MORE) == tokenizer.encode(MORE)


# Numbers: what others have written


def test_gpt2(gpt2):
    folder, theirs = gpt2
    for path in (folder, folder / "vocab.json", folder / "merges.txt"):
        tokenizer = kgen.tokenizers.BytePairTokenizer.from_file(path)
        assert tokenizer.encode(MORE[:-1]) == [theirs.encode(text).ids for text in MORE[:-1]]
        assert tokenizer.decode(tokenizer.encode(MORE)) == MORE
        assert tokenizer.special_tokens == ["<|endoftext|>"]
        assert tokenizer.start_id == tokenizer.end_id == 0
        assert tokenizer.pad_id is tokenizer.unknown_id is None


def test_bert(bert):
    folder, theirs = bert
    for path in (folder, folder / "vocab.txt"):
        tokenizer = kgen.tokenizers.WordPieceTokenizer.from_file(path)
        ids = [theirs.encode(text, add_special_tokens=False).ids for text in MORE[:-1]]
        assert tokenizer.encode(MORE[:-1]) == ids
        assert tokenizer.decode(ids) == [theirs.decode(row) for row in ids]
        names = (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.end_id, tokenizer.mask_id)
        assert [tokenizer.token_of(one) for one in names] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def test_case_of_bert_can_be_said(bert, tmp_path):
    words = (bert[0] / "vocab.txt").read_text()
    (tmp_path / "vocab.txt").write_text(words)
    read = kgen.tokenizers.WordPieceTokenizer.from_file
    assert read(tmp_path, lowercase=True).encode("THE") == read(tmp_path, lowercase=True).encode("the")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert read(tmp_path).encode("THE") != read(tmp_path).encode("the")


def test_any_tokenizer_json(tmp_path):
    theirs = hf.Tokenizer(hf.models.Unigram([("<unk>", 0.0), ("▁", -2.0), ("▁cat", -3.0), ("s", -4.0)], 0))
    theirs.pre_tokenizer, theirs.decoder = hf.pre_tokenizers.Metaspace(), hf.decoders.Metaspace()
    theirs.add_special_tokens(["<pad>", "</s>"])
    theirs.enable_truncation(2)
    theirs.enable_padding(length=50)
    theirs.save(str(tmp_path / "other.json"))
    tokenizer = kgen.tokenizers.Tokenizer.from_file(tmp_path / "other.json")
    assert type(tokenizer) is kgen.tokenizers.Tokenizer
    assert (tokenizer.pad_id, tokenizer.end_id, tokenizer.unknown_id) == (4, 5, 0)
    assert tokenizer.encode("cats cats cats") == [2, 3] * 3  # neither truncated nor padded
    assert tokenizer.decode([2, 3, 2, 4]) == "cats cat"


def test_what_is_beside_the_file_names_the_roles(tmp_path):
    trained("BytePairTokenizer", extra_tokens=["<sep>"]).save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": {"content": "<sep>", "lstrip": False}, "pad_token": "<not there>", "bos_token": None})
    )
    tokenizer = kgen.tokenizers.Tokenizer.from_file(tmp_path)
    assert (tokenizer.end_token, tokenizer.pad_token, tokenizer.start_token) == ("<sep>", None, None)
    tokenizer = kgen.tokenizers.Tokenizer.from_file(tmp_path, pad_token="<|pad|>", end_token=None)
    assert (tokenizer.end_token, tokenizer.pad_token) == (None, "<|pad|>")
    (tmp_path / "tokenizer_config.json").unlink()
    assert kgen.tokenizers.Tokenizer.from_file(tmp_path).end_token == "<|end|>"


def test_dropout_of_merges_is_switched_off():
    held = json.loads(trained("BytePairTokenizer").tokenizer_json)
    held["model"]["dropout"] = 0.9
    tokenizer = kgen.tokenizers.BytePairTokenizer(json.dumps(held))
    assert tokenizer.encode([TEXTS[0]] * 9) == [trained("BytePairTokenizer").encode(TEXTS[0])] * 9


# Errors


def refused(path, message, cls=kgen.tokenizers.Tokenizer, error=ValueError):
    with pytest.raises(error, match=re.escape(str(path)) + ".*" + message):
        cls.from_file(path)


def test_no_such_file(tmp_path):
    refused(tmp_path / "nothing.json", "", error=FileNotFoundError)
    refused(tmp_path, "none is there", error=FileNotFoundError)
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"merges\.txt"):
        kgen.tokenizers.Tokenizer.from_file(tmp_path)
    with pytest.raises(TypeError, match="path: expected a file"):
        kgen.tokenizers.Tokenizer.from_file(3)


def test_a_file_of_another_class(tmp_path):
    trained("BytePairTokenizer").save(tmp_path)
    message = "holds another kind .BPE. than WordPieceTokenizer; Tokenizer reads any"
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "tokenizer.json")) + ".*" + message):
        kgen.tokenizers.WordPieceTokenizer.from_file(tmp_path)
    with pytest.raises(ValueError, match="another kind"):
        kgen.tokenizers.CharacterTokenizer(trained("ByteTokenizer").tokenizer_json)


def change(**parts):
    def changed(held):
        held["model"].update({key: value for key, value in parts.items() if key in held["model"]})
        held.update({key: value for key, value in parts.items() if key not in held["model"]})
        return json.dumps(held)

    return changed


def clashing(held):
    held["added_tokens"][0]["id"] = 17
    return json.dumps(held)


HOSTILE = {
    "truncated": lambda held: json.dumps(held)[:-200],
    "not JSON": lambda held: "<html>404</html>",
    "empty": lambda held: "",
    "a list": lambda held: "[]",
    "deep": lambda held: "[" * 100_000,
    "no model": lambda held: '{"version": "1.0"}',
    "an odd model": lambda held: '{"model": {"type": "Evil"}}',
    "a merge of nothing": change(merges=[["a", "no such token"]]),
    "a huge id": change(vocab={"a": 0, "b": 4_000_000_000}, merges=[]),
    "a negative id": change(vocab={"a": 0, "b": -1}, merges=[]),
    "one id twice": change(vocab={"a": 0, "b": 0}, merges=[], added_tokens=[]),
    "no vocabulary": change(vocab={}, merges=[], added_tokens=[]),
    "clashing ids": clashing,
    "odd added tokens": change(added_tokens=[3]),
    "an odd pattern": change(
        pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False}
    ),
    "an odd part": change(pre_tokenizer={"type": "exec"}),
    "a panic": change(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
}


@pytest.mark.parametrize("damage", HOSTILE.values(), ids=HOSTILE)
def test_damaged_and_hostile_files(damage, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(damage(json.loads(trained("BytePairTokenizer").tokenizer_json)))
    refused(path, "")


def test_a_damaged_configuration():
    for cls in (kgen.tokenizers.Tokenizer, kgen.tokenizers.ByteTokenizer):
        with pytest.raises(ValueError, match="tokenizer_json: damaged, not JSON"):
            cls.from_config({"tokenizer_json": "{"})
        with pytest.raises(TypeError, match="tokenizer_json: expected the text"):
            cls(3)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json"):
        path = tmp_path / name
        path.touch()
        os.truncate(path, engine.MAX_BYTES + 1)
        with pytest.raises(ValueError, match=re.escape(name) + ": 67108865 bytes are too many"):
            kgen.tokenizers.Tokenizer.from_file(tmp_path / "vocab.txt" if name != "tokenizer.json" else path)
    monkeypatch.setattr(engine, "MAX_BYTES", 9)
    with pytest.raises(ValueError, match="too many for a tokenizer"):
        kgen.tokenizers.ByteTokenizer()


def test_files_that_are_something_else(tmp_path):
    for name, data in [
        ("tokenizer.json", b"\xff\xfe\x00\x01"),
        ("vocab.txt", b"\xff\xfe\x00\x01"),
        ("vocab.txt", b"just\nsome\nwords\n"),
        ("vocab.txt", b""),
        ("vocab.json", b'["a"]'),
        ("vocab.json", b'{"a": "b"}'),
        ("merges.txt", b"\xff"),
    ]:
        (tmp_path / "vocab.json").write_text('{"a": 0}')
        (tmp_path / "merges.txt").write_text("#version: 0.2\n")
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, "")
    (tmp_path / "tokenizer_config.json").write_text("{")
    refused(tmp_path / "tokenizer_config.json", "not JSON")

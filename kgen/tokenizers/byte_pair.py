"""Byte-level byte-pair encoding."""

import functools
import json
import re

import keras
import numpy as np
import tokenizers

from kgen.functional.checks import check_int
from kgen.tokenizers.base import Tokenizer
from kgen.tokenizers.engine import with_special_tokens

_STRAY_BYTE = re.compile("([\udc80-\udcff])")  # what "surrogateescape" makes of a byte that is no UTF-8


@functools.cache
def byte_letters():
    """The letter that stands for each byte in a byte-level vocabulary, as GPT-2 chose them.

    A byte that is a visible Latin-1 character stands for itself; the others, in order, are U+0100, U+0101, …
    """
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(0x100, 0x200))
    return [chr(byte if byte in visible else next(hidden)) for byte in range(256)]


@keras.saving.register_keras_serializable(package="kgen")
class BytePairTokenizer(Tokenizer):
    """Byte-level byte-pair encoding, as GPT-2 has it: the most frequent pair of tokens becomes one, again and again.

    It begins with the 256 bytes, so nothing is unknown and `decode(encode(text)) == text` for every text. Words are
    split as GPT-2 splits them; a space belongs to the word that follows. This is the tokenizer to begin with.

    Bytes that are no UTF-8 are kept too: `decode_bytes(encode(data)) == data` for all bytes.

    Args:
        tokenizer_json: str, the text of a `tokenizer.json`; see `train` and `from_file`.
        pad_token, start_token, end_token, mask_token: str or None, as in `Tokenizer`. `train` takes "<|pad|>",
            "<|start|>", "<|end|>" and None.

    Example:

    >>> import kgen
    >>> texts = ["the cat sat on the mat", "the hat of the cat"]
    >>> tokenizer = kgen.tokenizers.BytePairTokenizer.train(texts, vocabulary_size=270)
    >>> ids = tokenizer.encode("the cat 🐈")
    >>> [tokenizer.token_of(one) for one in ids[:2]], tokenizer.decode(ids)
    (['the', 'Ġcat'], 'the cat 🐈')

    References: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016;
    Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
    """

    default_roles = ("<|pad|>", "<|start|>", "<|end|>", None)
    _cuts_at_spaces = True
    _no_characters = re.compile("[\ud800-\udc7f\udd00-\udfff]")

    def __init__(self, tokenizer_json, pad_token=None, start_token=None, end_token=None, mask_token=None):
        super().__init__(tokenizer_json, pad_token, start_token, end_token, mask_token)
        self._byte_ids = [self._engine.token_to_id(letter) for letter in byte_letters()]

    @classmethod
    def _reads(cls, definition):
        return definition["model"].get("type") == "BPE" and "ByteLevel" in _types(definition["decoder"])

    @classmethod
    def _learn(cls, texts, vocabulary_size, special_tokens):
        check_int("vocabulary_size", vocabulary_size, minimum=256 + len(special_tokens))
        parts = {
            "pre_tokenizer": tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
            "decoder": tokenizers.decoders.ByteLevel(),
        }
        learner = tokenizers.Tokenizer(tokenizers.models.BPE())
        learner.pre_tokenizer = parts["pre_tokenizer"]
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocabulary_size - len(special_tokens),
            min_frequency=2,
            initial_alphabet=byte_letters(),
            show_progress=False,
        )
        learner.train_from_iterator(texts, trainer)
        learned = json.loads(learner.to_str())["model"]
        vocabulary = with_special_tokens(sorted(learned["vocab"], key=learned["vocab"].get), special_tokens)
        return tokenizers.models.BPE(vocabulary, [tuple(pair) for pair in learned["merges"]]), parts

    def decode_bytes(self, ids, skip_special=True):
        """The bytes of a sequence of ids; `decode` is these as UTF-8, with U+FFFD for what is none."""
        return b"".join(self._bytes_of(one, skip_special) for one in self._checked(ids))

    def characters_of_tokens(self):
        # A character counts where it begins: 10xxxxxx goes on with one.
        tokens = (self._bytes_of(one, skip_special=True) for one in range(self.vocabulary_size))
        return np.array([sum(byte & 0xC0 != 0x80 for byte in token) for token in tokens], "float32")

    def _bytes_of(self, token_id, skip_special):
        if skip_special and token_id in self._special_ids:
            return b""
        token = self._engine.id_to_token(token_id) or ""  # an id that the vocabulary leaves out is nothing
        values = [_byte_of().get(letter) for letter in token]
        return token.encode() if None in values else bytes(values)

    def _plain_rows(self, texts, engine):
        if not any(_STRAY_BYTE.search(text) for text in texts if not text.isascii()):
            return super()._plain_rows(texts, engine)
        return [self._row_with_strays(text, engine) for text in texts]

    def _row_with_strays(self, text, engine):
        row = []
        for index, part in enumerate(_STRAY_BYTE.split(text)):
            if index % 2 == 0:
                row += super()._plain_rows([part], engine)[0]
            elif (byte := self._byte_ids[ord(part) - 0xDC00]) is not None:
                row.append(byte)
        return row


@functools.cache
def _byte_of():
    return {letter: byte for byte, letter in enumerate(byte_letters())}


def _types(part):
    """The types of a part of a definition and of the parts in it."""
    if not isinstance(part, dict):
        return []
    inner = [one for key in ("decoders", "pretokenizers", "normalizers") for one in part.get(key) or []]
    return [part.get("type"), *(name for one in inner for name in _types(one))]

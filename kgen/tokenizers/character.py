"""Text as its characters."""

import collections

import keras
import numpy as np
import tokenizers

from kgen.functional.checks import check_int
from kgen.tokenizers.base import Tokenizer
from kgen.tokenizers.corpus import most_frequent
from kgen.tokenizers.engine import with_special_tokens

UNKNOWN = "\ufffd"
ONE_CHARACTER = r"[\s\S]"  # the newline is one, too


@keras.saving.register_keras_serializable(package="kgen")
class CharacterTokenizer(Tokenizer):
    """Text as its characters (Unicode code points), those that the training texts have.

    A character that is not among them gets `unknown_id` and is decoded as "\ufffd" (U+FFFD, the replacement character).
    Everything else comes back as it was.

    Args:
        tokenizer_json: str, the text of a `tokenizer.json`; see `train` and `from_file`. `train` keeps all characters
            of the texts, sorted, or with `vocabulary_size` the most frequent ones.
        pad_token, start_token, end_token, mask_token: str or None, as in `Tokenizer`. `train` takes "<|pad|>",
            "<|start|>", "<|end|>" and None.

    Example:

    >>> import kgen
    >>> tokenizer = kgen.tokenizers.CharacterTokenizer.train(["hello", "world"])
    >>> tokenizer.encode("hold"), tokenizer.decode(tokenizer.encode("hold on"))
    ([6, 8, 7, 4], 'hold\ufffdo\ufffd')
    """

    default_roles = ("<|pad|>", "<|start|>", "<|end|>", None)
    _cuts_at_spaces = True

    def __init__(self, tokenizer_json, pad_token=None, start_token=None, end_token=None, mask_token=None):
        super().__init__(tokenizer_json, pad_token, start_token, end_token, mask_token)
        self._id_of_character = {token: one for token, one in self._engine.get_vocab().items() if len(token) == 1}

    @classmethod
    def train(cls, texts, vocabulary_size=None, **options):
        """As `Tokenizer.train`; without a `vocabulary_size` all characters are kept."""
        return super().train(texts, vocabulary_size, **options)

    @classmethod
    def _reads(cls, definition):
        splits = {"type": "Split", "pattern": {"Regex": ONE_CHARACTER}, "behavior": "Isolated", "invert": False}
        model = definition["model"]
        return (
            definition["normalizer"] is None
            and definition["pre_tokenizer"] == splits
            and model.get("type") == "WordLevel"
            and model.get("unk_token") == UNKNOWN
            and all(token["special"] for token in definition["added_tokens"])
        )

    @classmethod
    def _learn(cls, texts, vocabulary_size, special_tokens):
        if vocabulary_size is not None:
            check_int("vocabulary_size", vocabulary_size, minimum=len(special_tokens) + 2)
        counts = collections.Counter()
        for text in texts:
            counts.update(text)
        counts.pop(UNKNOWN, None)
        kept = most_frequent(counts)[: vocabulary_size and vocabulary_size - len(special_tokens) - 1]
        vocabulary = with_special_tokens([UNKNOWN, *sorted(kept)], special_tokens)
        parts = {
            "pre_tokenizer": tokenizers.pre_tokenizers.Split(tokenizers.Regex(ONE_CHARACTER), "isolated"),
            "decoder": tokenizers.decoders.Fuse(),
        }
        return tokenizers.models.WordLevel(vocabulary, UNKNOWN), parts

    def characters_of_tokens(self):
        counts = np.ones(self.vocabulary_size, "float32")
        counts[list(self._not_from_text)] = 0.0
        return counts

    def _ids_of(self, texts, engine):
        if engine is not self._engine:
            return super()._ids_of(texts, engine)
        known, unknown = self._id_of_character, self.unknown_id
        return [[known.get(character, unknown) for character in text] for text in texts]

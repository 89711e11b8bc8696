"""Text as its bytes."""

import json

import keras
import tokenizers

from kgen.tokenizers.base import ROLES
from kgen.tokenizers.byte_pair import BytePairTokenizer
from kgen.tokenizers.byte_pair import byte_letters
from kgen.tokenizers.engine import assembled
from kgen.tokenizers.engine import special_tokens_of
from kgen.tokenizers.engine import with_special_tokens


@keras.saving.register_keras_serializable(package="kgen")
class ByteTokenizer(BytePairTokenizer):
    """Text as its UTF-8 bytes: byte-pair encoding without a single pair, and nothing to train.

    The special tokens come first, so the id of byte b is b + len(special_tokens). Everything is known and
    `decode(encode(text)) == text`; bytes that are no UTF-8 are kept too, see `BytePairTokenizer`.

    Args:
        tokenizer_json: str or None. None makes a new one of these special tokens and the 256 bytes.
        pad_token, start_token, end_token, mask_token: str or None, the special tokens.

    Example:

    >>> import kgen
    >>> tokenizer = kgen.tokenizers.ByteTokenizer()
    >>> tokenizer.encode("hi"), tokenizer.vocabulary_size
    ([107, 108], 259)

    Reference: Xue et al., "ByT5: Towards a token-free future with pre-trained byte-to-byte models", 2022.
    """

    def __init__(
        self,
        tokenizer_json=None,
        pad_token="<|pad|>",
        start_token="<|start|>",
        end_token="<|end|>",
        mask_token=None,
    ):
        if tokenizer_json is None:
            roles = dict(zip(ROLES, (pad_token, start_token, end_token, mask_token), strict=True))
            tokenizer_json = _definition(special_tokens_of(roles))
        super().__init__(tokenizer_json, pad_token, start_token, end_token, mask_token)

    @classmethod
    def train(cls, texts=(), vocabulary_size=None, *, extra_tokens=(), progress=True, **roles):
        """There is nothing to learn: `texts`, `vocabulary_size` and `progress` are there for the sake of the others."""
        roles = {**dict(zip(ROLES, cls.default_roles, strict=True)), **roles}
        return cls(_definition(special_tokens_of(roles, extra_tokens)), **roles)

    @classmethod
    def _reads(cls, definition):
        # What this class makes itself, up to the special tokens.
        special = [token["content"] for token in definition["added_tokens"] if token["special"]]
        if not super()._reads(definition) or not set(special).isdisjoint(byte_letters()):
            return False
        made = json.loads(_definition(special))
        return all(definition[part] == made[part] for part in ("normalizer", "pre_tokenizer", "decoder", "model"))

    def _ids_of(self, texts, engine):
        if engine is not self._engine:
            return super()._ids_of(texts, engine)
        first = self._byte_ids[0]
        return [[byte + first for byte in text.encode()] for text in texts]


def _definition(special_tokens):
    model = tokenizers.models.BPE(with_special_tokens(byte_letters(), special_tokens), [])
    return assembled(
        model,
        special_tokens,
        pre_tokenizer=tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        decoder=tokenizers.decoders.ByteLevel(),
    )

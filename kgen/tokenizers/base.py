"""What all tokenizers share: the verbs, special tokens that text cannot inject, a configuration that Keras saves."""

import itertools
import re

import keras
import numpy as np

from kgen.tokenizers import reading
from kgen.tokenizers.corpus import pieces
from kgen.tokenizers.corpus import training_pieces
from kgen.tokenizers.engine import assembled
from kgen.tokenizers.engine import engine_from
from kgen.tokenizers.engine import panics_as_errors
from kgen.tokenizers.engine import special_tokens_of
from kgen.tokenizers.streaming import StreamingDecoder

CHARACTERS_AT_ONCE = 1 << 20
ROLES = ("pad_token", "start_token", "end_token", "mask_token")


@keras.saving.register_keras_serializable(package="kgen")
class Tokenizer:
    """Text to ids and back, by a `tokenizer.json` of any kind (byte-pair, WordPiece, Unigram, …).

    `Tokenizer.from_file(path)` loads such a file as it is, and returns the subclass that fits it if there is one. To
    make a new tokenizer, `train` a subclass.

    A tokenizer never changes, may be used by many threads, and is pickled, copied and saved by its configuration: a
    model that takes one as an argument holds it in its `.keras` file.

    Text that spells a special token is ordinary text. Only `encode(text, allow_special=True)` reads "<|end|>" as one.

    Args:
        tokenizer_json: str, the text of a `tokenizer.json`. Truncation and padding in it are switched off.
        pad_token, start_token, end_token, mask_token: str or None; which token of the vocabulary pads, starts and ends
            a text, and stands for a hidden one. They become special tokens if they are not yet.

    Attributes:
        vocabulary_size: int, one more than the largest id: the rows of an embedding.
        special_tokens: list of str, by id.
        pad_id, start_id, end_id, unknown_id, mask_id: int, or None where there is no such token. `unknown_id` is what
            the tokenizer itself gives to what it does not know.

    Raises:
        ValueError: the definition is damaged, hostile or of another class; a token is not in the vocabulary.
    """

    default_roles = (None, None, None, None)  # the tokens that `train` gives to `ROLES`
    _own_tokens = ()  # special tokens that every tokenizer of the class has
    _cuts_at_spaces = False  # whether a long text may be encoded in pieces that end before a single space
    _no_characters = re.compile("[\ud800-\udfff]")  # surrogates: in a str, but not in any text

    def __init__(self, tokenizer_json, pad_token=None, start_token=None, end_token=None, mask_token=None):
        try:
            self._engine, definition = engine_from(tokenizer_json)
        except ValueError as error:
            raise ValueError(f"tokenizer_json: {error}") from None
        if not self._reads(definition):
            raise ValueError(f"tokenizer_json: another kind ({_kind(definition)}) than {type(self).__name__}")
        self.pad_token = pad_token
        self.start_token = start_token
        self.end_token = end_token
        self.mask_token = mask_token
        self.unknown_token = _unknown_token(definition["model"])
        for name in ROLES:
            token = getattr(self, name)
            if token is not None and self._engine.token_to_id(token) is None:
                raise ValueError(f"{name}: {token!r} is not in the vocabulary")
        self._engine.add_special_tokens([getattr(self, name) for name in ROLES if getattr(self, name) is not None])
        self._engine.encode_special_tokens = True  # as the text that they are
        self._special_engine = None

        vocabulary = self._engine.get_vocab()
        added = self._engine.get_added_tokens_decoder()
        self.vocabulary_size = max(vocabulary.values()) + 1
        self.special_tokens = [token.content for _, token in sorted(added.items()) if token.special]
        self.pad_id, self.start_id, self.end_id, self.unknown_id, self.mask_id = (
            None if token is None else vocabulary[token]
            for token in (pad_token, start_token, end_token, self.unknown_token, mask_token)
        )
        self._special_ids = {vocabulary[token] for token in self.special_tokens}
        self._not_from_text = self._special_ids - {self.unknown_id}

    # Where tokenizers come from --------------------------------------------------------------------------------------

    @classmethod
    def train(cls, texts, vocabulary_size=8192, *, extra_tokens=(), progress=True, **options):
        """Learn a tokenizer from texts. The same texts give the same tokenizer.

        Args:
            texts: an iterable of strings, read once and never held as a whole: a list, a generator, `text_files(...)`.
            vocabulary_size: int, the most tokens it may have, special ones included. Few texts give fewer.
            extra_tokens: further special tokens (sentinels, say).
            progress: bool, whether to show a bar when it takes longer than a second.
            options: pad_token, start_token, end_token, mask_token: str or None, in place of the class's own
                `default_roles`; and what the class adds.

        Raises:
            TypeError: `texts` is one string, or yields something else than strings.
            ValueError: no text; a vocabulary size that is too small; a special token that is ordinary text.
        """
        roles = {role: options.pop(role, default) for role, default in zip(ROLES, cls.default_roles, strict=True)}
        special = special_tokens_of(roles, [*cls._own_tokens, *extra_tokens])
        model, parts = cls._learn(training_pieces(texts, progress), vocabulary_size, special, **options)
        return cls(assembled(model, special, **parts), **roles)

    @classmethod
    def from_file(cls, path, *, lowercase=None, **roles):
        """Load a tokenizer exactly as its files define it.

        Args:
            path: a `tokenizer.json`; GPT-2's `vocab.json` (with `merges.txt` beside it); BERT's `vocab.txt`; or a
                folder that holds these. A `tokenizer_config.json` or `special_tokens_map.json` beside it says which
                token pads, starts and ends a text; else the usual names do.
            lowercase: bool, for a `vocab.txt` alone, which does not say it. None: what `tokenizer_config.json` says,
                else whether the vocabulary is without capitals.
            roles: pad_token, start_token, end_token, mask_token: str or None, in place of what the files say.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: names the file, and what is wrong with it.
        """
        file, definition, found = reading.read(path, lowercase)
        try:
            held = engine_from(definition)[1]
            kinds = [kind for kind in (*_below(cls), cls) if kind._reads(held)]
            if not kinds:
                raise ValueError(f"it holds another kind ({_kind(held)}) than {cls.__name__}; Tokenizer reads any")
            return kinds[0](definition, **{**found, **roles})
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    def save(self, folder):
        """Write `tokenizer.json` and `tokenizer_config.json`, as `from_file` and Hugging Face's libraries read them."""
        reading.write(self, folder)

    @property
    def tokenizer_json(self):
        """The text of a `tokenizer.json`: everything but the roles of the special tokens."""
        return self._engine.to_str()

    def get_config(self):
        return {"tokenizer_json": self.tokenizer_json, **{role: getattr(self, role) for role in ROLES}}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __reduce__(self):
        return _revived, (type(self), self.get_config())

    def __repr__(self):
        return f"{type(self).__name__}(vocabulary_size={self.vocabulary_size})"

    # Text and ids ----------------------------------------------------------------------------------------------------

    def encode(self, text, allow_special=False):
        """The ids of a text as a list of int, or of several texts as a list of lists. Nothing is added or truncated.

        Args:
            text: str, or an iterable of them. bytes are UTF-8; where they are not, each stray byte is kept as it is by
                the tokenizers that know bytes, and is U+FFFD for the others.
            allow_special: bool. True reads what spells a special token as that token: never do it with text of others.

        Raises:
            TypeError: something else than text.
        """
        if isinstance(text, str | bytes):
            return self._rows([self._as_text(text)], allow_special)[0]
        try:
            texts = list(text)
        except TypeError:
            raise TypeError(f"text: expected a string or several, got {type(text).__name__}") from None
        return self._rows([self._as_text(one) for one in texts], allow_special)

    def decode(self, ids, skip_special=True):
        """The text of a sequence of ids, or of several sequences as a list of texts.

        Args:
            ids: integers in [0, vocabulary_size): list, array or tensor; or several of them.
            skip_special: bool, whether special tokens are left out of the text.

        Raises:
            ValueError: an id that is not in the vocabulary.
            TypeError: something else than integers.
        """
        ids = _plain(ids)
        if getattr(ids, "ndim", 1) == 2 or (len(ids) and np.ndim(ids[0])):
            return [self.decode(row, skip_special) for row in ids]
        return self._engine.decode(self._checked(ids), skip_special_tokens=skip_special)

    def decode_stream(self, ids, skip_special=True):
        """Yields the text of an iterable of ids piece by piece, as soon as its characters are complete.

        The pieces together are `decode(list(ids))`. For one id at a time see `StreamingDecoder`.
        """
        decoder = StreamingDecoder(self, skip_special)
        for token_id in ids:
            if piece := decoder.push(token_id):
                yield piece
        if piece := decoder.finish():
            yield piece

    def id_of(self, token):
        """The id of a token as it stands in the vocabulary ("[MASK]", "##ing", "Ġthe")."""
        token_id = self._engine.token_to_id(token)
        if token_id is None:
            raise ValueError(f"token: {token!r} is not in the vocabulary")
        return token_id

    def token_of(self, token_id):
        """The token of an id, as it stands in the vocabulary."""
        return self._engine.id_to_token(self._checked([token_id])[0])

    def characters_of_tokens(self):
        """How many characters each token stands for, float32 `(vocabulary_size,)`; special ones stand for none.

        None where decoding does not give the text back, for then characters cannot be counted.
        """
        return None

    # Holes -----------------------------------------------------------------------------------------------------------

    @classmethod
    def _reads(cls, definition):
        """Whether this class is right for a definition."""
        return True

    @classmethod
    def _learn(cls, texts, vocabulary_size, special_tokens):
        """What `train` learns: (a model of `tokenizers`, dict of its normalizer, pre_tokenizer, decoder)."""
        raise TypeError("train: Tokenizer only loads; train a BytePairTokenizer or another subclass")

    def _ids_of(self, texts, engine):
        """The ids of several texts of moderate length."""
        with panics_as_errors():
            return [encoding.ids for encoding in engine.encode_batch_fast(texts, add_special_tokens=False)]

    # Inside ----------------------------------------------------------------------------------------------------------

    def _as_text(self, text):
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        elif not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {type(text).__name__}: {text!r:.50}")
        return text if text.isascii() else self._no_characters.sub("\ufffd", text)

    def _rows(self, texts, allow_special):
        if allow_special:
            if self._special_engine is None:
                self._special_engine = engine_from(self.tokenizer_json)[0]
            return self._plain_rows(texts, self._special_engine)
        rows = self._plain_rows(texts, self._engine)
        for index, row in enumerate(rows):
            if not self._not_from_text.isdisjoint(row):
                rows[index] = self._broken_up(texts[index])
        return rows

    def _plain_rows(self, texts, engine):
        rows = [[] for _ in texts]
        cuts = self._cuts_at_spaces and engine is self._engine
        parts = [
            (row, part) for row, text in zip(rows, texts, strict=True) for part in (pieces(text) if cuts else [text])
        ]
        for group in _groups(parts):
            for (row, _), ids in zip(group, self._ids_of([part for _, part in group], engine), strict=True):
                row.extend(ids)
        return rows

    def _broken_up(self, text):
        """Ids of a text in which a model (Unigram, for one) saw special tokens: each is cut after its first letter."""
        spelled = re.compile("|".join(re.escape(token) for token in self.special_tokens))
        cuts = [0, *(found.start() + 1 for found in spelled.finditer(text)), len(text)]
        parts = [text[start:end] for start, end in itertools.pairwise(cuts)]
        row = [token_id for ids in self._plain_rows(parts, self._engine) for token_id in ids]
        if not self._not_from_text.isdisjoint(row):
            raise ValueError("text: it contains what this tokenizer can only spell as a special token")
        return row

    def _checked(self, ids):
        array = np.asarray(ids)
        if len(array) and array.dtype.kind not in "iu":
            raise TypeError(f"ids: expected integers, got {array.dtype}: {array[:5].tolist()}")
        if len(array) and not 0 <= array.min() <= array.max() < self.vocabulary_size:
            raise ValueError(
                f"ids: expected integers in [0, {self.vocabulary_size}), got some in [{array.min()}, {array.max()}]"
            )
        return array.tolist()


def _revived(cls, config):
    return cls.from_config(config)


def _below(cls):
    for child in cls.__subclasses__():
        yield from _below(child)
        yield child


def _kind(definition):
    return definition["model"].get("type", "unknown")


def _unknown_token(model):
    if model.get("unk_token") is not None or model.get("unk_id") is None:
        return model.get("unk_token")
    return model["vocab"][model["unk_id"]][0]


def _groups(parts):
    """Parts in groups of some `CHARACTERS_AT_ONCE`, so that threads have work and memory stays bounded."""
    group, characters = [], 0
    for part in parts:
        group.append(part)
        characters += len(part[1])
        if characters >= CHARACTERS_AT_ONCE:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _plain(ids):
    if keras.ops.is_tensor(ids):
        return keras.ops.convert_to_numpy(ids)
    if isinstance(ids, np.ndarray):
        return ids
    try:
        return list(ids)
    except TypeError:
        raise TypeError(f"ids: expected integers, got {type(ids).__name__}") from None

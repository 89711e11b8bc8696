"""A `tokenizers.Tokenizer` from a definition that may be damaged, foreign or hostile."""

import contextlib
import json

import tokenizers

MAX_BYTES = 64 << 20  # the largest public tokenizer.json, of some 256,000 tokens, is half of this


@contextlib.contextmanager
def panics_as_errors():
    """Where `tokenizers` gives up it raises a `PanicException`, which no `except Exception` catches: make it one."""
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"tokenizers gave up: {error}") from None


def engine_from(definition):
    """The engine that a `tokenizer.json` describes, and its definition as a dict, written by this `tokenizers`.

    Nothing in it is executed. Truncation and padding that a file may ask for are switched off, and so is the dropout
    of merges: encoding is a function of the text alone.

    Args:
        definition: str, the text of a `tokenizer.json`.

    Raises:
        ValueError: too large, no JSON, no tokenizer, or one whose tokens and ids contradict each other.
    """
    if not isinstance(definition, str):
        raise TypeError(f"tokenizer_json: expected the text of a tokenizer.json, got {type(definition).__name__}")
    if len(definition) > MAX_BYTES:
        raise ValueError(f"{len(definition)} characters are too many for a tokenizer (at most {MAX_BYTES})")
    try:
        held = json.loads(definition)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"damaged, not JSON ({error})") from None
    if not isinstance(held, dict) or not isinstance(held.get("model"), dict):
        raise ValueError('not a tokenizer.json: expected a JSON object with an entry "model"')
    try:
        with panics_as_errors():
            engine = tokenizers.Tokenizer.from_str(definition)
            engine.no_truncation()
            engine.no_padding()
            if held["model"].get("dropout"):
                engine.model.dropout = None
            engine.encode_batch_fast(["a b"])
    except Exception as error:  # the package raises bare Exception
        raise ValueError(f"damaged, or not a tokenizer that can be used ({error})") from None
    _check_ids(engine, held.get("added_tokens") or [])
    return engine, json.loads(engine.to_str())


def _check_ids(engine, added_tokens):
    vocabulary = engine.get_vocab()
    if not vocabulary:
        raise ValueError("damaged, its vocabulary is empty")
    # An id is a row of an embedding: a few holes are harmless, one id of four billion is an attack.
    if max(vocabulary.values()) >= 2 * len(vocabulary) + 1000:
        raise ValueError(f"damaged, {len(vocabulary)} tokens have ids up to {max(vocabulary.values())}")
    if len(set(vocabulary.values())) < len(vocabulary):
        raise ValueError("damaged, two of its tokens have the same id")
    for added in added_tokens:
        if vocabulary.get(added["content"]) != added["id"]:
            raise ValueError(
                f"damaged, token {added['content']!r} should have the id {added['id']} and gets "
                f"{vocabulary.get(added['content'])}"
            )


def assembled(model, special_tokens, **parts):
    """The definition of a new engine.

    Args:
        model: one of `tokenizers.models`, whose vocabulary holds the special tokens already.
        special_tokens: list of str.
        parts: normalizer, pre_tokenizer, decoder.
    """
    engine = tokenizers.Tokenizer(model)
    for name, part in parts.items():
        setattr(engine, name, part)
    engine.add_special_tokens(special_tokens)
    return engine.to_str()


def special_tokens_of(roles, extra_tokens=()):
    """The special tokens without repetition, in the order that their ids have.

    Raises:
        ValueError: one of them is not a string of at least two characters: a single one would be a letter of the text.
    """
    tokens = {role: token for role, token in roles.items() if token is not None}
    if isinstance(extra_tokens, str):
        raise ValueError(f"extra_tokens: expected a list of strings, got the string {extra_tokens!r}")
    for name, token in [*tokens.items(), *(("extra_tokens", token) for token in extra_tokens)]:
        if not isinstance(token, str) or len(token) < 2:
            raise ValueError(f"{name}: expected a string of at least two characters such as '<|end|>', got {token!r}")
    return list(dict.fromkeys([*tokens.values(), *extra_tokens]))


def with_special_tokens(learned, special_tokens):
    """A vocabulary as dict token → id: the special tokens first, so that padding is 0, then what was learned.

    Raises:
        ValueError: ordinary text would have a special token among its own.
    """
    if clash := [token for token in special_tokens if token in set(learned)]:
        raise ValueError(f"special tokens: {clash[0]!r} is ordinary text here; choose one such as '<|{clash[0]}|>'")
    return {token: index for index, token in enumerate([*special_tokens, *learned])}

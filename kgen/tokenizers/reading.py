"""The files of tokenizers: Hugging Face's, GPT-2's, BERT's. Their sizes are bounded; every error names the file."""

import json
import os
from pathlib import Path

import tokenizers

from kgen.tokenizers.engine import MAX_BYTES
from kgen.tokenizers.engine import assembled

# Where a tokenizer_config.json or special_tokens_map.json says which token has which role, …
ROLE_KEYS = {
    "pad_token": ("pad_token",),
    "start_token": ("bos_token", "cls_token"),
    "end_token": ("eos_token", "sep_token"),
    "mask_token": ("mask_token",),
}
# … and the usual names where neither does.
USUAL_NAMES = {
    "pad_token": ("<|pad|>", "[PAD]", "<pad>"),
    "start_token": ("<|start|>", "[CLS]", "<s>", "<bos>", "<|startoftext|>", "<|begin_of_text|>", "<|endoftext|>"),
    "end_token": ("<|end|>", "[SEP]", "</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>"),
    "mask_token": ("<|mask|>", "[MASK]", "<mask>"),
}
USUAL_UNKNOWN = ("[UNK]", "<unk>")


def read(path, lowercase=None):
    """(the file, the text of its tokenizer.json, dict of roles) from any of the files that `Tokenizer.from_file` takes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: too large, damaged, or not one of these files.
    """
    file = _chosen(path)
    try:
        settings = _settings(file.parent)
        if file.name == "vocab.txt":
            definition = _from_word_list(file, settings, lowercase)
        elif file.name in ("vocab.json", "merges.txt"):
            definition = _from_merges(file.with_name("vocab.json"), file.with_name("merges.txt"), settings)
        else:
            definition = _text(file)
        return file, definition, _roles(json.loads(definition), settings)
    except FileNotFoundError:
        raise
    except Exception as error:  # the package raises bare Exception
        message = str(error)
        raise ValueError(message if message.startswith(str(file.parent)) else f"{file}: {message}") from None


def write(tokenizer, folder):
    """Write `tokenizer.json` and `tokenizer_config.json`, each in one step."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": tokenizer.unknown_token}
    for role, keys in ROLE_KEYS.items():
        settings[keys[0]] = getattr(tokenizer, role)
    for name, text in (
        ("tokenizer.json", tokenizer.tokenizer_json),
        ("tokenizer_config.json", json.dumps(settings, indent=2)),
    ):
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, folder / name)


def _chosen(path):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected a file or a folder, got {path!r}")
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"path: no such file or folder: {path}")
    if not path.is_dir():
        return path
    for name in ("tokenizer.json", "vocab.json", "vocab.txt"):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(
        f"path: expected tokenizer.json, vocab.json with merges.txt, or vocab.txt in {path}, and none is there"
    )


def _text(file):
    if not file.is_file():
        raise FileNotFoundError(f"path: expected the file {file}, and there is none")
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file}: {file.stat().st_size} bytes are too many for a tokenizer (at most {MAX_BYTES})")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: damaged, or not text ({error})") from None


def _json_object(file):
    try:
        held = json.loads(_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: damaged, not JSON ({error})") from None
    if not isinstance(held, dict):
        raise ValueError(f"{file}: expected a JSON object, got {type(held).__name__}")
    return held


def _settings(folder):
    """What the files beside a tokenizer say about it; of a token that is an object, its text."""
    held = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            held.update(_json_object(folder / name))
    return {key: value.get("content") if isinstance(value, dict) else value for key, value in held.items()}


def _roles(definition, settings):
    """Which special token pads, starts, ends, masks: from the settings if they name any, else by the usual names."""
    if not isinstance(definition, dict):
        return dict.fromkeys(ROLE_KEYS)
    special = {token["content"] for token in definition.get("added_tokens") or [] if token.get("special")}
    stated = any(settings.get(key) for keys in ROLE_KEYS.values() for key in keys)
    found = {}
    for role, keys in ROLE_KEYS.items():
        names = [settings.get(key) for key in keys] if stated else USUAL_NAMES[role]
        found[role] = next((name for name in names if name in special), None)
    return found


def _special_in(vocabulary, settings):
    """The special tokens that a bare vocabulary holds, by id."""
    stated = [value for key, value in settings.items() if key.endswith("_token") and isinstance(value, str)]
    names = {*stated, *USUAL_UNKNOWN, *(name for names in USUAL_NAMES.values() for name in names)}
    return sorted(names & set(vocabulary), key=vocabulary.get)


def _from_word_list(file, settings, lowercase):
    """BERT: one token a line; its number is the line's."""
    _text(file)  # for its size and encoding
    vocabulary = tokenizers.models.WordPiece.read_file(str(file))
    special = _special_in(vocabulary, settings)
    unknown = next((name for name in (settings.get("unk_token"), *USUAL_UNKNOWN) if name in special), None)
    if unknown is None:
        raise ValueError(f"{file}: not a vocabulary of BERT: it does not hold [UNK]")
    if lowercase is None:
        lowercase = settings.get("do_lower_case")
    if lowercase is None:
        lowercase = not any(any(map(str.isupper, token)) for token in vocabulary if token not in special)
    return assembled(
        tokenizers.models.WordPiece(vocabulary, unk_token=unknown),
        special,
        normalizer=tokenizers.normalizers.BertNormalizer(
            lowercase=lowercase,
            strip_accents=settings.get("strip_accents"),
            handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        ),
        pre_tokenizer=tokenizers.pre_tokenizers.BertPreTokenizer(),
        decoder=tokenizers.decoders.WordPiece(),
    )


def _from_merges(vocabulary_file, merges_file, settings):
    """GPT-2: token → id, and the pairs in the order in which they are merged."""
    _json_object(vocabulary_file)
    _text(merges_file)
    vocabulary, merges = tokenizers.models.BPE.read_file(str(vocabulary_file), str(merges_file))
    return assembled(
        tokenizers.models.BPE(vocabulary, merges),
        _special_in(vocabulary, settings),
        pre_tokenizer=tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=settings.get("add_prefix_space", False)),
        decoder=tokenizers.decoders.ByteLevel(),
    )

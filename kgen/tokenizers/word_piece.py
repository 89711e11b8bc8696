"""WordPiece, as BERT has it."""

import collections
import json

import keras
import tokenizers

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.tokenizers.base import Tokenizer
from kgen.tokenizers.corpus import most_frequent
from kgen.tokenizers.engine import with_special_tokens

UNKNOWN = "[UNK]"
BEGIN = "\u2581"  # marks the beginning of a word while pairs are learned


@keras.saving.register_keras_serializable(package="kgen")
class WordPieceTokenizer(Tokenizer):
    """WordPiece, as BERT has it: a word is the longest piece that the vocabulary holds, then the longest "##" piece, …

    Text is cleaned first (control characters and spacing go; with `lowercase` capitals and accents, too) and split at
    spaces and punctuation, so `decode` returns the words, not the very text. A word with a character that is not in the
    vocabulary is `unknown_id` as a whole. For text that has to come back as it was take `BytePairTokenizer`.

    Args:
        tokenizer_json: str, the text of a `tokenizer.json`; see `from_file`, and `train`, which takes
            `lowercase=True`, too.
        pad_token, start_token, end_token, mask_token: str or None, as in `Tokenizer`. `train` takes "[PAD]", "[CLS]",
            "[SEP]" and "[MASK]", and puts "[UNK]" behind them.

    Example:

    >>> import kgen
    >>> texts = ["a low tower", "the lower flow", "a tower of flowers"] * 3
    >>> tokenizer = kgen.tokenizers.WordPieceTokenizer.train(texts, vocabulary_size=60)
    >>> [tokenizer.token_of(one) for one in tokenizer.encode("Lower towers!")]
    ['lower', 'tower', '##s', '[UNK]']

    References: Schuster, Nakajima, "Japanese and Korean Voice Search", 2012; Devlin et al., "BERT", 2019.
    """

    default_roles = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
    _own_tokens = (UNKNOWN,)
    _cuts_at_spaces = True

    @classmethod
    def _reads(cls, definition):
        return definition["model"].get("type") == "WordPiece"

    @classmethod
    def _learn(cls, texts, vocabulary_size, special_tokens, lowercase=True):
        check_in("lowercase", lowercase, (False, True))
        check_int("vocabulary_size", vocabulary_size, minimum=len(special_tokens) + 2)
        learned = _learned(texts, vocabulary_size - len(special_tokens), lowercase)
        model = tokenizers.models.WordPiece(with_special_tokens(learned, special_tokens), unk_token=UNKNOWN)
        return model, bert_parts(lowercase)


def bert_parts(lowercase):
    """What BERT puts before and after its model."""
    return {
        "normalizer": tokenizers.normalizers.BertNormalizer(lowercase=lowercase),
        "pre_tokenizer": tokenizers.pre_tokenizers.BertPreTokenizer(),
        "decoder": tokenizers.decoders.WordPiece(),
    }


def _learned(texts, number, lowercase):
    """`number` word pieces: the characters (for half of them at most), then longer pieces, by their frequency.

    The trainer of `tokenizers` for WordPiece gives another vocabulary each time, because it numbers the "##" characters
    in the order of a hash table. Its trainer for pairs does not. So each word gets a mark at its beginning, pairs are
    learned, and then a piece with the mark is one that begins a word, and one without is a "##" piece.
    """
    parts = bert_parts(lowercase)
    counts = collections.Counter()
    learner = tokenizers.Tokenizer(tokenizers.models.BPE())
    learner.normalizer = parts["normalizer"]
    learner.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [parts["pre_tokenizer"], tokenizers.pre_tokenizers.Metaspace(BEGIN, prepend_scheme="always", split=False)]
    )
    # More pairs than asked for: those with rare characters are left out below.
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=2 * number, show_progress=False)
    learner.train_from_iterator(_counting(texts, counts), trainer)
    ids = json.loads(learner.to_str())["model"]["vocab"]

    alphabet = _alphabet(counts, **parts)
    kept, rest = alphabet[: number // 2], alphabet[number // 2 :]
    known = {piece.removeprefix("##") for piece in kept} | {BEGIN}
    pieces = [piece for piece in sorted(ids, key=ids.get) if len(piece) > 1 and known.issuperset(piece)]
    marked = [piece.removeprefix(BEGIN) if piece.startswith(BEGIN) else f"##{piece}" for piece in pieces]
    kept.sort(key=lambda piece: (len(piece), piece))
    return list(dict.fromkeys([*kept, *marked, *rest]))[:number]


def _counting(texts, counts):
    for text in texts:
        counts.update(text)
        yield text


def _alphabet(counts, normalizer, pre_tokenizer, decoder):
    """Pieces of one character, the most frequent first: c, and "##c" if c can be inside a word."""
    clean = collections.Counter()
    for character, count in counts.items():
        for one in normalizer.normalize_str(character):
            clean[one] += 0 if one.isspace() else count
    alphabet = []
    for one in most_frequent(+clean):
        inside = len(pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(f"a{one}"))) == 1
        alphabet += [one, f"##{one}"] if inside else [one]
    return alphabet

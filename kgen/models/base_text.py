"""What the models share that write from left to right: text in `fit`, text out of `generate`."""

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.datasets.encoded_batches import encoded
from kgen.datasets.folder_of_text import text_files
from kgen.datasets.text_batches import holds_text
from kgen.datasets.text_batches import ids_of
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import rows_of
from kgen.datasets.text_batches import texts_of
from kgen.datasets.text_batches import yields_text
from kgen.datasets.token_windows import IGNORED
from kgen.datasets.token_windows import MappedIds
from kgen.datasets.token_windows import TokenWindows
from kgen.decoding.samplers import TopP
from kgen.functional.checks import check_int
from kgen.metrics.language import RatioTracker
from kgen.metrics.language import perplexity
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from kgen.models.base_writing import WritingModel
from kgen.models.base_writing import check_sampler
from kgen.models.base_writing import joined
from kgen.tokenizers.byte_pair import BytePairTokenizer
from kgen.tokenizers.character import CharacterTokenizer
from kgen.training.sample_text import SampleText

TOKENIZERS = {"character": CharacterTokenizer, "byte-pair": BytePairTokenizer}
FEW_CHARACTERS = 2_000_000  # with less text, characters are learnt better than pairs
SAMPLE_CHARACTERS = 50_000_000  # of the text that a tokenizer is trained on


class NextTokenModel(WritingModel):
    """Base of language models. A call maps ids to hidden states; `readout` maps hidden states to logits.

    Holes: `token_embedding`, whose variables `readout(hidden)` reads, `call(ids, training)`,
    `make_cache(batch, length)` and `decode_step(ids, cache, index, padding)`; see `kgen.decoding.loop.TokenLoop`.

    Args:
        tokenizer: a tokenizer of kgen, or None where ids go in and come out.
        vocabulary_size: number of tokens; None for the tokenizer's.
        context_length: tokens that training looks at together, ≥ 2.
        seed: int or None.
    """

    default_data = "pydoc"

    def __init__(self, tokenizer, vocabulary_size, context_length, seed, **kwargs):
        super().__init__(tokenizer, vocabulary_size, context_length, seed, **kwargs)
        self._characters = tokenizer.characters_of_tokens() if tokenizer else None
        if self._characters is not None:
            self._characters = np.pad(self._characters, (0, self.num_tokens - len(self._characters)))
            self.character_tracker = RatioTracker(name="nats_per_character")

    # Training --------------------------------------------------------------------------------------------------------

    @classmethod
    def for_data(cls, data, tokenizer=None, vocabulary_size=None, **arguments):
        """A model with a tokenizer that is trained on `data`.

        Args:
            data: anything that `fit` takes as text.
            tokenizer: a tokenizer, "character" or "byte-pair"; None for characters if there is little text.
            vocabulary_size: the most tokens of a new tokenizer.
            arguments: of the constructor.
        """
        if tokenizer is None or isinstance(tokenizer, str):
            tokenizer, vocabulary_size = cls.new_tokenizer(data, tokenizer, vocabulary_size), None
        return cls(tokenizer=tokenizer, vocabulary_size=vocabulary_size, **arguments)

    @classmethod
    def new_tokenizer(cls, data, kind=None, vocabulary_size=None, **options):
        """A tokenizer of that kind that is trained on `data`; None for characters if there is little text."""
        texts = list(beginning_of(data, SAMPLE_CHARACTERS))
        if kind is None:
            kind = "character" if sum(map(len, texts)) < FEW_CHARACTERS else "byte-pair"
        if kind not in TOKENIZERS:
            raise ValueError(f"tokenizer: expected a tokenizer or one of {', '.join(TOKENIZERS)}, got {kind!r}")
        if vocabulary_size is not None:
            options["vocabulary_size"] = vocabulary_size
        return TOKENIZERS[kind].train(texts, **options)

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        return (text_files(path),)

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return SampleText(folder, seed=seed)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if y is None:  # ids alone: each is the target of those before it
            y_pred, y = y_pred[:, :-1], x[:, 1:]
        costs = self._costs(y_pred, y)
        if self._characters is not None:
            _, nats, counted = costs
            characters = ops.take(ops.convert_to_tensor(self._characters), ops.maximum(y, 0)) * counted
            self.character_tracker.update_state(nats, characters)
        return self._mean_cost(costs, sample_weight)

    def default_optimizer(self):
        return keras.optimizers.Adam(1e-3, beta_2=0.99, global_clipnorm=1.0)

    @staticmethod
    def is_data(x):
        return GenerativeModel.is_data(x) or is_text_source(x)

    def prepare(self, x, y=None):
        if y is not None:
            raise ValueError(f"y: a {type(self).__name__} learns each token from those before it: fit(texts)")
        ids = ids_of(x, self.tokenizer)
        return ids if isinstance(ids, MappedIds) else self._checked_ids("x", ids), None

    def batches(self, x, y, batch_size, shuffle=False):
        order = "random" if shuffle else "sequential"
        return TokenWindows(x, self.context_length, batch_size, order=order, seed=self._order_seed())

    def encoded(self, dataset):
        if isinstance(dataset, keras.utils.PyDataset):
            known = isinstance(dataset, TokenWindows) or dataset.num_batches == 0
            return encoded(dataset, self._text_batch) if not known and holds_text(dataset[0]) else dataset
        if yields_text(dataset):
            return encoded(dataset, self._text_batch)
        return dataset

    @exclusive
    def predict(self, x, batch_size=None, **kwargs):
        """Hidden states, float `(n, length, dim)`, of ids `(n, length)` or of texts, padded on the right."""
        if is_text(x):
            rows = self.tokenizer.encode(texts_of(x))
            x = np.zeros((len(rows), max(map(len, rows))), "int32")
            for i, row in enumerate(rows):
                x[i, : len(row)] = row
        return keras.Model.predict(self, np.asarray(x), batch_size=batch_size, **kwargs)

    def full_evaluation(self, x, y=None, stride=None):
        """What each token costs when it is predicted from those before it: every token of x but the first, once.

        Args:
            x: text or ids, as in `fit`.
            stride: each window of `context_length` tokens begins `stride` after the last one and only its last `stride`
                tokens count, so each has at least context_length - stride before it; None for windows side by side.

        Returns:
            dict of nats_per_token, perplexity, tokens, and with a tokenizer that loses nothing nats_per_character.
        """
        stride = self.context_length if stride is None else stride
        check_int("stride", stride, minimum=1)
        ids = x.read() if isinstance(x, MappedIds) else x
        length = min(self.context_length, len(ids) - 1)
        stride = min(stride, length)
        nats = backend.compiled(lambda a, b: self._costs(self(a, training=False), b)[1], self.weights)
        starts = np.append(np.arange(0, len(ids) - 1 - length, stride), len(ids) - 1 - length)
        total, characters, counted_up_to, rows, group = 0.0, 0.0, 0, [], 32
        for number, start in enumerate(starts, 1):
            row, target = (
                np.asarray(ids[start : start + length]),
                np.array(ids[start + 1 : start + length + 1], "int32"),
            )
            target[: counted_up_to - start] = IGNORED
            counted_up_to = start + length
            if self._characters is not None:
                characters += float(self._characters[target[target != IGNORED]].sum())
            rows.append((row.astype("int32"), target))
            if len(rows) == group or number == len(starts):
                blank = (np.zeros(length, "int32"), np.full(length, IGNORED, "int32"))
                rows += [blank] * (group - len(rows))
                a, b = (ops.convert_to_tensor(np.stack(part)) for part in zip(*rows, strict=True))
                total += float(ops.convert_to_numpy(ops.sum(nats(a, b))))
                rows = []
        tokens = len(ids) - 1
        figures = {"nats_per_token": total / tokens, "perplexity": float(perplexity(total / tokens)), "tokens": tokens}
        if self._characters is not None:
            figures["nats_per_character"] = total / characters
        return figures

    # Writing ---------------------------------------------------------------------------------------------------------

    def generate(
        self,
        prompt="",
        max_new_tokens=100,
        sampler=None,
        *,
        seed=None,
        stop=(),
        stream=False,
        truncate=False,
        allow_special=False,
    ):
        """Go on with a prompt. Text for text, ids for ids; the prompt itself is not repeated.

        Args:
            prompt: a string or several, or ids: a list of int or several. "" begins a new text, where the tokenizer has
                a start or end token.
            max_new_tokens: int ≥ 1. Beyond the context the model goes on with the second half of what it has written.
            sampler: one of `kgen.decoding`; None for `TopP(0.9)`.
            seed: int or None. The same seed gives the same text on the same backend.
            stop: a string or several, or ids: what ends a text, and is left out of it. The tokenizer's end token always
                does.
            stream: bool. True returns a generator that yields the text in pieces, which never split a character; close
                it to stop. For several prompts it yields lists of pieces.
            truncate: bool, whether a prompt that is longer than the context loses its beginning; else it is refused.
            allow_special: bool, whether special tokens that the prompt spells are read as such.

        Returns:
            str or list of str; for ids lists of int; or a generator of these.

        Raises:
            ValueError: an argument outside its range; an empty prompt where no token can stand for it.

        Example:

        >>> import kgen
        >>> model = kgen.models.GPT.from_preset("shakespeare-gpt")  # doctest: +SKIP
        >>> model.generate("ROMEO:", max_new_tokens=200, seed=1)  # doctest: +SKIP
        """
        check_int("max_new_tokens", max_new_tokens, minimum=1)
        sampler = TopP(0.9) if sampler is None else sampler
        check_sampler(sampler)
        if not isinstance(prompt, str | bytes) and len(prompt) == 0:
            raise ValueError(f"prompt: expected text or ids, got {prompt!r}")
        in_text = is_text(prompt)
        alone = isinstance(prompt, str | bytes) if in_text else np.ndim(prompt[0]) == 0
        rows = self._prompt_rows(prompt, in_text, alone, truncate, allow_special)
        options = {"in_text": in_text, "stop": stop, "seed": seed, "stream": stream}
        pieces = self._pieces(rows, max_new_tokens, sampler, **options)
        if stream:
            return (piece[0] for piece in pieces) if alone else pieces
        whole = joined(pieces, len(rows), in_text)
        return whole[0] if alone else whole

    @exclusive
    def logits(self, x):
        """Logits of the next token after each token: float32 `(length, vocabulary)` of a text or of ids `(length,)`."""
        ids = self.tokenizer.encode(x) if is_text(x) else list(x)
        if not 1 <= len(ids) <= (self.limit or len(ids)):
            raise ValueError(f"x: expected 1 to {self.limit or 'any number of'} tokens, got {len(ids)}")
        hidden = self(ops.convert_to_tensor(np.asarray([ids], "int32")), training=False)
        return ops.convert_to_numpy(ops.cast(self.readout(hidden), "float32"))[0]

    def next_tokens(self, prompt, k=10):
        """The k likeliest tokens after a prompt, as (text, probability), the likeliest first."""
        check_int("k", k, minimum=1)
        row = self._prompt_rows(prompt, True, True, truncate=True, allow_special=False)[0]
        logits = self.logits(row[-(self.limit or len(row)) :])[-1].astype("float64")
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        best = np.argsort(-probabilities, kind="stable")[:k]
        return [(self.tokenizer.decode([one], skip_special=False), float(probabilities[one])) for one in best]

    # Inside ----------------------------------------------------------------------------------------------------------

    def _text_batch(self, batch):
        """A batch of strings as `(x, y)`."""
        batch = batch[0] if isinstance(batch, tuple) else batch
        return rows_of(texts_of(batch), self.tokenizer, self.context_length)

    def _prompt_rows(self, prompt, in_text, alone, truncate, allow_special):
        """Lists of ids, none empty and none longer than the context."""
        if in_text:
            if self.tokenizer is None:
                raise ValueError("prompt: this model has no tokenizer, so it takes ids, not text")
            rows = self.tokenizer.encode(texts_of(prompt), allow_special=allow_special)
        else:
            rows = [list(prompt)] if alone else [list(row) for row in prompt]
        beginning = None
        if self.tokenizer is not None:
            roles = (self.tokenizer.end_id, self.tokenizer.start_id)  # the end token of one text stands before the next
            beginning = next((one for one in roles if one is not None), None)
        for i, row in enumerate(rows):
            if not row:
                if beginning is None:
                    raise ValueError(
                        f"prompt: number {i} is empty, and no token of this model begins a text; write one"
                    )
                rows[i] = [beginning]
            elif self.limit and len(row) > self.limit:
                if not truncate:
                    raise ValueError(
                        f"prompt: number {i} has {len(row)} tokens, the context has {self.limit}; "
                        "truncate=True leaves out its beginning"
                    )
                rows[i] = row[-self.limit :]
            self._checked_ids("prompt", np.asarray(rows[i]))
        return rows


def is_text_source(x):
    """Whether x is text, or ids, that need no list around them: a string, a path, `text_files`, a token file."""
    return isinstance(x, str | bytes) or hasattr(x, "documents") or hasattr(x, "__fspath__") or isinstance(x, MappedIds)


def beginning_of(data, characters):
    """The texts of what `fit` takes, up to so many characters."""
    if hasattr(data, "__fspath__"):
        data = text_files(data)
    if not (is_text(data) or hasattr(data, "documents")):
        raise ValueError(f"data: expected text to make a tokenizer for, got {type(data).__name__}")
    left = characters
    for text in texts_of(data) if is_text(data) else data:
        yield text[:left]
        left -= len(text)
        if left <= 0:
            return

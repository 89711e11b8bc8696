"""What language models learn from answers: a prompt is read, not learned; conversations; the next word in one."""

import warnings

import numpy as np
from keras import ops

from kgen import backend
from kgen.datasets.answer_batches import AnswerBatches
from kgen.datasets.answer_batches import answer_batch
from kgen.datasets.chats import conversations
from kgen.datasets.folder_of_text import text_files
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import texts_of
from kgen.decoding.samplers import TopP
from kgen.functional.checks import check_int
from kgen.functional.checks import check_same_length
from kgen.metrics.language import perplexity
from kgen.models.base import exclusive
from kgen.models.base_text import NextTokenModel
from kgen.models.base_writing import check_sampler
from kgen.models.base_writing import joined
from kgen.prompts.chat import ROLES
from kgen.prompts.chat import chat_prompt
from kgen.prompts.chat import chat_rows
from kgen.prompts.chat import chat_template
from kgen.prompts.chat import check_template
from kgen.prompts.chat import is_chats
from kgen.prompts.chat import mark_of
from kgen.prompts.chat import up_to_the_answer
from kgen.training.sample_text import SampleAnswers

SAMPLES = 5  # answers that a run on the command line shows after each epoch


class AnsweringModel(NextTokenModel):
    """Base of language models that can be told what to do: `fit(prompts, answers)`, `fit(conversations)`, `chat`.

    Ids of prompts are read like all others, but only answers, and the end token behind each, are learned. Whoever has
    ids already passes `fit(rows, learned)`: lists of int32 arrays, and of bool arrays of the same lengths.

    Args:
        tokenizer, vocabulary_size, context_length, seed: as in `NextTokenModel`.
        chat_template: dict of the marks before what "system", "user" and "assistant" say; None until the first
            `fit(conversations)` takes those of `kgen.prompts.chat_template`.
    """

    def __init__(self, tokenizer, vocabulary_size, context_length, chat_template, seed, **kwargs):
        super().__init__(tokenizer, vocabulary_size, context_length, seed, **kwargs)
        if chat_template is not None:
            check_template(chat_template)
        self.chat_template = chat_template

    # Training --------------------------------------------------------------------------------------------------------

    @classmethod
    def for_data(cls, data, answers=None, tokenizer=None, vocabulary_size=None, **arguments):
        """A model with a tokenizer that is trained on `data`.

        Args:
            data: anything that `fit` takes as text, prompts or conversations. Of conversations the tokenizer gets a
                special token for each role.
            answers: to the prompts, a list of str; None where there are none.
            tokenizer: a tokenizer, "character" or "byte-pair"; None for characters if there is little text.
            vocabulary_size: the most tokens of a new tokenizer.
            arguments: of the constructor.
        """
        options = {}
        if is_chats(data):
            data = [message["content"] for messages in data for message in messages]
            options["extra_tokens"] = [mark_of(role) for role in ROLES]
        elif answers is not None:
            data = [*texts_of(data), *texts_of(answers)]
        if tokenizer is None or isinstance(tokenizer, str):
            tokenizer, vocabulary_size = cls.new_tokenizer(data, tokenizer, vocabulary_size, **options), None
        return cls(tokenizer=tokenizer, vocabulary_size=vocabulary_size, **arguments)

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        """The texts in a file or folder, or the conversations in a `.jsonl`."""
        if str(path).removesuffix(".gz").endswith(".jsonl"):
            return (conversations(path),)
        return (text_files(path),)

    @classmethod
    def samples_callback(cls, folder, seed, data):
        if not is_chats(data[0]):
            return super().samples_callback(folder, seed, data)
        questions = [beginning for messages in data[0][:SAMPLES] if (beginning := up_to_the_answer(messages))]
        return SampleAnswers(folder, questions, seed=seed)

    @exclusive
    def fit(self, x=None, y=None, batch_size=None, **kwargs):
        """As `GenerativeModel.fit`. The first conversations decide on the `chat_template`, if there is none."""
        if is_chats(x) and self.chat_template is None:
            self.chat_template = chat_template(self.tokenizer)
        return super().fit(x, y, batch_size, **kwargs)

    def prepare(self, x, y=None):
        """One long sequence of ids; of prompts and answers or conversations rows of ids, and which are learned."""
        if is_chats(x):
            if y is not None:
                raise ValueError("y: conversations hold their answers, fit(conversations); expected None")
            return self._that_fit(*chat_rows(x, self.tokenizer, self.chat_template or chat_template(self.tokenizer)))
        if y is None:
            return super().prepare(x)
        check_same_length("x", x, "y", y)
        if len(x) == 0:
            raise ValueError("x: expected prompts, and y their answers, got none")
        if isinstance(y[0], np.ndarray) and y[0].dtype.kind == "b":  # prepared already
            self._checked_ids("x", np.concatenate(x))
            return x, y
        if is_text(x) != is_text(y):
            raise ValueError(f"y: expected answers to the prompts, both as text or both as ids, got {y[0]!r:.40}")
        return self._that_fit(*self._answered(x, y))

    def batches(self, x, y, batch_size, shuffle=False):
        if y is None:
            return super().batches(x, y, batch_size, shuffle)
        return AnswerBatches(x, y, self._pad_id(), batch_size, shuffle, self._order_seed())

    def full_evaluation(self, x, y=None, **options):
        """What each token costs, as `NextTokenModel` counts it; with answers, what each token of these costs.

        Returns:
            dict of nats_per_token, perplexity, tokens, and with a tokenizer that loses nothing nats_per_character.
        """
        if y is None:
            return super().full_evaluation(x, **options)
        nats = backend.compiled(lambda a, b: ops.sum(self._costs(self(a, training=False), b)[1]), self.weights)
        total = tokens = characters = 0.0
        batches = self.batches(x, y, 32)
        for i in range(len(batches)):
            a, b = batches[i]
            total += float(ops.convert_to_numpy(nats(*(ops.convert_to_tensor(one) for one in (a, b)))))
            targets = b[b >= 0]
            tokens += len(targets)
            characters += 0.0 if self._characters is None else float(self._characters[targets].sum())
        figures = {"nats_per_token": total / tokens, "perplexity": float(perplexity(total / tokens))}
        figures["tokens"] = int(tokens)
        return figures | ({"nats_per_character": total / characters} if characters else {})

    # Use -------------------------------------------------------------------------------------------------------------

    def chat(self, messages, max_new_tokens=200, sampler=None, *, seed=None, stream=False, truncate=False):
        """The next answer in a conversation. It ends with the turn.

        Args:
            messages: list of dicts, `{"role": "user", "content": "Hello!"}`, the assistant's own answers among them; a
                str, for one message of the user's; or a list of several such lists.
            max_new_tokens: int ≥ 1.
            sampler: one of `kgen.decoding`; None for `TopP(0.9)`.
            seed: int or None. The same seed gives the same answer on the same backend.
            stream: bool. True returns a generator that yields the answer in pieces; for several conversations it yields
                lists of pieces.
            truncate: bool, whether a conversation that is longer than the context loses its oldest messages, but for
                what the system says; else it is refused.

        Returns:
            str; a list of str for several conversations; or a generator of these.

        Raises:
            ValueError: the model has learned no conversations; no messages; too many for the context.

        Example:

        >>> import kgen
        >>> model = kgen.load("runs/chat")  # doctest: +SKIP
        >>> model.chat("Is this review good or bad? A dull film.", seed=1)  # doctest: +SKIP
        """
        check_int("max_new_tokens", max_new_tokens, minimum=1)
        sampler = TopP(0.9) if sampler is None else sampler
        check_sampler(sampler)
        if self.chat_template is None:
            raise ValueError("messages: this model has learned no conversations: fit(conversations), or `generate`")
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        several = is_chats(messages)
        rows = [self._chat_row(one, max_new_tokens, truncate) for one in (messages if several else [messages])]
        pieces = self._pieces(rows, max_new_tokens, sampler, in_text=True, seed=seed, stream=stream)
        if stream:
            return pieces if several else (piece[0] for piece in pieces)
        answers = joined(pieces, len(rows), in_text=True)
        return answers if several else answers[0]

    # Inside ----------------------------------------------------------------------------------------------------------

    def _chat_row(self, messages, max_new_tokens, truncate):
        """The ids of a conversation; with `truncate`, so many that the answer has room."""
        if self.limit is None:
            return chat_prompt(messages, self.tokenizer, self.chat_template)
        room = self.limit - min(max_new_tokens, self.limit // 2) if truncate else None
        row = chat_prompt(messages, self.tokenizer, self.chat_template, room)
        if len(row) > self.limit and not truncate:
            raise ValueError(
                f"messages: they have {len(row)} tokens, the context has {self.limit}; "
                "truncate=True leaves out the oldest"
            )
        return row[-self.limit :]

    def _text_batch(self, batch):
        in_pairs = isinstance(batch, list | tuple) and len(batch) > 1
        if not in_pairs or not all(not isinstance(part, str | bytes) and is_text(part) for part in batch[:2]):
            return super()._text_batch(batch)
        prompts, answers, *weights = batch
        rows, learned = self._answered(texts_of(prompts), texts_of(answers))
        return (*answer_batch(rows, learned, self.context_length, self._pad_id()), *weights)

    def _answered(self, prompts, answers):
        """Rows of prompt, answer and end token, and which of these are to be learned."""
        prompts, answers = self._lists_of_ids("x", prompts), self._lists_of_ids("y", answers)
        rows = [
            np.array([*prompt, *answer, *self._end_ids()], "int32")
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        self._checked_ids("x", np.concatenate(rows))
        return rows, [np.arange(len(row)) >= len(prompt) for row, prompt in zip(rows, prompts, strict=True)]

    def _lists_of_ids(self, name, values):
        if not is_text(values):
            return [np.asarray(row).reshape(-1).tolist() for row in values]
        if self.tokenizer is None:
            raise ValueError(f"{name}: this model has no tokenizer, so it takes ids, not text")
        return self.tokenizer.encode(texts_of(values))

    def _that_fit(self, rows, learned):
        """Without those that are longer than the context, or hold nothing to learn."""
        fit = [i for i, row in enumerate(rows) if len(row) <= self.context_length + 1 and learned[i][1:].any()]
        if len(fit) < len(rows):
            left_out = f"left out {len(rows) - len(fit)} of {len(rows)}, "
            reason = f"longer than context_length={self.context_length} tokens, or without an answer"
            if not fit:
                raise ValueError(f"x: {left_out}all of them {reason}")
            warnings.warn(f"{type(self).__name__}: {left_out}{reason}", stacklevel=4)
        return [rows[i] for i in fit], [learned[i] for i in fit]

    def _pad_id(self):
        return 0 if self.tokenizer is None or self.tokenizer.pad_id is None else self.tokenizer.pad_id

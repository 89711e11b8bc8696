"""What models share that read a text from both sides: text in `fit`, vectors out of `embed`."""

import keras
import numpy as np
from keras import ops

from kgen.datasets.encoded_batches import EncodedBatches
from kgen.datasets.encoded_batches import encoded
from kgen.datasets.folder_of_text import text_files
from kgen.datasets.pair_batches import padded
from kgen.datasets.row_batches import RowBatches
from kgen.datasets.row_batches import in_groups
from kgen.datasets.text_batches import ids_of
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import texts_of
from kgen.datasets.token_windows import MappedIds
from kgen.datasets.token_windows import TokenWindows
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive
from kgen.models.base_text import SAMPLE_CHARACTERS
from kgen.models.base_text import beginning_of
from kgen.models.base_text import is_text_source
from kgen.tokenizers.base import Tokenizer
from kgen.tokenizers.word_piece import WordPieceTokenizer

IDS = (0, 1, 2, 3)  # what pads, begins, ends and hides where there is no tokenizer
CLOZE = "cloze"  # under this name come ids in which gaps are to be made


class EncodingModel(GenerativeModel):
    """Base of encoders of text. A call maps ids to hidden states; one of `{"cloze": ids}` makes gaps, and is for `fit`.

    A text is its tokens between a start and an end token ("[CLS]" and "[SEP]"). What comes behind is padding.

    Holes: `call(inputs, training)`, `layer_outputs(ids)`, the hidden states and scores of each layer.

    Args:
        tokenizer: a tokenizer of kgen that pads, starts, ends and masks, or None where ids go in.
        vocabulary_size: number of tokens; None for the tokenizer's.
        context_length: most tokens of a text, start and end included, ≥ 3.
        special_ids: without a tokenizer, the ids that pad, start, end and mask; None for 0, 1, 2, 3.
        seed: int or None.
    """

    default_data = "pydoc"
    xla_pays_on_cpu = True

    def __init__(self, tokenizer, vocabulary_size, context_length, special_ids, seed, **kwargs):
        check_int("context_length", context_length, minimum=3)
        found = _special_ids(tokenizer, special_ids, type(self).__name__)
        if vocabulary_size is not None or tokenizer is None:
            least = tokenizer.vocabulary_size if tokenizer else max(*found, len(found)) + 1
            check_int("vocabulary_size", vocabulary_size, minimum=least)
        super().__init__(seed=seed, **kwargs)
        self.tokenizer = tokenizer
        self.vocabulary_size = vocabulary_size
        self.context_length = context_length
        self.special_ids = special_ids
        self.num_tokens = vocabulary_size or tokenizer.vocabulary_size
        self.pad_id, self.start_id, self.end_id, self.mask_id = found

    # Training --------------------------------------------------------------------------------------------------------

    @classmethod
    def for_data(cls, data, tokenizer=None, vocabulary_size=None, **arguments):
        """A model with a WordPiece tokenizer that is trained on `data`.

        Args:
            data: anything that `fit` takes as text.
            tokenizer: a tokenizer; None to train one.
            vocabulary_size: the most tokens of a new tokenizer; None for 8,192.
            arguments: of the constructor.
        """
        if tokenizer is None:
            texts = list(beginning_of(data, SAMPLE_CHARACTERS))
            tokenizer = WordPieceTokenizer.train(texts, vocabulary_size or 8192, progress=False)
            vocabulary_size = None
        return cls(tokenizer=tokenizer, vocabulary_size=vocabulary_size, **arguments)

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        return (text_files(path),)

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return None

    @staticmethod
    def is_data(x):
        return GenerativeModel.is_data(x) or is_text_source(x)

    def prepare(self, x, y=None):
        """One long sequence of ids, or a list of rows, where texts or rows of ids came."""
        if y is not None:
            raise ValueError(f"y: a {type(self).__name__} learns what it hides from itself: fit(texts)")
        if is_text_source(x) or (not isinstance(x, list | tuple) and np.ndim(x) == 1 and not is_text(x)):
            ids = ids_of(x, self.tokenizer)
            return ids if isinstance(ids, MappedIds) else self._checked("x", ids), None
        return self.rows(x, windows=True), None

    def batches(self, x, y, batch_size, shuffle=False):
        seed = self._order_seed()
        if isinstance(x, list):
            return RowBatches(x, None, self.pad_id, batch_size, shuffle, seed, named=CLOZE)
        order = "random" if shuffle else "sequential"
        windows = TokenWindows(x, self.context_length - 2, batch_size, order=order, seed=seed)
        return EncodedBatches(windows, lambda batch: self._gapped(self._framed(batch[0])))

    def encoded(self, dataset):
        def encode(batch):
            batch = batch[0] if isinstance(batch, tuple) else batch
            if isinstance(batch, dict):
                return (batch,)
            if not is_text(batch):
                return self._gapped(keras.ops.convert_to_numpy(batch))
            rows = self.rows(texts_of(batch))
            return self._gapped(padded(rows, -(-max(map(len, rows)) // 8) * 8, self.pad_id))

        return encoded(dataset, encode)

    # Text and ids ----------------------------------------------------------------------------------------------------

    def rows(self, texts, windows=False):
        """Texts, or rows of ids, as a list of int32 arrays that begin with the start token and end with the end token.

        Args:
            texts: a list of str, of lists of int, or integers `(n, length)` padded on the right.
            windows: whether what is longer than the context goes on in further rows; else it is cut.
        """
        if len(texts) == 0:
            raise ValueError("x: expected one or more texts, got none")
        if is_text(texts):
            if self.tokenizer is None:
                raise ValueError("x: this model has no tokenizer, so it takes ids, not text")
            found = [np.asarray(row, "int32") for row in self.tokenizer.encode(texts_of(texts))]
        else:
            found = [self._bare(row) for row in texts]
            self._checked("x", np.concatenate(found))
        room = self.context_length - 2
        rows = []
        for row in found:
            starts = range(0, max(1, len(row)), room) if windows else (0,)
            rows += [np.array([self.start_id, *row[at : at + room], self.end_id], "int32") for at in starts]
        return rows

    def tokens(self, text):
        """The tokens of a text as the model sees them, start and end included: a list of str."""
        return [self.tokenizer.token_of(int(one)) for one in self._one_row(text)]

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def embed(self, texts, pooling="mean", batch_size=32):
        """Texts as vectors.

        Args:
            texts: str or several, or ids: a list of int or several. What is longer than the context is cut.
            pooling: "mean" (of the hidden states of all tokens), "token" (the start token's), or None: the hidden
                states of all tokens; see `tokens`.
            batch_size: texts that are read together.

        Returns:
            float32 `(n, model_dim)`; `(model_dim,)` for one text. With `pooling=None` a list of `(tokens, model_dim)`,
            or one such.

        Raises:
            ValueError: an argument outside its range; ids that are not in the vocabulary.
        """
        check_in("pooling", pooling, ("mean", "token", None))
        check_int("batch_size", batch_size, minimum=1)
        alone = isinstance(texts, str | bytes) or (not is_text(texts) and np.ndim(texts[0]) == 0)
        rows = self.rows([texts] if alone else texts)
        found = [None] * len(rows)
        for numbers, ids in in_groups(rows, self.pad_id, batch_size, self.context_length):
            hidden = self.call_compiled(self, ids).astype("float32")
            for i, states in zip(numbers, hidden, strict=True):
                states = states[: len(rows[i])]
                found[i] = states if pooling is None else states[0] if pooling == "token" else states.mean(axis=0)
        if alone:
            return found[0]
        return found if pooling is None else np.stack(found)

    @exclusive
    def hidden_states(self, text):
        """What each layer makes of a text: float32 `(num_layers + 1, tokens, model_dim)`, the embeddings first."""
        return self._looked_into(text)[0]

    @exclusive
    def attention(self, text):
        """Who looks at whom: float32 `(layers, heads, tokens, tokens)` for a text or ids.

        Rows are the tokens that look, columns those that are looked at; each row sums to 1. `tokens(text)` labels
        both, `kgen.plots.attention_map` draws them.
        """
        return self._looked_into(text)[1]

    @exclusive
    def predict(self, x, batch_size=None, **kwargs):
        """Hidden states, float `(n, length, dim)`, of ids `(n, length)` or of texts, padded on the right."""
        if is_text(x):
            rows = self.rows(texts_of(x))
            x = padded(rows, max(map(len, rows)), self.pad_id)
        return keras.Model.predict(self, x, batch_size=batch_size, **kwargs)

    # Inside ----------------------------------------------------------------------------------------------------------

    def _looked_into(self, text):
        ids = ops.convert_to_tensor(self._one_row(text)[None])
        states, scores = self.layer_outputs(ids)
        states, scores = ([ops.convert_to_numpy(one)[0] for one in some] for some in (states, scores))
        return np.stack(states).astype("float32"), np.stack(scores)

    def _one_row(self, text):
        row = self.rows([text], windows=True)
        if len(row) > 1:
            raise ValueError(f"text: expected at most {self.context_length - 2} tokens, got more")
        return row[0]

    def _bare(self, row):
        """Ids without padding, start and end."""
        row = np.asarray(row).reshape(-1)
        if len(row) and row.dtype.kind not in "iu":
            raise TypeError(f"x: expected text or integers, got {row.dtype}")
        row = row[row != self.pad_id].astype("int32")
        row = row[1:] if len(row) and row[0] == self.start_id else row
        return row[:-1] if len(row) and row[-1] == self.end_id else row

    def _framed(self, ids):
        """Ids `(batch, length)` between start and end tokens."""
        start, end = (np.full((len(ids), 1), one, "int32") for one in (self.start_id, self.end_id))
        return np.concatenate([start, ids, end], axis=1)

    def _gapped(self, ids):
        return ({CLOZE: np.asarray(ids, "int32")},)

    def _checked(self, name, ids):
        low, high = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
        if low < 0 or high >= self.num_tokens:
            raise ValueError(f"{name}: expected ids in [0, {self.num_tokens}), got some in [{low}, {high}]")
        return ids


def _special_ids(tokenizer, special_ids, name):
    """The ids that pad, start, end and mask."""
    if tokenizer is None:
        found = IDS if special_ids is None else special_ids
        if len(found) != 4 or len(set(found)) != 4 or min(found) < 0:
            raise ValueError(f"special_ids: expected four ids, that pad, start, end and mask, got {special_ids!r}")
        return tuple(found)
    if not isinstance(tokenizer, Tokenizer):
        raise ValueError(
            f"tokenizer: expected a tokenizer of kgen.tokenizers, got {tokenizer!r:.60}; "
            f"{name}.for_data(…) makes model and tokenizer together"
        )
    found = tokenizer.pad_id, tokenizer.start_id, tokenizer.end_id, tokenizer.mask_id
    if None in found:
        raise ValueError(
            f"tokenizer: expected one that pads, starts, ends and masks, as WordPieceTokenizer.train makes them, got "
            f"{tokenizer!r}; give it pad_token, start_token, end_token and mask_token"
        )
    return found

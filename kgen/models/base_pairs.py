"""What the models share that learn from pairs of texts: `fit(sources, targets)` with teacher forcing."""

import warnings

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.datasets.encoded_batches import encoded
from kgen.datasets.pair_batches import PairBatches
from kgen.datasets.pair_batches import pair_batch
from kgen.datasets.pairs_of_text import text_pairs
from kgen.datasets.text_batches import holds_text
from kgen.datasets.text_batches import is_text
from kgen.datasets.text_batches import texts_of
from kgen.datasets.text_batches import yields_text
from kgen.functional.checks import check_number
from kgen.models.base import exclusive
from kgen.models.base_writing import WritingModel
from kgen.tokenizers.byte_pair import BytePairTokenizer
from kgen.training.sample_translations import SampleTranslations

END_OF_IDS = 0  # what ends a sequence where there is no tokenizer
VOCABULARY = 8192
SAMPLES = 6  # translations that a run on the command line shows after each epoch


class PairModel(WritingModel):
    """Base of encoder-decoders, as far as they learn: from pairs of texts.

    A call maps `{"source", "target"}` to hidden states of the decoder.

    A source ends with the end token, and is padded with more of them; so is a target. The decoder begins with the start
    token (the end token of a tokenizer that has none). Without a tokenizer id 0 is both.

    Holes: those of `WritingModel`.

    Args:
        tokenizer: a tokenizer of kgen with an end token, or None where ids go in and come out.
        vocabulary_size: number of tokens; None for the tokenizer's.
        context_length: most tokens of a source and of a target, the end token included, ≥ 2.
        label_smoothing: ε in [0, 1).
        seed: int or None.
    """

    default_data = "dates"

    def __init__(self, tokenizer, vocabulary_size, context_length, label_smoothing, seed, **kwargs):
        super().__init__(tokenizer, vocabulary_size, context_length, seed, **kwargs)
        check_number("label_smoothing", label_smoothing, minimum=0.0, maximum=0.999)
        if tokenizer is not None and tokenizer.end_id is None:
            raise ValueError(f"tokenizer: expected one with an end token, got {tokenizer!r}; give it an end_token")
        self.label_smoothing = label_smoothing
        self.end_id = END_OF_IDS if tokenizer is None else tokenizer.end_id
        self.start_id = self.end_id if tokenizer is None or tokenizer.start_id is None else tokenizer.start_id

    # Training --------------------------------------------------------------------------------------------------------

    @classmethod
    def for_data(cls, sources, targets, tokenizer=None, vocabulary_size=None, **arguments):
        """A model with a byte-pair tokenizer that is trained on both languages together.

        Args:
            sources, targets: lists of str.
            tokenizer: a tokenizer; None to train one.
            vocabulary_size: the most tokens of a new tokenizer; None for 8,192.
            arguments: of the constructor.
        """
        if tokenizer is None:
            if not (is_text(sources) and is_text(targets)):
                raise ValueError("sources: expected two lists of text to make a tokenizer for")
            texts = [*texts_of(sources), *texts_of(targets)]
            tokenizer = BytePairTokenizer.train(texts, vocabulary_size=vocabulary_size or VOCABULARY)
            vocabulary_size = None
        return cls(tokenizer=tokenizer, vocabulary_size=vocabulary_size, **arguments)

    @classmethod
    def choose_data(cls, *parts, **arguments):
        return parts[:2]

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        return tuple(text_pairs(path))

    @classmethod
    def samples_callback(cls, folder, seed, data):
        rows = np.random.default_rng(seed).permutation(len(data[0]))[:SAMPLES]
        return SampleTranslations(folder, *([part[i] for i in rows] for part in data), seed=seed, truncate=True)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        # Smoothing is for training; what is evaluated is the model's own distribution.
        smoothing = self.label_smoothing if training else 0.0
        return self._mean_cost(self._costs(y_pred, y, smoothing), sample_weight)

    def prepare(self, x, y=None):
        """Lists of int32 arrays, each with its end token; pairs that are too long or empty are left out."""
        if y is None:
            raise ValueError(f"y: a {type(self).__name__} learns from pairs, fit(sources, targets); got no targets")
        if len(x) != len(y):
            raise ValueError(f"y: expected as many targets as sources, {len(x)}, got {len(y)}")
        if len(x) == 0:
            raise ValueError("x: expected pairs of texts, got none")
        sources, targets = self._ended("x", x), self._ended("y", y)
        kept = [
            i
            for i, (source, target) in enumerate(zip(sources, targets, strict=True))
            if 1 < len(source) <= self.context_length and 1 < len(target) <= self.context_length
        ]
        if len(kept) < len(sources):
            left_out = f"left out {len(sources) - len(kept)} of {len(sources)} pairs, "
            reason = f"empty or longer than context_length={self.context_length} tokens"
            if not kept:
                raise ValueError(f"x: {left_out}all of them {reason}")
            warnings.warn(f"{type(self).__name__}: {left_out}{reason}", stacklevel=3)
        return [sources[i] for i in kept], [targets[i] for i in kept]

    def batches(self, x, y, batch_size, shuffle=False):
        return PairBatches(x, y, self.start_id, self.end_id, batch_size, shuffle, seed=self._order_seed())

    def encoded(self, dataset):
        def encode(batch):
            sources, targets, *weights = batch
            sources, targets = self._ended("x", texts_of(sources)), self._ended("y", texts_of(targets))
            sources, targets = ([row[: self.context_length] for row in rows] for rows in (sources, targets))
            lengths = (-(-max(map(len, rows)) // 8) * 8 for rows in (sources, targets))
            return (*pair_batch(sources, targets, self.start_id, self.end_id, *lengths), *weights)

        if isinstance(dataset, keras.utils.PyDataset):
            known = isinstance(dataset, PairBatches) or dataset.num_batches == 0
            return encoded(dataset, encode) if not known and holds_text(dataset[0]) else dataset
        return encoded(dataset, encode) if yields_text(dataset) else dataset

    @exclusive
    def predict(self, x, batch_size=None, **kwargs):
        """Hidden states of the decoder, for a dict of "source" and "target" ids; for translations see `generate`."""
        if not isinstance(x, dict):
            raise ValueError('x: expected {"source": ids, "target": ids}; generate(sources) translates')
        return keras.Model.predict(self, x, batch_size=batch_size, **kwargs)

    @exclusive
    def mean_nats(self, x, y, batch_size=32):
        """Mean of -log p(token) over all tokens of the targets, in nats; needs no `compile`."""
        nats = self.token_loop().program("nats", lambda: backend.compiled(self._summed_costs, self.weights))
        total = counted = 0.0
        batches = self.batches(*self.prepare(x, y), batch_size)
        for i in range(len(batches)):
            x, y = keras.tree.map_structure(ops.convert_to_tensor, batches[i])
            sums = nats(x["source"], x["target"], y)
            total, counted = total + float(sums[0]), counted + float(sums[1])
        return total / counted

    # What families use -----------------------------------------------------------------------------------------------

    def source_mask(self, source):
        """True up to the first end token of each row, bool `(batch, length)`."""
        ends = ops.cast(source == self.end_id, "int32")
        return ops.cumsum(ends, axis=1) - ends == 0

    # Inside ----------------------------------------------------------------------------------------------------------

    def _summed_costs(self, source, target, y):
        _, nats, counted = self._costs(self({"source": source, "target": target}, training=False), y)
        return ops.sum(nats), ops.sum(counted)

    def _end_ids(self):
        return (self.end_id,)

    def _ended(self, name, rows):
        """Texts or ids as a list of int32 arrays, each with its end token."""
        if is_text(rows):
            if self.tokenizer is None:
                raise ValueError(f"{name}: this model has no tokenizer, so it takes ids, not text")
            rows = self.tokenizer.encode(texts_of(rows))
        rows = [np.asarray(row, "int32").reshape(-1) for row in rows]
        rows = [row if len(row) and row[-1] == self.end_id else np.append(row, self.end_id) for row in rows]
        self._checked_ids(name, np.concatenate(rows))
        return [row.astype("int32") for row in rows]

"""Words as points in a space where what is used alike lies together: skip-gram with negative sampling.

    loss = - mean over pairs (w, c) of neighbours of  log σ(v_w · u_c) + k E_n log σ(-v_w · u_n),   n ~ count(n)^0.75

Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, 2013.
"""

import os
import zlib

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen import backend
from kgen.datasets.encoded_batches import encoded
from kgen.datasets.folder_of_text import text_files
from kgen.datasets.text_batches import holds_text
from kgen.datasets.text_batches import texts_in
from kgen.datasets.text_batches import texts_of
from kgen.datasets.text_batches import yields_text
from kgen.datasets.word_rows import WordRows
from kgen.datasets.word_rows import kept_shares
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.seeding import seeded
from kgen.models.base import GenerativeModel
from kgen.tokenizers.whole_words import check_known
from kgen.tokenizers.whole_words import check_vocabulary
from kgen.tokenizers.whole_words import counted_words
from kgen.tokenizers.whole_words import words_of
from kgen.training.sample_neighbours import SampleNeighbours

ROW = 64  # words that are looked at together; a window that reaches beyond its row loses some of its pairs
NOISE_WORDS = 256  # that all pairs of a batch have in common
POWER = 0.75  # of a word's count: how often it is taken as noise


@keras.saving.register_keras_serializable(package="kgen")
class WordEmbeddings(GenerativeModel):
    """A vector for each word, learned from its neighbours: `fit(texts)`, then `most_similar`, `analogy`, `project`.

    Each word has a vector v, by which it is looked up, and a second one, u, by which it is recognized as a neighbour.
    A pair at the distance δ counts as often as Mikolov's windows of random width reach it, (window + 1 - δ) / window. A
    word of frequency f stays in an epoch with the probability min(1, √(t / f) + t / f), t being `subsample`, as in
    the authors' program. All pairs of a batch have their noise words in common, so that a step is two matrix products;
    each counts for its share of the k that every pair is due.

    Args:
        vocabulary: list of str, the words, the most frequent first; see `WordEmbeddings.for_data(texts)`.
        counts: list of int ≥ 1, how often each occurs; None for what Zipf's law expects, 1 / rank.
        model_dim: numbers in a vector, ≥ 1.
        window: the largest distance of a neighbour, ≥ 1.
        num_negatives: k ≥ 1.
        subsample: t > 0, such as 1e-3 or, for very much text, 1e-5; None keeps every word.
        lowercase: whether capitals are small letters.
        seed: int or None; seeds the weights, the noise and the order of the data.

    `fit` takes texts: a string, a list of them (no window reaches into another one), what `text_files` returns, the
    path of a file or folder, or lists of words. Words are letters, digits and apostrophes between them; those that the
    vocabulary does not hold are left out. `batch_size` counts rows of 64 words.

    Metrics in `fit` and `evaluate`: `loss` (nats for each pair) and its parts, `neighbours` and `noise`.

    A call maps ids int32 `(batch, …)` to vectors `(batch, …, model_dim)`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> texts = ["the king rules the land", "the queen rules the land", "a dog barks at a cat"] * 20
    >>> model = kgen.models.WordEmbeddings.for_data(texts, model_dim=8, seed=1)
    >>> model.compile()
    >>> history = model.fit(texts, epochs=1, verbose=0)
    >>> (word, similarity), *others = model.most_similar("king", top=3)

    Reference: Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, 2013.
    Windows and analogies: Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013.
    """

    default_data = "pydoc"

    def __init__(
        self,
        vocabulary,
        counts=None,
        model_dim=128,
        window=5,
        num_negatives=5,
        subsample=1e-3,
        lowercase=True,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        check_vocabulary(vocabulary, counts)
        check_int("model_dim", model_dim, minimum=1)
        check_int("window", window, minimum=1)
        check_int("num_negatives", num_negatives, minimum=1)
        if subsample is not None:
            check_number("subsample", subsample, minimum=1e-12)
        check_in("lowercase", lowercase, (True, False))
        self.vocabulary = tuple(vocabulary)
        self.counts = None if counts is None else tuple(map(int, counts))
        self.model_dim = model_dim
        self.window = window
        self.num_negatives = num_negatives
        self.subsample = subsample
        self.lowercase = lowercase

        self._places = {word: place for place, word in enumerate(vocabulary)}
        numbers = np.asarray(1 / np.arange(1, len(vocabulary) + 1) if counts is None else counts, "float64")
        self.kept_shares = kept_shares(numbers / numbers.sum(), subsample)
        self._up_to = (np.cumsum(numbers**POWER) / np.sum(numbers**POWER)).astype("float32")
        with seeded(seed):
            # Small beside what is learned, so that a rare word does not keep the place it was drawn at.
            small = keras.initializers.RandomUniform(-0.5 / model_dim, 0.5 / model_dim)
            self.word_embedding = self._table("word_embedding", small)
            self.context_embedding = self._table("context_embedding", "zeros")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("neighbours", "noise")}
        self.built = True

    @classmethod
    def for_data(cls, data, vocabulary=None, min_count=5, vocabulary_size=None, lowercase=True, **arguments):
        """A model with the vocabulary of these texts.

        Args:
            data: texts, as `fit` takes them.
            vocabulary: list of str; None for the words of the texts.
            min_count: int ≥ 1; words that occur less often are left out.
            vocabulary_size: int, the most words; None for all.
            lowercase, arguments: of the constructor.
        """
        counts = arguments.pop("counts", None)
        if vocabulary is None:
            vocabulary, counts = counted_words(_texts(data), min_count, vocabulary_size, lowercase)
        return cls(vocabulary=vocabulary, counts=counts, lowercase=lowercase, **arguments)

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        return (text_files(path),)

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return SampleNeighbours(folder)

    def call(self, words, training=False):
        """Vectors, float `(batch, …, model_dim)`, of ids int32 `(batch, …)`."""
        return self.word_embedding(words)

    def compute_output_spec(self, words, training=False):
        return keras.KerasTensor((*words.shape, self.model_dim), dtype=self.compute_dtype)

    # Training --------------------------------------------------------------------------------------------------------

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        neighbours, noise, pairs = self._costs(x, y, y_pred, self._noise_words(training), sample_weight)
        pairs = ops.maximum(pairs, 1e-6)
        for name, part in (("neighbours", neighbours), ("noise", noise)):  # weighted as Keras weights the loss
            self.trackers[name].update_state(part / pairs, sample_weight=ops.shape(x)[0])
        return (neighbours + noise) / pairs

    def default_optimizer(self):
        return keras.optimizers.Adam(1e-2)

    @staticmethod
    def is_data(x):
        return GenerativeModel.is_data(x) or isinstance(x, str | bytes | os.PathLike) or hasattr(x, "documents")

    def prepare(self, x, y=None):
        """Ids of the words that the vocabulary holds, and the numbers of the texts that they stand in: int32 `(n,)`."""
        if isinstance(x, np.ndarray) and x.dtype.kind in "iu":
            words, texts = x.reshape(-1), np.zeros(x.size, "int32") if y is None else np.asarray(y).reshape(-1)
            if x.size and not 0 <= words.min() <= words.max() < len(self.vocabulary):
                limits = f"[{words.min()}, {words.max()}]"
                raise ValueError(f"x: expected ids in [0, {len(self.vocabulary)}), got some in {limits}")
        else:
            if y is not None:
                raise ValueError("y: WordEmbeddings learns each word from its neighbours: fit(texts)")
            rows = [[self._places.get(word, -1) for word in words_of(one, self.lowercase)] for one in _texts(x)]
            words = np.fromiter((word for row in rows for word in row), "int32")
            texts = np.repeat(np.arange(len(rows), dtype="int32"), [len(row) for row in rows])
            words, texts = words[words >= 0], texts[words >= 0]
        if len(words) < 2:
            raise ValueError(f"x: expected at least two words of the vocabulary, got {len(words)}")
        return words.astype("int32"), texts.astype("int32")

    def batches(self, x, y, batch_size, shuffle=False):
        return WordRows(x, y, self.kept_shares, ROW, batch_size, shuffle, seed=self._order_seed())

    def encoded(self, dataset):
        def encode(batch):
            words, texts = self.prepare(texts_of(batch[0] if isinstance(batch, tuple) else batch))
            # Each batch is thinned out in its own way, the same in every epoch.
            rows = WordRows(words, texts, self.kept_shares, ROW, batch_size=len(words), seed=zlib.crc32(words))
            return rows[0]

        if isinstance(dataset, keras.utils.PyDataset):
            known = isinstance(dataset, WordRows) or dataset.num_batches == 0
            return encoded(dataset, encode) if not known and holds_text(dataset[0]) else dataset
        return encoded(dataset, encode) if yields_text(dataset) else dataset

    def full_evaluation(self, x, y=None, questions=(), batch_size=32):
        """How surprising the neighbours in texts are and, given some, how many analogies come out.

        Args:
            x: texts, as in `fit`.
            questions: list of (a, b, c, d), "a is to b as c is to d"; those with unknown words are left out.
            batch_size: rows that are computed together.

        Returns:
            dict of loss, words; with questions also of top1 and top5, shares in [0, 1] of the questions to which d is
            the answer or among the first five, and of questions, the number of those that were asked.
        """
        costs = backend.compiled(
            lambda words, texts: self._costs(words, texts, self(words), self._noise_words(training=False)), self.weights
        )
        rows, totals = self.batches(x, y, batch_size), np.zeros(3)
        for i in range(len(rows)):
            totals += [float(one) for one in costs(*map(ops.convert_to_tensor, rows[i]))]
        figures = {"loss": float(totals[:2].sum() / max(totals[2], 1e-6)), "words": len(x)}
        if len(questions):
            known = [row for row in questions if all(self._written(word) in self._places for word in row)]
            ranks = np.array(self._ranks(known))
            shares = {f"top{n}": float((ranks < n).mean()) if known else 0.0 for n in (1, 5)}
            figures |= {**shares, "questions": len(known)}
        return figures

    # Words -----------------------------------------------------------------------------------------------------------

    @property
    def vectors(self):
        """The vectors of all words, float32 `(words, model_dim)`, in the order of `vocabulary`."""
        with self.lock:
            return np.asarray(ops.convert_to_numpy(self.word_embedding.embeddings), "float32")

    def vector(self, word):
        """The vector of a word, float32 `(model_dim,)`."""
        return self.vectors[self._place("word", word)]

    def similarity(self, a, b):
        """The cosine of the angle between two words, in [-1, 1]."""
        one, other = _unit(np.stack([self.vector(a), self.vector(b)]))
        return float(one @ other)

    def most_similar(self, word, top=10):
        """The words nearest to a word by the cosine of their angle, as (word, cosine), the nearest first.

        Args:
            word: str, or a vector `(model_dim,)` of your own arithmetic, to which every word may be near.
            top: int ≥ 1, how many.
        """
        check_int("top", top, minimum=1)
        units = _unit(self.vectors)
        if isinstance(word, str):
            place = self._place("word", word)
            return self._nearest(units, units[place], [place], top)
        word = np.asarray(word, "float32")
        if word.shape != (self.model_dim,):
            raise ValueError(f"word: expected a word or a vector of shape ({self.model_dim},), got shape {word.shape}")
        return self._nearest(units, _unit(word), [], top)

    def analogy(self, a, b, c, top=5):
        """a is to b as c is to …? The words nearest to b - a + c, as (word, cosine), the three themselves left out.

        `analogy("man", "king", "woman")` asks for king - man + woman. All vectors have length 1 first.

        Args:
            a, b, c: str.
            top: int ≥ 1, how many.
        """
        check_int("top", top, minimum=1)
        places = [self._place(name, word) for name, word in (("a", a), ("b", b), ("c", c))]
        units = _unit(self.vectors)
        return self._nearest(units, _unit(_answer(units[places])), places, top)

    def odd_one_out(self, words):
        """Of some words the one that is least like the mean of all."""
        if len(words) < 3:
            raise ValueError(f"words: expected at least three, got {words!r}")
        units = _unit(self.vectors[[self._place("words", word) for word in words]])
        return words[int((units @ units.mean(axis=0)).argmin())]

    def project(self, words):
        """A map of words: their first two principal components, float `(n, 2)`; see `kgen.plots.word_map`.

        Args:
            words: list of at least two str.
        """
        from sklearn.decomposition import PCA

        if isinstance(words, str) or len(words) < 2:
            raise ValueError(f"words: expected a list of at least two, got {words!r:.60}")
        units = _unit(self.vectors[[self._place("words", word) for word in words]])
        return PCA(2, random_state=0).fit_transform(units)

    # Inside ----------------------------------------------------------------------------------------------------------

    def _table(self, name, initializer):
        table = layers.Embedding(len(self.vocabulary), self.model_dim, initializer, dtype=self.dtype_policy, name=name)
        table.build((None,))
        return table

    def _noise_words(self, training):
        """Ids int32 of `NOISE_WORDS` words by count^0.75: one from each of so many equal parts of the distribution.

        So they are as often as in independent draws, and differ less from batch to batch. In evaluation it is the
        middle of each part.
        """
        shift = keras.random.uniform((NOISE_WORDS,), seed=self.seed_generator) if training else 0.5
        places = (ops.arange(NOISE_WORDS, dtype="float32") + shift) / NOISE_WORDS
        found = ops.searchsorted(ops.convert_to_tensor(self._up_to), places, side="right")
        return ops.minimum(ops.cast(found, "int32"), len(self.vocabulary) - 1)

    def _costs(self, words, texts, vectors, noise_words, sample_weight=None):
        """(sum of what neighbours cost, that of noise, number of pairs): float32 scalars, in nats."""
        vectors, contexts, noise = (
            ops.cast(one, "float32")
            for one in (vectors, self.context_embedding(words), self.context_embedding(noise_words))
        )
        pairs = self._pairs(texts)  # (batch, words, words)
        if sample_weight is not None:
            pairs = pairs * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1, 1))
        scores = ops.matmul(vectors, ops.transpose(contexts, (0, 2, 1)))
        neighbours = ops.sum(pairs * ops.softplus(-scores))
        scores = ops.matmul(ops.reshape(vectors, (-1, self.model_dim)), ops.transpose(noise))  # (batch · words, noise)
        of_word = ops.reshape(ops.sum(pairs, axis=-1), (-1, 1))
        share = self.num_negatives / noise_words.shape[0]
        return neighbours, share * ops.sum(of_word * ops.softplus(scores)), ops.sum(pairs)

    def _pairs(self, texts):
        """How often each word of a row has each other one as its neighbour, float32 `(batch, length, length)`."""
        places = np.arange(texts.shape[1])
        distance = np.abs(places[:, None] - places)
        reached = np.maximum(self.window + 1 - distance, 0) / self.window * (distance > 0)
        same = ops.expand_dims(texts, 2) == ops.expand_dims(texts, 1)
        return ops.cast(same, "float32") * ops.convert_to_tensor(reached.astype("float32"))

    def _written(self, word):
        return word.lower() if self.lowercase else word

    def _place(self, name, word):
        if not isinstance(word, str):
            raise ValueError(f"{name}: expected a word, got {word!r:.60}")
        check_known(name, self._written(word), self._places)
        return self._places[self._written(word)]

    def _nearest(self, units, point, left_out, top):
        cosines = units @ point
        cosines[left_out] = -np.inf
        best = np.argsort(-cosines, kind="stable")[: min(top, len(cosines) - len(left_out))]
        return [(self.vocabulary[place], float(cosines[place])) for place in best]

    def _ranks(self, questions):
        """For each question how many words come before its answer."""
        units, ranks = _unit(self.vectors), []
        for row in questions:
            *asked, answer = (self._place("questions", word) for word in row)
            cosines = units @ _answer(units[asked])
            cosines[asked] = -np.inf
            ranks.append(int((cosines > cosines[answer]).sum()))
        return ranks


def _answer(vectors):
    a, b, c = vectors
    return b - a + c


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _texts(data):
    """An iterable of texts, or of lists of words, from all that `fit` takes."""
    lists = isinstance(data, list | tuple) and len(data) and isinstance(data[0], list | tuple)
    return data if lists else texts_in("x", data)

"""T5: every task is to write a text for a text, and a language is learned by filling gaps in it.

    memory = Encoder(source),   h_i = Decoder(target_1 … target_{i-1}, memory),   p(target_i) = softmax(E h_i / √d)

Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020.
"""

import itertools
import os
from pathlib import Path

import keras
from keras import layers
from keras import ops

from kgen.datasets.folder_of_text import text_files
from kgen.datasets.pairs_of_text import text_pairs
from kgen.datasets.span_corruption import SpanCorruption
from kgen.datasets.span_corruption import noise_of
from kgen.datasets.span_corruption import window_for
from kgen.datasets.text_batches import ids_of
from kgen.datasets.text_batches import texts_in
from kgen.datasets.token_windows import MappedIds
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.dropout import Dropout
from kgen.layers.relative_bias import RelativePositionBias
from kgen.layers.transformer_decoder import TransformerDecoderBlock
from kgen.layers.transformer_encoder import TransformerEncoderBlock
from kgen.metrics.language import perplexity
from kgen.models.base_pairs import VOCABULARY
from kgen.models.base_translation import TranslationModel
from kgen.tokenizers.byte_pair import BytePairTokenizer
from kgen.training.sample_text import SampleText
from kgen.training.warm_up import InverseSquareRoot

SENTINEL = "<extra_id_{}>"
TABLES = (".tsv", ".csv")


@keras.saving.register_keras_serializable(package="kgen")
class T5(TranslationModel):
    """An encoder-decoder that learns a language from text with gaps, and then a task from pairs.

    `fit(texts)` takes 15 % of the tokens out, in spans of 3 on average, drawn anew in each epoch, and learns to write
    them: "Thank you <extra_id_0> me to your <extra_id_1> week." → "<extra_id_0> for inviting <extra_id_1> party last".
    `fit(sources, targets)` learns to write one text for another. `generate(source)` does either.

    Positions are learned numbers for each head and distance, the same in all blocks. There are no biases, normalization
    is by the root of the mean square, and the scores of the attention are not scaled. The defaults are for small data
    on any machine; t5-small has 6 layers of 512 with 8 heads and `feedforward_dim=2048`. T5 1.1 is
    `activation="geglu_tanh", tie_embeddings=False`.

    Args:
        tokenizer: a tokenizer of kgen, with the special tokens "<extra_id_0>", "<extra_id_1>", … for `fit(texts)`, such
            as `T5.for_data(texts)` trains; None for ids in and out, where 0 ends a sequence.
        vocabulary_size: number of tokens; None for the tokenizer's.
        num_layers: blocks of the encoder, ≥ 1.
        num_decoder_layers: blocks of the decoder, ≥ 1; None for as many.
        num_heads: heads of each attention, ≥ 1.
        model_dim: width.
        head_dim: width of a head; None for `model_dim` / `num_heads`.
        feedforward_dim: width inside the feed-forward layers; None for four times `model_dim`.
        context_length: most tokens of a source and of a target, ≥ 2.
        activation: "relu", "geglu_tanh", …; see `kgen.layers.FeedForward`.
        num_buckets, max_distance: of the positions; see `kgen.layers.RelativePositionBias`.
        epsilon: number ≥ 0 that keeps the normalization from dividing by 0.
        tie_embeddings: whether the matrix that embeds tokens also reads them out, from states divided by √model_dim.
        label_smoothing: ε in [0, 1): training aims at (1 - ε) for the true token and ε spread over all.
        dropout: share to drop of the embeddings and of what each layer adds, in training, in [0, 1].
        seed: int or None; seeds the weights, the dropout, the order of the data and the gaps.

    Metrics in `fit` and `evaluate`: `loss`, smoothed in training, in nats for each token, and `perplexity`, which is
    not; `evaluate(sources, targets, full=True)` measures BLEU and chrF too.

    A call maps a dict of "source" and "target", ids int32 `(batch, length)` each, to hidden states
    `(batch, target length, model_dim)`; `readout` maps those to logits.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> texts = ["the cat sat on the mat", "a dog ran to the house"] * 20
    >>> model = kgen.models.T5.for_data(
    ...     texts, vocabulary_size=280, context_length=24, num_layers=1, num_heads=2, model_dim=16, seed=1
    ... )
    >>> model.compile()
    >>> history = model.fit(texts, epochs=1, verbose=0)
    >>> text = model.fill("the cat <extra_id_0> the mat", max_new_tokens=5)
    >>> history = model.fit(["cat", "dog"] * 8, ["mat", "house"] * 8, epochs=1, verbose=0)
    >>> answer = model.generate("cat", max_new_tokens=5)

    References: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020.
    T5 1.1: Shazeer, GLU Variants Improve Transformer, 2020.
    """

    def __init__(
        self,
        tokenizer=None,
        vocabulary_size=None,
        num_layers=4,
        num_decoder_layers=None,
        num_heads=4,
        model_dim=128,
        head_dim=None,
        feedforward_dim=None,
        context_length=256,
        activation="relu",
        num_buckets=32,
        max_distance=128,
        epsilon=1e-6,
        tie_embeddings=True,
        label_smoothing=0.0,
        dropout=0.1,
        seed=None,
        **kwargs,
    ):
        check_int("num_layers", num_layers, minimum=1)
        if num_decoder_layers is not None:
            check_int("num_decoder_layers", num_decoder_layers, minimum=1)
        check_int("num_heads", num_heads, minimum=1)
        check_int("model_dim", model_dim, minimum=1)
        if head_dim is None and model_dim % num_heads:
            raise ValueError(f"model_dim: expected a multiple of num_heads={num_heads}, got {model_dim}")
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(tokenizer, vocabulary_size, context_length, label_smoothing, seed, **kwargs)
        self.num_layers = num_layers
        self.num_decoder_layers = num_decoder_layers
        self.num_heads = num_heads
        self.model_dim = model_dim
        self.head_dim = head_dim
        self.feedforward_dim = feedforward_dim
        self.activation = activation
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.epsilon = epsilon
        self.tie_embeddings = tie_embeddings
        self.dropout = dropout

        self.sentinels = _sentinels_of(tokenizer)
        stream = (None, None, model_dim)
        with seeded(seed):
            self.token_embedding = self._embedding("token_embedding", model_dim, tie_embeddings)
            self.encoder_bias, self.decoder_bias = (self._bias(name) for name in ("encoder", "decoder"))
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=self.dtype_policy, name="dropout")
            self.encoder_blocks = [
                self._block(TransformerEncoderBlock, f"encoder_block_{i}") for i in range(1, num_layers + 1)
            ]
            self.decoder_blocks = [
                self._block(TransformerDecoderBlock, f"decoder_block_{i}", cross_attention=True)
                for i in range(1, (num_decoder_layers or num_layers) + 1)
            ]
            for block in self.encoder_blocks:
                block.build(stream)
            for block in self.decoder_blocks:
                block.build(stream, stream)
            self._shrink_queries()
            self.encoder_norm, self.decoder_norm = (
                layers.RMSNormalization(epsilon=epsilon, dtype=self.dtype_policy, name=name)
                for name in ("encoder_norm", "decoder_norm")
            )
            self.encoder_norm.build(stream)
            self.decoder_norm.build(stream)
        self.built = True

    def call(self, inputs, training=False):
        """Hidden states, float `(batch, target length, model_dim)`, of {"source", "target"}, ids int32."""
        memory, mask = self.encode(inputs["source"], training=training)
        x = self._embedded(inputs["target"], training=training)
        bias = self.decoder_bias(ops.arange(ops.shape(x)[1], dtype="int32"))
        for block in self.decoder_blocks:
            x = block(x, memory, memory_mask=mask, bias=bias, training=training)
        return self._normalized(self.decoder_norm, x, training)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor((*inputs["target"].shape, self.model_dim), dtype=self.compute_dtype)

    def encode(self, source, training=False):
        """What the decoder looks at, float `(batch, length, model_dim)`, and where there is something, bool."""
        mask = self.source_mask(source)
        x = self._embedded(source, training=training)
        bias = self.encoder_bias(ops.arange(ops.shape(x)[1], dtype="int32"))
        for block in self.encoder_blocks:
            x = block(x, mask=mask, bias=bias, training=training)
        return self._normalized(self.encoder_norm, x, training), mask

    def readout(self, hidden):
        """Logits, float `(batch, length, vocabulary)`, of hidden states."""
        return super().readout(hidden * self.model_dim**-0.5 if self.tie_embeddings else hidden)

    def cross_attention(self, source, target):
        """Scores of each block's attention to the source, `(layers, heads, target length, source length)`."""
        memory, mask = self.encode(source)
        x, scores = self._embedded(target), []
        bias = self.decoder_bias(ops.arange(ops.shape(x)[1], dtype="int32"))
        for block in self.decoder_blocks:
            x, found = block(x, memory, memory_mask=mask, bias=bias, return_attention_scores=True)
            scores.append(found["cross"][0])
        return ops.stack(scores)

    # Training --------------------------------------------------------------------------------------------------------

    @classmethod
    def for_data(cls, sources, targets=None, tokenizer=None, vocabulary_size=None, context_length=256, **arguments):
        """A model with a byte-pair tokenizer that is trained on these texts and has a sentinel for each gap.

        Args:
            sources: texts, as `fit` takes them.
            targets: list of str, or None for text alone.
            tokenizer: a tokenizer; None to train one.
            vocabulary_size: the most tokens of a new tokenizer; None for 8,192.
            context_length, arguments: of the constructor.
        """
        if tokenizer is None:
            texts = itertools.chain(
                texts_in("sources", sources), [] if targets is None else texts_in("targets", targets)
            )
            check_int("context_length", context_length, minimum=2)
            _, count = noise_of(window_for(context_length, context_length))
            options = {"extra_tokens": [SENTINEL.format(i) for i in range(count)]}
            tokenizer = BytePairTokenizer.train(texts, vocabulary_size or VOCABULARY, **options)
            vocabulary_size = None
        return cls(tokenizer, vocabulary_size, context_length=context_length, **arguments)

    @classmethod
    def read_data(cls, path, image_size=None, **arguments):
        suffixes = Path(path).suffixes
        return tuple(text_pairs(path)) if {*suffixes} & {*TABLES} else (text_files(path),)

    @classmethod
    def samples_callback(cls, folder, seed, data):
        if len(data) > 1:
            return super().samples_callback(folder, seed, data)
        begin = next(iter(texts_in("x", data[0])))[:100]
        options = {"prompt": f"{begin}{SENTINEL.format(0)}", "max_new_tokens": 20, "seed": seed}
        return SampleText(folder, **options, truncate=True, allow_special=True)

    @staticmethod
    def is_data(x):
        return TranslationModel.is_data(x) or isinstance(x, str | bytes | os.PathLike) or _is_stream(x)

    def prepare(self, x, y=None):
        """Lists of int32 arrays for pairs; of text alone one long sequence of ids."""
        if y is not None:
            return super().prepare(x, y)
        if not self.sentinels:
            raise ValueError(
                f"x: text alone is learned with sentinels, and {self.tokenizer!r} has no special token "
                f"{SENTINEL.format(0)!r}; {type(self).__name__}.for_data(texts) makes one that has, and so does "
                "extra_tokens=[…] of its train"
            )
        ids = ids_of(x, self.tokenizer)
        return ids if isinstance(ids, MappedIds) else self._checked_ids("x", ids), None

    def batches(self, x, y, batch_size, shuffle=False):
        if y is not None:
            return super().batches(x, y, batch_size, shuffle)
        return SpanCorruption(
            x, self.context_length, self.sentinels, self.start_id, self.end_id, batch_size, shuffle, self._order_seed()
        )

    def default_optimizer(self):
        return keras.optimizers.Adam(InverseSquareRoot(3e-3, 400), beta_2=0.98, epsilon=1e-9, global_clipnorm=1.0)

    def full_evaluation(self, x, y=None, batch_size=32, **options):
        """For pairs as all translation models; for text alone what the gaps cost: nats_per_token and perplexity."""
        if y is not None:
            return super().full_evaluation(x, y, batch_size=batch_size, **options)
        nats = self.mean_nats(x, None, batch_size)
        return {"perplexity": float(perplexity(nats)), "nats_per_token": nats}

    # Writing ---------------------------------------------------------------------------------------------------------

    def fill(self, text, **options):
        """A text with its gaps filled; "<extra_id_0>", "<extra_id_1>", … mark them.

        Args:
            text: str.
            options: of `generate`, such as `sampler`.
        """
        if not isinstance(text, str) or not self.sentinels:
            raise ValueError(f"text: expected a str, and a tokenizer with {SENTINEL.format(0)}, got {text!r:.60}")
        row = self.tokenizer.encode(text, allow_special=True)
        pieces, found = {}, []
        for one in self.generate(row, **options) if row else []:
            if one in self.sentinels:
                found = pieces.setdefault(one, [])
            else:
                found.append(one)
        whole = [token for one in row for token in (pieces.get(one, []) if one in self.sentinels else [one])]
        return self.tokenizer.decode(whole)

    # For the decoding loop -------------------------------------------------------------------------------------------

    def make_cache(self, batch, length, memory, mask):
        """Room for `length` keys and values in each block, and those of the source."""
        caches = [block.make_cache(batch, length, memory) for block in self.decoder_blocks]
        fixed = {"cross": [cache["cross"] for cache in caches], "mask": mask}
        return {"self": [cache["self"] for cache in caches], "fixed": fixed}

    def decode_step(self, ids, cache, index, padding):
        """Hidden states of ids that stand at `index` and behind, and the cache with their keys and values."""
        positions = ops.reshape(index, (-1, 1)) + ops.arange(ids.shape[1], dtype="int32")
        places = ops.arange(cache["self"][0]["key"].shape[2], dtype="int32")
        x, bias, fixed, kept = self._embedded(ids), self.decoder_bias(positions, places), cache["fixed"], []
        for block, own, cross in zip(self.decoder_blocks, cache["self"], fixed["cross"], strict=True):
            both = {"self": own, "cross": cross}
            x, both = block(x, memory_mask=fixed["mask"], bias=bias, cache=both, cache_index=index)
            kept.append(both["self"])
        return self._normalized(self.decoder_norm, x), {"self": kept, "fixed": fixed}

    # Inside ----------------------------------------------------------------------------------------------------------

    def _embedding(self, name, width, tie):
        embedding = layers.ReversibleEmbedding(
            self.num_tokens,
            width,
            tie_weights=tie,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
            dtype=self.dtype_policy,
            name=name,
        )
        embedding.build((None, None))
        if not tie:  # numbers of size 1 go in, and small ones read out
            embedding.reverse_embeddings.assign(embedding.reverse_embeddings * width**-0.5)
        return embedding

    def _bias(self, side):
        bias = RelativePositionBias(
            self.num_heads,
            self.num_buckets,
            self.max_distance,
            bidirectional=side == "encoder",
            embeddings_initializer=keras.initializers.RandomNormal(stddev=self.model_dim**-0.5),
            dtype=self.dtype_policy,
            name=f"{side}_bias",
        )
        bias.build((None,))
        return bias

    def _block(self, kind, name, **options):
        return kind(
            self.num_heads,
            4 * self.model_dim if self.feedforward_dim is None else self.feedforward_dim,
            head_dim=self.head_dim,
            activation=self.activation,
            normalization="rms",
            epsilon=self.epsilon,
            use_bias=False,
            attention_scale=1.0,
            dropout=self.dropout,
            attention_dropout=0.0,  # fused kernels have none
            kernel_initializer=keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal"),
            seed=drawn_seed(),
            dtype=self.dtype_policy,
            name=name,
            **options,
        )

    def _shrink_queries(self):
        """Divide the first queries by √head_dim, in place of the scores."""
        width = self.head_dim or self.model_dim // self.num_heads
        columns = self.num_heads * width
        kernels = [block.attention.query_key_value.kernel for block in (*self.encoder_blocks, *self.decoder_blocks)]
        for kernel in [*kernels, *(block.cross.query.kernel for block in self.decoder_blocks)]:
            queries, others = kernel[:, :columns], kernel[:, columns:]
            kernel.assign(ops.concatenate([queries * width**-0.5, others], axis=1))

    def _embedded(self, ids, training=False):
        return self._dropped(self.token_embedding(ids), training)

    def _normalized(self, norm, x, training=False):
        return self._dropped(norm(x), training)

    def _dropped(self, x, training):
        return self.drop(x, training=True) if training and self.dropout else x


def _sentinels_of(tokenizer):
    """The ids of "<extra_id_0>", "<extra_id_1>", …, as far as they go."""
    special = set() if tokenizer is None else set(tokenizer.special_tokens)
    names = itertools.takewhile(special.__contains__, map(SENTINEL.format, itertools.count()))
    return tuple(tokenizer.id_of(name) for name in names)


def _is_stream(x):
    return isinstance(x, MappedIds) or hasattr(x, "documents")

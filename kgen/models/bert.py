"""BERT: a Transformer that reads a text from both sides, and learns it by guessing what was hidden.

    loss = - mean over gaps of log p(token | all that is left of the text)

Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, 2019. Hiding anew at
each pass: Liu et al., RoBERTa, 2019. Shared layers, factorised embedding: Lan et al., ALBERT, 2020.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen import backend
from kgen.datasets.token_windows import IGNORED
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.cloze import hide
from kgen.functional.cloze import most_gaps
from kgen.functional.fixed_noise import fixed_uniform
from kgen.functional.reading_out import read_out
from kgen.functional.rows import on_rows
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.cloze_head import ClozeHead
from kgen.layers.dropout import Dropout
from kgen.layers.feed_forward import ACTIVATIONS
from kgen.layers.learned_positions import LearnedPositions
from kgen.layers.transformer_encoder import TransformerEncoderBlock
from kgen.metrics.language import perplexity
from kgen.models.base import exclusive
from kgen.models.base_encoding import CLOZE
from kgen.models.base_encoding import EncodingModel
from kgen.training.warm_up import InverseSquareRoot

INITIAL_SPREAD = 0.02  # of all weights


@keras.saving.register_keras_serializable(package="kgen")
class BERT(EncodingModel):
    """Bidirectional encoder of text: `fit(texts)`, then `fill_mask`, `embed`; or a part of a `TextClassifier`.

    `fit` takes several texts, each read for itself and in windows where it is longer than the context; or one long
    text, packed into windows: a string, what `kgen.datasets.text_files` returns, a path, ids. Of each, a share of the
    tokens is hidden, anew at each pass; see `kgen.functional.cloze`.

    The defaults are those of the original, but for its size. `segments=0` makes it a DistilBERT, `segments=1,
    position_offset=2` a RoBERTa, `share_layers=True, embedding_dim=128, activation="gelu_tanh"` an ALBERT.

    Args:
        tokenizer: a tokenizer of kgen that pads, starts, ends and masks; None where ids go in. `BERT.for_data(texts)`
            trains one.
        vocabulary_size: number of tokens; None for the tokenizer's.
        num_layers, num_heads: integers ≥ 1.
        model_dim: width of the model, a multiple of `num_heads`.
        feedforward_dim: width inside the feed-forward layers; None for 4 · `model_dim`.
        context_length: most tokens of a text, start and end token included, ≥ 3.
        segments: kinds of segments, such as question and answer, that have an embedding, ≥ 0.
        embedding_dim: width of the embeddings, then mapped to `model_dim`; None for the same.
        share_layers: whether all layers are one and the same.
        position_offset: place of the first token in the table of positions, ≥ 0.
        activation: "gelu", "gelu_tanh" or "relu".
        norm_position: "post", as the original, or "pre".
        epsilon: of the normalization layers, ≥ 0.
        pooler: whether there is a dense layer with tanh on the start token, `pooled(hidden)`. Nothing here trains it.
        hidden_share: of the tokens of a text that are hidden in training, in (0, 1].
        dropout: share to drop of the embeddings and of what each layer adds, in training, in [0, 1].
        special_ids: without a tokenizer, the ids that pad, start, end and mask; None for 0, 1, 2, 3.
        seed: int or None; seeds the weights, the dropout, the gaps and the order of the data.

    Metrics in `fit` and `evaluate`: `loss` (nats for each gap) and `accuracy` (share of the gaps that are guessed).
    `evaluate(texts, full=True)`: the same over several ways to hide.

    A call maps ids int32 `(batch, length)` to hidden states `(batch, length, model_dim)`; what is padding the ids say,
    or a dict of `ids`, and if need be `mask` (bool) and `segments` (integers). Of `{"cloze": ids}` it returns the
    hidden states of gaps, `(batch, gaps, model_dim)`, and their `targets`.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> texts = ["the cat sat on the mat", "a dog ran to the house", "the dog sat"] * 20
    >>> model = kgen.models.BERT.for_data(texts, num_layers=1, num_heads=2, model_dim=16, context_length=16, seed=1)
    >>> model.compile()
    >>> history = model.fit(texts, epochs=1, verbose=0)
    >>> len(model.fill_mask("the cat sat on the [MASK]", top=3)), model.embed(texts[:2]).shape
    (3, (2, 16))
    """

    def __init__(
        self,
        tokenizer=None,
        vocabulary_size=None,
        num_layers=4,
        num_heads=4,
        model_dim=128,
        feedforward_dim=None,
        context_length=128,
        segments=2,
        embedding_dim=None,
        share_layers=False,
        position_offset=0,
        activation="gelu",
        norm_position="post",
        epsilon=1e-12,
        pooler=False,
        hidden_share=0.15,
        dropout=0.1,
        special_ids=None,
        seed=None,
        **kwargs,
    ):
        check_int("num_layers", num_layers, minimum=1)
        check_int("num_heads", num_heads, minimum=1)
        check_int("model_dim", model_dim, minimum=1)
        if model_dim % num_heads:
            raise ValueError(f"model_dim: expected a multiple of num_heads={num_heads}, got {model_dim}")
        check_int("segments", segments, minimum=0)
        if embedding_dim is not None:
            check_int("embedding_dim", embedding_dim, minimum=1)
        check_int("position_offset", position_offset, minimum=0)
        check_in("activation", activation, tuple(ACTIVATIONS))
        check_number("hidden_share", hidden_share, minimum=1e-3, maximum=1.0)
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(tokenizer, vocabulary_size, context_length, special_ids, seed, **kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.model_dim = model_dim
        self.feedforward_dim = feedforward_dim
        self.segments = segments
        self.embedding_dim = embedding_dim
        self.share_layers = share_layers
        self.position_offset = position_offset
        self.activation = activation
        self.norm_position = norm_position
        self.epsilon = epsilon
        self.pooler = pooler
        self.hidden_share = hidden_share
        self.dropout = dropout

        width = model_dim if embedding_dim is None else embedding_dim
        policy, stream = self.dtype_policy, (None, None, model_dim)
        with seeded(seed):
            self.token_embedding = layers.ReversibleEmbedding(
                self.num_tokens, width, embeddings_initializer=_normal(), dtype=policy, name="token_embedding"
            )
            self.token_embedding.build((None, None))
            self.position_layer = LearnedPositions(
                context_length + position_offset, _normal(), dtype=policy, name="positions"
            )
            self.position_layer.build((None, None, width))
            self.segment_embedding = None
            if segments:
                self.segment_embedding = layers.Embedding(segments, width, _normal(), dtype=policy, name="segments")
                self.segment_embedding.build((None, None))
            self.embedding_norm = self._norm("embedding_norm", width)
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=policy, name="dropout")
            self.embedding_projection = None
            if embedding_dim is not None:
                self.embedding_projection = self._dense("embedding_projection", model_dim, width)
            self.blocks = [self._block(i) for i in range(1, 2 if share_layers else num_layers + 1)]
            for block in self.blocks:
                block.build(stream)
            self.final_norm = self._norm("final_norm", model_dim) if norm_position == "pre" else None
            self.pooler_layer = self._dense("pooler", model_dim, model_dim, "tanh") if pooler else None
            self.head = ClozeHead(width, self.num_tokens, activation, epsilon, _normal(), dtype=policy, name="head")
            self.head.build(stream)
            self.gaps = keras.random.SeedGenerator()
        self.accuracy_tracker = keras.metrics.Mean(name="accuracy")
        self.built = True

    # Training --------------------------------------------------------------------------------------------------------

    def call(self, inputs, training=False):
        """Hidden states of ids; of `{"cloze": ids}` those of gaps, and what was there. See the class."""
        if not isinstance(inputs, dict):
            return self._encoded(inputs, training=training)
        if CLOZE not in inputs:
            return self._encoded(inputs["ids"], inputs.get("mask"), inputs.get("segments"), training)
        shape = (3, *ops.shape(inputs[CLOZE]))
        draws = keras.random.uniform(shape, seed=self.gaps) if training else fixed_uniform(shape, seed=1)
        return self._guessing(inputs[CLOZE], draws, training)

    def compute_output_spec(self, inputs, training=False):
        def hidden(batch, length):
            return keras.KerasTensor((batch, length, self.model_dim), dtype=self.compute_dtype)

        if isinstance(inputs, dict) and CLOZE in inputs:
            batch, length = inputs[CLOZE].shape
            most = None if length is None else most_gaps(length, self.hidden_share)
            return {"hidden": hidden(batch, most), "targets": keras.KerasTensor((batch, most), dtype="int32")}
        return hidden(*(inputs["ids"] if isinstance(inputs, dict) else inputs).shape)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        nats, correct, counted = self._costs(y_pred)
        if sample_weight is not None:
            counted = counted * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        total = ops.maximum(ops.sum(counted), 1e-6)
        self.accuracy_tracker.update_state(ops.sum(correct * counted) / total, sample_weight=ops.sum(counted))
        return ops.sum(nats * counted) / total

    def default_optimizer(self):
        # Norms behind the layers want a warm-up; those in front bear a higher rate.
        rate = InverseSquareRoot(*((3e-3, 400) if self.norm_position == "pre" else (1e-3, 1000)))
        return keras.optimizers.AdamW(rate, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0)

    def full_evaluation(self, x, y=None, draws=4, seed=0):
        """How well gaps are guessed, over `draws` ways to hide tokens, each with other gaps.

        Returns:
            dict of nats_per_gap, perplexity, accuracy, gaps.
        """
        check_int("draws", draws, minimum=1)
        rng, sums = np.random.default_rng(seed), np.zeros(3)
        costs = backend.compiled(self._summed_costs, self.weights)
        batches = self.batches(x, None, 32)
        for _ in range(draws):
            for i in range(batches.num_batches):
                ids = batches[i][0][CLOZE]
                noise = ops.convert_to_tensor(rng.random((3, *ids.shape), "float32"))
                sums += [float(ops.convert_to_numpy(one)) for one in costs(ops.convert_to_tensor(ids), noise)]
        nats, correct, counted = (float(one) for one in sums)
        figures = {"nats_per_gap": nats / counted, "perplexity": float(perplexity(nats / counted))}
        return {**figures, "accuracy": correct / counted, "gaps": int(counted)}

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def fill_mask(self, text, top=5):
        """What may stand where the mask token is, the likeliest first.

        Args:
            text: str with one or more mask tokens ("[MASK]"); special tokens that it spells are read as such. Without
                a tokenizer a list of ids.
            top: how many candidates, ≥ 1.

        Returns:
            list of (token, probability); a list of such lists, from left to right, where there are several masks.

        Raises:
            ValueError: no mask token in the text, or more tokens than the context has.

        Example:

        >>> import kgen
        >>> model = kgen.models.BERT.from_preset("some-bert")  # doctest: +SKIP
        >>> model.fill_mask("Paris is the [MASK] of France.", top=5)  # doctest: +SKIP
        """
        check_int("top", top, minimum=1)
        row = self._one_row(self.tokenizer.encode(text, allow_special=True) if isinstance(text, str) else text)
        places = np.flatnonzero(row == self.mask_id)
        if not len(places):
            name = self.mask_id if self.tokenizer is None else self.tokenizer.mask_token
            raise ValueError(f"text: expected {name!r} where a word shall be guessed, got {text!r:.80}")
        hidden = self._encoded(ops.convert_to_tensor(row[None]))
        logits = ops.cast(self.readout(ops.take(hidden, ops.convert_to_tensor(places), axis=1)), "float32")
        shares = ops.convert_to_numpy(ops.softmax(logits, axis=-1))[0]
        guesses = []
        for share in shares:
            best = np.argsort(-share, kind="stable")[:top].tolist()
            names = best if self.tokenizer is None else [self.tokenizer.token_of(one) for one in best]
            guesses.append([(name, float(share[one])) for name, one in zip(names, best, strict=True)])
        return guesses[0] if len(guesses) == 1 else guesses

    def readout(self, hidden):
        """Logits, float `(batch, places, vocabulary)`, of hidden states."""
        transformed = self.head(hidden)
        logits = read_out(self.token_embedding, transformed)
        return logits + ops.cast(self.head.bias, logits.dtype)

    def pooled(self, hidden):
        """The start token's hidden states through the pooler, float `(batch, model_dim)`.

        Raises:
            ValueError: the model was made without one.
        """
        if self.pooler_layer is None:
            raise ValueError("pooler: this model was made with pooler=False")
        return self.pooler_layer(hidden[:, 0])

    def choose_trainable(self, freeze=False, pooler=False):
        """As a part of a model that makes no gaps: the head stays as it is, and what else is frozen.

        Args:
            freeze: True for everything, "embeddings" for these, False for nothing more.
            pooler: whether the pooler, if there is one, learns too.
        """
        self.trainable = True
        for layer in (self.token_embedding, self.position_layer, self.segment_embedding, self.embedding_norm):
            if layer is not None:
                layer.trainable = freeze is False
        self.head.trainable = False
        if self.pooler_layer is not None:
            self.pooler_layer.trainable = pooler
        if freeze is True:
            self.trainable = False

    def layer_outputs(self, ids):
        """Hidden states of the embeddings and of each layer, and the scores of each layer, of ids `(batch, length)`."""
        mask, x = ids != self.pad_id, self._embedded(ids)
        states, scores = [x], []
        for block in self._layers_in_turn():
            x, found = block(x, mask=mask, return_attention_scores=True)
            states.append(x)
            scores.append(found)
        if self.final_norm is not None:
            states[-1] = self.final_norm(x)
        return states, scores

    # Inside ----------------------------------------------------------------------------------------------------------

    def _encoded(self, ids, mask=None, segments=None, training=False):
        mask = ids != self.pad_id if mask is None else mask
        x = self._embedded(ids, segments, training)
        for block in self._layers_in_turn():
            x = block(x, mask=mask, training=training)
        return x if self.final_norm is None else self.final_norm(x)

    def _embedded(self, ids, segments=None, training=False):
        length = ids.shape[1]
        if isinstance(length, int) and length > self.context_length:
            raise ValueError(f"ids: expected at most context_length={self.context_length} tokens, got {length}")
        x = self.token_embedding(ids)
        offset = self.position_offset
        x = self.position_layer(x, positions=ops.arange(ops.shape(ids)[1]) + offset if offset else None)
        if self.segment_embedding is not None:
            x = x + self.segment_embedding(ops.zeros_like(ids) if segments is None else segments)
        x = self.embedding_norm(x)
        x = self.drop(x, training=True) if training and self.dropout else x
        return x if self.embedding_projection is None else on_rows(self.embedding_projection, x)

    def _guessing(self, ids, draws, training=False):
        """Hidden states at gaps, and the ids that were there."""
        mask = ids != self.pad_id
        allowed = ops.logical_and(mask, ops.logical_and(ids != self.start_id, ids != self.end_id))
        gapped, places, targets = hide(ids, allowed, draws, self.hidden_share, self.mask_id, self.num_tokens)
        hidden = self._encoded(gapped, mask, training=training)
        return {"hidden": ops.take_along_axis(hidden, places[..., None], axis=1), "targets": targets}

    def _costs(self, guessing):
        """(nats, correct, counted), float32 `(batch, gaps)`."""
        targets = guessing["targets"]
        logits = ops.cast(self.readout(guessing["hidden"]), "float32")
        counted = ops.cast(targets != IGNORED, "float32")
        nats, _ = backend.nats(logits, ops.maximum(targets, 0), everywhere=False)
        correct = ops.cast(ops.cast(ops.argmax(logits, axis=-1), "int32") == targets, "float32")
        return nats * counted, correct, counted

    def _summed_costs(self, ids, draws):
        return tuple(ops.sum(one) for one in self._costs(self._guessing(ids, draws)))

    def _layers_in_turn(self):
        return self.blocks * self.num_layers if self.share_layers else self.blocks

    def _block(self, number):
        return TransformerEncoderBlock(
            self.num_heads,
            4 * self.model_dim if self.feedforward_dim is None else self.feedforward_dim,
            activation=self.activation,
            norm_position=self.norm_position,
            epsilon=self.epsilon,
            dropout=self.dropout,
            attention_dropout=0.0,  # fused kernels have none
            kernel_initializer=_normal(),
            seed=drawn_seed(),
            dtype=self.dtype_policy,
            name=f"block_{number}",
        )

    def _norm(self, name, width):
        norm = layers.LayerNormalization(epsilon=self.epsilon, dtype=self.dtype_policy, name=name)
        norm.build((None, None, width))
        return norm

    def _dense(self, name, units, width, activation=None):
        dense = layers.Dense(units, activation, kernel_initializer=_normal(), dtype=self.dtype_policy, name=name)
        dense.build((None, width))
        return dense


def _normal():
    return keras.initializers.RandomNormal(stddev=INITIAL_SPREAD)

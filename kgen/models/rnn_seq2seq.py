"""Recurrent encoder-decoders, with attention as it began and without.

    H = RNN(source),   s_i = RNN(target_{i-1}, s_{i-1}),   c_i = Attention(s_i, H)
    p(target_i) = softmax(E tanh(W [s_i; c_i]))

The decoder begins where the encoder ended, s_0 = tanh(V h_n). Without attention that state is all it knows of the
source: c_i is left out.

Sutskever et al., Sequence to Sequence Learning with Neural Networks, 2014. Bahdanau et al., Neural Machine Translation
by Jointly Learning to Align and Translate, 2015. Luong et al., Effective Approaches to Attention-based Neural Machine
Translation, 2015.
"""

import keras
from keras import layers
from keras import ops

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.rows import on_rows
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.additive_attention import AdditiveAttention
from kgen.layers.dropout import Dropout
from kgen.layers.multi_head_attention import MultiHeadAttention
from kgen.layers.recurrent import Recurrent
from kgen.models.base_translation import TranslationModel


@keras.saving.register_keras_serializable(package="kgen")
class Seq2SeqRNN(TranslationModel):
    """An encoder-decoder of LSTMs or GRUs: `fit(sources, targets)`, then `generate(source)`.

    The first layer of the decoder looks at the source, and the layers above it read what it saw. It looks after its
    step, as Luong's does, so that training computes all steps of a layer at once.

    Args:
        tokenizer: a tokenizer of kgen for both languages, such as `Seq2SeqRNN.for_data(sources, targets)` trains; None
            for ids in and out, where 0 ends a sequence.
        vocabulary_size: number of tokens; None for the tokenizer's.
        cell: "gru" or "lstm".
        attention: "additive" (Bahdanau's network of one hidden layer), "dot" (scaled dot products of projections), or
            None.
        bidirectional: whether the encoder also reads the source backwards.
        num_layers: layers of the encoder, and as many of the decoder, ≥ 1.
        units: size of the state of each layer and direction, ≥ 1.
        model_dim: width of the embeddings; None for `units`.
        context_length: most tokens of a source and of a target, ≥ 2.
        share_embeddings: whether source and target have one embedding.
        tie_embeddings: whether the matrix that embeds target tokens also reads them out.
        label_smoothing: ε in [0, 1): training aims at (1 - ε) for the true token and ε spread over all.
        scheduled_sampling: probability in [0, 1] that training gives the decoder its own best guess in place of the
            true token before; above 0 each step decodes twice.
        dropout: share to drop of the inputs of each layer and of what is read out, in training, in [0, 1].
        seed: int or None; seeds the weights, the dropout and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`, smoothed in training, in nats for each token, and `perplexity`, which is
    not; `evaluate(sources, targets, full=True)` translates, and measures BLEU and chrF.

    A call maps a dict of "source" and "target", ids int32 `(batch, length)` each, to hidden states
    `(batch, target length, model_dim)`; `readout` maps those to logits.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> words, numbers = ["one two", "two one", "one one"] * 8, ["1 2", "2 1", "1 1"] * 8
    >>> model = kgen.models.Seq2SeqRNN.for_data(words, numbers, vocabulary_size=280, cell="lstm", units=16, seed=1)
    >>> model.compile()
    >>> history = model.fit(words, numbers, epochs=1, verbose=0)
    >>> translation = model.generate("two two", max_new_tokens=5)

    Reference: see the top of this file. Scheduled sampling: Bengio et al., 2015; in two passes: Duckworth et al.,
    Parallel Scheduled Sampling, 2019.
    """

    xla_pays_on_cpu = False
    can_go_back = False

    def __init__(
        self,
        tokenizer=None,
        vocabulary_size=None,
        cell="gru",
        attention="additive",
        bidirectional=True,
        num_layers=1,
        units=256,
        model_dim=None,
        context_length=256,
        share_embeddings=True,
        tie_embeddings=True,
        label_smoothing=0.0,
        scheduled_sampling=0.0,
        dropout=0.2,
        seed=None,
        **kwargs,
    ):
        check_in("cell", cell, ("gru", "lstm"))
        check_in("attention", attention, ("additive", "dot", None))
        check_in("bidirectional", bidirectional, (True, False))
        check_int("num_layers", num_layers, minimum=1)
        check_int("units", units, minimum=1)
        if model_dim is not None:
            check_int("model_dim", model_dim, minimum=1)
        check_number("scheduled_sampling", scheduled_sampling, minimum=0.0, maximum=1.0)
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(tokenizer, vocabulary_size, context_length, label_smoothing, seed, **kwargs)
        self.cell = cell
        self.attention_kind = attention
        self.bidirectional = bidirectional
        self.num_layers = num_layers
        self.units = units
        self.model_dim = model_dim
        self.share_embeddings = share_embeddings
        self.tie_embeddings = tie_embeddings
        self.scheduled_sampling = scheduled_sampling
        self.dropout = dropout

        self._width, self._memory_dim = model_dim or units, units * (2 if bidirectional else 1)
        # What the layers above the first, and the readout, get beside the state below.
        seen = {"additive": self._memory_dim, "dot": units, None: 0}[attention]
        with seeded(seed):
            self.token_embedding = self._embedding("token_embedding", self._width, tie_embeddings)
            self.source_embedding = self.token_embedding
            if not share_embeddings:
                self.source_embedding = self._embedding("source_embedding", self._width, tie=True)
            self.encoder_layers, self.bridges, self.decoder_layers = [], [], []
            for i in range(1, num_layers + 1):
                below = self._width if i == 1 else self._memory_dim
                self.encoder_layers.append(self._recurrent(f"encoder_{i}", below, bidirectional=bidirectional))
                # h and, of an LSTM, c.
                self.bridges.append(
                    [self._dense(f"bridge_{i}_{part}", units, self._memory_dim) for part in self._parts]
                )
                below = self._width if i == 1 else units + seen
                self.decoder_layers.append(self._recurrent(f"decoder_{i}", below))
            self.attention_layer = None
            if attention is not None:
                self.attention_layer = self._attention_layer()
                self.attention_layer.build((None, None, units), (None, None, self._memory_dim))
            self.combine = self._dense("combine", self._width, units + seen)
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=self.dtype_policy, name="dropout")
            self.sampling_seed = keras.random.SeedGenerator(drawn_seed())
        self.built = True

    def call(self, inputs, training=False):
        """Hidden states, float `(batch, target length, model_dim)`, of {"source", "target"}, ids int32."""
        memory, mask, *state = self.encode(inputs["source"], training=training)
        states, target = self._by_layer(state), inputs["target"]
        cache = self._look_at(memory)
        if training and self.scheduled_sampling:
            guessed = self.readout(self._decoded(target, states, cache, mask, training=True)[0])
            target = self._partly_guessed(target, ops.cast(ops.argmax(guessed, axis=-1), target.dtype))
        return self._decoded(target, states, cache, mask, training=training)[0]

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor((*inputs["target"].shape, self._width), dtype=self.compute_dtype)

    def encode(self, source, training=False):
        """All h of the last layer, where there is something, and the states that the decoder begins with."""
        mask = self.source_mask(source)
        x, states = self._embedded(self.source_embedding, source), []
        for layer, bridges in zip(self.encoder_layers, self.bridges, strict=True):
            x, state = layer(x, mask=mask, training=training)
            parts = len(bridges)  # forwards (h, c) and then backwards
            for i, bridge in enumerate(bridges):
                states.append(ops.tanh(bridge(ops.concatenate(state[i::parts], axis=-1))))
        return x, mask, *states

    def default_optimizer(self):
        return keras.optimizers.Adam(2e-3, global_clipnorm=1.0)

    def cross_attention(self, source, target):
        """Scores of the attention to the source, `(1, 1, target length, source length)`."""
        if self.attention_layer is None:
            raise ValueError("attention: this model was made with attention=None; it does not look at the source")
        memory, mask, *state = self.encode(source)
        x, _ = self.decoder_layers[0](
            self._embedded(self.token_embedding, target), initial_state=self._by_layer(state)[0]
        )
        _, scores = self.attention_layer(x, memory, mask=mask, return_attention_scores=True)
        return ops.reshape(scores, (1, 1, *scores.shape[-2:]))

    def get_config(self):
        # `attention` is a verb of the model, so the argument lies under another name.
        return {**super().get_config(), "attention": self.attention_kind}

    # For the decoding loop -------------------------------------------------------------------------------------------

    def make_cache(self, batch, length, memory, mask, *state):
        """The states before the first token, and what attention needs of the source; nothing grows with the text."""
        return {"states": self._by_layer(state), "fixed": {"memory": self._look_at(memory), "mask": mask}}

    def decode_step(self, ids, cache, index, padding):
        """Hidden states of the next ids, and the states after them."""
        fixed = cache["fixed"]
        hidden, states = self._decoded(ids, cache["states"], fixed["memory"], fixed["mask"])
        return hidden, {"states": states, "fixed": fixed}

    # Inside ----------------------------------------------------------------------------------------------------------

    @property
    def _parts(self):
        return ("h", "c") if self.cell == "lstm" else ("h",)

    def _by_layer(self, state):
        """A flat list of tensors as a tuple for each layer."""
        parts = len(self._parts)
        return [tuple(state[i : i + parts]) for i in range(0, len(state), parts)]

    def _look_at(self, memory):
        """What all looks at the source have in common; an empty dict without attention."""
        return {} if self.attention_layer is None else self.attention_layer.make_cross_cache(memory)

    def _decoded(self, ids, states, memory, mask, training=False):
        """Hidden states and, layer by layer, the states after them."""
        x, after = self._embedded(self.token_embedding, ids), []
        for i, (layer, state) in enumerate(zip(self.decoder_layers, states, strict=True)):
            x, state = layer(x, initial_state=state, training=training)
            after.append(state)
            if i == 0 and self.attention_layer is not None:
                seen, _ = self.attention_layer(x, mask=mask, cache=memory)
            if self.attention_layer is not None:
                x = ops.concatenate([x, seen], axis=-1)
        if training and self.dropout:
            x = self.drop(x, training=True)
        return ops.tanh(on_rows(self.combine, x)), after

    def _partly_guessed(self, target, guessed):
        """The target, some of its tokens but the first replaced by what the model expected in their place."""
        shape = ops.shape(target)
        replaced = keras.random.uniform((shape[0], shape[1] - 1), seed=self.sampling_seed) < self.scheduled_sampling
        return ops.concatenate([target[:, :1], ops.where(replaced, guessed[:, :-1], target[:, 1:])], axis=1)

    def _recurrent(self, name, below, **options):
        layer = Recurrent(
            self.units,
            self.cell,
            dropout=self.dropout,
            seed=drawn_seed(),
            dtype=self.dtype_policy,
            name=name,
            **options,
        )
        layer.build((None, None, below))
        return layer

    def _dense(self, name, units, below):
        layer = layers.Dense(units, dtype=self.dtype_policy, name=name)
        layer.build((None, below))
        return layer

    def _attention_layer(self):
        if self.attention_kind == "additive":
            return AdditiveAttention(self.units, dtype=self.dtype_policy, name="attention")
        return MultiHeadAttention(1, head_dim=self.units, dtype=self.dtype_policy, name="attention")

    def _embedded(self, embedding, ids):
        return embedding(ids) * self._width**0.5

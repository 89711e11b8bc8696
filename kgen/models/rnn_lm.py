"""A recurrent language model: a state that remembers what was read instead of looking back at it.

    h_i = RNN(token_i, h_{i-1}),   p(token_{i+1} | token_1 … token_i) = softmax(E h_i)

Mikolov et al., Recurrent Neural Network Based Language Model, 2010.
"""

import keras
from keras import layers

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.masks import padding_mask
from kgen.functional.rows import on_rows
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.dropout import Dropout
from kgen.layers.recurrent import Recurrent
from kgen.models.base_answering import AnsweringModel


@keras.saving.register_keras_serializable(package="kgen")
class RNNLanguageModel(AnsweringModel):
    """Layers of LSTMs or GRUs that learn each token from those before it: `fit(texts)`, then `generate(prompt)`.

    It takes what `GPT` takes and does what `GPT` does. Training cuts texts into windows of `context_length` tokens, and
    reads each from an empty state. Writing has no such limit: the state goes on, in memory that does not grow.

    Args:
        tokenizer: a tokenizer of kgen, such as `RNNLanguageModel.for_data(texts)` trains; None for ids in and out.
        vocabulary_size: number of tokens; None for the tokenizer's.
        cell: "lstm" or "gru".
        context_length: tokens that training looks at together, ≥ 2.
        num_layers: integer ≥ 1.
        units: size of the state of each layer, ≥ 1.
        model_dim: width of the embeddings; None for `units`. Where they differ, a dense layer leads from one to the
            other before the tokens are read out.
        tie_embeddings: whether the matrix that embeds tokens also reads them out.
        dropout: share to drop of the inputs of each layer and of the last one's outputs, in training, in [0, 1].
        chat_template: dict of the mark before what "system", "user" and "assistant" say; None until the first
            `fit(conversations)` takes those of `kgen.prompts.chat_template`.
        seed: int or None; seeds the weights, the dropout and the order of the data.

    Metrics in `fit` and `evaluate`: `loss` (nats for each token), `perplexity` (its exponential) and, with a tokenizer
    that loses nothing, `nats_per_character`.

    A call maps ids int32 `(batch, length)` to hidden states `(batch, length, model_dim)`; `readout` maps those to
    logits, `logits(text)` does both.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> text = "the cat sat on the mat. " * 50
    >>> model = kgen.models.RNNLanguageModel.for_data(text, context_length=16, num_layers=1, units=16, seed=1)
    >>> model.compile()
    >>> history = model.fit(text, epochs=1, verbose=0)
    >>> text = model.generate("the cat", max_new_tokens=5, seed=1)

    Reference: dropout and the stack: Zaremba et al., Recurrent Neural Network Regularization, 2014. Tied embeddings:
    Press and Wolf, Using the Output Embedding to Improve Language Models, 2017.
    """

    xla_pays_on_cpu = False  # TensorFlow's own loop uses both cores: 111 against 141 ms a step, and compiles at once
    can_go_back = False

    def __init__(
        self,
        tokenizer=None,
        vocabulary_size=None,
        cell="lstm",
        context_length=256,
        num_layers=2,
        units=512,
        model_dim=None,
        tie_embeddings=True,
        dropout=0.0,
        chat_template=None,
        seed=None,
        **kwargs,
    ):
        check_in("cell", cell, ("lstm", "gru"))
        check_int("num_layers", num_layers, minimum=1)
        check_int("units", units, minimum=1)
        if model_dim is not None:
            check_int("model_dim", model_dim, minimum=1)
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(tokenizer, vocabulary_size, context_length, chat_template, seed, **kwargs)
        self.cell = cell
        self.num_layers = num_layers
        self.units = units
        self.model_dim = model_dim
        self.tie_embeddings = tie_embeddings
        self.dropout = dropout

        policy, self._width = self.dtype_policy, model_dim or units
        with seeded(seed):
            self.token_embedding = self._embedding("token_embedding", self._width, tie_embeddings)
            self.recurrent_layers = [
                Recurrent(units, cell, dropout=dropout, seed=drawn_seed(), dtype=policy, name=f"recurrent_{i}")
                for i in range(1, num_layers + 1)
            ]
            for i, layer in enumerate(self.recurrent_layers):
                layer.build((None, None, units if i else self._width))
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=policy, name="dropout")
            self.output_projection = None
            if self._width != units:
                self.output_projection = layers.Dense(self._width, dtype=policy, name="output_projection")
                self.output_projection.build((None, units))
        self.built = True

    def call(self, ids, training=False):
        """Hidden states, float `(batch, length, model_dim)`, of ids int32 `(batch, length)`."""
        return self._read(ids, [None] * self.num_layers, training=training)[0]

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor((*ids.shape, self._width), dtype=self.compute_dtype)

    def default_optimizer(self):
        return keras.optimizers.Adam(2e-3, beta_2=0.99, global_clipnorm=1.0)

    # For the decoding loop -------------------------------------------------------------------------------------------

    def make_cache(self, batch, length):
        """The state before the first token; a longer text takes no more room."""
        return [layer.make_state(batch) for layer in self.recurrent_layers]

    def decode_step(self, ids, cache, index, padding):
        """Hidden states of ids that stand at `index` and behind, and the state after them."""
        return self._read(ids, cache, mask=padding_mask(ids.shape[1], start=padding - index))

    def _read(self, ids, states, mask=None, training=False):
        x, after = self.token_embedding(ids) * self._width**0.5, []
        for layer, state in zip(self.recurrent_layers, states, strict=True):
            x, state = layer(x, initial_state=state, mask=mask, training=training)
            after.append(state)
        if training and self.dropout:
            x = self.drop(x, training=True)
        return x if self.output_projection is None else on_rows(self.output_projection, x), after

"""GPT: a stack of decoder blocks that learns each token from those before it.

    p(text) = Π p(token_i | token_1 … token_{i-1})

Radford et al., Improving Language Understanding by Generative Pre-Training, 2018; GPT-2: Language Models are
Unsupervised Multitask Learners, 2019.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.functional.checkpointing import checkpointed
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.masks import padding_mask
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.dropout import Dropout
from kgen.layers.learned_positions import LearnedPositions
from kgen.layers.sinusoidal import SinusoidalPositions
from kgen.layers.transformer_decoder import TransformerDecoderBlock
from kgen.models.base import exclusive
from kgen.models.base_answering import AnsweringModel

ROTARY_BASE = 10_000.0
INITIAL_SPREAD = 0.02  # of all weights, as in GPT-2


@keras.saving.register_keras_serializable(package="kgen")
class GPT(AnsweringModel):
    """Generative pre-trained Transformer: `fit(texts)`, then `generate(prompt)`.

    `fit` takes a string, several, what `kgen.datasets.text_files` returns, the path of a text or token file, ids, or
    batches of any of these. Text is packed into windows of `context_length` tokens without padding; with shuffling they
    begin anywhere, and an epoch draws as many as lie side by side in the text.

    `fit(prompts, answers)` reads the prompts and learns only the answers, which `generate(prompt)` then writes;
    `fit(conversations)` learns what the assistant says in lists of `{"role": "user", "content": "…"}`, and
    `chat(messages)` goes on with one. `enable_lora(rank)` fine-tunes with adapters. Int8 weights and 16 bits are
    Keras's own: `model.quantize("int8")`, and `dtype="mixed_bfloat16"` or `"bfloat16"`.

    Args:
        tokenizer: a tokenizer of kgen; None where ids go in and come out. `GPT.for_data(texts)` trains one.
        vocabulary_size: number of tokens; None for the tokenizer's.
        context_length: tokens that the model sees together, ≥ 2.
        num_layers, num_heads: integers ≥ 1.
        model_dim: width of the model, a multiple of `num_heads`.
        feedforward_dim: width inside the feed-forward layers; None for 4 · `model_dim`.
        num_key_value_heads: a divisor of `num_heads` for grouped queries, or None.
        activation: "gelu", "gelu_tanh", "relu", "swiglu" or "geglu"; see `kgen.layers.FeedForward`.
        normalization: "layer" or "rms".
        positions: "learned", "sinusoidal" or "rotary".
        use_bias: whether dense layers and LayerNorm have biases.
        tie_embeddings: whether the matrix that embeds tokens also reads them out.
        dropout: share to drop of the embeddings and of what each layer adds, in training, in [0, 1].
        gradient_checkpointing: whether training computes each block twice instead of keeping what is inside: less
            memory, a third more time.
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
    >>> model = kgen.models.GPT.for_data(text, context_length=16, num_layers=1, num_heads=2, model_dim=16, seed=1)
    >>> model.compile()
    >>> history = model.fit(text, epochs=1, verbose=0)
    >>> text = model.generate("the cat", max_new_tokens=5, seed=1)
    """

    def __init__(
        self,
        tokenizer=None,
        vocabulary_size=None,
        context_length=256,
        num_layers=6,
        num_heads=6,
        model_dim=384,
        feedforward_dim=None,
        num_key_value_heads=None,
        activation="gelu",
        normalization="layer",
        positions="learned",
        use_bias=True,
        tie_embeddings=True,
        dropout=0.0,
        gradient_checkpointing=False,
        chat_template=None,
        seed=None,
        **kwargs,
    ):
        check_int("num_layers", num_layers, minimum=1)
        check_int("num_heads", num_heads, minimum=1)
        check_int("model_dim", model_dim, minimum=1)
        if model_dim % num_heads:
            raise ValueError(f"model_dim: expected a multiple of num_heads={num_heads}, got {model_dim}")
        check_in("positions", positions, ("learned", "sinusoidal", "rotary"))
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(tokenizer, vocabulary_size, context_length, chat_template, seed, **kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.model_dim = model_dim
        self.feedforward_dim = feedforward_dim
        self.num_key_value_heads = num_key_value_heads
        self.activation = activation
        self.normalization = normalization
        self.positions = positions
        self.use_bias = use_bias
        self.tie_embeddings = tie_embeddings
        self.dropout = dropout
        self.gradient_checkpointing = gradient_checkpointing
        self.limit = context_length

        policy, stream = self.dtype_policy, (None, None, model_dim)
        with seeded(seed):
            self.token_embedding = layers.ReversibleEmbedding(
                self.num_tokens,
                model_dim,
                tie_weights=tie_embeddings,
                embeddings_initializer=_normal(),
                dtype=policy,
                name="token_embedding",
            )
            self.token_embedding.build((None, None))
            self.position_layer = None
            if positions == "learned":
                self.position_layer = LearnedPositions(context_length, _normal(), dtype=policy, name="positions")
            elif positions == "sinusoidal":
                self.position_layer = SinusoidalPositions(dtype=policy, name="positions")
            if self.position_layer is not None:
                self.position_layer.build(stream)
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=policy, name="dropout")
            self.blocks = [
                TransformerDecoderBlock(
                    num_heads,
                    4 * model_dim if feedforward_dim is None else feedforward_dim,
                    num_key_value_heads=num_key_value_heads,
                    activation=activation,
                    normalization=normalization,
                    use_bias=use_bias,
                    rotary=ROTARY_BASE if positions == "rotary" else None,
                    dropout=dropout,
                    attention_dropout=0.0,  # fused kernels have none
                    kernel_initializer=_normal(),
                    output_initializer=_normal(INITIAL_SPREAD / (2 * num_layers) ** 0.5),
                    seed=drawn_seed(),
                    dtype=policy,
                    name=f"block_{i}",
                )
                for i in range(1, num_layers + 1)
            ]
            for block in self.blocks:
                block.build(stream)
            norm = layers.RMSNormalization if normalization == "rms" else layers.LayerNormalization
            options = {} if normalization == "rms" else {"center": use_bias}
            self.final_norm = norm(epsilon=1e-5, dtype=policy, name="final_norm", **options)
            self.final_norm.build(stream)
        self.built = True

    def call(self, ids, training=False):
        """Hidden states, float `(batch, length, model_dim)`, of ids int32 `(batch, length)`."""
        if isinstance(ids.shape[1], int) and ids.shape[1] > self.context_length:
            raise ValueError(f"ids: expected at most context_length={self.context_length} tokens, got {ids.shape[1]}")
        x = self._embedded(ids)
        if training and self.dropout:
            x = self.drop(x, training=True)
        for block in self.blocks:
            if training and self.gradient_checkpointing:
                x = checkpointed(block, x, training=True)
            else:
                x = block(x, training=training)
        return self.final_norm(x)

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor((*ids.shape, self.model_dim), dtype=self.compute_dtype)

    @exclusive
    def attention(self, x):
        """Who looks at whom: float32 `(layers, heads, length, length)` for a text or ids `(length,)`.

        Rows are the tokens that look, columns those that are looked at; each row sums to 1. See
        `kgen.plots.attention_map`.
        """
        ids = self.tokenizer.encode(x) if isinstance(x, str) else list(x)
        if not 1 <= len(ids) <= self.context_length:
            raise ValueError(f"x: expected 1 to {self.context_length} tokens, got {len(ids)}")
        x, scores = self._embedded(ops.convert_to_tensor(np.asarray([ids], "int32"))), []
        for block in self.blocks:
            x, found = block(x, return_attention_scores=True)
            scores.append(ops.convert_to_numpy(found["self"])[0])
        return np.stack(scores)

    # For the decoding loop -------------------------------------------------------------------------------------------

    def make_cache(self, batch, length):
        """An empty cache of `length` places for `batch` rows."""
        return [block.make_cache(batch, length) for block in self.blocks]

    def decode_step(self, ids, cache, index, padding):
        """Hidden states of ids that stand at `index` and behind, and the cache with their keys and values."""
        positions = ops.reshape(index, (-1, 1)) + ops.arange(ids.shape[1], dtype="int32") - padding[:, None]
        positions = ops.maximum(positions, 0)
        mask = padding_mask(cache[0]["self"]["key"].shape[2], start=padding)
        x, caches = self._embedded(ids, positions), []
        for block, kept in zip(self.blocks, cache, strict=True):
            x, kept = block(x, mask=mask, positions=positions, cache=kept, cache_index=index)
            caches.append(kept)
        return self.final_norm(x), caches

    def _embedded(self, ids, positions=None):
        x = self.token_embedding(ids)
        return x if self.position_layer is None else self.position_layer(x, positions=positions)


def _normal(spread=INITIAL_SPREAD):
    return keras.initializers.RandomNormal(stddev=spread)

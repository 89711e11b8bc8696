"""The original Transformer: an encoder that reads a text as a whole, a decoder that writes another one.

    memory = Encoder(source),   h_i = Decoder(target_1 … target_{i-1}, memory),   p(target_i) = softmax(E h_i)

Vaswani et al., Attention Is All You Need, 2017.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.dropout import Dropout
from kgen.layers.sinusoidal import SinusoidalPositions
from kgen.layers.transformer_decoder import TransformerDecoderBlock
from kgen.layers.transformer_encoder import TransformerEncoderBlock
from kgen.models.base import exclusive
from kgen.models.base_translation import TranslationModel
from kgen.training.warm_up import InverseSquareRoot


@keras.saving.register_keras_serializable(package="kgen")
class TransformerSeq2Seq(TranslationModel):
    """An encoder-decoder of attention: `fit(sources, targets)`, then `generate(source)`.

    The sizes are for small data on any machine; the paper's base model has 6 layers of 512 with 8 heads and
    `feedforward_dim=2048`, and `norm_position="post"`.

    Args:
        tokenizer: a tokenizer of kgen for both languages, such as `TransformerSeq2Seq.for_data(sources, targets)`
            trains; None for ids in and out, where 0 ends a sequence.
        vocabulary_size: number of tokens; None for the tokenizer's.
        num_layers: blocks of the encoder, and as many of the decoder, ≥ 1.
        num_heads: heads of each attention, ≥ 1.
        model_dim: width, a multiple of `num_heads`.
        feedforward_dim: width inside the feed-forward layers; None for twice `model_dim`.
        context_length: most tokens of a source and of a target, ≥ 2.
        activation: "relu", "gelu", "swiglu", …; see `kgen.layers.FeedForward`.
        norm_position: "pre" or "post", see `kgen.layers.TransformerEncoderBlock`.
        share_embeddings: whether source and target have one embedding.
        tie_embeddings: whether the matrix that embeds target tokens also reads them out.
        label_smoothing: ε in [0, 1): training aims at (1 - ε) for the true token and ε spread over all.
        dropout: share to drop of the embeddings and of what each layer adds, in training, in [0, 1].
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
    >>> model = kgen.models.TransformerSeq2Seq.for_data(
    ...     words, numbers, vocabulary_size=280, num_layers=1, num_heads=2, model_dim=16, seed=1
    ... )
    >>> model.compile()
    >>> history = model.fit(words, numbers, epochs=1, verbose=0)
    >>> translation = model.generate("two two", max_new_tokens=5)

    Reference: Vaswani et al., Attention Is All You Need, 2017. Label smoothing: section 5.4. Tied embeddings: Press and
    Wolf, Using the Output Embedding to Improve Language Models, 2017.
    """

    def __init__(
        self,
        tokenizer=None,
        vocabulary_size=None,
        num_layers=4,
        num_heads=4,
        model_dim=128,
        feedforward_dim=None,
        context_length=256,
        activation="relu",
        norm_position="pre",
        share_embeddings=True,
        tie_embeddings=True,
        label_smoothing=0.1,
        dropout=0.1,
        seed=None,
        **kwargs,
    ):
        check_int("num_layers", num_layers, minimum=1)
        check_int("num_heads", num_heads, minimum=1)
        check_int("model_dim", model_dim, minimum=1)
        if model_dim % num_heads:
            raise ValueError(f"model_dim: expected a multiple of num_heads={num_heads}, got {model_dim}")
        check_in("norm_position", norm_position, ("pre", "post"))
        check_number("dropout", dropout, minimum=0.0, maximum=1.0)
        super().__init__(tokenizer, vocabulary_size, context_length, label_smoothing, seed, **kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.model_dim = model_dim
        self.feedforward_dim = feedforward_dim
        self.activation = activation
        self.norm_position = norm_position
        self.share_embeddings = share_embeddings
        self.tie_embeddings = tie_embeddings
        self.dropout = dropout

        policy, stream = self.dtype_policy, (None, None, model_dim)
        with seeded(seed):
            self.token_embedding = self._embedding("token_embedding", model_dim, tie_embeddings)
            self.source_embedding = self.token_embedding
            if not share_embeddings:
                self.source_embedding = self._embedding("source_embedding", model_dim, tie=True)
            self.position_layer = SinusoidalPositions(dtype=policy, name="positions")
            self.position_layer.build(stream)
            self.drop = Dropout(dropout, seed=drawn_seed(), dtype=policy, name="dropout")
            self.encoder_blocks = [
                self._block(TransformerEncoderBlock, f"encoder_block_{i}") for i in range(1, num_layers + 1)
            ]
            self.decoder_blocks = [
                self._block(TransformerDecoderBlock, f"decoder_block_{i}", cross_attention=True)
                for i in range(1, num_layers + 1)
            ]
            for block in self.encoder_blocks:
                block.build(stream)
            for block in self.decoder_blocks:
                block.build(stream, stream)
            self.encoder_norm, self.decoder_norm = (
                self._final_norm(name) if norm_position == "pre" else None for name in ("encoder_norm", "decoder_norm")
            )
        self.built = True

    def call(self, inputs, training=False):
        """Hidden states, float `(batch, target length, model_dim)`, of {"source", "target"}, ids int32."""
        memory, mask = self.encode(inputs["source"], training=training)
        x = self._embedded(self.token_embedding, inputs["target"], training=training)
        for block in self.decoder_blocks:
            x = block(x, memory, memory_mask=mask, training=training)
        return self._normalized(self.decoder_norm, x)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor((*inputs["target"].shape, self.model_dim), dtype=self.compute_dtype)

    def encode(self, source, training=False):
        """What the decoder looks at, float `(batch, length, model_dim)`, and where there is something, bool."""
        mask = self.source_mask(source)
        x = self._embedded(self.source_embedding, source, training=training)
        for block in self.encoder_blocks:
            x = block(x, mask=mask, training=training)
        return self._normalized(self.encoder_norm, x), mask

    def default_optimizer(self):
        # Norms in front of the layers bear a high rate soon; behind them they want the paper's long warm-up.
        rate = InverseSquareRoot(*((3e-3, 400) if self.norm_position == "pre" else (1e-3, 1000)))
        return keras.optimizers.Adam(rate, beta_2=0.98, epsilon=1e-9, global_clipnorm=1.0)

    def cross_attention(self, source, target):
        """Scores of each block's attention to the source, `(layers, heads, target length, source length)`."""
        memory, mask = self.encode(source)
        x, scores = self._embedded(self.token_embedding, target), []
        for block in self.decoder_blocks:
            x, found = block(x, memory, memory_mask=mask, return_attention_scores=True)
            scores.append(found["cross"][0])
        return ops.stack(scores)

    @exclusive
    def self_attention(self, source):
        """Who looks at whom while the source is read: float32 `(layers, heads, tokens, tokens)` for a text or ids.

        Rows are the tokens that look, columns those that are looked at; each row sums to 1. `source_tokens(source)`
        labels both.
        """
        x, scores = self._embedded(self.source_embedding, ops.convert_to_tensor(self.one_source(source)[None])), []
        for block in self.encoder_blocks:
            x, found = block(x, return_attention_scores=True)
            scores.append(ops.convert_to_numpy(ops.cast(found, "float32"))[0])
        return np.stack(scores)

    # For the decoding loop -------------------------------------------------------------------------------------------

    def make_cache(self, batch, length, memory, mask):
        """Room for `length` keys and values in each block, and those of the source."""
        caches = [block.make_cache(batch, length, memory) for block in self.decoder_blocks]
        fixed = {"cross": [cache["cross"] for cache in caches], "mask": mask}
        return {"self": [cache["self"] for cache in caches], "fixed": fixed}

    def decode_step(self, ids, cache, index, padding):
        """Hidden states of ids that stand at `index` and behind, and the cache with their keys and values."""
        positions = ops.reshape(index, (-1, 1)) + ops.arange(ids.shape[1], dtype="int32")
        x, fixed, kept = self._embedded(self.token_embedding, ids, positions), cache["fixed"], []
        for block, own, cross in zip(self.decoder_blocks, cache["self"], fixed["cross"], strict=True):
            both = {"self": own, "cross": cross}
            x, both = block(x, memory_mask=fixed["mask"], cache=both, cache_index=index)
            kept.append(both["self"])
        return self._normalized(self.decoder_norm, x), {"self": kept, "fixed": fixed}

    # Inside ----------------------------------------------------------------------------------------------------------

    def _block(self, kind, name, **options):
        return kind(
            self.num_heads,
            2 * self.model_dim if self.feedforward_dim is None else self.feedforward_dim,
            activation=self.activation,
            norm_position=self.norm_position,
            dropout=self.dropout,
            attention_dropout=0.0,  # fused kernels have none
            seed=drawn_seed(),
            dtype=self.dtype_policy,
            name=name,
            **options,
        )

    def _final_norm(self, name):
        norm = layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name=name)
        norm.build((None, None, self.model_dim))
        return norm

    def _embedded(self, embedding, ids, positions=None, training=False):
        x = self.position_layer(embedding(ids) * self.model_dim**0.5, positions=positions)
        return self.drop(x, training=True) if training and self.dropout else x

    @staticmethod
    def _normalized(norm, x):
        return x if norm is None else norm(x)

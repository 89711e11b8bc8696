"""A diffusion network that is told in words."""

import keras
from keras import ops

from kgen.layers.learned_positions import LearnedPositions
from kgen.layers.transformer_encoder import TransformerEncoderBlock


@keras.saving.register_keras_serializable(package="kgen")
class CaptionedNetwork(keras.Layer):
    """Called with captions: a Transformer reads them, and the network attends to what it makes of each word.

    Before the first word stands a learned vector, which is there even where nothing is said; what becomes of it is the
    condition of the network as a whole.

    Args:
        network: a `UNet`, a `DiffusionTransformer` or what is called like them.
        vocabulary_size: int ≥ 1.
        length: most words of a caption.
        dim: width of the Transformer, divisible by 4.
        num_layers: its blocks, ≥ 0.

    Call arguments:
        inputs: float tensor `(batch, …)`.
        time: numbers `(batch,)`.
        words: integers `(batch, length)`: 1 + the id of each token, 0 behind the last.
        training: bool.
    """

    def __init__(self, network, vocabulary_size, length, dim=128, num_layers=2, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.vocabulary_size = vocabulary_size
        self.length = length
        self.dim = dim
        self.num_layers = num_layers
        dtype = self.dtype_policy
        # Row 0 is the vector before the first word.
        self.embedding = keras.layers.Embedding(vocabulary_size + 1, dim, dtype=dtype, name="embedding")
        self.positions = LearnedPositions(length + 1, dtype=dtype, name="positions")
        self.blocks = [
            TransformerEncoderBlock(4, 4 * dim, dtype=dtype, name=f"block_{i}") for i in range(1, num_layers + 1)
        ]
        self.normalize = keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype, name="normalize")

    def build(self, inputs_shape, time_shape, words_shape):
        read = (None, self.length + 1, self.dim)
        self.embedding.build((None, self.length + 1))
        for part in (self.positions, *self.blocks, self.normalize):
            part.build(read)
        self.network.build(inputs_shape, time_shape, (None, self.dim), read)
        self.built = True

    def call(self, inputs, time, words, training=False):
        words = ops.pad(ops.cast(words, "int32"), ((0, 0), (1, 0)))
        there = ops.logical_or(words > 0, ops.arange(self.length + 1) == 0)
        x = self.positions(self.embedding(words))
        for block in self.blocks:
            x = block(x, mask=there, training=training)
        x = self.normalize(x)
        options = {"context": x, "context_mask": there, "training": training}
        return self.network(inputs, time, condition=x[:, 0], **options)

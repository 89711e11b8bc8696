"""What stands between hidden states and the embeddings that read them out, in models that guess hidden tokens."""

from keras import layers

from kgen.functional.rows import on_rows
from kgen.layers.feed_forward import ACTIVATIONS


class ClozeHead(layers.Layer):
    """Norm(f(x W + b)), and a bias for each token, `bias`, which whoever reads out adds.

    Args:
        width: of the embeddings.
        num_tokens: size of the vocabulary.
        activation: f, a name of `kgen.layers.feed_forward.ACTIVATIONS`.
        epsilon: of the normalization.
        kernel_initializer: of W.
    """

    def __init__(self, width, num_tokens, activation, epsilon, kernel_initializer, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens
        self.activation = ACTIVATIONS[activation]
        self.transform = layers.Dense(
            width, kernel_initializer=kernel_initializer, dtype=self.dtype_policy, name="transform"
        )
        self.norm = layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy, name="norm")

    def build(self, inputs_shape):
        self.transform.build(inputs_shape)
        self.norm.build((*inputs_shape[:-1], self.transform.units))
        self.bias = self.add_weight(name="bias", shape=(self.num_tokens,), initializer="zeros")
        self.built = True

    def call(self, hidden):
        return self.norm(self.activation(on_rows(self.transform, hidden)))

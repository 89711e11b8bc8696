"""Logits from hidden states by the matrix that embeds tokens; one of eight bits is fast, or has a gradient."""

from keras import ops

from kgen import backend
from kgen.functional import eight_bits
from kgen.functional.rows import on_rows


def read_out(embedding, hidden):
    """Logits, float `(batch, …, vocabulary)`, of hidden states `(batch, …, dim)`.

    Keras's own int8 product rounds the hidden states, through which no gradient leads: adapters below it would learn
    nothing. As in its dense layers, the gradient is taken to be that of the matrix without rounding.

    Args:
        embedding: a built `keras.layers.ReversibleEmbedding`.
        hidden: floats.
    """
    if embedding.quantization_mode != "int8":
        return on_rows(lambda rows: embedding(rows, reverse=True), hidden)
    if embedding.tie_weights:
        matrix, scale = ops.transpose(embedding._embeddings), ops.transpose(embedding.embeddings_scale)
        turned = backend.turned_matrix(embedding._embeddings)
        if turned is not None and embedding.logit_soft_cap is None:
            return on_rows(lambda rows: eight_bits.product(rows, turned, scale), hidden)
    else:
        matrix, scale = embedding.reverse_embeddings, embedding.reverse_embeddings_scale

    @ops.custom_gradient
    def product(rows, matrix, scale):
        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            floats = ops.divide(ops.cast(matrix, upstream.dtype), ops.cast(scale, upstream.dtype))
            return ops.matmul(upstream, ops.transpose(floats)), None, None

        return embedding(rows, reverse=True), gradient

    return on_rows(lambda rows: product(rows, ops.convert_to_tensor(matrix), ops.convert_to_tensor(scale)), hidden)

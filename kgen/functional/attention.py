"""Scaled dot-product attention, in two ways that agree.

    attention(Q, K, V) = softmax(Q Kᵀ · scale + bias) V,  scale = 1 / √d_k

`fused_attention` asks Keras for the backend's own kernel, which never writes the scores to memory. `explicit_attention`
computes them, for those who want to look at them or to drop some out.

Queries are `(batch, heads, queries, dim)`, keys and values `(batch, key_value_heads, keys, dim)`; query heads share
keys in groups of heads / key_value_heads neighbours. The softmax is taken in float32. A query that may attend to
nothing gets the mean of all values: never NaN.

Vaswani et al., Attention Is All You Need, 2017, section 3.2. Groups: Ainslie et al., GQA, 2023.
"""

import keras
from keras import ops

from kgen import backend
from kgen.functional.masks import causal_mask
from kgen.functional.masks import combine_masks

FORBIDDEN = -1e30  # in float32: exp(FORBIDDEN - max) is 0, and FORBIDDEN + score is FORBIDDEN


def fused_attention(query, key, value, mask=None, bias=None, causal=False, scale=None):
    """The values that each query collects, `(batch, heads, queries, dim)`.

    Args:
        query, key, value: float tensors, see above.
        mask: bool, broadcastable to `(batch, heads, queries, keys)`; True may attend.
        bias: float, broadcastable likewise; added to the scaled scores.
        causal: query i attends to keys j ≤ i only.
        scale: float; None for 1 / √dim.
    """
    if causal and mask is None and bias is None and (blocks := _blocks(query, key)) > 1:
        return _in_blocks(query, key, value, blocks, scale)
    if bias is not None:
        # Some kernels take a bias or a mask but not both.
        mask, causal = _with_causality(mask, causal, query, key), False
        bias = ops.cast(bias, query.dtype)
        if mask is not None:
            bias, mask = ops.where(mask, bias, ops.cast(_lowest(query.dtype), query.dtype)), None
    heads, key_value_heads = query.shape[1], key.shape[1]
    if key_value_heads == 1 and heads > 1:  # the one group that not every kernel broadcasts
        key, value = (ops.repeat(one, heads, axis=1) for one in (key, value))
    dtype, fast = query.dtype, backend.attention_dtype(query)
    query, key, value = (ops.cast(ops.transpose(one, (0, 2, 1, 3)), fast) for one in (query, key, value))
    bias = None if bias is None else ops.cast(bias, fast)
    outputs = ops.dot_product_attention(query, key, value, bias=bias, mask=mask, scale=scale, is_causal=causal)
    return ops.cast(ops.transpose(outputs, (0, 2, 1, 3)), dtype)


def explicit_attention(query, key, value, mask=None, bias=None, causal=False, scale=None, drop=None):
    """As `fused_attention`, and the scores: float32 `(batch, heads, queries, keys)`, each row sums to 1.

    Args:
        drop: function that drops some of the scores before they weigh the values, or None.
    """
    mask = _with_causality(mask, causal, query, key)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    logits = _by_group(query, key, ops.transpose(key, (0, 1, 3, 2)))
    logits = ops.cast(logits, "float32") * scale
    if bias is not None:
        logits = logits + ops.cast(bias, "float32")
    if mask is not None:
        logits = ops.where(mask, logits, FORBIDDEN)
    # Keras warns of the softmax of one number, which is 1 and here means a text of one token.
    scores = ops.ones_like(logits) if logits.shape[-1] == 1 else ops.softmax(logits, axis=-1)
    weights = ops.cast(scores, value.dtype)
    return _by_group(weights if drop is None else drop(weights), value, value), scores


def _blocks(query, key):
    """Into how many blocks of queries to cut; 1 where lengths are unknown or differ."""
    length = query.shape[2]
    return backend.causal_blocks(length) if isinstance(length, int) and length == key.shape[2] else 1


def _in_blocks(query, key, value, blocks, scale):
    """Causal attention, block of queries by block: each looks only at the keys up to its end."""
    size, collected = query.shape[2] // blocks, []
    for end in range(size, query.shape[2] + 1, size):
        mask = causal_mask(size, end, offset=end - size)[:, None]
        block = query[:, :, end - size : end]
        collected.append(explicit_attention(block, key[:, :, :end], value[:, :, :end], mask=mask, scale=scale)[0])
    return ops.concatenate(collected, axis=2)


def _with_causality(mask, causal, query, key):
    return combine_masks(mask, causal_mask(ops.shape(query)[2], ops.shape(key)[2])) if causal else mask


def _by_group(left, shared, right):
    """left @ right, where the heads of `left` share those of `right`: the rows of a group become one matrix."""
    heads, groups = left.shape[1], shared.shape[1]
    if heads == groups:
        return ops.matmul(left, right)
    batch, _, rows, columns = ops.shape(left)
    product = ops.matmul(ops.reshape(left, (batch, groups, heads // groups * rows, columns)), right)
    return ops.reshape(product, (batch, heads, rows, ops.shape(right)[3]))


def _lowest(dtype):
    return -45_000.0 if keras.backend.standardize_dtype(dtype) == "float16" else FORBIDDEN

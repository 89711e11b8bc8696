"""Attention masks. One convention everywhere: boolean, and True may attend.

| shape | meaning |
|---|---|
| `(batch, keys)` | padding: which keys are there |
| `(batch, queries, keys)` | which keys each query sees, the same for all heads |
| `(batch, heads, queries, keys)` | the same, head by head |

Any axis but the last may be 1. What shall be added to the scores is no mask but a bias.
"""

import keras
from keras import ops


def causal_mask(query_length, key_length=None, offset=0):
    """Nobody sees the future: query i may attend to key j where j ≤ i + offset.

    Args:
        query_length, key_length: integers or integer tensors; `key_length=None` means as many keys as queries.
        offset: place of the first query among the keys: an integer, an integer tensor, or one for each row `(batch,)`.

    Returns:
        bool `(1, query_length, key_length)`, or `(batch, query_length, key_length)`.
    """
    rows = ops.reshape(ops.cast(offset, "int32"), (-1, 1))
    queries = rows + ops.arange(query_length, dtype="int32")
    keys = ops.arange(query_length if key_length is None else key_length, dtype="int32")
    return keys <= queries[..., None]


def padding_mask(length, start=0, stop=None):
    """Only what is there can be seen: True at start ≤ j < stop.

    Lengths make a mask of batches padded on the right, `padding_mask(length, stop=lengths)`, and numbers of padding
    tokens one of batches padded on the left, `padding_mask(length, start=padding)`.

    Args:
        length: how many keys there are.
        start, stop: integers, or integer tensors `(batch,)`; `stop=None` means up to the end.

    Returns:
        bool `(batch, length)`; the batch is 1 where neither has one.
    """
    keys = ops.arange(length, dtype="int32")
    mask = keys >= ops.reshape(ops.cast(start, "int32"), (-1, 1))
    if stop is None:
        return mask
    return ops.logical_and(mask, keys < ops.reshape(ops.cast(stop, "int32"), (-1, 1)))


def combine_masks(*masks):
    """What all allow, with four axes `(batch, heads, queries, keys)`; None where no mask was given."""
    combined = None
    for mask in masks:
        if mask is not None:
            mask = four_axes(mask)
            combined = mask if combined is None else ops.logical_and(combined, mask)
    return combined


def attached_mask(tensor):
    """The padding mask that Keras attached to a tensor, as `Embedding(mask_zero=True)` does, or None."""
    return getattr(tensor, "_keras_mask", None)


def four_axes(mask, name="mask"):
    """A mask of two, three or four axes as `(batch, heads, queries, keys)`, boolean.

    Raises:
        ValueError: it is not boolean or integer, or has another number of axes.
    """
    mask = ops.convert_to_tensor(mask)
    dtype = keras.backend.standardize_dtype(mask.dtype)
    if "float" in dtype:
        raise ValueError(
            f"{name}: expected bool, True may attend, got {dtype}; what is added to the scores goes to bias"
        )
    if len(mask.shape) not in (2, 3, 4):
        raise ValueError(
            f"{name}: expected (batch, keys), (batch, queries, keys) or (batch, heads, queries, keys), "
            f"got shape {tuple(mask.shape)}"
        )
    mask = ops.cast(mask, "bool")
    if len(mask.shape) == 2:
        return mask[:, None, None, :]
    return mask[:, None, :, :] if len(mask.shape) == 3 else mask

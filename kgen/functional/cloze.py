"""Gaps in texts: which tokens are hidden, and by what, so that a model learns to guess them from both sides.

Of each row a share of the tokens is chosen, 15 % in the paper, at least one. Of those chosen 80 % become the mask
token, 10 % a random token, and 10 % stay: the model does not know which words it is asked for, so it has to know all.

Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, 2019, section 3.1.
"""

from keras import ops

from kgen.datasets.token_windows import IGNORED

MASKED, REPLACED = 0.8, 0.1  # of the tokens that are chosen; the others stay


def hide(ids, allowed, draws, share, mask_id, num_tokens):
    """Rows of ids with gaps, and what was there.

    Args:
        ids: int32 `(batch, length)`.
        allowed: bool `(batch, length)`: what may be chosen; neither padding nor the tokens that begin and end a text.
        draws: float32 `(3, batch, length)`, uniform in [0, 1): which are chosen, what becomes of them, by what.
        share: of the allowed tokens of a row, in (0, 1].
        mask_id: int, the mask token.
        num_tokens: int, size of the vocabulary.

    Returns:
        (hidden, places, targets): ids int32 `(batch, length)`; the places of the gaps int32 `(batch, most)`, where
        `most` is what a full row has; the ids that were there, and -1 where a row has fewer gaps.
    """
    length = ops.shape(ids)[1]
    chosen = ops.cast(ops.round(share * ops.cast(ops.sum(ops.cast(allowed, "int32"), axis=1), "float32")), "int32")
    chosen = ops.where(ops.any(allowed, axis=1), ops.maximum(chosen, 1), 0)[:, None]  # (batch, 1)
    order = ops.cast(ops.argsort(ops.where(allowed, draws[0], 2.0), axis=1), "int32")
    ranks = ops.cast(ops.argsort(order, axis=1), "int32")

    random_ids = ops.cast(draws[2] * num_tokens, "int32")
    instead = ops.where(draws[1] < MASKED, mask_id, ops.where(draws[1] < MASKED + REPLACED, random_ids, ids))
    hidden = ops.where(ranks < chosen, instead, ids)

    most = most_gaps(length, share)
    places = order[:, :most]
    there = ops.take_along_axis(ids, places, axis=1)
    targets = ops.where(ops.arange(most, dtype="int32") < chosen, there, IGNORED)
    return ops.cast(hidden, "int32"), places, ops.cast(targets, "int32")


def most_gaps(length, share):
    """So many gaps has a row of which all tokens may be chosen."""
    if isinstance(length, int):
        return max(1, min(length, int(share * length + 1.0)))
    return ops.maximum(1, ops.minimum(length, ops.cast(share * ops.cast(length, "float32") + 1.0, "int32")))

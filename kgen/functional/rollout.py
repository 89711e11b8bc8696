"""Attention roll-out: what a token at the end of a stack of attention layers has seen of those at its beginning.

The residual stream carries each token along beside what it attends to, so a layer with scores A (the mean over its
heads) passes on ½ A + ½ I, and a stack of L layers

    R = (½ A_L + ½ I) ⋯ (½ A_1 + ½ I)

Each row of R sums to 1: the shares of all inputs in one output.

Abnar and Zuidema, Quantifying Attention Flow in Transformers, 2020, section 4.
"""

import numpy as np


def attention_rollout(scores):
    """R, float32 `(…, tokens, tokens)`, of the scores of a stack of layers.

    Args:
        scores: float array `(…, layers, heads, tokens, tokens)`, the first layer first; rows sum to 1.

    Raises:
        ValueError: another number of axes.
    """
    scores = np.asarray(scores, "float64")
    if scores.ndim < 4 or scores.shape[-1] != scores.shape[-2]:
        raise ValueError(f"scores: expected shape (…, layers, heads, tokens, tokens), got {scores.shape}")
    passed_on = 0.5 * scores.mean(axis=-3) + 0.5 * np.eye(scores.shape[-1])
    rolled = passed_on[..., 0, :, :]
    for layer in range(1, passed_on.shape[-3]):
        rolled = passed_on[..., layer, :, :] @ rolled
    return rolled.astype("float32")

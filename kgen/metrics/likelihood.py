"""Likelihoods in the units that papers print."""

import math

from kgen.functional.checks import check_int


def bits_per_dimension(nats, dimensions):
    """Negative log-likelihood in bits for each dimension: nats / (dimensions · ln 2).

    Args:
        nats: negative log-likelihood of one example, in nats (a float or an array).
        dimensions: number of dimensions of one example, such as height · width · channels.

    Raises:
        ValueError: `dimensions` is not an integer ≥ 1.

    Example:

    >>> import kgen
    >>> round(kgen.metrics.bits_per_dimension(86.0, 28 * 28), 4)
    0.1583
    """
    check_int("dimensions", dimensions, minimum=1)
    return nats / (dimensions * math.log(2.0))

"""Noise that is the same at every call and on every backend: what makes an evaluation repeatable.

A model that samples (the z of a VAE, the ε and t of a diffusion model) has a loss that moves by itself. In training
that is the point. In evaluation we want the figure of these weights, so the noise becomes a function of position alone:
an integer hash of the element's index, the same bits on TensorFlow, JAX and PyTorch.
"""

import math

from keras import ops


def fixed_uniform(shape, seed=0):
    """Pseudo-random numbers in (0, 1), float32, a function of `shape` and `seed` alone.

    Element i is hash(i + 0x9E3779B9 · seed), with the 32-bit mixer "lowbias32" (xor-shifts and two multiplications).

    Args:
        shape: tuple of integers or integer tensors (a batch size may be dynamic).
        seed: int, which stream.
    """
    count = 1
    for size in shape:
        count = count * size
    # Counting happens in int32 on every backend; products wrap around, as the hash wants.
    x = ops.cumsum(ops.ones((count,), dtype="int32"))
    return ops.reshape(_uniform(_mixed(x + _int32(0x9E3779B9 * (seed + 1)))), shape)


def fixed_normal(shape, seed=0):
    """Standard normal numbers, float32, a function of `shape` and `seed` alone: Φ⁻¹ of `fixed_uniform`.

    Φ⁻¹(u) = √2 · erf⁻¹(2u - 1). Arguments as for `fixed_uniform`.
    """
    return _normal(fixed_uniform(shape, seed))


def stream_normal(shape, stream):
    """Standard normal numbers, float32, a function of `shape` and `stream` alone: for loops that are compiled once.

    Args:
        shape: tuple of integers.
        stream: int32 scalar tensor, any number: each gives other noise.
    """
    places = _mixed(ops.arange(1, math.prod(shape) + 1, dtype="int32"))
    return ops.reshape(_normal(_uniform(_mixed(places + stream))), shape)


def _mixed(x):
    x = _xor_shift(x, 16) * _int32(0x7FEB352D)
    x = _xor_shift(x, 15) * _int32(0x846CA68B)
    return _xor_shift(x, 16)


def _uniform(x):
    # The upper 23 bits and a half fill a float32 exactly; the half keeps both ends out. (With 24 the half would be
    # rounded, once in 2²⁴ numbers up to 1, of which the normal number is infinite.)
    bits = ops.bitwise_and(ops.right_shift(x, 9), 0x7FFFFF)
    return (ops.cast(bits, "float32") + 0.5) / float(1 << 23)


def _normal(uniform):
    return math.sqrt(2.0) * ops.erfinv(2.0 * uniform - 1.0)


def _xor_shift(x, bits):
    # Shifting an int32 to the right repeats the sign; the mask makes it the unsigned shift of the hash.
    return ops.bitwise_xor(x, ops.bitwise_and(ops.right_shift(x, bits), (1 << (32 - bits)) - 1))


def _int32(value):
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value

"""Splits that are a function of the data alone: the same on every machine, and stable when data is added."""

import hashlib


def bucket(key, number):
    """A pseudo-random integer in [0, number), a function of the string `key` alone."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big") % number

"""Conformance: what every public layer and model promises, one small check a promise.

A check takes an entry of the zoo and raises AssertionError when the promise is broken; `CHECKS` holds them all by name.
`tests/test_conformance.py` runs each on each entry, `tests/test_harness.py` proves that each can fail.

    promises.py     the checks
    entries.py      how an entry is built, called and trained
    comparing.py    outputs and configurations
    golden.py       the outputs that every backend has to give
    processes.py    the same files in another process

    python -m tests.conformance --write-golden [ENTRY ...]      on one backend, after a change that was meant
"""

from tests.conformance.promises import CHECKS

__all__ = ["CHECKS"]

"""How the examples read their options: on the command line, in a notebook, and when everything has to be quick."""

import argparse
import os
import sys
from pathlib import Path

import keras


def read_options(parser):
    """The options of a script, or in a notebook those that the parser has as defaults.

    With `KGEN_FAST=1` in the environment it is as if `--quick` had been given, too. Every script has `--dtype` as well,
    such as `--dtype mixed_bfloat16`: on PyTorch a step takes three quarters of the time, or half, where the processor
    multiplies bfloat16 (Intel's since 2023); the weights stay float32.

    Args:
        parser: an `argparse.ArgumentParser` that knows `--quick`.

    Returns:
        the `argparse.Namespace`.

    Example:

    >>> import argparse
    >>> from kgen.script import read_options
    >>> parser = argparse.ArgumentParser()
    >>> _ = parser.add_argument("--quick", action="store_true")
    >>> read_options(parser).quick  # doctest: +SKIP
    False
    """
    parser.epilog = "And of every script: --dtype POLICY, Keras's dtype policy, such as mixed_bfloat16."
    shared = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    shared.add_argument("--dtype")
    in_notebook = Path(sys.argv[0]).stem.endswith("kernel_launcher")  # whose own options stand in sys.argv
    words = [] if in_notebook else sys.argv[1:]
    fast = os.environ.get("KGEN_FAST", "0") not in ("", "0")
    found, words = shared.parse_known_args(words)
    if found.dtype:
        keras.config.set_dtype_policy(found.dtype)
    return parser.parse_args(["--quick", *words] if fast else words)

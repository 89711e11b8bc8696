"""The console script, in this process."""

import sys

from kgen import cli


def call(*words):
    """Run the console script and return its exit code."""
    arguments, sys.argv = sys.argv, ["kgen", *map(str, words)]
    try:
        cli.main()
    except SystemExit as stop:
        return stop.code or 0
    finally:
        sys.argv = arguments

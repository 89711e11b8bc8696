"""Large pages of memory for a program that trains.

A training step asks for its big arrays anew and gives them back, and each time Linux hands out thousands of pages of
4 KB. glibc (2.35 and later) asks for pages of 2 MB instead if it is told so before a program starts:
`benchmarks/large_pages.py` measures what that saves.
"""

import os
import sys
from pathlib import Path

VARIABLE, VALUE = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def helps():
    """Whether a program has to ask for large pages, and has not been told otherwise."""
    if sys.platform != "linux" or VARIABLE in os.environ:
        return False
    try:
        return "[madvise]" in SETTING.read_text()  # with "always" they come unasked, with "never" not at all
    except OSError:
        return False


def start_anew():
    """Begin this very program again, with large pages; it has done nothing yet. Returns where they do not help."""
    if helps():
        os.environ[VARIABLE] = VALUE
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

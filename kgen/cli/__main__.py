"""`python -m kgen.cli` is `kgen`."""

from kgen.cli import start

start()

"""A file written on any backend gives the same outputs on every other: each entry of the zoo, all nine pairs.

Needs all three backends in one environment: `tox -e parity`. Three processes write, then three read what all have
written, each with nothing but stock `keras.saving.load_model` after `import kgen`.
"""

import pytest

from kgen import _startup
from tests.conformance import comparing
from tests.conformance import processes
from tests.zoo import ZOO

pytestmark = pytest.mark.parity

WRITER = """
import sys
from tests.conformance.processes import write_files
from tests.zoo import ZOO

write_files(ZOO, sys.argv[1])
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each writer, with the outputs of all readers; and what the processes said, should they fail."""
    if missing := set(_startup.BACKENDS) - set(_startup.installed_backends()):
        pytest.fail(f"parity needs all three backends, missing: {', '.join(sorted(missing))}; run tox -e parity")
    folders = {writer: tmp_path_factory.mktemp(writer) for writer in _startup.BACKENDS}
    all_at_once({on: (WRITER, folder) for on, folder in folders.items()})
    all_at_once({on: (processes.READER, on, *folders.values()) for on in folders})
    return folders


def all_at_once(programs):
    """Run a program on each backend, side by side."""
    running = {on: processes.start_python(*program, on=on) for on, program in programs.items()}
    for on, process in running.items():
        said, _ = process.communicate()
        assert process.returncode == 0, f"the process on {on} failed:\n{said}"


@pytest.mark.parametrize("reader", _startup.BACKENDS)
@pytest.mark.parametrize("writer", _startup.BACKENDS)
@pytest.mark.parametrize("entry", ZOO, ids=repr)
def test_parity(folders, entry, writer, reader):
    expected = processes.read_outputs(folders[writer], entry, "expected")
    found = processes.read_outputs(folders[writer], entry, reader)
    comparing.assert_equal(found, expected, rtol=1e-5 if reader == writer else 1e-4, atol=1e-5)

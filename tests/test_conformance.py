"""Every promise of `tests/conformance` for every entry of the zoo, each pair its own test."""

import contextlib

import pytest

import kgen
from tests.conformance import CHECKS
from tests.conformance import golden
from tests.conformance import processes
from tests.programs import few_programs
from tests.zoo import LAYERS
from tests.zoo import MODELS
from tests.zoo import ZOO

# On JAX and TensorFlow CI leaves that to `test_parity.py`, which reads every file in another process of the backend
# that wrote it, too.
MARKS = {"fresh_process": [pytest.mark.any_backend]}
PAIRS = [
    pytest.param(name, entry, id=f"{name}-{entry.name}", marks=MARKS.get(name, ()))
    for entry in ZOO
    for name, check in CHECKS.items()
    if check.applies(entry)
]

FIRST = {entry.cls: entry for entry in reversed(ZOO)}  # one of each class makes its programs, also on TensorFlow


@pytest.fixture(scope="session")
def one_fresh_process_for_all():
    processes.load_in_fresh_process(ZOO)


@pytest.mark.parametrize(("name", "entry"), PAIRS)
def test_conformance(name, entry, request):
    if name == "fresh_process":
        request.getfixturevalue("one_fresh_process_for_all")
    with contextlib.nullcontext() if FIRST[entry.cls] is entry else few_programs():
        CHECKS[name].run(entry)


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in ("layers", "models") for name in kgen.PUBLIC[module]]
)
def test_every_public_class_is_in_the_zoo(module, name):
    entries = {"layers": LAYERS, "models": MODELS}[module]
    assert getattr(getattr(kgen, module), name) in {entry.cls for entry in entries}, "add an entry to tests/zoo.py"


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in MODELS])
def test_every_model_of_the_zoo_can_be_measured(entry):
    assert entry.data and entry.measure and entry.gain > 0


def test_names_are_unique_and_every_golden_file_belongs_to_an_entry():
    names = [entry.name for entry in ZOO]
    assert len(set(names)) == len(names)
    assert {path.stem for path in golden.GOLDEN.glob("*.npz")} <= set(names)

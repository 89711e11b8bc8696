"""The house stands: imports point down, backends are named on the ground floor alone, nothing is loaded too early.

Everything here is read off the source with `ast`, except for what happens when kgen is imported: for that, and only for
that, processes are started.
"""

import ast
import importlib
import inspect
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import kgen
from kgen import _startup
from kgen import backend

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "kgen"
FLOORS = {
    "_startup": 0,
    "backend": 0,
    "functional": 1,
    "tokenizers": 1,
    "datasets": 1,
    "metrics": 1,
    "plots": 1,
    "prompts": 1,
    "presets": 1,
    "script": 1,
    "layers": 2,
    "decoding": 3,
    "diffusion": 3,
    "training": 3,
    "models": 4,
    "anomaly": 5,
    "interop": 5,
    "runs": 5,
    "cli": 6,
    "kgen": 6,
}
FOR_EVERYBODY = {"lazy_names", "__version__"}  # of kgen/__init__.py: they are there before anything is imported
MAY_IMPORT_STARTUP = {"kgen", "cli"}
SHARED_BY_FAMILIES = "kgen.models.base"  # and base_text, base_…: what several families stand on


# Reading a file ------------------------------------------------------------------------------------------------------


def module_of(path):
    """The dotted name of a file below the root: kgen/layers/__init__.py is "kgen.layers"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module):
    """The part of the house a module belongs to: "kgen.layers.x" is in "layers", "kgen" itself in "kgen"."""
    return module.split(".")[1] if "." in module else "kgen"


def imports_of(tree, module, is_package=False):
    """(line, full name) of everything that is imported anywhere in a file; `from a import b` gives "a.b"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if is_package else module.split(".")[:-1]
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, [base, node.module]))
            for alias in node.names:
                yield node.lineno, f"{source}.{alias.name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            name = node.args[0]
            yield node.lineno, name.value if isinstance(name, ast.Constant) else ast.unparse(name)


def resolved(name):
    """Where a name of kgen lives: "kgen.models.VAE" is of "kgen.models.vae", "kgen.load" of "kgen"."""
    part, *rest = name.split(".")[1:] or ["kgen"]
    if part not in FLOORS and not (HOUSE / part).exists() and not (HOUSE / f"{part}.py").exists():
        return "kgen"  # something that kgen/__init__.py defines
    if rest and (file := kgen.PUBLIC.get(part, {}).get(rest[0])):
        return f"kgen.{part}.{file}"
    return name


def misplaced_imports(tree, module, is_package=False):
    """Imports of one file of kgen that point up, to a sibling family, or past a front door."""
    here = part_of(module)
    if here not in FLOORS:
        yield 1, f"kgen.{here} is on no floor: give it one in tests/test_floors.py"
        return
    for line, name in imports_of(tree, module, is_package):
        if name.split(".")[0] != "kgen" or name.removeprefix("kgen.") in FOR_EVERYBODY:
            continue
        target = resolved(name)
        there = part_of(target)
        if there == "_startup" and here not in MAY_IMPORT_STARTUP and here != "_startup":
            yield line, f"{name}: only kgen/__init__.py and the command line may import _startup"
        elif there not in FLOORS:
            yield line, f"{name}: kgen.{there} is on no floor"
        elif FLOORS[there] > FLOORS[here]:
            yield line, f"{name}: points up, from floor {FLOORS[here]} ({here}) to floor {FLOORS[there]} ({there})"
        elif here == there == "models" and len(target.split(".")) > 2:
            file = ".".join(target.split(".")[:3])
            if file != module and not file.startswith(SHARED_BY_FAMILIES):
                yield line, f"{name}: families do not import each other; take a model as a constructor argument"
        elif there == "backend" != here and target.split(".")[2:3] and target.split(".")[2] in _startup.BACKENDS:
            yield line, f"{name}: ask kgen.backend, it knows which backend runs"


def named_backends(tree, module, is_package=False):
    """Where a file outside `kgen/backend/` names a backend, asks which one runs in order to branch, or has a tape."""
    for line, name in imports_of(tree, module, is_package):
        if name.split(".")[0] in (*_startup.BACKENDS, "jaxlib", "torchvision"):
            yield line, f"{name}: a backend is imported in kgen/backend/ alone"
        if name.startswith(("keras.src.backend", "keras.config.backend", "keras.backend.backend")):
            yield line, f"{name}: which backend runs is for kgen/backend/ alone to know"
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if text in ("keras.backend.backend", "keras.config.backend") or text.startswith("keras.src.backend"):
            yield node.lineno, f"{text}: which backend runs is for kgen/backend/ alone to know"
        if isinstance(node, ast.Compare | ast.Match) and "running()" in ast.unparse(node):
            yield node.lineno, f"{ast.unparse(node)[:60]}: a branch on the backend; add a function to kgen/backend/"
        if isinstance(node, ast.FunctionDef) and node.name in ("train_step", "_train_step"):
            yield node.lineno, f"{node.name}: the train step stays Keras's own; write compute_loss"
        if "GradientTape" in (getattr(node, "attr", ""), getattr(node, "id", "")):
            yield node.lineno, "GradientTape: gradients are taken in kgen/backend/ alone"


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def findings(rule, path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = rule(tree, module_of(path), path.name == "__init__.py")
    return [f"{path.relative_to(ROOT)}:{line}: {text}" for line, text in found]


# The floors ----------------------------------------------------------------------------------------------------------


def test_imports_point_down():
    assert not [text for path in sources("kgen") for text in findings(misplaced_imports, path)]


def test_only_the_ground_floor_names_a_backend():
    outside = [path for path in sources("kgen", "demos", "examples") if HOUSE / "backend" not in path.parents]
    assert not [text for path in outside for text in findings(named_backends, path)]


@pytest.mark.parametrize(
    ("module", "source", "finding"),
    [
        ("kgen.layers.x", "from kgen.models.vae import VAE", "points up, from floor 2"),
        ("kgen.layers.x", "from kgen import models", "points up, from floor 2"),
        ("kgen.layers.x", "from ..models import vae", "points up, from floor 2"),
        ("kgen.layers.x", "import kgen", "points up, from floor 2 (layers) to floor 6 (kgen)"),
        ("kgen.layers.x", "from kgen import load", "points up, from floor 2 (layers) to floor 6 (kgen)"),
        ("kgen.layers.x", "from kgen import PUBLIC", "points up, from floor 2 (layers) to floor 6 (kgen)"),
        ("kgen.layers.x", "def late():\n    import kgen.training.guards", "points up, from floor 2"),
        ("kgen.backend.x", "from kgen.functional import checks", "points up, from floor 0"),
        ("kgen.functional.x", "importlib.import_module('kgen.layers')", "points up, from floor 1"),
        ("kgen.models.vae", "from kgen.cli import app", "points up, from floor 4"),
        ("kgen.models.x", "from kgen.models.vae import VAE", "families do not import each other"),
        ("kgen.models.x", "from kgen.models import VAE", "families do not import each other"),
        ("kgen.models.x", "from .vae import VAE", "families do not import each other"),
        ("kgen.models.x", "from . import vae", "families do not import each other"),
        ("kgen.models.x", "from kgen._startup import BACKENDS", "only kgen/__init__.py and the command line"),
        ("kgen.models.x", "from kgen import _startup", "only kgen/__init__.py and the command line"),
        ("kgen.models.x", "from kgen.backend import jax", "ask kgen.backend"),
        ("kgen.models.x", "from kgen.backend.torch import place", "ask kgen.backend"),
        ("kgen.attic.x", "import math", "is on no floor"),
    ],
)
def test_a_misplaced_import_is_found(module, source, finding):
    assert [text for _, text in misplaced_imports(ast.parse(source), module) if finding in text]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kgen.layers.x", "from kgen import backend"),
        ("kgen.layers.x", "from kgen import lazy_names"),
        ("kgen.layers.x", "from kgen.layers.gaussian_sampling import GaussianSampling"),
        ("kgen.layers.x", "from .gaussian_sampling import GaussianSampling"),
        ("kgen.layers.x", "from kgen.backend.device import Device"),
        ("kgen.datasets.x", "from kgen.functional import checks"),
        ("kgen.models.x", "from kgen.models.base import GenerativeModel"),
        ("kgen.models.x", "from kgen.models import base"),
        ("kgen.models.x", "from kgen.models.base_text import NextTokenModel"),
        ("kgen.models.base_text", "from kgen.models.base import GenerativeModel"),
        ("kgen.models.x", "from kgen.layers import GaussianSampling"),
        ("kgen.models.base", "from kgen.presets import registry"),
        ("kgen.cli", "from kgen import PUBLIC, runs, _startup"),
        ("kgen", "from kgen import _startup"),
    ],
)
def test_a_good_import_is_no_finding(module, source):
    assert not list(misplaced_imports(ast.parse(source), module))


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "import torch.nn.functional as F",
        "import jax.numpy as jnp",
        "from tensorflow import io",
        "def late():\n    import tensorflow as tf",
        "importlib.import_module('jax')",
        "from keras.src.backend.torch import core",
        "if keras.backend.backend() == 'jax': pass",
        "name = keras.config.backend()",
        "from keras.config import backend",
        "from keras.backend import backend as which",
        "if backend.running() == 'torch': pass",
        "match backend.running():\n    case 'torch': pass",
        "class Model:\n    def train_step(self, data): pass",
        "with tf.GradientTape() as tape: pass",
    ],
)
def test_a_backend_out_of_place_is_found(source):
    assert list(named_backends(ast.parse(source), "kgen.models.x"))


@pytest.mark.parametrize("source", ["import keras", "from keras import ops", "print(backend.running())", "import math"])
def test_other_code_names_no_backend(source):
    assert not list(named_backends(ast.parse(source), "kgen.models.x"))


def test_the_three_backends_have_the_same_functions_with_the_same_signatures():
    found = {}
    for name in _startup.BACKENDS:
        tree = ast.parse((HOUSE / "backend" / f"{name}.py").read_text(encoding="utf-8"))
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        found[name] = {node.name: ast.unparse(node.args) for node in functions}
    assert found["tensorflow"] == found["jax"] == found["torch"]
    assert set(found["jax"]) == set(backend.FUNCTIONS)
    assert all(f"`{name}(" in backend.__doc__ for name in backend.FUNCTIONS), "kgen/backend/__init__.py describes each"


def test_packages_that_use_keras_import_it_before_anything_else():
    # kgen's classes are registered within the first import of keras. Were that the import in the middle of a file,
    # registration would meet a half-imported module. kgen.backend imports keras when it is first asked for a function.
    def top_level_imports(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]

    def names_keras(node):
        return any(name.split(".")[0] == "keras" for _, name in imports_of(node, "kgen.x"))

    for package in {path.parent for path in HOUSE.glob("*/*.py")} - {HOUSE / "backend"}:
        if any(names_keras(node) for path in package.glob("*.py") for node in top_level_imports(path)):
            first = top_level_imports(package / "__init__.py")[0]
            assert ast.unparse(first) == "import keras", f"kgen/{package.name}/__init__.py must import keras first"


# The public table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, row in kgen.PUBLIC.items() for name in row])
def test_every_public_name_is_there_and_says_what_it_is(module, name):
    thing = getattr(importlib.import_module(f"kgen.{module}"), name)
    assert name in dir(importlib.import_module(f"kgen.{module}"))
    assert (thing.__doc__ or "").strip(), f"kgen.{module}.{name} has no docstring"
    assert inspect.getmodule(thing).__name__ == f"kgen.{module}.{kgen.PUBLIC[module][name]}"


def test_no_file_hides_a_public_name():
    # A submodule becomes an attribute of its package once it is imported, and would stand in the name's place.
    for module, row in kgen.PUBLIC.items():
        for name in row:
            assert not (HOUSE / module / f"{name}.py").exists(), f"kgen/{module}/{name}.py hides kgen.{module}.{name}"


def test_an_unknown_name_is_an_attribute_error_that_says_what_there_is():
    with pytest.raises(AttributeError, match=r"'kgen' has no attribute 'modles'; it has .*models"):
        kgen.modles  # noqa: B018
    with pytest.raises(AttributeError, match=r"'kgen.models' has no attribute 'Vae'; it has .*VAE"):
        kgen.models.Vae  # noqa: B018


# What happens on import ----------------------------------------------------------------------------------------------


def python(code, **environment):
    """Run code in a fresh interpreter; what it printed."""
    environment = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_kgen_loads_no_framework():
    code = "import sys, kgen; print([name for name in ('keras', 'tensorflow', 'jax', 'torch') if name in sys.modules])"
    assert python(code) == "[]"


@pytest.mark.parity  # where TensorFlow is there to be loaded by mistake
@pytest.mark.parametrize("name", ["jax", "torch"])
def test_other_backends_do_without_tensorflow(name):
    assert "tensorflow" in _startup.installed_backends()
    # Where TensorFlow is installed keras itself imports it when it writes a configuration; until then nobody does.
    code = (
        "import sys, kgen\n"
        "model = kgen.models.VAE(image_shape=(4, 4, 1), architecture='mlp', hidden_dims=(4,))\n"
        "model.generate(2)\n"
        "print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert python(code, KERAS_BACKEND=name) == "True False"


@pytest.mark.parametrize("order", ["import keras, kgen", "import kgen, keras"])
def test_classes_are_known_to_keras_whatever_is_imported_first(order):
    code = f"{order}; print(keras.saving.get_registered_object('kgen>VAE') is kgen.models.VAE)"
    assert python(code) == "True"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend that these backends are installed, this one is asked for and this one stands in keras.json."""

    def pretend(installed, asked=None, configured=None):
        monkeypatch.setattr(_startup, "installed_backends", lambda: list(installed))
        monkeypatch.setenv("KERAS_BACKEND", asked or "")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        if configured:
            (tmp_path / "keras.json").write_text(f'{{"backend": "{configured}"}}')

    return pretend


def test_a_backend_that_is_asked_for_and_not_installed_is_an_error_that_says_what_to_do(machine):
    machine(["jax", "tensorflow"], asked="torch")
    with pytest.raises(ImportError) as error:
        _startup.choose_backend()
    expected = "KERAS_BACKEND='torch', but torch is not installed: pip install 'keras-kgen[torch]', or set "
    assert str(error.value) == expected + "KERAS_BACKEND to jax or tensorflow, which you have"


def test_a_backend_that_nobody_knows_is_an_error_that_names_those_that_exist(machine):
    machine(["jax"], asked="theano")
    with pytest.raises(ImportError, match="KERAS_BACKEND='theano': kgen runs on tensorflow, jax, torch"):
        _startup.choose_backend()


@pytest.mark.parametrize("asked", [None, "jax"])
def test_no_backend_at_all_is_an_error_that_says_what_to_install(machine, asked):
    machine([], asked=asked)
    with pytest.raises(ImportError, match=r"pip install 'keras-kgen\[jax\]'"):
        _startup.choose_backend()


@pytest.mark.parametrize("configured", [None, "tensorflow"])
def test_a_choice_that_nobody_made_is_replaced_with_one_line(machine, caplog, configured):
    machine(["torch"], configured=configured)
    with caplog.at_level(logging.INFO, logger="kgen"):
        _startup.choose_backend()
    assert os.environ["KERAS_BACKEND"] == "torch"
    assert [record.getMessage() for record in caplog.records] == [
        "kgen: tensorflow is not installed; using KERAS_BACKEND=torch"
    ]


@pytest.mark.parametrize(("asked", "configured"), [("jax", None), (None, "jax"), ("jax", "torch")])
def test_a_choice_that_works_is_left_alone(machine, caplog, asked, configured):
    machine(["jax", "torch"], asked=asked, configured=configured)
    with caplog.at_level(logging.INFO, logger="kgen"):
        _startup.choose_backend()
    assert os.environ["KERAS_BACKEND"] == (asked or "")
    assert not caplog.records


def test_a_damaged_keras_json_counts_as_none(machine, tmp_path):
    machine(["jax"])
    (tmp_path / "keras.json").write_text("{")
    assert _startup.configured_backend() == ("tensorflow", False)


def test_a_missing_backend_stops_the_import_of_keras_itself():
    code = (
        "import kgen\n"
        "try:\n    import keras\n"
        "except ImportError as error:\n    print(error)\n"
        "import os, sys\n"
        "os.environ['KERAS_BACKEND'] = sys.argv[1]\n"
        "import keras\n"
        "print(keras.saving.get_registered_object('kgen>VAE').__name__)"
    )
    works = backend.running()
    said = python(code.replace("sys.argv[1]", repr(works)), KERAS_BACKEND="theano").splitlines()
    assert said == ["KERAS_BACKEND='theano': kgen runs on tensorflow, jax, torch", "VAE"]

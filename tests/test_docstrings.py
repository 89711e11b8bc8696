"""Every public name says what it is, and its examples run."""

import doctest
import importlib
import inspect

import pytest

import kgen

NAMES = [f"{module}.{name}" for module, names in kgen.PUBLIC.items() for name in names]


def public(path):
    module, name = path.split(".")
    return getattr(importlib.import_module(f"kgen.{module}"), name)


@pytest.mark.parametrize("path", NAMES)
def test_it_is_documented(path):
    text = inspect.getdoc(public(path)) or ""
    assert len(text.split()) >= 4, f"kgen.{path} has no docstring"
    takes = [name for name in inspect.signature(public(path)).parameters if name not in ("self", "kwargs", "model")]
    for argument in takes:
        assert argument in text, f"the docstring of kgen.{path} does not mention {argument}"


@pytest.mark.parametrize("path", NAMES)
def test_its_examples_run(path):
    thing = public(path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder(recurse=False).find(thing, path, globs={}):
        said = []
        runner.run(example, out=said.append)
        assert not runner.failures, "".join(said)


@pytest.mark.parametrize("path", NAMES)
def test_no_file_is_called_like_what_it_defines(path):
    # Importing a submodule binds it in its package: a function of the same name would be hidden by it.
    module, name = path.split(".")
    assert kgen.PUBLIC[module][name] != name


def test_each_public_module_lists_its_names():
    for module, names in kgen.PUBLIC.items():
        assert set(dir(getattr(kgen, module))) >= set(names)
    with pytest.raises(AttributeError, match="it has"):
        _ = kgen.models.Nothing
    with pytest.raises(AttributeError, match="it has"):
        _ = kgen.nothing

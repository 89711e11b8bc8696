"""The documentation and the README say what is true: their Python runs, their links lead somewhere, their notebooks are
whole.

On PyTorch alone, and with little data: a page shows what one would really do, and `in_small` makes it quick.
"""

import ast
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kgen
from kgen.models.base import GenerativeModel

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PICTURES = ROOT / "docs" / "pictures"
ROWS, CHARACTERS = 32, 40_000
STAND_INS = {"shakespeare": "pydoc", "tatoeba_en_fr": "dates"}  # embedded, for what would be downloaded


def blocks(page):
    """The Python on a page, with empty lines before it so that an error names the line."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield "\n" * (text[: found.start()].count("\n") + 1) + found[1]


def shrunk(data):
    if isinstance(data, tuple):
        return tuple(shrunk(part) for part in data)
    if isinstance(data, str):
        return data[:CHARACTERS]
    if isinstance(data, list):  # of texts, short or long
        return data[: min(ROWS, max(1, int(np.searchsorted(np.cumsum([*map(len, data)]), CHARACTERS))))]
    return data[:ROWS]


@pytest.fixture
def in_small(monkeypatch, tmp_path):
    """Few rows, one epoch, a folder of its own; MNIST is made of the embedded digits."""
    load, fit = kgen.datasets.load, GenerativeModel.fit

    def load_little(name, *arguments, **more):
        if name == "mnist":
            images, labels = shrunk(load("digits"))
            return np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2), (0, 0))), labels
        return shrunk(load(STAND_INS.get(name, name), *arguments, **more))

    def fit_once(model, *data, **options):
        return fit(model, *data, **{**options, "epochs": options.get("initial_epoch", 0) + 1, "verbose": 0})

    monkeypatch.setattr("kgen.datasets.catalog.load", load_little)
    monkeypatch.setattr(GenerativeModel, "fit", fit_once)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", [page for page in PAGES if [*blocks(page)]], ids=lambda page: page.stem)
def test_its_python_runs(page, in_small):
    names = {}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)


def test_what_is_linked_is_there():
    made = {f"examples/{path.stem}.md" for path in EXAMPLES} | {f"reference/{module}.md" for module in kgen.PUBLIC}
    made = {ROOT / "docs" / name for name in (*made, "examples/index.md", "reference/index.md", "use/adding.md")}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            assert target.startswith("https://") or path.exists() or path in made, f"{page}: {target}"


def test_pictures_are_small_and_shown():
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    paths = sorted(PICTURES.iterdir())
    assert [path.name for path in paths if path.stat().st_size > 60_000 or path.suffix != ".png"] == []
    assert sum(path.stat().st_size for path in paths) <= 1_000_000
    assert [path.name for path in paths if f"pictures/{path.name})" not in shown] == []


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_notebook(script):
    """In jupytext's percent format: a title, how to run it, what one will see; then cells, each whole in itself."""
    text = script.read_text(encoding="utf-8")
    assert text.startswith('# %% [markdown]\n"""\n# '), f"{script.name}: expected a first cell with a title"
    assert f"\n    python examples/{script.name} " in text and "\n**You will see** " in text
    cells = re.split(r"^# %%", text, flags=re.MULTILINE)[1:]
    code = [cell.partition("\n")[2] for cell in cells if not cell.startswith(" [markdown]")]
    assert len(code) >= 3 and code[-1].startswith('if __name__ == "__main__":')
    for cell in code:
        ast.parse(cell)
    assert "read_options(" in text, f"{script.name}: expected kgen.script.read_options, so that it runs in a notebook"


def test_options_of_a_script(monkeypatch):
    import argparse

    from kgen.script import read_options

    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    monkeypatch.delenv("KGEN_FAST", raising=False)
    monkeypatch.setattr(sys, "argv", ["script.py", "--seed", "3"])
    assert vars(read_options(parser)) == {"quick": False, "seed": 3}
    monkeypatch.setenv("KGEN_FAST", "1")
    assert vars(read_options(parser)) == {"quick": True, "seed": 3}
    monkeypatch.setattr(sys, "argv", ["/usr/lib/ipykernel_launcher.py", "-f", "kernel.json"])
    assert vars(read_options(parser)) == {"quick": True, "seed": 1}
    monkeypatch.setattr(sys, "argv", ["script.py", "--dtype", "mixed_bfloat16", "--seed", "3"])
    before = keras.config.dtype_policy()
    try:
        assert vars(read_options(parser)) == {"quick": True, "seed": 3}
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)

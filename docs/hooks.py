"""What the pages get when the site is built: formulas, a page for each public module and for each example.

Nothing here is a list: modules and names come from `kgen.PUBLIC`, examples from their folder.
"""

import ast
import re
import sys
from pathlib import Path

import jupytext
from latex2mathml.converter import convert
from mkdocs.structure.files import File
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # this checkout's kgen, which imports no framework

import kgen  # noqa: E402

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CODE_OR_FORMULA = re.compile(r"```.*?```|`[^`\n]+`|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$", re.DOTALL)


def on_config(config):
    modules = ["reference/index.md", *(f"reference/{module}.md" for module in kgen.PUBLIC)]
    scripts = ["examples/index.md", *({short(script): f"examples/{script.stem}.md"} for script in EXAMPLES)]
    config.nav += [{"Examples": scripts}, {"Reference": modules}]
    return config


def on_files(files, config):
    pages = {"reference/index.md": reference_index(), "examples/index.md": examples_index()}
    pages["use/adding.md"] = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    pages |= {f"reference/{module}.md": reference(module) for module in kgen.PUBLIC}
    for script in EXAMPLES:
        notebook = jupytext.read(script)
        pages[f"examples/{script.stem}.md"] = example(script, notebook)
        pages[f"examples/{script.stem}.ipynb"] = jupytext.writes(with_pictures(notebook, script), "ipynb")
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Formulas become MathML, which browsers draw without any script."""

    def formula(found):
        if found["block"]:
            return convert(found["block"].strip(), display="block")
        return convert(found["inline"]) if found["inline"] else found[0]

    return CODE_OR_FORMULA.sub(formula, markdown)


# The reference -------------------------------------------------------------------------------------------------------


def first_line(module):
    """Of its docstring, read off the source: the import would want a backend."""
    return ast.get_docstring(ast.parse((ROOT / "kgen" / module / "__init__.py").read_text("utf-8"))).splitlines()[0]


def reference_index():
    rows = [f"| [`kgen.{module}`]({module}.md) | {first_line(module)} |" for module in kgen.PUBLIC]
    return "\n".join(["# Reference", "", "Every public name, by module.", "", "| | |", "|---|---|", *rows])


def reference(module):
    """A page with the docstring of each public name of a module."""
    parts = [f"# kgen.{module}", first_line(module)]
    for name, file in kgen.PUBLIC[module].items():
        parts.append(f"::: kgen.{module}.{file}.{name}\n    options:\n      heading: {name}\n      toc_label: {name}")
    return "\n\n".join(parts)


# The examples --------------------------------------------------------------------------------------------------------


def short(script):
    """For the list at the side."""
    return script.stem.replace("_", " ")


def title_of(script):
    return re.search(r"^# (.+)$", script.read_text(encoding="utf-8").split('"""')[1], re.MULTILINE)[1]


def examples_index():
    rows = [f"- [{short(script)}]({script.stem}.md): {title_of(script)}" for script in EXAMPLES]
    about = (
        "Each is one script that runs alone: `python examples/NAME.py`. `--help` says what can be chosen; with "
        "`--quick`, or with `KGEN_FAST=1`, it takes seconds and needs no data. Each page also has it as a notebook."
    )
    return "\n".join(["# Examples", "", about, "", *rows])


def example(script, notebook):
    """The script as a page: its words as text, its code as code."""
    first, *cells = notebook.cells
    link = f"[As a notebook]({script.stem}.ipynb){{ .md-button }}"
    parts = [first.source, link]
    for cell in cells:
        parts.append(cell.source if cell.cell_type == "markdown" else f"````python\n{cell.source}\n````")
    return "\n\n".join(parts)


def with_pictures(notebook, script):
    """A notebook also shows the pictures that its last cell has written."""
    lines = (
        "from pathlib import Path",
        "",
        "from IPython.display import Image",
        "",
        f'for path in sorted(Path().glob("{script.stem}*/**/*.png")):',
        "    display(Image(path))",
    )
    cells = [*notebook.cells, new_code_cell("\n".join(lines))]
    return NotebookNode({**notebook, "cells": cells})

"""Every example runs in its quick form, offline, within seconds, and prints its figures; as a notebook, too."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
SECONDS = 30.0  # on two quiet cores
PATIENCE = 4.0  # on others


@pytest.mark.examples
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_quick_form(script, tmp_path):
    out = tmp_path / ("picture.png" if script.stem == "self_attention" else "run")
    started = time.time()
    words = [sys.executable, str(script), "--quick", "--out", str(out)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert script.stem == "self_attention" or "| seed 1 |" in done.stdout, done.stdout
    print(f"{script.stem}: {time.time() - started:.0f} s")


@pytest.mark.examples
def test_a_notebook_runs_from_top_to_bottom(tmp_path):
    """Its cells, one after the other, where a kernel's own options stand on the command line."""
    script = EXAMPLES[0].with_name("two_gaussians.py")
    code = (
        "import re, sys\n"
        f"text = open({str(script)!r}, encoding='utf-8').read()\n"
        "sys.argv = ['ipykernel_launcher.py', '-f', 'kernel.json']\n"
        "for cell in re.split(r'^# %%.*$', text, flags=re.MULTILINE):\n"
        "    exec(cell, globals())\n"
    )
    environment = {**os.environ, "KGEN_FAST": "1"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "| seed 1 |" in done.stdout and (tmp_path / "two_gaussians" / "two_gaussians.png").exists()


@pytest.mark.examples
def test_there_are_examples():
    assert len(EXAMPLES) >= 10

"""Every example runs in its quick form, offline, within seconds, and prints its figures."""

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
def test_there_are_examples():
    assert len(EXAMPLES) >= 10

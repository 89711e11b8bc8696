"""What a user installs: the wheel holds the library, its presets and the studio, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import kgen

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_what_it_should(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name.startswith(f"keras_kgen-{kgen.__version__}-py3")
    assert {name.split("/")[0] for name in names} == {
        "kgen",
        "kgen_demos",
        f"keras_kgen-{kgen.__version__}.dist-info",
    }
    assert {"kgen/cli/__init__.py", "kgen/presets/index.json", "kgen_demos/app.py"} <= names
    assert {"kgen/metrics/features.safetensors", "kgen/metrics/features.md"} <= names
    for preset in kgen.presets.list():
        for file in ("config.json", "model.safetensors", "card.md"):
            assert f"kgen/presets/shipped/{preset}/{file}" in names


def test_the_readme_tells_what_ci_runs():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    command = ci.strip().splitlines()[-1]
    assert f"    {command.replace(' -q', '')}\n" in readme.replace(" -q", "")


def test_no_file_of_the_project_points_outside_it():
    outside = "../" + "shared"
    folders = (ROOT / name for name in ("kgen", "demos", "tests", "examples", "benchmarks", "docs"))
    for path in [*ROOT.glob("*.*"), *(path for folder in folders for path in folder.rglob("*.*"))]:
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".ini", ".txt", ".yaml", ".json"}:
            assert outside not in path.read_text(encoding="utf-8"), path

"""`kgen generate` with a model that translates images: all or nothing, and never over anything."""

import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.cli import pictures as files
from tests.cli.console import call

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("cyclegan") / "model.keras"
    kgen.models.CycleGAN((16, 16, 3), filters=2, num_blocks=0, pool_size=0, seed=1).save(path)
    return path


@pytest.fixture(scope="module")
def loaded(model):
    return kgen.load(model)


@pytest.fixture
def pictures(tmp_path):
    """A folder of two images, one of them in a subfolder and of another size, and of something else."""
    (tmp_path / "in" / "more").mkdir(parents=True)
    Image.fromarray(RNG.integers(0, 256, (16, 16, 3), "uint8")).save(tmp_path / "in" / "one.png")
    Image.fromarray(RNG.integers(0, 256, (20, 40), "uint8")).save(tmp_path / "in" / "more" / "two.jpg")
    (tmp_path / "in" / "notes.txt").write_text("no image")
    return tmp_path / "in"


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_picture_becomes_a_picture_in_either_direction(model, loaded, pictures, tmp_path, capsys):
    for to in "ab":
        out = tmp_path / "new" / f"{to}.png"
        assert call("generate", model, "--file", pictures / "one.png", "--out", out, "--set", f"to={to}") == 0
        assert capsys.readouterr().out.endswith(f"{out}\n")
        expected = loaded.translate(pixels(pictures / "one.png")[None], to=to)[0]
        np.testing.assert_allclose(pixels(out).astype(int), expected, atol=1)
    assert (pixels(tmp_path / "new" / "a.png") != pixels(tmp_path / "new" / "b.png")).any()


def test_a_folder_becomes_a_folder_and_never_over_another(model, pictures, tmp_path, capsys):
    words = ["generate", model, "--file", pictures, "--out", tmp_path / "out"]
    assert call(*words) == 0
    said = capsys.readouterr()
    assert "2 images" in said.out and "skipped 1: 1 not an image (notes.txt)" in said.err
    made = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert made == {"one.png", "more/two.png"}
    assert pixels(tmp_path / "out" / "more" / "two.png").shape == (16, 16, 3)
    assert call(*words) == 2
    assert "--overwrite" in capsys.readouterr().err
    (tmp_path / "out" / "mine.txt").write_text("mine")
    before = pixels(tmp_path / "out" / "one.png")
    assert call(*words, "--overwrite", "--set", "to=a") == 0
    assert (pixels(tmp_path / "out" / "one.png") != before).any()
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_what_fails_in_the_middle_leaves_nothing(loaded, pictures, tmp_path, monkeypatch):
    def broken(image):
        if any(tmp_path.rglob(".out.*/**/*.png")):
            raise OSError("disk full")
        return Image.fromarray(image)

    monkeypatch.setattr(files, "picture", broken)
    monkeypatch.setattr("kgen.cli.words.load", lambda model: loaded)
    assert call("generate", "any", "--file", pictures, "--out", tmp_path / "out") != 0
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (["--out", "x.png"], "--file and --out: a CycleGAN translates images"),
        (["--file", "in"], "--file and --out"),
        (["--file", "in/none.png", "--out", "x.png"], "--file: no such file"),
        (["--file", "in/one.png", "--out", "x.txt"], "--out: expected a picture"),
        (["--file", "in/notes.txt", "--out", "x.png"], "not an image (notes.txt)"),
        (["--file", "in", "--out", "in/out"], "--out: expected a folder outside"),
        (["--file", "in", "--out", "in/notes.txt"], "--out: expected a folder, as --file is one"),
        (["--file", "in", "--out", "x", "--set", "to=c"], "to: expected one of 'a', 'b'"),
        (["--file", "in", "--out", "x", "--set", "two=a"], "translate has no argument 'two'"),
        (["--file", "in", "--out", "x", "--sampler", "greedy"], "--sampler: a CycleGAN translates images"),
    ],
)
def test_a_mistake_is_one_line(loaded, pictures, words, finding, monkeypatch, capsys):
    monkeypatch.chdir(pictures.parent)
    monkeypatch.setattr("kgen.cli.words.load", lambda model: loaded)
    assert call("generate", "any", *words) == 2
    assert finding in capsys.readouterr().err
    assert not any((pictures.parent / name).exists() for name in ("x", "x.png", "x.txt"))


def test_two_images_of_one_name_are_not_mixed_up(loaded, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("kgen.cli.words.load", lambda model: loaded)
    Image.new("RGB", (16, 16)).save(pictures / "one.jpg")
    assert call("generate", "any", "--file", pictures, "--out", tmp_path / "out") == 2
    assert "would both become one.png" in capsys.readouterr().err

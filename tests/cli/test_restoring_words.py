"""`kgen generate` with models that restore, and with models that paint what a text says."""

import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.cli import generating
from tests.cli.console import call

RNG = np.random.default_rng(0)
PHOTOGRAPH = RNG.integers(0, 256, (9, 14, 3), "uint8")


@pytest.fixture(scope="module")
def restorer():
    return kgen.models.ImageRestorer((8, 8, 3), scale=2, widths=(4, 4), blocks=1, num_heads=1, seed=1)


@pytest.fixture(scope="module")
def listener():
    return kgen.models.AudioSuperResolution(64, widths=(4, 4), blocks=1, num_heads=1, seed=1)


@pytest.fixture
def here(restorer, tmp_path, monkeypatch):
    """A folder with a photograph, a mask and a note, in which `kgen generate any` asks the restorer."""
    monkeypatch.setattr("kgen.cli.words.load", lambda model: restorer)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    Image.fromarray(PHOTOGRAPH).save("in/photograph.png")
    Image.fromarray(RNG.integers(0, 256, (6, 4), "uint8")).save("in/small.png")
    mask = np.zeros((9, 14), "uint8")
    mask[2:5, 3:9] = 255
    Image.fromarray(mask).save("mask.png")
    (tmp_path / "note.txt").write_text("no image")
    return tmp_path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["task=super-resolution", "steps=0"], lambda model, image: model.super_resolve(PHOTOGRAPH[None], 1, steps=0)),
        (["task=colorization", "steps=2"], lambda model, image: model.colorize(image, seed=1, steps=2)),
        (
            ["task=denoising", "steps=3", "solver=heun"],
            lambda model, image: model.denoise(image, seed=1, steps=3, solver=kgen.diffusion.Heun()),
        ),
    ],
)
def test_a_picture_keeps_its_size_but_for_what_does_not_divide(here, restorer, words, meant, capsys):
    settings = [part for word in words for part in ("--set", word)]
    assert call("generate", "any", "--file", "in/photograph.png", "--out", "new/out.png", *settings) == 0
    assert capsys.readouterr().out.endswith("new/out.png\n")
    np.testing.assert_array_equal(pixels("new/out.png"), meant(restorer, PHOTOGRAPH[None, :8])[0])


def test_a_hole_is_painted_where_the_mask_is_white(here, restorer):
    words = ["--set", "task=inpainting", "--set", "mask=mask.png", "--set", "steps=2", "--seed", "4"]
    assert call("generate", "any", "--file", "in/photograph.png", "--out", "out.png", *words) == 0
    hole = pixels("mask.png")[:8] > 0
    np.testing.assert_array_equal(pixels("out.png"), restorer.inpaint(PHOTOGRAPH[None, :8], hole, seed=4, steps=2)[0])


def test_a_folder_of_pictures_of_all_sizes_becomes_a_folder(here, capsys):
    words = ["--set", "task=super_resolution", "--set", "steps=1"]
    assert call("generate", "any", "--file", "in", "--out", "out", *words) == 0
    assert "out: 2 images" in capsys.readouterr().out
    assert pixels("out/small.png").shape == (12, 8, 3)
    assert pixels("out/photograph.png").shape == (18, 28, 3)


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        ([], "--set task=TASK: say which damage to undo; this model knows super_resolution, inpainting, color"),
        (["--set", "task=deblurring"], "--set task: no 'deblurring'"),
        (["--set", "task=inpainting"], "--set mask=FILE: it says what is missing"),
        (["--set", "task=denoising", "--set", "mask=mask.png"], "--set mask=FILE: it says what is missing"),
        (["--set", "task=inpainting", "--set", "mask=none.png"], "--set mask=FILE: no such file"),
        (["--set", "task=inpainting", "--set", "mask=note.txt"], "--set mask=FILE: expected a picture"),
        (["--set", "task=inpainting", "--set", "mask=in/small.png"], "they are 4 × 6 and 14 × 9"),
        (["--set", "task=denoising", "--set", "solver=best"], "--set solver: no 'best'"),
        (["--set", "task=denoising", "--set", "samples=3"], "restore has no argument 'samples'; it has steps, solver"),
        (["--set", "task"], "--set: expected NAME=VALUE, got 'task'"),
        (["--beam", "3"], "--beam: a ImageRestorer restores images"),
    ],
)
def test_a_mistake_is_one_line(here, words, finding, capsys):
    assert call("generate", "any", "--file", "in/photograph.png", "--out", "out.png", *words) == 2
    assert finding in capsys.readouterr().err
    assert not (here / "out.png").exists()


def test_sound_comes_back_faster_and_never_over_another(here, listener, monkeypatch, capsys):
    monkeypatch.setattr("kgen.cli.words.load", lambda model: listener)
    kgen.datasets.write_audio("slow.wav", 0.5 * np.sin(np.arange(100) / 5), rate=4000)
    words = ["generate", "any", "--file", "slow.wav", "--out", "new/fast.wav", "--set", "steps=0"]
    assert call(*words) == 0
    wave, rate = kgen.datasets.audio_file("new/fast.wav")
    slow, _ = kgen.datasets.audio_file("slow.wav")
    np.testing.assert_allclose(wave, listener.super_resolve(slow, seed=1), atol=1e-4)
    assert rate == 8000
    assert call(*words) == 2
    assert "--overwrite" in capsys.readouterr().err
    for options, finding in [
        (["--file", "slow.wav", "--out", "fast.mp3"], "--out: expected a WAV file"),
        (["--file", "in", "--out", "fast.wav"], "--file: no such file"),
        (["--file", "note.txt", "--out", "fast.wav"], "is no WAV file"),
        (["--out", "fast.wav"], "--file and --out: an AudioSuperResolution restores sound"),
    ]:
        assert call("generate", "any", *options) == 2
        assert finding in capsys.readouterr().err


def test_a_model_that_learned_captions_paints_what_a_text_says(here, monkeypatch, capsys):
    tiny = {"widths": (4,), "blocks": 1, "num_heads": 1, "seed": 1}
    words = kgen.tokenizers.CharacterTokenizer.train(["red heart"], progress=False)
    told, drawn = kgen.models.DiffusionModel((4, 4, 1), tokenizer=words, **tiny), []
    monkeypatch.setattr("kgen.cli.words.load", lambda model: told)
    monkeypatch.setattr(
        generating, "_generate_images", lambda model, n, out, seed, arguments, overwrite: drawn.append(arguments)
    )
    options = ["--text", "red heart", "--set", "guidance=2", "--set", "solver=Heun"]
    assert call("generate", "any", *options) == 0
    (arguments,) = drawn
    assert (arguments["prompt"], arguments["guidance"]) == ("red heart", 2)
    assert told.generate(1, seed=1, steps=2, **arguments).shape == (1, 4, 4, 1)
    monkeypatch.setattr("kgen.cli.words.load", lambda model: kgen.models.DiffusionModel((4, 4, 1), **tiny))
    assert call("generate", "any", "--text", "red heart") == 2
    assert "--text: a DiffusionModel generates images" in capsys.readouterr().err

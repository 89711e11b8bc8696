"""What diffusion models and pixel painters add to *Image generation*, asked as gradio asks it, without a server."""

import json
import threading
from types import SimpleNamespace

import gradio
import numpy as np
import pytest
from PIL import Image

import kgen
from demos import image_generation
from demos.examples import WIDTH
from demos.facts import Facts
from demos.image_dreams import NEEDS
from demos.image_knobs import board
from demos.pictures import tile
from demos.stoppable import THREAD
from demos.stoppable import step_by_step
from demos.studio import Studio
from kgen.presets import registry

TINY = {"widths": (4,), "blocks": 1, "num_heads": 1, "ema_decay": 0.0, "seed": 1}
PIXELS = {"filters": 4, "num_blocks": 1, "first_kernel_size": 3, "head_dim": 4, "seed": 1}
DIFFUSION = {"guidance": 2.0, "steps": 3, "solver": "Euler"}
SEEN = np.random.default_rng(0).integers(0, 256, (1, 6, 4, 1), "uint8")


@pytest.fixture(scope="module")
def models():
    words = kgen.tokenizers.CharacterTokenizer.train(["red heart"], progress=False)
    codec = kgen.models.ImageAutoencoder((8, 8, 1), latent_channels=2, widths=(4, 4), seed=1, name="codec")
    return {
        "words": kgen.models.DiffusionModel((6, 4, 1), tokenizer=words, **TINY),
        "classes": kgen.models.DiffusionModel((6, 4, 1), num_classes=3, **TINY),
        "plain": kgen.models.DiffusionModel((6, 4, 1), **TINY),
        "latents": kgen.models.LatentDiffusion(codec, words, **TINY),
        "painter": kgen.models.PixelCNN((6, 4, 1), num_classes=3, **PIXELS),
        "codes": kgen.models.PixelCNN((2, 2, 1), likelihood="codes", levels=5, **PIXELS),
        "no-prior": kgen.models.VQVAE((4, 4, 1), 5, 2, (4,), seed=1),
    }


@pytest.fixture(scope="module")
def studio(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    (folder / "index.json").write_text(json.dumps({}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        patch.setattr(Facts, "load", lambda facts: models[facts.name])
        yield Studio([folder / f"{name}.keras" for name in models])


@pytest.fixture(scope="module")
def page(studio):
    with gradio.Blocks(analytics_enabled=False) as page:
        image_generation.build(studio)
    return page


def ask(page, api_name, **sent):
    """What a handler yields; what is not sent is what the control shows at first."""
    event = next(one for one in page.fns.values() if one.api_name == api_name)
    names = list(event.fn.__signature__.parameters)
    assert {*sent} <= {*names}
    values = [sent.get(name, control.value) for name, control in zip(names, event.inputs, strict=True)]
    return list(event.fn(*values))


def handler(page, api_name):
    return next(one.fn for one in page.fns.values() if one.api_name == api_name)


def same(picture, images, **layout):
    return np.array_equal(np.asarray(picture), np.asarray(tile(images, **layout)))


@pytest.fixture
def picture(tmp_path):
    tile(SEEN, width=64).save(tmp_path / "mine.png")
    return {"path": str(tmp_path / "mine.png")}


def drawing(folder, picture, box):
    """What an image editor sends: `picture`, and a rectangle drawn on it."""
    with Image.open(picture["path"]) as image:
        strokes = Image.new("RGBA", image.size)
    strokes.paste("#e11d48", box)
    strokes.save(folder / "layer.png")
    return {"background": picture, "layers": [{"path": str(folder / "layer.png")}], "composite": None}


# What is offered -----------------------------------------------------------------------------------------------------


def test_codes_and_models_without_a_prior_dream_no_images(studio):
    assert studio.names(*NEEDS) == ["words", "classes", "plain", "latents", "painter"]
    assert studio.names(*NEEDS, "generate(stream)") == ["words", "classes", "plain", "latents"]
    assert studio.names(*NEEDS, "complete(rows)") == ["painter"]
    with pytest.raises(gradio.Error, match=r"no-prior is a VQVAE, which cannot do this\. Try words, classes"):
        studio.facts("no-prior", *NEEDS)


def test_parts_and_knobs_are_there_for_the_models_that_have_them(studio, page):
    about, *tabs = handler(page, "about_image_model")("latents")
    assert about == "**LatentDiffusion** · 8 × 8 × 1 pixels, dreams what you say"
    assert [one["visible"] for one in tabs] == [True, True, True, False, True]  # all but Complete
    with gradio.Blocks(analytics_enabled=False):
        knobs = board(studio, SimpleNamespace(value="words"), NEEDS).knobs
    turned = {
        name: {argument for argument, knob in knobs.items() if knob.turns(argument, studio.facts(name))}
        for name in studio.names(*NEEDS)
    }
    how = {"steps", "solver"}
    assert turned["words"] == turned["latents"] == {"prompt", "negative_prompt", "guidance", *how}
    assert turned["classes"] == {"labels", "guidance", *how}
    assert turned["plain"] == how
    assert turned["painter"] == {"labels", "temperature"}


# Dreams, and how they come out of noise ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sent", "meant"),
    [
        ("words", {"prompt": " red ", "negative_prompt": "heart"}, {"prompt": "red", "negative_prompt": "heart"}),
        ("words", {"prompt": ""}, {}),
        ("classes", {"labels": "2"}, {"labels": 2}),
        ("latents", {"prompt": "red"}, {"prompt": "red"}),
    ],
)
def test_dreams_are_those_of_the_knobs(page, models, name, sent, meant):
    *_, answer = ask(page, "generate_images", model=name, count=2, seed=3, **sent, **DIFFUSION)
    euler = {"guidance": 2.0, "steps": 3, "solver": kgen.diffusion.Euler()}
    assert same(answer, models[name].generate(2, seed=3, **meant, **euler))


def test_a_painter_tells_how_far_it_is(page, models):
    *_, answer = ask(page, "generate_images", model="painter", count=3, seed=3, labels="1", temperature=0.5)
    assert same(answer, models["painter"].generate(3, seed=3, labels=1, temperature=0.5))


def test_an_image_comes_out_of_noise_step_by_step(page, models):
    sent = {"model": "classes", "count": 2, "seed": 5, "labels": "1", **DIFFUSION, "guidance": 1}
    first, _, *steps, (_, _, strip) = ask(page, "show_denoising", **sent)
    assert first == [None] * 3
    assert len(steps) == 3
    dream = models["classes"].generate(2, seed=5, labels=1, steps=3, solver=kgen.diffusion.Euler())
    assert [same(noisy, dream, width=480) for noisy, _, _ in steps] == [False, False, True]
    assert strip.width >= 3 * 64 and strip.height >= 2 * 64


def test_long_ways_are_shown_in_glimpses(page):
    *steps, _ = ask(page, "show_denoising", model="plain", count=1, seed=5, steps=60, solver="Euler")
    assert len(steps) == 2 + 20  # every third


@pytest.mark.parametrize(("name", "meant"), [("classes", {"labels": 0}), ("latents", {})])
def test_a_walk_leads_from_dream_to_dream(page, models, name, meant):
    *_, answer = ask(page, "walk_from_noise", model=name, from_seed=4, to_seed=9, count=2, **DIFFUSION)
    euler = {"guidance": 2.0, "steps": 3, "solver": kgen.diffusion.Euler()}
    ends = np.concatenate([models[name].generate(1, seed=seed, **meant, **euler) for seed in (4, 9)])
    assert np.abs(np.asarray(answer).astype(int) - np.asarray(tile(ends, columns=2)).astype(int)).max() <= 1


def test_work_that_nobody_waits_for_ends():
    begun, told = threading.Event(), []

    def work(progress):
        while True:
            progress(1, 2)
            begun.set()

    def told_work(progress):
        try:
            work(progress)
        except Exception as error:
            told.append(type(error).__name__)
            raise

    steps = step_by_step(told_work)
    assert next(steps) is None
    assert begun.is_set()
    steps.close()
    for thread in threading.enumerate():
        if thread.name.startswith(THREAD):
            thread.join(timeout=5)
    assert told == ["Stopped"]
    assert list(step_by_step(lambda progress: "done")) == ["done"]


# Images of one's own -------------------------------------------------------------------------------------------------


def test_an_image_is_completed(page, models, picture):
    sent = {"model": "painter", "image": picture, "kept": 50, "count": 3, "seed": 2, "labels": "1"}
    _, (given, _), *_, (_, answer) = ask(page, "complete_image", **sent)
    below = SEEN.copy()
    below[:, 3:] = 127
    assert same(given, below, width=WIDTH)
    made = models["painter"].complete(SEEN, rows=3, n=3, seed=2, labels=1)[0]
    assert same(answer, made, width=WIDTH)


def test_a_hole_is_filled_and_nothing_else(page, models, picture, tmp_path):
    hole = np.zeros((6, 4), bool)
    hole[2:4, 1:] = True
    image = drawing(tmp_path, picture, (16, 32, 64, 64))  # of 64 × 96 pixels
    sent = {"model": "classes", "image": image, "count": 2, "seed": 2, **DIFFUSION}
    _, (given, _), *_, (_, answer) = ask(page, "fill_hole", **sent)
    assert same(given, np.where(hole[..., None], 127, SEEN).astype("uint8"), width=WIDTH)
    options = {"guidance": 2.0, "steps": 3, "solver": kgen.diffusion.Euler()}
    made = [models["classes"].inpaint(SEEN, hole, seed=2 + i, labels=i, **options) for i in range(2)]
    assert same(answer, np.concatenate(made), width=WIDTH)


def test_examples_fit_the_model(page):
    (example,) = handler(page, "example_to_complete")("painter")
    assert np.asarray(example)[..., :3].std() > 0
    *_, canvas = handler(page, "example_to_fill")("latents")
    alpha = np.asarray(canvas["layers"][0])[..., 3]
    assert canvas["background"].size == canvas["layers"][0].size == (WIDTH, WIDTH)
    assert 0.1 < (alpha > 0).mean() < 0.5


@pytest.mark.parametrize(
    ("api_name", "change", "sentence"),
    [
        ("generate_images", {"prompt": "x" * 401}, "Prompt: expected text of at most 400 characters, not 401."),
        ("generate_images", {"negative_prompt": 3}, "Negative prompt: expected text of at most 400 characters."),
        ("generate_images", {"guidance": 11}, "Guidance: expected a number from 0.0 to 10.0."),
        ("generate_images", {"steps": 251}, "Steps: expected a whole number from 1 to 250."),
        ("generate_images", {"steps": 1.5}, "Steps: expected a whole number from 1 to 250."),
        ("generate_images", {"solver": "PNDM"}, "Solver: expected one of DDPM, DDIM, Euler, Heun, DPMSolver."),
        ("show_denoising", {"count": 9}, "Images: expected a whole number from 1 to 8."),
        ("show_denoising", {"model": "painter"}, "painter is a PixelCNN, which cannot do this. Try words, classes"),
        ("complete_image", {"model": "painter", "image": None}, "Image: choose a file first."),
        ("fill_hole", {"image": None}, "Image: choose a file first."),
        ("fill_hole", {"image": {"background": {"path": "http://x/y.png"}}}, "Image: choose a file first."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(page, api_name, change, sentence):
    with pytest.raises(gradio.Error) as refused:
        ask(page, api_name, **{"model": "words", **change})
    assert refused.value.message.startswith(sentence)


def test_an_image_without_a_hole_is_a_sentence(page, picture):
    with pytest.raises(gradio.Error, match="Image: draw on it where the model shall dream"):
        ask(page, "fill_hole", model="plain", image={"background": picture, "layers": [], "composite": None})
    strokes = {"background": picture, "layers": [{"path": __file__}], "composite": None}
    with pytest.raises(gradio.Error, match="Drawing: expected layers as PNG files"):
        ask(page, "fill_hole", model="plain", image=strokes)

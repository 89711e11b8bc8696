"""The tab *Restoration*: what is given, what is answered, and what is refused."""

import json

import gradio
import gradio_client
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

import kgen
from demos import app
from demos import restoration
from demos.examples import example_image
from demos.examples import on_canvas
from demos.facts import Facts
from demos.pictures import tile
from demos.studio import Studio
from demos.uploaded_images import as_it_is
from kgen.presets import registry
from tests.demos.conftest import free_port

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (1, 9, 14, 3), "uint8")
ANSWERS = {"/restore_image": {"model": "colours", "task": "Remove noise", "answers": 2, "steps": 2, "seed": 3}}


@pytest.fixture(scope="module")
def models():
    tiny = {"scale": 2, "widths": (4, 4), "blocks": 1, "num_heads": 1, "ema_decay": 0.0, "seed": 1}
    return {
        "colours": kgen.models.ImageRestorer((8, 8, 3), **tiny),
        "grey": kgen.models.ImageRestorer((8, 4, 1), ("inpainting", "colorization"), **tiny),
        "vae": kgen.models.VAE((8, 8, 1), 2, architecture="mlp", hidden_dims=(4,), seed=1),
    }


@pytest.fixture(scope="module")
def shelf(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    (folder / "index.json").write_text(json.dumps({}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        patch.setattr(Facts, "load", lambda facts: models[facts.name])
        yield folder


@pytest.fixture(scope="module")
def page(shelf):
    page = app.build([shelf / f"{name}.keras" for name in ("colours", "grey", "vae")], only="restoration")
    app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
    yield page
    page.close()


@pytest.fixture(scope="module")
def address(page):
    return page.local_url


def drawn(folder, image=PHOTOGRAPH, box=None):
    """Files as an image editor uploads them: an image, and a layer with a rectangle."""
    Image.fromarray(image[0] if image.shape[-1] == 3 else image[0, ..., 0]).save(folder / "photograph.png")
    layer = Image.new("RGBA", image.shape[2:0:-1])
    if box is not None:
        layer.paste("#e11d48", box)
    layer.save(folder / "layer.png")
    return {"background": folder / "photograph.png", "layers": [folder / "layer.png"], "composite": None}


def uploaded(drawing):
    """The same for a client, which uploads them."""
    return {
        "background": gradio_client.handle_file(drawing["background"]),
        "layers": [gradio_client.handle_file(one) for one in drawing["layers"]],
        "composite": None,
    }


def local(drawing):
    """The same as the handlers see it."""
    layers = [{"path": str(one)} for one in drawing["layers"]]
    return {"background": {"path": str(drawing["background"])}, "layers": layers, "composite": None}


def handler(page, api_name):
    return next(one.fn for one in page.fns.values() if one.api_name == api_name)


def same(picture, images):
    picture = np.asarray(Image.open(picture) if isinstance(picture, str) else picture)
    return np.array_equal(picture, np.asarray(tile(images, width=restoration.WIDTH)))


def test_every_public_event_is_tested(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {*ANSWERS}


def test_an_upload_is_cut_to_what_divides_and_answered(client, models, tmp_path):
    sent = {**ANSWERS["/restore_image"], "image": uploaded(drawn(tmp_path))}
    given, answers, mean = client.predict(**sent, api_name="/restore_image")
    cut = PHOTOGRAPH[:, 0:8]
    made = [models["colours"].denoise(cut, seed=seed, steps=2) for seed in (3, 4)]
    assert same(given, cut)
    assert same(answers, np.concatenate(made))
    assert same(mean, models["colours"].denoise(cut, seed=3, steps=0))


@pytest.mark.parametrize(
    ("task", "meant"),
    [
        ("Enlarge", lambda model, image, hole: model.super_resolve(image, seed=1, steps=0)),
        ("Colour", lambda model, image, hole: model.colorize(image, seed=1, steps=0)),
        ("Remove noise", lambda model, image, hole: model.denoise(image, seed=1, steps=0)),
        ("Fill a hole", lambda model, image, hole: model.inpaint(image, hole, seed=1, steps=0)),
    ],
)
def test_each_task_is_the_models_and_without_steps_there_is_the_mean_alone(page, models, tmp_path, task, meant):
    image, hole = PHOTOGRAPH[:, :8, :12], np.zeros((8, 12), bool)
    hole[2:5, 3:9] = True
    sent = local(drawn(tmp_path, image, (3, 2, 9, 5)))
    *_, (_, answers, mean) = handler(page, "restore_image")("colours", sent, task, 4, 0, 1)
    if task == "Colour":
        grey = np.asarray(Image.fromarray(image[0]).convert("L"))
        image = np.repeat(grey[None, ..., None], 3, axis=-1)
    expected = meant(models["colours"], image, hole)
    assert answers is None and same(mean, expected)


@pytest.mark.parametrize("task", restoration.TASKS)
def test_an_example_comes_back_as_the_model_was_to_see_it(page, models, monkeypatch, tmp_path, task):
    made = []
    monkeypatch.setattr(models["colours"], "damaged", lambda *sent: made.append(kept(*sent)) or made[-1])
    kept = type(models["colours"]).damaged.__get__(models["colours"])
    *_, canvas = handler(page, "example_of_damage")("colours", restoration.TASKS[task])
    canvas["background"].save(tmp_path / "background.png")
    for i, layer in enumerate(canvas["layers"]):
        layer.save(tmp_path / f"{i}.png")
    layers = [tmp_path / f"{i}.png" for i in range(len(canvas["layers"]))]
    sent = local({"background": tmp_path / "background.png", "layers": layers})
    given = restoration.given_to(models["colours"], task, sent)
    if task == "inpainting":
        np.testing.assert_array_equal(given[1], made[0][1])
        given, made = given[0], [made[0][0]]
    np.testing.assert_allclose(given.astype(int), made[0], atol=1)  # grey of grey may round


def test_a_preset_brings_examples_of_its_own(shelf, page):
    row = np.random.default_rng(3).integers(0, 256, (8, 24, 3), "uint8")
    facts = Facts("colours", "emoji", "ImageRestorer", {"image_shape": (8, 8, 3)}, {})
    assert example_image(facts).shape == (1, 8, 8, 3)  # of a photograph
    folder = registry.SHIPPED / "emoji"
    folder.mkdir(parents=True)
    Image.fromarray(row).save(folder / "examples.png")
    cells = [row[:, start : start + 8].tobytes() for start in (0, 8, 16)]
    assert all(example_image(facts).tobytes() in cells for _ in range(4))


@pytest.mark.parametrize("side", [8, 28, 64])
def test_an_example_on_the_canvas_can_be_undone(tmp_path, side):
    image = np.random.default_rng(4).integers(0, 256, (1, side, side, 3), "uint8")
    on_canvas(image)["background"].save(tmp_path / "canvas.png")
    again, _ = as_it_is({"background": {"path": str(tmp_path / "canvas.png")}, "layers": []}, 256, 4, (side, side))
    np.testing.assert_array_equal(np.asarray(again), image[0])


def test_large_images_are_made_smaller_and_only_these(tmp_path):
    image = Image.effect_noise((900, 300), 60)
    image.save(tmp_path / "photograph.png")
    Image.new("RGBA", (90, 30), (255, 0, 0, 1)).save(tmp_path / "layer.png")  # of another size, all over
    sent = local({"background": tmp_path / "photograph.png", "layers": [tmp_path / "layer.png"]})
    small, hole = as_it_is(sent, most=256, divisor=4, own=(8, 8))
    assert small.size == hole.size == (256, 84)
    assert np.asarray(hole).min() == 255
    kept, _ = as_it_is(sent, most=900, divisor=1, own=(100, 300))  # its sides, but nobody enlarged it
    assert np.array_equal(np.asarray(kept), np.asarray(image))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": None}, "Image: choose a file first."),
        ({"answers": 9}, "Answers: expected a whole number from 1 to 8."),
        ({"steps": -1}, "Steps: expected a whole number from 0 to 100."),
        ({"seed": 0.5}, "Seed: expected a whole number from 0 to 2147483647."),
        ({"task": "Sharpen"}, "Task: expected one of Enlarge, Fill a hole, Colour, Remove noise."),
        ({"task": ["Enlarge"]}, "Task: expected one of Enlarge, Fill a hole, Colour, Remove noise."),
        ({"model": "grey"}, "Task: expected one of Fill a hole."),
        ({"task": "Fill a hole"}, "Image: draw on it where something is missing."),
        ({"model": "vae"}, "vae is a VAE, which cannot do this. Try colours, grey."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(client, tmp_path, change, sentence):
    sent = {**ANSWERS["/restore_image"], "image": uploaded(drawn(tmp_path)), **change}
    with pytest.raises(AppError) as refused:
        client.predict(**sent, api_name="/restore_image")
    assert str(refused.value) == sentence


def test_what_is_shown_follows_the_model(page, tmp_path):
    about, task, *pictures = handler(page, "about_restorer")("grey")
    assert about == "**ImageRestorer** · 8 × 4 × 1 pixels"
    assert handler(page, "about_restorer")("colours")[0] == "**ImageRestorer** · 8 × 8 × 3 pixels, enlarges 2 times"
    assert (task["choices"], task["value"], pictures) == (["Fill a hole"], "Fill a hole", [None] * 3)
    tiny = local(drawn(tmp_path, PHOTOGRAPH[:, :1]))
    with pytest.raises(gradio.Error, match="Image: expected at least 2 × 2 pixels"):
        list(handler(page, "restore_image")("colours", tiny, "Colour", 1, 1, 1))


def test_without_a_model_the_tab_says_how_to_make_one(shelf):
    from kgen.cli.words import FAMILIES
    from kgen.cli.words import choose

    with gradio.Blocks(analytics_enabled=False) as blocks:
        restoration.build(Studio([shelf / "vae.keras"]))
    said = "".join(one.value for one in blocks.blocks.values() if isinstance(one, gradio.Markdown))
    assert "kgen train image-restorer --data digits" in said
    assert FAMILIES[choose("MODEL", "image-restorer", FAMILIES)] == "ImageRestorer"

"""What GANs add to the studio: classes, truncation, mixed styles, and images that become other images."""

import json
import urllib.request
from types import SimpleNamespace

import gradio
import gradio_client
import keras
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

import kgen
from demos import app
from demos import image_generation
from demos import image_map
from demos import image_translation
from demos.facts import Facts
from demos.image_interpolation import great_circle
from demos.image_interpolation import latent_of
from demos.image_map import offsets
from demos.image_map import place
from demos.image_styles import mixtures
from demos.image_translation import as_seen
from demos.pictures import tile
from demos.studio import Studio
from kgen.presets import registry
from tests.demos.conftest import free_port

PATHS = ("plain.keras", "classes.keras", "cycle.keras")
ANSWERS = {
    "/generate_images": {"model": "classes"},
    "/interpolate_images": {"model": "classes"},
    "/draw_map": {"model": "classes"},
    "/show_place": {"model": "classes"},
    "/mix_styles": {"model": "classes", "rows": 1, "columns": 3},
    "/translate_image": {"model": "cycle", "direction": "a to b"},
}


@pytest.fixture(scope="module")
def patch():
    """`monkeypatch` for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def plain_draws(self, shape, dtype=None, **options):
    rng = np.random.default_rng(sum(shape))
    return keras.ops.convert_to_tensor(rng.normal(0.0, getattr(self, "stddev", 0.5), shape).astype(dtype or "float32"))


@pytest.fixture(scope="module")
def models(patch):
    # JAX compiles every initializer for every shape, which would take longer than all the tests here.
    for initializer in (keras.initializers.RandomNormal, keras.initializers.VarianceScaling):
        patch.setattr(initializer, "__call__", plain_draws)
    tiny = {"latent_dim": 4, "penalty": None, "ema_decay": 0.0, "seed": 1}
    return {
        "plain": kgen.models.DCGAN((8, 8, 1), filters=(4,), **tiny),
        "classes": kgen.models.StyleGAN((8, 8, 3), filters=(4, 4), mapping_layers=1, num_classes=3, **tiny),
        "cycle": kgen.models.CycleGAN((16, 16, 1), filters=1, num_blocks=0, pool_size=0, seed=1),
    }


@pytest.fixture(scope="module")
def shelf(models, patch, tmp_path_factory):
    """A folder of models and no presets."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    (folder / "index.json").write_text(json.dumps({}))
    patch.setattr(registry, "SHIPPED", folder / "presets")
    patch.setattr(registry, "INDEX", folder / "index.json")
    # What the tests compute themselves need not be compiled again for the page.
    patch.setattr(Facts, "load", lambda facts: models[facts.name])
    return folder


@pytest.fixture(scope="module")
def page(shelf):
    page = app.build([shelf / path for path in PATHS])
    app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
    yield page
    page.close()


@pytest.fixture(scope="module")
def address(page):
    return page.local_url


def ask(client, api_name, **changes):
    return client.predict(**ANSWERS[api_name] | changes, api_name=api_name)


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


def close(picture, images, **layout):
    """Rows may be computed in groups of another size here than there: sums may round differently."""
    return np.abs(pixels(picture) - np.asarray(tile(images, **layout)).astype(int)).max() <= 1


def handler(page, api_name):
    return next(one.fn for one in page.fns.values() if one.api_name == api_name)


def upload(folder, image):
    image.save(folder / "my picture.png")
    return gradio_client.handle_file(folder / "my picture.png")


def test_every_public_event_is_tested(client):
    public = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    learns_here = ("/judge_", "/word_")  # what needs no model
    assert {name for name in public if not name.startswith(learns_here)} == {*ANSWERS}


# Image generation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, sent, meant",
    [
        ("classes", {}, {}),
        ("classes", {"labels": "2", "truncation": 0.5}, {"labels": 2, "truncation": 0.5}),
        ("classes", {"labels": 1}, {"labels": 1}),
        ("classes", {"labels": "all in turn"}, {"labels": None}),
        ("plain", {"truncation": 0.3, "labels": "2"}, {"truncation": 0.3}),  # no classes: the knob is not there
    ],
)
def test_dreams_are_those_of_the_knobs(client, models, name, sent, meant):
    answer = ask(client, "/generate_images", model=name, count=4, seed=3, **sent)
    assert close(answer, models[name].generate(4, seed=3, **meant))


def test_knobs_are_there_for_the_models_that_have_them(page, shelf):
    show = handler(page, "image_knobs")
    assert [one["visible"] for one in show("plain")] == [True, False]
    truncation, labels = show("classes")
    assert truncation["visible"] and labels["visible"]
    assert labels["choices"] == ["all in turn", "0", "1", "2"]
    assert labels["value"] == "all in turn"
    for name in ("show_interpolation_classes", "show_map_classes", "show_styles_classes"):
        assert not handler(page, name)("plain")["visible"]
        assert handler(page, name)("classes")["choices"] == ["0", "1", "2"]
    assert handler(page, "show_levels")("classes")["maximum"] == 2
    about = image_generation.about_model(Studio([shelf / "classes.keras"]).facts("classes"))
    assert about == "**StyleGAN** · 8 × 8 × 3 pixels, 4 latent dimensions, 3 classes"


@pytest.mark.parametrize("name, options", [("plain", {}), ("classes", {"labels": 1})])
def test_walks_and_places_are_those_of_a_class(client, models, name, options):
    answer = ask(client, "/interpolate_images", model=name, from_seed=11, to_seed=12, steps=3, **options)
    way = great_circle(latent_of(11, 4), latent_of(12, 4), 3)
    assert close(answer, models[name].decode(way, **options), columns=8)
    if options:
        assert not close(answer, models[name].decode(way, labels=0), columns=8)
    answer = ask(client, "/show_place", model=name, seed=4, east=24.0, north=-48.0, **options)
    assert close(answer, models[name].decode(place(4, 4, 24.0, -48.0), **options), width=560)


def test_a_map_is_drawn_of_a_class(client, models, monkeypatch):
    monkeypatch.setattr(image_map, "TILES", 3)
    answer = ask(client, "/draw_map", seed=4, span=90.0, labels=2)
    rows = [place(4, 4, offsets(3, 90.0), up) for up in (30.0, 0.0, -30.0)]
    images = np.concatenate([models["classes"].decode(row, labels=2) for row in rows])
    assert close(answer, images, columns=3, width=840, gap=2)


def test_a_table_of_styles_has_its_sources_at_the_edges(client, models):
    options = {"truncation": 0.8, "labels": 1}
    answer = ask(client, "/mix_styles", row_seed=5, column_seed=9, level=1, **options)
    model, (columns, row) = models["classes"], mixtures(models["classes"], [5], [9, 10, 11], 1, **options)
    assert close(answer, np.concatenate([columns, row]), columns=4, skip=1)
    sources = [model.generate(1, seed=seed, **options)[0].astype(int) for seed in (9, 10, 11, 5)]
    assert np.abs(np.stack([*columns, row[0]]) - np.stack(sources)).max() <= 1
    assert np.array_equal(row[1:], model.mix([5], [9, 10, 11], level=1, **options)[0])


@pytest.mark.parametrize("level, edge", [(0, "column"), (2, "row")])
def test_all_levels_are_the_rows_or_the_columns(models, level, edge):
    columns, row = mixtures(models["classes"], [1], [2, 3, 4], level, labels=0)
    expected = columns if edge == "column" else row[[0, 0, 0]]
    assert np.abs(row[1:].astype(int) - expected).max() <= 1


# Image to image ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction, to, back", [("a to b", "b", "a"), ("b to a", "a", "b")])
def test_an_image_goes_there_and_back(client, models, tmp_path, direction, to, back):
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), "uint8")
    sent = upload(tmp_path, tile(image, width=64))
    answers = ask(client, "/translate_image", image=sent, direction=direction)
    there = models["cycle"].translate(image, to=to)
    for answer, expected in zip(answers, (image, there, models["cycle"].translate(there, to=back)), strict=True):
        assert pixels(answer).shape == (480, 480, 4)
        assert close(answer, expected, width=480)


@pytest.mark.parametrize("shape", [(16, 20, 3), (16, 20, 1)])
@pytest.mark.parametrize("mode, size", [("RGB", (300, 200)), ("L", (5, 40)), ("RGBA", (1, 1)), ("P", (20, 16))])
def test_any_image_is_made_to_fit(tmp_path, shape, mode, size):
    path = tmp_path / "any.png"
    Image.new("RGBA", size, (255, 0, 0, 255)).convert(mode).save(path)
    seen = as_seen({"path": str(path)}, shape)
    assert (seen.shape, seen.dtype) == ((1, *shape), "uint8")
    grey = mode == "L" or shape[2] == 1
    assert np.abs(seen.astype(int) - (76 if grey else [255, 0, 0])).max() <= 1


def test_an_image_is_cropped_in_its_centre(tmp_path):
    wide = np.zeros((20, 60, 3), "uint8")
    wide[:, 20:40] = np.arange(20)[:, None, None] * 12  # what lies beside the middle is not to be seen
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert np.array_equal(as_seen({"path": str(tmp_path / "wide.png")}, (20, 20, 3))[0], wide[:, 20:40])


def test_an_example_is_an_image_of_the_kind(page):
    example = handler(page, "example_image")
    (white_on_black,), (black_on_white,) = example("a to b"), example("b to a")
    assert np.asarray(white_on_black)[..., :3].mean() < 128 < np.asarray(black_on_white)[..., :3].mean()
    offered = [
        image_translation.has_examples(SimpleNamespace(arguments={"image_shape": shape}))
        for shape in ([16, 16, 1], [64, 64, 3])
    ]
    assert offered == [True, False]


def test_only_an_upload_is_read(address):
    for path in (__file__, f"http://..{__file__}"):
        body = json.dumps({"data": ["cycle", {"path": path, "meta": {"_type": "gradio.FileData"}}, "a to b"]}).encode()
        url = f"{address}gradio_api/call/translate_image"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{url}/{event}") as answer:
            assert "event: error" in answer.read().decode()


def test_what_is_no_image_is_refused(client, tmp_path):
    (tmp_path / "note.png").write_text("hello")
    with pytest.raises(AppError) as refused:
        ask(client, "/translate_image", image=gradio_client.handle_file(tmp_path / "note.png"))
    assert str(refused.value) == "Image: expected a picture such as PNG or JPEG, this file is not an image."


# Both ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "api_name, change, sentence",
    [
        ("/generate_images", {"labels": "3"}, "Class: expected all in turn or a whole number from 0 to 2."),
        ("/generate_images", {"labels": -1}, "Class: expected all in turn or a whole number from 0 to 2."),
        ("/generate_images", {"labels": True}, "Class: expected all in turn or a whole number from 0 to 2."),
        ("/generate_images", {"labels": [1]}, "Class: expected all in turn or a whole number from 0 to 2."),
        ("/generate_images", {"labels": None}, "Class: expected all in turn or a whole number from 0 to 2."),
        ("/generate_images", {"truncation": 0.0}, "Truncation: expected a number from 0.1 to 1.5."),
        ("/interpolate_images", {"labels": "all in turn"}, "Class: expected a whole number from 0 to 2."),
        ("/draw_map", {"labels": 1.5}, "Class: expected a whole number from 0 to 2."),
        ("/show_place", {"labels": {}}, "Class: expected a whole number from 0 to 2."),
        ("/mix_styles", {"labels": "x"}, "Class: expected a whole number from 0 to 2."),
        ("/mix_styles", {"level": 3}, "Levels of the row: expected a whole number from 0 to 2."),
        ("/mix_styles", {"rows": 9}, "Rows: expected a whole number from 1 to 8."),
        ("/mix_styles", {"truncation": "much"}, "Truncation: expected a number from 0.1 to 1.5."),
        ("/mix_styles", {"model": "plain"}, "plain is a DCGAN, which cannot do this. Try classes."),
        ("/generate_images", {"model": "cycle"}, "cycle is a CycleGAN, which cannot do this. Try plain, classes."),
        ("/translate_image", {"image": None}, "Image: choose a file first."),
        ("/translate_image", {"direction": "b"}, "Direction: expected one of a to b, b to a."),
        ("/translate_image", {"direction": ["a"]}, "Direction: expected one of a to b, b to a."),
        ("/translate_image", {"model": "plain"}, "plain is a DCGAN, which cannot do this. Try cycle."),
        ("/translate_image", {"model": None}, "There is no such model here. There are: cycle."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(client, tmp_path, api_name, change, sentence):
    if api_name == "/translate_image":
        change = {"image": upload(tmp_path, Image.new("L", (16, 16))), **change}
    with pytest.raises(AppError) as refused:
        ask(client, api_name, **change)
    assert str(refused.value) == sentence


def test_without_a_model_the_tab_says_how_to_make_one(shelf):
    from kgen.cli.words import FAMILIES
    from kgen.cli.words import choose

    page = app.build([shelf / "plain.keras"], only="image_translation")
    said = "".join(one.value for one in page.blocks.values() if isinstance(one, gradio.Markdown))
    assert "kgen train cyclegan --data FOLDER_WITH_TWO_SUBFOLDERS" in said
    assert FAMILIES[choose("MODEL", "cyclegan", FAMILIES)] == "CycleGAN"
    assert not page.fns


def test_parts_that_no_model_can_use_are_not_on_the_page(shelf):
    page = app.build([shelf / "plain.keras"], only="image_generation")
    names = {one.api_name for one in page.fns.values()}
    assert "mix_styles" not in names
    assert "interpolate_images" in names

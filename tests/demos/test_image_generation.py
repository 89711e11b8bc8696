import time

import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

from demos.image_interpolation import great_circle
from demos.image_interpolation import latent_of
from demos.image_map import clicked_place
from demos.image_map import offsets
from demos.image_map import place
from demos.pictures import tile
from demos.studio import MAX_SEED

ANSWERS = {
    "/generate_images": ("run", 5, 1, 1.0),
    "/interpolate_images": ("run", 1, 2, 5),
    "/draw_map": ("run", 1, 0.0, 0.0, 360.0),
    "/show_place": ("run", 1, 24.0, -48.0),
}


def pixels(path):
    return np.asarray(Image.open(path))


def equal(picture, images, **layout):
    return np.array_equal(picture, np.asarray(tile(images, **layout)))


def close(picture, images, **layout):
    """One row is decoded in a group of another size here than there: sums may round differently."""
    return np.abs(picture.astype(int) - np.asarray(tile(images, **layout)).astype(int)).max() <= 1


@pytest.mark.parametrize("name", ["run", "plane", "tiny-vae"])
@pytest.mark.parametrize("api_name", ANSWERS)
def test_every_answer_is_a_picture(client, api_name, name):
    picture = pixels(client.predict(name, *ANSWERS[api_name][1:], api_name=api_name))
    assert picture.ndim == 3
    assert min(picture.shape[:2]) >= 100
    assert picture[..., :3].std() > 0


def test_every_public_event_is_tested(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {*ANSWERS}


def test_picture_is_what_the_model_generates(client, tiny_vae):
    arguments = {"model": "run", "count": 7, "seed": 3, "temperature": 0.5}
    answer = pixels(client.predict(**arguments, api_name="/generate_images"))
    assert equal(answer, tiny_vae.generate(7, seed=3, temperature=0.5))


def test_interpolation_starts_and_ends_at_the_dreams_of_its_seeds(client, tiny_vae):
    answer = pixels(client.predict("run", 11, 12, 2, api_name="/interpolate_images"))
    assert close(answer, np.concatenate([tiny_vae.generate(1, seed=11), tiny_vae.generate(1, seed=12)]))


def test_great_circle_stays_as_likely_as_its_ends():
    rng = np.random.default_rng(0)
    way = great_circle(rng.standard_normal((1, 20_000)), rng.standard_normal((1, 20_000)), 9)
    assert np.allclose(way.std(axis=1), 1.0, atol=0.03)
    assert np.array_equal(latent_of(5, 3), np.random.default_rng(5).standard_normal((1, 3)))


def test_every_place_of_the_map_is_as_likely_as_a_dream():
    z = place(0, 20_000, [0.0, 100.0, -30.0], [0.0, 20.0, 170.0])
    assert np.allclose(z.std(axis=1), 1.0, atol=0.03)


@pytest.mark.parametrize("latent_dim", [2, 5])
def test_the_map_goes_round(latent_dim):
    assert np.allclose(place(1, latent_dim, 200.0, -100.0), place(1, latent_dim, -160.0, 260.0), atol=1e-6)


@pytest.mark.parametrize("span", [360.0, 90.0])
def test_a_click_shows_the_tile_that_was_clicked(client, tiny_vae, span):
    drawn = {"seed": 4, "east": 30.0, "north": -10.0, "span": span, "tiles": 15, "size": (868, 868)}
    picture = pixels(client.predict("run", 4, 30.0, -10.0, span, api_name="/draw_map"))
    assert picture.shape[:2] == drawn["size"]
    for column, row in ((0, 0), (7, 7), (14, 2), (3, 14)):
        side = 868 / 15
        pixel = (int((column + 0.5) * side), int((row + 0.5) * side))
        large = tiny_vae.decode(place(4, 4, *clicked_place(drawn, pixel)))[0, :, :, 0].astype(int)
        assert np.abs(_tile_of(picture, column, row) - large).max() <= 1


def test_the_middle_of_the_map_is_a_tile():
    assert offsets(15, 360.0)[7] == 0.0
    assert np.allclose(np.diff(offsets(15, 360.0)), 24.0)


def _tile_of(picture, column, row, tiles=15, gap=2, side=8):
    big = (picture.shape[0] + gap) // tiles - gap
    top, left = row * (big + gap), column * (big + gap)
    return picture[top : top + big : big // side, left : left + big : big // side, 0].astype(int)


@pytest.mark.parametrize(
    "api_name, change, sentence",
    [
        ("/generate_images", {1: 101}, "Images: expected a whole number from 1 to 100."),
        ("/generate_images", {1: 0}, "Images: expected a whole number from 1 to 100."),
        ("/generate_images", {1: 2.5}, "Images: expected a whole number from 1 to 100."),
        ("/generate_images", {1: "many"}, "Images: expected a whole number from 1 to 100."),
        ("/generate_images", {1: None}, "Images: expected a whole number from 1 to 100."),
        ("/generate_images", {1: True}, "Images: expected a whole number from 1 to 100."),
        ("/generate_images", {2: -1}, f"Seed: expected a whole number from 0 to {MAX_SEED}."),
        ("/generate_images", {2: 10**30}, f"Seed: expected a whole number from 0 to {MAX_SEED}."),
        ("/generate_images", {3: 2.1}, "Temperature: expected a number from 0.0 to 2.0."),
        ("/generate_images", {3: [1]}, "Temperature: expected a number from 0.0 to 2.0."),
        ("/interpolate_images", {3: 33}, "Steps: expected a whole number from 2 to 32."),
        ("/interpolate_images", {1: None}, f"From seed: expected a whole number from 0 to {MAX_SEED}."),
        ("/draw_map", {4: 1e9}, "Width: expected a number from 15.0 to 360.0."),
        ("/show_place", {2: 181}, "East: expected a number from -180 to 180."),
        ("/generate_images", {0: None}, "There is no such model here. There are: run, plane, fragile, tiny-vae."),
        ("/draw_map", {0: "/etc/passwd"}, "There is no such model here. There are: run, plane, fragile, tiny-vae."),
        ("/draw_map", {0: ["run"]}, "There is no such model here. There are: run, plane, fragile, tiny-vae."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(client, api_name, change, sentence):
    arguments = dict(enumerate(ANSWERS[api_name])) | change
    with pytest.raises(AppError) as refused:
        client.predict(*arguments.values(), api_name=api_name)
    assert str(refused.value) == sentence


def test_a_damaged_file_is_named_without_its_folder(client, shelf):
    with pytest.raises(AppError, match=r"^fragile could not be loaded: fragile\.keras: truncated or not a") as refused:
        client.predict("fragile", 1, 1, 1.0, api_name="/generate_images")
    assert str(shelf) not in str(refused.value)


def test_stop_stops(client, tiny_vae, monkeypatch):
    rows, decode = [], type(tiny_vae).decode
    monkeypatch.setattr(
        type(tiny_vae), "decode", lambda self, z: (rows.append(len(z)), time.sleep(0.1), decode(self, z))[2]
    )
    job = client.submit(*ANSWERS["/draw_map"], api_name="/draw_map")
    while len(rows) < 2:
        time.sleep(0.02)
    job.cancel()
    time.sleep(0.3)
    stopped = len(rows)
    time.sleep(0.5)
    assert len(rows) == stopped < 15
    assert client.predict(*ANSWERS["/show_place"], api_name="/show_place")

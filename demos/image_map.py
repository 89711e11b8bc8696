"""Part of *Image generation*: a map of latent space to walk on. A click shows the place large."""

import gradio as gr
import numpy as np

from .image_classes import class_box_of
from .image_classes import labels_chosen
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .pictures import tile
from .studio import MAX_SEED
from .studio import number
from .studio import sentences
from .studio import sorry
from .studio import whole
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box

PART_OF = "image_generation"
TITLE = "Latent map"
ORDER = 30
NEEDS = (*AN_IMAGE_MODEL, "decode", "latent_dim")

TILES = 15  # on a side, fewer when images are large
MAX_SIDE = 2048  # pixels of the map
NARROWEST, WIDEST = 15.0, 360.0  # degrees from one side of the map to the other

ABOUT = "Every place on this map is a dream of its own, and neighbours look alike. **Click one to see it large.**"


def place(seed, latent_dim, east, north):
    """Latent vectors `(n, latent_dim)` of places on the map of a seed, in degrees.

    The map is a torus that four draws a, b, c, d of N(0, 1) hang in latent space:

        z = (cos(east) · a + sin(east) · b + cos(north) · c + sin(north) · d) / √2

    Each of its points is distributed as the prior is, so the decoder knows them all; who walks 360° in a direction is
    back. Only a space of two dimensions is shown as it is, from -3 to 3 standard deviations each way.
    """
    east, north = np.broadcast_arrays(wrapped(np.atleast_1d(east)), wrapped(np.atleast_1d(north)))
    if latent_dim == 2:
        return np.stack([east, north], axis=1) / 60.0
    a, b, c, d = np.random.default_rng(seed).standard_normal((4, latent_dim))
    east, north = np.radians(east)[:, None], np.radians(north)[:, None]
    return (np.cos(east) * a + np.sin(east) * b + np.cos(north) * c + np.sin(north) * d) / np.sqrt(2.0)


def offsets(tiles, span):
    """How far the middle of each tile lies from the middle of the map, in degrees, rising."""
    return (np.arange(tiles) - (tiles - 1) / 2) * span / tiles


def wrapped(degrees):
    """The same place in [-180, 180)."""
    return np.round((degrees + 180.0) % 360.0 - 180.0, 4)


def clicked_place(drawn, pixel):
    """(east, north) of the middle of the tile that was clicked, from what was drawn and the (x, y) of the pixel."""
    tiles, steps = drawn["tiles"], offsets(drawn["tiles"], drawn["span"])
    column, row = (min(tiles - 1, int(at * tiles / side)) for at, side in zip(pixel, drawn["size"], strict=True))
    return float(wrapped(drawn["east"] + steps[column])), float(wrapped(drawn["north"] - steps[row]))


def build(studio, model):
    # What the picture shows: seed, class, middle, width in degrees, tiles on a side, size in pixels.
    drawn = gr.State()
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=2, min_width=240):
            seed = seed_box()
            span = gr.Slider(NARROWEST, WIDEST, WIDEST, step=1, label="Width °")
            labels = class_box_of(studio, model, "show_map_classes")
            go, new, stop = go_and_stop("Draw the map", "New map")
        with gr.Column(scale=4, min_width=320):
            picture = picture_box("Map", elem_classes="clickable")
        with gr.Column(scale=2, min_width=240):
            large = picture_box("Place", buttons=["download"])
            with gr.Row():
                east = gr.Number(0.0, label="East °", minimum=-180, maximum=180, min_width=90)
                north = gr.Number(0.0, label="North °", minimum=-180, maximum=180, min_width=90)
            with gr.Row():
                closer = gr.Button("Zoom in", min_width=90)
                farther = gr.Button("Zoom out", min_width=90)

    def checked(seed, east, north):
        return (
            whole("Seed", seed, 0, MAX_SEED),
            number("East", east, -180, 180),
            number("North", north, -180, 180),
        )

    @sentences
    def draw_map(model, seed, east, north, span, labels):
        seed, east, north = checked(seed, east, north)
        span = number("Width", span, NARROWEST, WIDEST)
        options = labels_chosen(studio.facts(model, *NEEDS), labels)
        yield gr.skip(), gr.skip()  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        tiles = max(3, min(TILES, MAX_SIDE // max(dreamer.image_shape[:2])))
        rows = []
        for up in north + offsets(tiles, span)[::-1]:
            yield gr.skip(), gr.skip()
            rows.append(dreamer.decode(place(seed, dreamer.latent_dim, east + offsets(tiles, span), up), **options))
        result = tile(np.concatenate(rows), columns=tiles, width=840, gap=2)
        shown = {"seed": seed, "labels": labels, "east": east, "north": north, "span": span}
        yield result, {**shown, "tiles": tiles, "size": result.size}

    @sentences
    def show_place(model, seed, east, north, labels):
        seed, east, north = checked(seed, east, north)
        options = labels_chosen(studio.facts(model, *NEEDS), labels)
        yield gr.skip()
        dreamer = studio.model(model, *NEEDS)
        yield gr.skip()
        yield tile(dreamer.decode(place(seed, dreamer.latent_dim, east, north), **options), width=560)

    def click_map(drawn, click: gr.SelectData):
        if not drawn:
            raise sorry("Draw the map first, then click it.")
        return *clicked_place(drawn, click.index), drawn["seed"], drawn["labels"]

    # Events ----------------------------------------------------------------------------------------------------------

    at, whole_map = [model, seed, east, north, labels], [model, seed, east, north, span, labels]
    starts = [go.click, span.release, seed.submit, labels.input]
    events = [gr.on(starts, draw_map, whole_map, [picture, drawn], api_name="draw_map", **QUEUE)]
    events += [gr.on([east.submit, north.submit], show_place, at, large, api_name="show_place", **QUEUE)]

    # The buttons and the click first change the controls and then do what the events above do.
    redraw = {"fn": draw_map, "inputs": whole_map, "outputs": [picture, drawn], "api_visibility": "private", **QUEUE}
    show = {"fn": show_place, "inputs": at, "outputs": large, "api_visibility": "private", **QUEUE}
    clicked = picture.select(
        click_map,
        drawn,
        [east, north, seed, labels],
        queue=False,
        show_progress="hidden",
        api_name="click_map",
        api_visibility="private",
    )
    events += [clicked.then(**show, api_name="show_clicked")]
    for button, name, factor in ((closer, "zoom_in", "/ 2"), (farther, "zoom_out", "* 2")):
        js = f"(span) => Math.min({WIDEST}, Math.max({NARROWEST}, span {factor}))"
        zoomed = button.click(None, span, span, js=js, api_name=name)
        events += [zoomed.then(**redraw, api_name=f"draw_{name}")]
    events += [dice(new, seed, api_name="new_map").then(**redraw, api_name="draw_new_map")]
    stop.click(None, cancels=events, api_name="stop_map")
    # A map of the model before would answer clicks with places of its own.
    start = f"() => [null, null, 0, 0, {WIDEST}]"
    model.change(None, None, [picture, large, east, north, span], js=start, api_name="forget_map")

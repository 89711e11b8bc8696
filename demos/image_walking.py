"""Part of *Image generation*: a walk from one dream of a diffusion model to another, from noise to noise."""

import gradio as gr
import numpy as np

from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .image_interpolation import COLUMNS
from .image_interpolation import great_circle
from .image_knobs import board
from .pictures import check_sheet
from .pictures import tile
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import whole
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box

PART_OF = "image_generation"
TITLE = "Walk"
ORDER = 48
NEEDS = (*AN_IMAGE_MODEL, "decode(guidance)")

MAX_IMAGES = 32


def noise_of(seed, shape):
    """The noise `(1, *shape)` from which `generate(1, seed=seed)` makes its image."""
    return np.random.default_rng(seed).standard_normal((1, *shape), "float32")


def build(studio, model):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            with gr.Row():
                first = seed_box("From seed", 1)
                last = seed_box("To seed", 2)
            count = gr.Slider(2, MAX_IMAGES, 8, step=1, label="Images")
            knobs = board(studio, model, NEEDS, "decode")
            go, new, stop = go_and_stop("Walk", "New seeds")
        with gr.Column(scale=2, min_width=320):
            picture = picture_box("Walk")

    @sentences
    def walk_from_noise(model, from_seed, to_seed, count, *settings):
        from_seed = whole("From seed", from_seed, 0, MAX_SEED)
        to_seed = whole("To seed", to_seed, 0, MAX_SEED)
        count = whole("Images", count, 2, MAX_IMAGES)
        options = knobs.options(studio.facts(model, *NEEDS), settings)
        yield gr.skip()  # between two steps Stop takes hold
        dreamer, images = studio.model(model, *NEEDS), []
        check_sheet(count, dreamer.image_shape)
        yield gr.skip()
        if "labels" in options:
            options["labels"] = options["labels"] or 0  # a walk keeps to one class
        ends = (noise_of(one, dreamer.space_shape).reshape(1, -1) for one in (from_seed, to_seed))
        for noise in great_circle(*ends, count):
            images.append(dreamer.decode(noise.reshape(1, *dreamer.space_shape), **options))
            yield tile(np.concatenate(images), columns=COLUMNS, places=count)

    named(walk_from_noise, "model", "from_seed", "to_seed", "count", *knobs.controls)

    inputs = [model, first, last, count, *knobs.controls.values()]
    starts = [go.click, first.submit, last.submit, *(box.submit for box in knobs.boxes)]
    running = gr.on(starts, walk_from_noise, inputs, picture, api_name="walk_from_noise", **QUEUE)
    again = dice(new, first, last, api_name="new_walk_seeds").then(
        walk_from_noise, inputs, picture, api_name="walk_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_walk")
    knobs.follow(studio, model, NEEDS, "walk_knobs")

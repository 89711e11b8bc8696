"""Part of *Image generation*: what a model dreams where you drew on an image."""

import gradio as gr
import numpy as np

from .examples import WIDTH
from .examples import on_canvas
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .image_knobs import board
from .pictures import check_sheet
from .pictures import tile
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import sorry
from .studio import whole
from .uploaded_images import as_painted
from .uploaded_images import background_of
from .uploads import upload_path
from .widgets import captioned
from .widgets import dice
from .widgets import go_and_stop
from .widgets import image_editor
from .widgets import seed_box

PART_OF = "image_generation"
TITLE = "Fill a hole"
ORDER = 60
NEEDS = (*AN_IMAGE_MODEL, "inpaint(mask)")

MAX_IMAGES = 8
NOTHING = 127  # the grey of what is not given

ABOUT = "Draw on an image: **there the model dreams anew**, so that it goes with the rest."


def build(studio, model):
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            editor = image_editor("Image")
            some = gr.Button("An example")
            count = gr.Slider(1, MAX_IMAGES, 4, step=1, label="Images")
            seed = seed_box()
            knobs = board(studio, model, NEEDS, "inpaint")
            go, new, stop = go_and_stop("Fill")
        with gr.Column(scale=2, min_width=320), gr.Row():
            pictures = [captioned("What it was given"), captioned("What it made of it")]

    @sentences
    def fill_hole(model, image, count, seed, *settings):
        upload_path("Image", background_of(image))
        count = whole("Images", count, 1, MAX_IMAGES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        facts = studio.facts(model, *NEEDS)
        options = knobs.options(facts, settings)
        yield None, None  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        check_sheet(count, dreamer.image_shape)
        seen, hole = as_painted(image, dreamer.image_shape)
        if not hole.any():
            raise sorry("Image: draw on it where the model shall dream.")
        before = tile(np.where(hole[..., None], NOTHING, seen).astype("uint8"), width=WIDTH)
        yield before, None
        filled, in_turn = [], "labels" in options and options["labels"] is None
        for i in range(count):
            if in_turn:
                options["labels"] = i % facts.arguments["num_classes"]
            filled.append(dreamer.inpaint(seen, hole, seed=seed + i, **options))
            yield before, tile(np.concatenate(filled), width=WIDTH, places=count)

    named(fill_hole, "model", "image", "count", "seed", *knobs.controls)

    @sentences
    def example_to_fill(model):
        yield gr.skip()  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        dream = dreamer.generate(1, seed=int(np.random.default_rng().integers(MAX_SEED)))  # of what it knows to fill
        height, width, _ = dreamer.image_shape
        hole = np.zeros((height, width), bool)
        hole[height // 3 : -(-2 * height // 3), width // 4 : -(-3 * width // 4)] = True
        yield on_canvas(dream, hole)

    inputs = [model, editor, count, seed, *knobs.controls.values()]
    starts = [go.click, seed.submit, *(box.submit for box in knobs.boxes)]
    running = gr.on(starts, fill_hole, inputs, pictures, api_name="fill_hole", **QUEUE)
    some.click(example_to_fill, model, editor, api_name="example_to_fill", api_visibility="private", **QUEUE)
    again = dice(new, seed, api_name="new_filling_seed").then(
        fill_hole, inputs, pictures, api_name="fill_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_filling")
    knobs.follow(studio, model, NEEDS, "filling_knobs")

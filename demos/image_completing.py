"""Part of *Image generation*: images that begin as one of yours and go on otherwise."""

import gradio as gr
import numpy as np

from .examples import WIDTH
from .examples import example_image
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .image_knobs import board
from .pictures import check_sheet
from .pictures import tile
from .stoppable import step_by_step
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import whole
from .uploaded_images import as_seen
from .uploads import upload_path
from .widgets import captioned
from .widgets import dice
from .widgets import go_and_stop
from .widgets import seed_box

PART_OF = "image_generation"
TITLE = "Complete"
ORDER = 50
NEEDS = (*AN_IMAGE_MODEL, "complete(rows)")

MAX_IMAGES = 16
NOTHING = 127  # the grey of what is not given

ABOUT = "The model is given the upper rows of an image and paints the others, pixel by pixel, each time anew."


def build(studio, model):
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            upload = gr.Image(
                label="Image", alt_text="Image", format="png", sources=["upload", "clipboard"], buttons=[], height=240
            )
            some = gr.Button("An example")
            kept = gr.Slider(0, 100, 50, step=5, label="Kept %", info="of the rows, from the top")
            count = gr.Slider(1, MAX_IMAGES, 4, step=1, label="Images")
            seed = seed_box()
            knobs = board(studio, model, NEEDS, "complete")
            go, new, stop = go_and_stop("Complete")
        with gr.Column(scale=2, min_width=320), gr.Row():
            pictures = [captioned("What it was given"), captioned("What it made of it")]

    @sentences
    def complete_image(model, image, kept, count, seed, *settings):
        upload_path("Image", image)
        kept = whole("Kept %", kept, 0, 100)
        count = whole("Images", count, 1, MAX_IMAGES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        options = knobs.options(studio.facts(model, *NEEDS), settings)
        yield None, None  # between two steps Stop takes hold
        painter = studio.model(model, *NEEDS)
        check_sheet(count, painter.image_shape)
        seen, rows = as_seen(image, painter.image_shape), round(painter.image_shape[0] * kept / 100)
        below = np.arange(painter.image_shape[0])[:, None, None] >= rows
        before = tile(np.where(below, NOTHING, seen).astype("uint8"), width=WIDTH)
        yield before, None

        def work(progress):
            return painter.complete(seen, rows=rows, n=count, seed=seed, progress=progress, **options)[0]

        for images in step_by_step(work):
            yield (gr.skip(), gr.skip()) if images is None else (before, tile(images, width=WIDTH))

    named(complete_image, "model", "image", "kept", "count", "seed", *knobs.controls)

    @sentences
    def example_to_complete(model):
        yield tile(example_image(studio.facts(model, *NEEDS)), width=WIDTH)

    inputs = [model, upload, kept, count, seed, *knobs.controls.values()]
    running = gr.on([go.click, seed.submit], complete_image, inputs, pictures, api_name="complete_image", **QUEUE)
    some.click(example_to_complete, model, upload, api_name="example_to_complete", api_visibility="private", **QUEUE)
    again = dice(new, seed, api_name="new_completion_seed").then(
        complete_image, inputs, pictures, api_name="complete_image_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_completion")
    knobs.follow(studio, model, NEEDS, "completion_knobs")

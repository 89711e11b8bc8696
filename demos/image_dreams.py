"""Part of *Image generation*: a sheet of images from a seed."""

import inspect

import gradio as gr

from .image_classes import CLASSES
from .image_classes import IN_TURN
from .image_classes import class_box
from .image_classes import class_choices
from .image_classes import class_chosen
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .image_knobs import Knob
from .image_knobs import board
from .pictures import check_sheet
from .pictures import tile
from .stoppable import step_by_step
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import whole
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box

PART_OF = "image_generation"
TITLE = "Dreams"
ORDER = 10
NEEDS = AN_IMAGE_MODEL

MAX_IMAGES = 100
MAX_STREAM = 64  # of those whose coming diffusion models let us see
STEPS_AT_ONCE = 5  # Stop waits for those that are begun


def temperature_slider(**shown):
    return gr.Slider(0.0, 2.0, 1.0, step=0.05, label="Temperature", info="below 1 keeps to what is typical", **shown)


def truncation_slider(value=1.0, **shown):
    return gr.Slider(0.1, 1.5, value, step=0.05, label="Truncation", info="below 1 more typical, more alike", **shown)


KNOBS = {
    "temperature": Knob(temperature_slider),
    "truncation": Knob(truncation_slider),
    "labels": Knob(
        class_box,
        needs=CLASSES,
        shown=lambda facts: class_choices(facts, IN_TURN),
        read=lambda control, facts, sent: class_chosen(facts, sent, IN_TURN),
    ),
}


def dreams(model, count, **options):
    """Yields None for each piece of the work, and then the images of `model.generate(count, **options)`."""
    takes = inspect.signature(model.generate).parameters
    if "stream" in takes and count <= MAX_STREAM:
        for glimpse in model.generate(count, stream=True, every=STEPS_AT_ONCE, **options):
            yield glimpse.noisy if glimpse.done == glimpse.steps else None
    elif "progress" in takes:
        yield from step_by_step(lambda progress: model.generate(count, progress=progress, **options))
    else:
        yield model.generate(count, **options)


def build(studio, model):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            count = gr.Slider(1, MAX_IMAGES, 25, step=1, label="Images")
            seed = seed_box()
            knobs = board(studio, model, NEEDS)
            go, new, stop = go_and_stop("Generate")
        with gr.Column(scale=2, min_width=320):
            picture = picture_box("Images")

    @sentences
    def generate_images(model, count, seed, *settings):
        count = whole("Images", count, 1, MAX_IMAGES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        options = knobs.options(studio.facts(model, *NEEDS), settings)
        yield gr.skip()  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        check_sheet(count, dreamer.image_shape)
        yield gr.skip()
        for images in dreams(dreamer, count, seed=seed, **options):
            yield gr.skip() if images is None else tile(images)

    named(generate_images, "model", "count", "seed", *knobs.controls)  # whichever knobs there are

    inputs = [model, count, seed, *knobs.controls.values()]
    running = gr.on(
        [go.click, seed.submit, *(box.submit for box in knobs.boxes)],
        generate_images,
        inputs,
        picture,
        api_name="generate_images",
        **QUEUE,
    )
    again = dice(new, seed, api_name="new_image_seed").then(
        generate_images, inputs, picture, api_name="generate_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_images")
    knobs.follow(studio, model, NEEDS, "image_knobs")

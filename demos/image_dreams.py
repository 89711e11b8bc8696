"""Part of *Image generation*: a sheet of images from a seed."""

import inspect

import gradio as gr

from .discovery import find
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .pictures import tile
from .studio import MAX_SEED
from .studio import sentences
from .studio import sorry
from .studio import whole
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box
from .widgets import within

PART_OF = "image_generation"
TITLE = "Dreams"
ORDER = 10
NEEDS = AN_IMAGE_MODEL

MAX_IMAGES = 100
MAX_PIXELS = 16_000_000  # of one sheet, so that large images come in smaller numbers

KNOBS = {
    "temperature": lambda: gr.Slider(
        0.0, 2.0, 1.0, step=0.05, label="Temperature", info="below 1 keeps to what is typical"
    ),
}


def build(studio, model):
    makers = {argument: make for part in find(PART_OF) for argument, make in getattr(part, "KNOBS", {}).items()}
    used = [name for name in makers if any(studio.facts(one).takes("generate", name) for one in studio.names(*NEEDS))]
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            count = gr.Slider(1, MAX_IMAGES, 25, step=1, label="Images")
            seed = seed_box()
            knobs = [makers[name]() for name in used]
            go, new, stop = go_and_stop("Generate")
        with gr.Column(scale=2, min_width=320):
            picture = picture_box("Images")

    @sentences
    def generate_images(model, count, seed, *settings):
        count = whole("Images", count, 1, MAX_IMAGES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        facts, options = studio.facts(model, *NEEDS), {}
        for name, knob, value in zip(used, knobs, settings, strict=True):
            if facts.takes("generate", name):
                options[name] = within(knob, value)
        yield gr.skip()  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        height, width = dreamer.image_shape[:2]
        if count > (most := max(1, MAX_PIXELS // (height * width))):
            raise sorry(f"Images: {most} images of {height} × {width} pixels fit on one sheet, not {count}.")
        yield gr.skip()
        yield tile(dreamer.generate(count, seed=seed, **options))

    # API callers give the knobs by name, whichever there are.
    names = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("model", "count", "seed", *used)
    ]
    generate_images.__signature__ = inspect.Signature(names)

    inputs = [model, count, seed, *knobs]
    running = gr.on(
        [go.click, seed.submit],
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

    def show_knobs(model):
        facts = studio.facts(model, *NEEDS)
        return [gr.update(visible=facts.takes("generate", name)) for name in used]

    if used:
        model.change(
            show_knobs,
            model,
            knobs,
            queue=False,
            preprocess=False,
            show_progress="hidden",
            api_name="image_knobs",
            api_visibility="private",
        )

"""Part of *Image generation*: a sheet of images from a seed."""

import gradio as gr

from .discovery import find
from .image_classes import CLASSES
from .image_classes import IN_TURN
from .image_classes import class_box
from .image_classes import class_choices
from .image_classes import class_chosen
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import PRIVATE
from .image_generation import QUEUE
from .image_knobs import Knob
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
TITLE = "Dreams"
ORDER = 10
NEEDS = AN_IMAGE_MODEL

MAX_IMAGES = 100


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


def build(studio, model):
    first, everybody = studio.facts(model.value), [studio.facts(name) for name in studio.names(*NEEDS)]
    knobs = {argument: knob for part in find(PART_OF) for argument, knob in getattr(part, "KNOBS", {}).items()}
    knobs = {name: knob for name, knob in knobs.items() if any(knob.turns(name, facts) for facts in everybody)}
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            count = gr.Slider(1, MAX_IMAGES, 25, step=1, label="Images")
            seed = seed_box()
            controls = {name: knob.make(**knob.look(name, first)) for name, knob in knobs.items()}
            go, new, stop = go_and_stop("Generate")
        with gr.Column(scale=2, min_width=320):
            picture = picture_box("Images")

    @sentences
    def generate_images(model, count, seed, *settings):
        count = whole("Images", count, 1, MAX_IMAGES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        facts, options = studio.facts(model, *NEEDS), {}
        for (name, knob), sent in zip(knobs.items(), settings, strict=True):
            if knob.turns(name, facts):
                options[name] = knob.read(controls[name], facts, sent)
        yield gr.skip()  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        check_sheet(count, dreamer.image_shape)
        yield gr.skip()
        yield tile(dreamer.generate(count, seed=seed, **options))

    named(generate_images, "model", "count", "seed", *knobs)  # whichever knobs there are

    inputs = [model, count, seed, *controls.values()]
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
        return [gr.update(**knob.look(name, facts)) for name, knob in knobs.items()]

    if knobs:
        model.change(show_knobs, model, [*controls.values()], api_name="image_knobs", **PRIVATE)

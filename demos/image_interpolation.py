"""Part of *Image generation*: a walk from one dream to another."""

import gradio as gr
import numpy as np

from .image_classes import class_box_of
from .image_classes import labels_chosen
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .pictures import check_sheet
from .pictures import tile
from .studio import MAX_SEED
from .studio import sentences
from .studio import whole
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box

PART_OF = "image_generation"
TITLE = "Interpolation"
ORDER = 20
NEEDS = (*AN_IMAGE_MODEL, "decode", "latent_dim")

MAX_STEPS = 32
COLUMNS = 8  # more of them would be too small to see on a telephone


def great_circle(start, end, steps):
    """Latent vectors on the way from `start` to `end`, both included: cos(t) · start + sin(t) · end, t from 0 to π/2.

    When both are draws of N(0, 1), so is every point on the way: the straight line would pass through vectors that are
    shorter than any the decoder was trained on, and its images would be pale.
    """
    t = np.linspace(0.0, np.pi / 2, steps)[:, None]
    return np.cos(t) * start + np.sin(t) * end


def latent_of(seed, latent_dim):
    """The latent vector `(1, latent_dim)` from which `generate(1, seed=seed)` makes its image."""
    return np.random.default_rng(seed).standard_normal((1, latent_dim))


def build(studio, model):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            with gr.Row():
                first = seed_box("From seed", 1)
                last = seed_box("To seed", 2)
            steps = gr.Slider(2, MAX_STEPS, 24, step=1, label="Steps")
            labels = class_box_of(studio, model, "show_interpolation_classes")
            go, new, stop = go_and_stop("Walk", "New seeds")
        with gr.Column(scale=2, min_width=320):
            picture = picture_box("Walk")

    @sentences
    def interpolate_images(model, from_seed, to_seed, steps, labels):
        from_seed = whole("From seed", from_seed, 0, MAX_SEED)
        to_seed = whole("To seed", to_seed, 0, MAX_SEED)
        steps = whole("Steps", steps, 2, MAX_STEPS)
        options = labels_chosen(studio.facts(model, *NEEDS), labels)
        yield gr.skip()  # between two steps Stop takes hold
        dreamer = studio.model(model, *NEEDS)
        check_sheet(steps, dreamer.image_shape)
        yield gr.skip()
        ends = (latent_of(one, dreamer.latent_dim) for one in (from_seed, to_seed))
        yield tile(dreamer.decode(great_circle(*ends, steps), **options), columns=COLUMNS)

    inputs = [model, first, last, steps, labels]
    starts = [go.click, first.submit, last.submit, labels.input]
    running = gr.on(starts, interpolate_images, inputs, picture, api_name="interpolate_images", **QUEUE)
    again = dice(new, first, last, api_name="new_interpolation_seeds").then(
        interpolate_images, inputs, picture, api_name="interpolate_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_interpolation")

"""Part of *Image generation*: how an image comes out of noise, step by step; and the knobs of models that do so."""

import gradio as gr

import kgen

from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import QUEUE
from .image_knobs import Knob
from .image_knobs import board
from .pictures import check_sheet
from .pictures import drawn
from .pictures import tile
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import whole
from .texts import text
from .widgets import captioned
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box
from .widgets import within

PART_OF = "image_generation"
TITLE = "From noise"
ORDER = 45
NEEDS = (*AN_IMAGE_MODEL, "generate(stream)")

MAX_IMAGES = 8
MAX_STEPS = 250
MAX_PROMPT = 400  # characters
GLIMPSES = 25  # about so many are shown
WIDTH = 480  # pixels of a picture, about

SOLVERS = [name for name, file in kgen.PUBLIC["diffusion"].items() if file == "solvers"]

ABOUT = """
Each step takes some noise away. On the left the image as it stands; on the right **what the network believes to see
behind the noise**, blurred while much is still open.
"""


def prompt_box(label, info):
    """Makes the box of a text; what is left empty is None."""
    return lambda **shown: gr.Textbox("", label=label, info=info, max_length=MAX_PROMPT, **shown)


def prompt_sent(control, facts, sent):
    return text(control.label, sent, MAX_PROMPT).strip() or None


def guidance_slider(**shown):
    return gr.Slider(0.0, 10.0, 3.0, step=0.5, label="Guidance", info="above 1 more of what was said, 1 none", **shown)


def steps_slider(**shown):
    return gr.Slider(1, MAX_STEPS, 20, step=1, label="Steps", info="more are slower and mostly better", **shown)


def solver_box(**shown):
    return gr.Dropdown(SOLVERS, value="DPMSolver", label="Solver", interactive=True, **shown)


def is_guided(facts):
    """Whether a model was told something in training, now and then nothing."""
    told = any(facts.has(one) for one in ("num_classes", "tokenizer"))
    return told and facts.arguments.get("unconditional_share", 0) > 0


def guidance_sent(control, facts, sent):
    return None if (guidance := within(control, sent)) == 1 else guidance


def solver_sent(control, facts, sent):
    return getattr(kgen.diffusion, within(control, sent))()


KNOBS = {
    "prompt": Knob(prompt_box("Prompt", "what there shall be"), needs=("tokenizer",), read=prompt_sent),
    "negative_prompt": Knob(
        prompt_box("Negative prompt", "what guidance leads away from"), ("tokenizer",), is_guided, read=prompt_sent
    ),
    "guidance": Knob(guidance_slider, fits=is_guided, read=guidance_sent),
    "steps": Knob(steps_slider, read=lambda control, facts, sent: whole("Steps", sent, 1, MAX_STEPS)),
    "solver": Knob(solver_box, read=solver_sent),
}


def strip(glimpses):
    """How the images stood, from the first glimpse to the last: a PIL image."""
    from kgen.plots import denoising_strip  # brings matplotlib

    return drawn(denoising_strip([one.noisy for one in glimpses], [one.done for one in glimpses]), dpi="figure")


def build(studio, model):
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            count = gr.Slider(1, MAX_IMAGES, 4, step=1, label="Images")
            seed = seed_box()
            knobs = board(studio, model, NEEDS)
            go, new, stop = go_and_stop("Watch")
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                pictures = [captioned("As it stands"), captioned("Seen behind the noise")]
            pictures.append(picture_box("All the way", elem_classes="scrolled"))

    @sentences
    def show_denoising(model, count, seed, *settings):
        count = whole("Images", count, 1, MAX_IMAGES)
        seed = whole("Seed", seed, 0, MAX_SEED)
        options = knobs.options(studio.facts(model, *NEEDS), settings)
        yield [None] * 3  # between two steps Stop takes hold
        dreamer, glimpses = studio.model(model, *NEEDS), []
        check_sheet(count, dreamer.image_shape)
        yield [gr.skip()] * 3
        every = -(-options.get("steps", 1) // GLIMPSES)
        for glimpse in dreamer.generate(count, seed=seed, stream=True, every=every, **options):
            glimpses.append(glimpse)
            found = tile(glimpse.noisy, width=WIDTH), tile(glimpse.seen, width=WIDTH)
            yield *found, gr.skip()
        yield *found, strip(glimpses)

    named(show_denoising, "model", "count", "seed", *knobs.controls)

    inputs = [model, count, seed, *knobs.controls.values()]
    starts = [go.click, seed.submit, *(box.submit for box in knobs.boxes)]
    running = gr.on(starts, show_denoising, inputs, pictures, api_name="show_denoising", **QUEUE)
    again = dice(new, seed, api_name="new_denoising_seed").then(
        show_denoising, inputs, pictures, api_name="denoise_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_denoising")
    knobs.follow(studio, model, NEEDS, "denoising_knobs")

"""The tab *Image generation*: every model that dreams images, and what can be done with its dreams.

The tab chooses the model; its parts (files with `PART_OF = "image_generation"`) do the rest. A part shows itself for
the models that have what it `NEEDS`. It may also bring `KNOBS`: for arguments of `generate` a `Knob`, which then
stands in the part *Dreams* for every model whose `generate` takes that argument.

Alone: `python demos/image_generation.py runs/vae`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen image generation
    emoji: 🎨
    colorFrom: indigo
    colorTo: pink
    sdk: gradio
    sdk_version: 6.31.0
    app_file: image_generation.py
    license: apache-2.0
    ---
"""

if not __package__:  # run as a file: be a module of the folder it lies in, or of the installed studio
    import sys
    from pathlib import Path

    here = Path(__file__).absolute().parent
    sys.path[0] = str(here.parent)  # instead of the folder itself, where any name might hide a package of that name
    __package__ = here.name if (here / "studio.py").exists() else "kgen_demos"

import gradio as gr

from . import discovery

TITLE = "Image generation"
ORDER = 30
NEEDS = ("generate", "image_shape")

# Every long event of the tab and its parts stands in one line, and its handler gets what was sent as it was sent: it
# checks everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "image_generation", "concurrency_limit": 1, "preprocess": False}

# And a short one that only changes what is shown.
PRIVATE = {"queue": False, "preprocess": False, "show_progress": "hidden", "api_visibility": "private"}

EMPTY = """
### No model of images yet

Train one, which takes a minute, and come back with it:

    kgen train vae --data digits --out runs/digits
    kgen demo --model runs/digits
"""


def about_model(facts):
    """One line about a model, from what is known before it is loaded."""
    shape = str(facts.image_shape).strip("[]").replace(", ", " × ")
    latent = f", {facts.arguments['latent_dim']} latent dimensions" if facts.has("latent_dim") else ""
    classes = f", {facts.arguments['num_classes']} classes" if facts.has("num_classes") else ""
    words = ", dreams what you say" if facts.has("generate(prompt)", "tokenizer") else ""
    return f"**{facts.class_name}** · {shape} pixels{latent}{classes}{words}"


def build(studio):
    models = studio.names(*NEEDS)
    if not models:
        gr.Markdown(EMPTY)
        return
    first = studio.facts(models[0])
    with gr.Row():
        choice = gr.Dropdown(models, value=models[0], label="Model", interactive=True, scale=1, min_width=280)
        with gr.Column(scale=2, min_width=320, elem_classes="about"):
            about = gr.Markdown(about_model(first))
    parts, tabs = [part for part in discovery.find(part_of="image_generation") if studio.names(*part.NEEDS)], []
    with gr.Tabs():
        for part in parts:
            with gr.Tab(part.TITLE, visible=first.has(*part.NEEDS)) as tab:
                part.build(studio, choice)
            tabs.append(tab)

    def about_image_model(model):
        facts = studio.facts(model, *NEEDS)
        return [about_model(facts), *(gr.update(visible=facts.has(*part.NEEDS)) for part in parts)]

    choice.change(about_image_model, choice, [about, *tabs], api_name="about_image_model", **PRIVATE)


if __name__ == "__main__":
    from .app import alone

    alone("image_generation")

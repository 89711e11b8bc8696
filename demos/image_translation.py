"""The tab *Image to image*: an image of one kind as one of the other kind, and back.

Alone: `python demos/image_translation.py runs/cycle`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen image to image
    emoji: 🦓
    colorFrom: indigo
    colorTo: yellow
    sdk: gradio
    sdk_version: 6.31.0
    app_file: image_translation.py
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
import numpy as np

from .image_generation import PRIVATE
from .image_generation import about_model
from .pictures import tile
from .studio import sentences
from .uploaded_images import as_seen
from .uploads import upload_path
from .widgets import captioned
from .widgets import within

TITLE = "Image to image"
ORDER = 40
NEEDS = ("translate", "image_shape")

# Every long event of the tab stands in one line, and its handler gets what was sent as it was sent: it checks
# everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "image_translation", "concurrency_limit": 1, "preprocess": False}

WIDTH = 480  # pixels of a picture, about
DIRECTIONS = {"a to b": ("a", "b"), "b to a": ("b", "a")}
EXAMPLES, EXAMPLES_SHAPE = "digits_and_negatives", [16, 16, 1]  # a data set that needs no download

ABOUT = """
The model knows two kinds of images, **a** and **b**; it has never seen one image as both. The way back tells how much
of your image the translation still holds.
"""
EMPTY = """
### No model that translates images yet

Train one on two kinds of images, without pairs, and come back with it. A first try, white digits on black to black
digits on white, needs no data of yours:

    kgen train cyclegan --out runs/cycle
    kgen demo --model runs/cycle

Then give it a folder with two subfolders of images, the first of which is kind a:

    kgen train cyclegan --data FOLDER_WITH_TWO_SUBFOLDERS --image-size 64 --out runs/cycle
"""


def example(kind):
    """Some image of this kind of the data set `EXAMPLES`, large enough to be looked at."""
    from kgen.datasets import load  # brings keras

    images = load(EXAMPLES, split="test")["ab".index(kind)]
    return tile(images[[np.random.default_rng().integers(len(images))]], width=WIDTH)


def has_examples(facts):
    return list(facts.arguments["image_shape"]) == EXAMPLES_SHAPE


def build(studio):
    models = studio.names(*NEEDS)
    if not models:
        gr.Markdown(EMPTY)
        return
    first = studio.facts(models[0])
    with gr.Row():
        model = gr.Dropdown(models, value=models[0], label="Model", interactive=True, scale=1, min_width=280)
        with gr.Column(scale=2, min_width=320, elem_classes="about"):
            about = gr.Markdown(about_model(first))
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=240):
            upload = gr.Image(
                label="Image", alt_text="Image", format="png", sources=["upload", "clipboard"], buttons=[], height=280
            )
            way = gr.Radio([*DIRECTIONS], value="a to b", label="Direction")
            with gr.Row():
                go = gr.Button("Translate", variant="primary", min_width=110)
                stop = gr.Button("Stop", variant="stop", min_width=70)
            some = gr.Button("A digit", visible=has_examples(first))
        with gr.Column(scale=3, min_width=320), gr.Row():
            pictures = [captioned(label) for label in ("As the model saw it", "Translated", "And back")]

    @sentences
    def translate_image(model, image, direction):
        upload_path("Image", image)
        kind, other = DIRECTIONS[within(way, direction)]
        studio.facts(model, *NEEDS)
        yield [None] * 3  # between two steps Stop takes hold
        translator = studio.model(model, *NEEDS)
        yield [gr.skip()] * 3
        seen = as_seen(image, translator.image_shape)
        found = [tile(seen, width=WIDTH), None, None]
        yield found
        translated = translator.translate(seen, to=other)
        found[1] = tile(translated, width=WIDTH)
        yield found
        found[2] = tile(translator.translate(translated, to=kind), width=WIDTH)
        yield found

    @sentences
    def example_image(direction):
        yield example(DIRECTIONS[within(way, direction)][0])

    # Events ----------------------------------------------------------------------------------------------------------

    inputs = [model, upload, way]
    running = gr.on([go.click, upload.upload], translate_image, inputs, pictures, api_name="translate_image", **QUEUE)
    chosen = some.click(example_image, way, upload, api_name="example_image", api_visibility="private", **QUEUE)
    again = chosen.success(
        translate_image, inputs, pictures, api_name="translate_example", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, chosen, again], api_name="stop_image_translation")

    def about_image_translator(model):
        facts = studio.facts(model, *NEEDS)
        return [about_model(facts), gr.update(visible=has_examples(facts)), *[None] * 3]

    model.change(about_image_translator, model, [about, some, *pictures], api_name="about_image_translator", **PRIVATE)


if __name__ == "__main__":
    from .app import alone

    alone("image_translation")

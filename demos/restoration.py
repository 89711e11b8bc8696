"""The tab *Restoration*: images enlarged, filled, coloured and freed from noise, in several ways that all may be true.

Alone: `python demos/restoration.py runs/restorer`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen restoration
    emoji: 🩹
    colorFrom: indigo
    colorTo: blue
    sdk: gradio
    sdk_version: 6.31.0
    app_file: restoration.py
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

from .examples import WIDTH
from .examples import example_image
from .examples import on_canvas
from .image_generation import PRIVATE
from .image_generation import about_model as about_image_model
from .pictures import tile
from .studio import MAX_SEED
from .studio import sentences
from .studio import sorry
from .studio import whole
from .uploaded_images import as_it_is
from .uploaded_images import background_of
from .uploaded_images import pixels
from .uploads import upload_path
from .widgets import captioned
from .widgets import dice
from .widgets import go_and_stop
from .widgets import image_editor
from .widgets import seed_box

TITLE = "Restoration"
ORDER = 50
NEEDS = ("restore", "damaged", "tasks", "image_shape")

# Every long event of the tab stands in one line, and its handler gets what was sent as it was sent: it checks
# everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "restoration", "concurrency_limit": 1, "preprocess": False}

# For each task of a model what people call it.
TASKS = {
    "super_resolution": "Enlarge",
    "inpainting": "Fill a hole",
    "colorization": "Colour",
    "denoising": "Remove noise",
}
MAX_ANSWERS = 8
MAX_STEPS = 100
MAX_TIMES, MAX_SIDE = 4, 256  # so many times the side that the model learned from, and so many pixels: time and memory
NOTHING = 127  # the grey of what is not given

ABOUT = """
What is lost can be guessed in many ways. Each answer is one of them, **sharp and maybe wrong**; the mean of all, which
the model guesses in one step, is nearest to the truth on the whole, and smooth. To fill a hole, draw it on the image.
"""
EMPTY = """
### No model that restores images yet

Train one, on any images, and come back with it:

    kgen train image-restorer --data digits --out runs/restorer
    kgen demo --model runs/restorer

Then give it a folder of photographs: `kgen train image-restorer --data FOLDER --image-size 64 --out runs/photographs`
"""


def able(facts):
    """The tasks that a model has learned; grey images have no colours to find."""
    return [task for task in facts.arguments["tasks"] if task != "colorization" or facts.image_shape[-1] == 3]


def about_model(facts):
    """One line about a model, from what is known before it is loaded."""
    enlarges = f", enlarges {facts.arguments['scale']} times" if "super_resolution" in able(facts) else ""
    return f"{about_image_model(facts)}{enlarges}"


def task_chosen(facts, sent):
    """The task of what was sent, or a sentence."""
    labels = {TASKS[task]: task for task in able(facts)}
    if not isinstance(sent, str) or sent not in labels:
        raise sorry(f"Task: expected one of {', '.join(labels)}.")
    return labels[sent]


def given_to(model, task, drawing):
    """What `model.restore` is given of what somebody uploaded and drew on; or a sentence."""
    larger, (height, width, channels) = model.scale if task == "super_resolution" else 1, model.image_shape
    side = max(height, width)
    most, own = max(side, min(MAX_SIDE, MAX_TIMES * side)) // larger, (height // larger, width // larger)
    image, hole = as_it_is(drawing, most, model.divisor(task), own)
    image, hole = pixels(image.convert("L") if task == "colorization" else image, channels), np.asarray(hole) > 0
    if task == "inpainting" and not hole.any():
        raise sorry("Image: draw on it where something is missing.")
    return (image, hole[None]) if task == "inpainting" else image


def shown(given):
    """What was given as images, a hole as grey."""
    if not isinstance(given, tuple):
        return given
    image, hole = given
    return np.where(hole[..., None], NOTHING, image).astype("uint8")


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
        with gr.Column(scale=1, min_width=320):
            editor = image_editor("Image")
            some = gr.Button("An example")
            tasks = [TASKS[one] for one in able(first)]
            task = gr.Radio(tasks, value=tasks[0], label="Task")
            answers = gr.Slider(1, MAX_ANSWERS, 4, step=1, label="Answers")
            steps = gr.Slider(0, MAX_STEPS, 20, step=1, label="Steps", info="of each answer; 0 for the mean alone")
            seed = seed_box()
            go, new, stop = go_and_stop("Restore")
        with gr.Column(scale=2, min_width=320), gr.Row():
            pictures = [captioned(label) for label in ("What was given", "Answers", "The mean")]

    @sentences
    def restore_image(model, image, task, answers, steps, seed):
        upload_path("Image", background_of(image))
        answers = whole("Answers", answers, 1, MAX_ANSWERS)
        steps = whole("Steps", steps, 0, MAX_STEPS)
        seed = whole("Seed", seed, 0, MAX_SEED)
        task = task_chosen(studio.facts(model, *NEEDS), task)
        yield [None] * 3  # between two steps Stop takes hold
        restorer = studio.model(model, *NEEDS)
        given, made = given_to(restorer, task, image), []
        before = tile(shown(given), width=WIDTH)
        yield before, None, None
        mean = tile(restorer.restore(task, given, seed=seed, steps=0), width=WIDTH)
        yield before, None, mean
        for i in range(answers if steps else 0):
            made.append(restorer.restore(task, given, seed=seed + i, steps=steps))
            yield before, tile(np.concatenate(made), width=WIDTH, places=answers), mean

    @sentences
    def example_of_damage(model, task):
        task = task_chosen(studio.facts(model, *NEEDS), task)
        yield gr.skip()
        restorer = studio.model(model, *NEEDS)
        image, chance = example_image(studio.facts(model, *NEEDS)), int(np.random.default_rng().integers(MAX_SEED))
        given = restorer.damaged(task, image, chance)
        yield on_canvas(given[0], given[1][0]) if task == "inpainting" else on_canvas(given)

    # Events ----------------------------------------------------------------------------------------------------------

    inputs = [model, editor, task, answers, steps, seed]
    running = gr.on([go.click, seed.submit], restore_image, inputs, pictures, api_name="restore_image", **QUEUE)
    some.click(
        example_of_damage, [model, task], editor, api_name="example_of_damage", api_visibility="private", **QUEUE
    )
    again = dice(new, seed, api_name="new_restoration_seed").then(
        restore_image, inputs, pictures, api_name="restore_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_restoration")

    def about_restorer(model):
        facts = studio.facts(model, *NEEDS)
        tasks = [TASKS[one] for one in able(facts)]
        return [about_model(facts), gr.update(choices=tasks, value=tasks[0]), *[None] * 3]

    model.change(about_restorer, model, [about, task, *pictures], api_name="about_restorer", **PRIVATE)


if __name__ == "__main__":
    from .app import alone

    alone("restoration")

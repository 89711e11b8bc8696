"""The tab *Completion*: a language model goes on with a text, and shows what it expects next and where it looks.

Alone: `python demos/completion.py runs/gpt`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen completion
    emoji: ✍️
    colorFrom: indigo
    colorTo: green
    sdk: gradio
    sdk_version: 6.31.0
    app_file: completion.py
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
from .samplers import sampler_choice
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import whole
from .texts import shares
from .texts import text
from .widgets import dice
from .widgets import go_and_stop
from .widgets import seed_box

TITLE = "Completion"
ORDER = 10
NEEDS = ("generate", "next_tokens", "tokenizer")

# Every long event of the tab and its parts stands in one line, and its handler gets what was sent as it was sent: it
# checks everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "completion", "concurrency_limit": 1, "preprocess": False}

MAX_PROMPT = 4000  # characters
MAX_NEW_TOKENS = 1000
MAX_STOP = 100  # characters
BARS = 10

# For a word in a model's name what such a model may go on with; the last are for all others.
EXAMPLES = {
    "shakespeare": (
        "ROMEO:",
        "To be, or not to be",
        "KING RICHARD III:\nNow is the winter",
        "Good morrow, neighbour",
    ),
    "python": (
        "def read_lines(path):\n    ",
        "class Stack:\n    def __init__(self):\n",
        "import os\n\nfor name in ",
        "    try:\n        value = int(text)\n    except",
    ),
    "": ("The ", "Return the ", "If the argument is ", "For example, "),
}

UNITS = {"CharacterTokenizer": "characters", "ByteTokenizer": "bytes"}

EMPTY = """
### No language model yet

Train one, which takes some minutes, and come back with it:

    kgen train gpt --data pydoc --out runs/gpt
    kgen demo --model runs/gpt
"""


def about_model(facts):
    """One line about a model, from what is known before it is loaded."""
    tokenizer, layers = facts.arguments["tokenizer"], facts.arguments["num_layers"]
    unit = UNITS.get(tokenizer.get("class_name") if isinstance(tokenizer, dict) else None, "tokens")
    return (
        f"**{facts.class_name}** · {layers} layer{'s' if layers != 1 else ''} · "
        f"learnt from {facts.arguments['context_length']} {unit} at a time"
    )


def kind_of(name):
    """The key of `EXAMPLES` that fits a model of that name."""
    return next(word for word in EXAMPLES if word in name.lower())


def build(studio):
    models = studio.names(*NEEDS)
    if not models:
        gr.Markdown(EMPTY)
        return
    first, kinds = studio.facts(models[0]), [kind for kind in EXAMPLES if kind in map(kind_of, models)]
    with gr.Row():
        model = gr.Dropdown(models, value=models[0], label="Model", interactive=True, scale=1, min_width=280)
        with gr.Column(scale=2, min_width=320, elem_classes="about"):
            about = gr.Markdown(about_model(first))
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            start = EXAMPLES[kind_of(models[0])][0]
            prompt = gr.Textbox(start, label="Prompt", lines=4, max_lines=12, max_length=MAX_PROMPT)
            examples = [_examples(kind, prompt, visible=kind == kind_of(models[0])) for kind in kinds]
            most = gr.Slider(1, MAX_NEW_TOKENS, 200, step=1, label="New tokens", info="at most")
            choice = sampler_choice("sampler_controls")
            with gr.Row():
                seed = seed_box()
                end = gr.Textbox(
                    "", label="Stop at", placeholder="\\n is a new line", max_length=MAX_STOP, min_width=110
                )
            go, new, stop = go_and_stop("Complete")
        with gr.Column(scale=2, min_width=320):
            completion = gr.Textbox("", label="Completion", lines=14, max_lines=24, interactive=False, buttons=["copy"])
            with gr.Row():
                reuse = gr.Button("Use as prompt", size="sm")
                ahead = gr.Button("What may follow the prompt?", size="sm")
            chart = gr.Label(label="Likeliest next tokens", num_top_classes=BARS, show_heading=False)
    parts, accordions = discovery.find(part_of="completion"), []
    for part in parts:
        opened = getattr(part, "OPEN", False)
        with gr.Accordion(part.TITLE, open=opened, visible=first.has(*part.NEEDS)) as accordion:
            part.build(studio, model, prompt)
        accordions.append(accordion)

    @sentences
    def complete_text(model, prompt, max_new_tokens, sampler, seed, stop, *settings):
        prompt = text("Prompt", prompt, MAX_PROMPT)
        max_new_tokens = whole("New tokens", max_new_tokens, 1, MAX_NEW_TOKENS)
        seed = whole("Seed", seed, 0, MAX_SEED)
        stop = text("Stop at", stop, MAX_STOP).replace("\\n", "\n")
        studio.facts(model, *NEEDS)
        sampler = choice.sampler(sampler, settings)
        yield prompt, gr.skip()  # between two steps Stop takes hold
        writer, written = studio.model(model, *NEEDS), prompt
        yield gr.skip(), gr.skip()
        options = {"seed": seed, "stop": stop or (), "stream": True, "truncate": True}
        for piece in writer.generate(prompt, max_new_tokens, sampler, **options):
            written += piece
            yield written, gr.skip()
        yield written, shares(writer.next_tokens(written[-MAX_PROMPT:], BARS))

    named(complete_text, "model", "prompt", "max_new_tokens", "sampler", "seed", "stop", *choice.sliders)

    @sentences
    def next_tokens(model, prompt):
        prompt = text("Prompt", prompt, MAX_PROMPT)
        studio.facts(model, *NEEDS)
        yield gr.skip()
        yield shares(studio.model(model, *NEEDS).next_tokens(prompt, BARS))

    def tokens_after_stop(model, completion):
        if completion:
            yield from next_tokens(model, completion[-MAX_PROMPT:])
        else:
            yield gr.skip()

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, outputs = [model, prompt, most, choice.dropdown, seed, end, *choice.sliders.values()], [completion, chart]
    starts = [go.click, prompt.submit, seed.submit, end.submit]
    running = gr.on(starts, complete_text, inputs, outputs, api_name="complete_text", **QUEUE)
    again = dice(new, seed, api_name="new_text_seed").then(
        complete_text, inputs, outputs, api_name="complete_anew", api_visibility="private", **QUEUE
    )
    ahead.click(next_tokens, [model, prompt], chart, api_name="next_tokens", **QUEUE)
    stop.click(None, cancels=[running, again], api_name="stop_text")
    stop.click(
        tokens_after_stop,
        [model, completion],
        chart,
        api_name="tokens_after_stop",
        api_visibility="private",
        **QUEUE,
    )
    reuse.click(None, completion, prompt, js=f"(text) => text.slice(-{MAX_PROMPT})", api_name="use_as_prompt")

    def change_model(model, prompt):
        facts, kind = studio.facts(model, *NEEDS), kind_of(model)
        untouched = any(prompt in group for group in EXAMPLES.values())
        return [
            about_model(facts),
            EXAMPLES[kind][0] if untouched else gr.skip(),
            "",
            None,
            *(gr.update(visible=one == kind) for one in kinds),
            *(gr.update(visible=facts.has(*part.NEEDS)) for part in parts),
        ]

    model.change(
        change_model,
        [model, prompt],
        [about, prompt, completion, chart, *examples, *accordions],
        queue=False,
        preprocess=False,
        show_progress="hidden",
        api_name="about_language_model",
        api_visibility="private",
    )


def _examples(kind, prompt, visible):
    rows = [[one] for one in EXAMPLES[kind]]
    name = f"load_{kind or 'other'}_example"
    return gr.Examples(rows, prompt, visible=visible, api_name=name, api_visibility="private").dataset


if __name__ == "__main__":
    from .app import alone

    alone("completion")

"""The tab *Translation*: a text in another language, what else it might have been, and where the model looked.

Alone: `python demos/translation.py runs/en-fr`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen translation
    emoji: 🗼
    colorFrom: indigo
    colorTo: red
    sdk: gradio
    sdk_version: 6.31.0
    app_file: translation.py
    license: apache-2.0
    ---
"""

if not __package__:  # run as a file: be a module of the folder it lies in, or of the installed studio
    import sys
    from pathlib import Path

    here = Path(__file__).absolute().parent
    sys.path[0] = str(here.parent)  # instead of the folder itself, where any name might hide a package of that name
    __package__ = here.name if (here / "studio.py").exists() else "kgen_demos"

from dataclasses import dataclass

import gradio as gr

from . import discovery
from . import samplers
from .studio import MAX_SEED
from .studio import Studio
from .studio import named
from .studio import sentences
from .studio import sorry
from .studio import whole
from .texts import text
from .widgets import dice
from .widgets import go_and_stop
from .widgets import seed_box

TITLE = "Translation"
ORDER = 20
NEEDS = ("translate", "candidates", "tokenizer")

# Every long event of the tab and its parts stands in one line, and its handler gets what was sent as it was sent: it
# checks everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "translation", "concurrency_limit": 1, "preprocess": False}

# And a short one that only changes what is shown.
PRIVATE = {"queue": False, "preprocess": False, "show_progress": "hidden", "api_visibility": "private"}

MAX_TEXT = 5000  # characters
MAX_SENTENCE = 400  # characters of one that is to be looked at

# What most people want is the likeliest translation, so nothing is drawn unless somebody asks for it.
SAMPLERS = {
    "Beam search": ("Beam", {"width": "beam_width", "length_penalty": "length_penalty"}),
    "Greedy": samplers.SAMPLERS["Greedy"],
    "Top-p": samplers.SAMPLERS["Top-p"],
}
DRAWS = ("Top-p",)

EXAMPLES = (
    "Where is the nearest train station?",
    "I would like two coffees and a glass of water, please.",
    "My sister is reading a book in the garden.",
    "It rained all morning. We stayed at home and played cards.\n\nIn the evening we went for a walk.",
)

EMPTY = """
### No translation model yet

Train one on pairs of sentences, and come back with it:

    kgen train transformer-seq2seq --data tatoeba_en_fr --out runs/en-fr
    kgen demo --model runs/en-fr
"""


@dataclass(frozen=True)
class Controls:
    """What the parts of the tab may read.

    Attributes:
        studio: the `Studio`.
        model: the dropdown of models.
        source: the box of the text that is to be translated.
        choice: the `SamplerChoice`.
        seed: the box of the seed.
    """

    studio: Studio
    model: gr.Dropdown
    source: gr.Textbox
    choice: samplers.SamplerChoice
    seed: gr.Number

    @property
    def how(self):
        """dict of the controls that say how a translation is found, by the names that API callers use."""
        return {"sampler": self.choice.dropdown, "seed": self.seed, **self.choice.sliders}

    def how_of(self, name, seed, *settings):
        """The sampler and the seed from what was sent, in the order of `how`; or a sentence."""
        return self.choice.sampler(name, settings), whole("Seed", seed, 0, MAX_SEED)

    def load(self, name, sentence, *needs):
        """The model, or a sentence when it cannot read so long a `sentence` at once."""
        model = self.studio.model(name, *needs)
        tokens = len(model.tokenizer.encode(sentence))
        if tokens >= model.context_length:
            raise sorry(f"Text: its first sentence has {tokens} tokens, and {name} reads {model.context_length - 1}.")
        return model

    def forget(self, *outputs, api_name):
        """Empty these whenever another model is chosen."""
        self.model.change(lambda: dict.fromkeys(outputs), None, [*outputs], api_name=api_name, **PRIVATE)


def about_model(facts):
    """One line about a model, from what is known before it is loaded."""
    layers = facts.arguments["num_layers"]
    return (
        f"**{facts.class_name}** · {layers} layer{'s' if layers != 1 else ''} · "
        f"sentences of at most {facts.arguments['context_length']} tokens"
    )


def source_text(value):
    """`value` as text in which there is something to translate, or a sentence."""
    value = text("Text", value, MAX_TEXT)
    if not value.strip():
        raise sorry("Text: there is nothing in it to translate.")
    return value


def first_sentence(value, most=MAX_SENTENCE):
    """The first sentence of what was sent as text, or a sentence that says what is wrong with it."""
    from kgen.tokenizers.sentences import sentences_of  # brings keras

    sentence = next(one for _, one, _ in sentences_of(source_text(value)) if one)
    if len(sentence) > most:
        raise sorry(f"Text: its first sentence has {len(sentence):,} characters, and {most:,} can be shown.")
    return sentence


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
    with gr.Row():
        source = gr.Textbox(EXAMPLES[0], label="Text", lines=6, max_lines=16, max_length=MAX_TEXT, min_width=280)
        target = gr.Textbox(
            "", label="Translation", lines=6, max_lines=16, interactive=False, buttons=["copy"], min_width=280
        )
    rows = [[one] for one in EXAMPLES]
    gr.Examples(rows, source, api_name="load_translation_example", api_visibility="private")
    with gr.Row():
        choice = samplers.sampler_choice("translation_sampler_controls", SAMPLERS, "Beam search")
        seed = seed_box()
    with gr.Row():
        go, new, stop = go_and_stop("Translate")
    seed.visible = new.visible = False  # a search draws nothing
    controls = Controls(studio, model, source, choice, seed)
    parts, accordions = discovery.find(part_of="translation"), []
    for part in parts:
        with gr.Accordion(part.TITLE, open=False, visible=first.has(*part.NEEDS)) as accordion:
            part.build(controls)
        accordions.append(accordion)

    @sentences
    def translate_text(model, source, *how):
        source = source_text(source)
        studio.facts(model, *NEEDS)
        sampler, seed = controls.how_of(*how)
        yield ""  # between two steps Stop takes hold
        translator, written = studio.model(model, *NEEDS), ""
        yield gr.skip()
        for piece in translator.translate(source, sampler, batch_size=1, seed=seed, stream=True):
            written += piece
            yield written

    named(translate_text, "model", "text", *controls.how)

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, starts = [model, source, *controls.how.values()], [go.click, source.submit, seed.submit]
    running = gr.on(starts, translate_text, inputs, target, api_name="translate_text", **QUEUE)
    again = dice(new, seed, api_name="new_translation_seed").then(
        translate_text, inputs, target, api_name="translate_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_translation")

    def show_seed(name):
        return [gr.update(visible=name in DRAWS)] * 2

    choice.dropdown.change(show_seed, choice.dropdown, [seed, new], api_name="show_translation_seed", **PRIVATE)

    def change_model(model):
        facts = studio.facts(model, *NEEDS)
        return [about_model(facts), "", *(gr.update(visible=facts.has(*part.NEEDS)) for part in parts)]

    model.change(change_model, model, [about, target, *accordions], api_name="about_translation_model", **PRIVATE)


if __name__ == "__main__":
    from .app import alone

    alone("translation")

"""Part of *Translation*: another model beside the first, a recurrent network beside a Transformer, say."""

import time

import gradio as gr

from .pictures import drawn
from .studio import named
from .studio import sentences
from .studio import sorry
from .translation import NEEDS as A_TRANSLATION_MODEL
from .translation import PRIVATE
from .translation import QUEUE
from .translation import about_model
from .translation import first_sentence
from .translation import source_text
from .widgets import picture_box

PART_OF = "translation"
TITLE = "Side by side"
ORDER = 5
NEEDS = A_TRANSLATION_MODEL

ABOUT = """
The same text, translated by two models, and below where each of them looks while it translates the first sentence (the
mean of all heads in the last layer).
"""

ALONE = """
There is one model here. To set another one beside it, a recurrent network for example, train it and bring it along:

    kgen train seq2seq-rnn --data tatoeba_en_fr --out runs/en-fr-rnn
    kgen demo --model runs/en-fr-rnn
"""


def look_of(model, sentence):
    """Where a model looks while it translates a sentence: a PIL image."""
    from kgen.plots import attention_map  # brings matplotlib

    translation = model.generate(sentence)
    shares = model.attention(sentence, translation)[-1].mean(axis=0)
    return drawn(attention_map(shares, *model.attention_tokens(sentence, translation)))


def build(controls):
    studio, models = controls.studio, controls.studio.names(*NEEDS)
    if len(models) < 2:
        gr.Markdown(ALONE)
        return
    gr.Markdown(ABOUT)
    with gr.Row():
        others = [one for one in models if one != controls.model.value]
        other = gr.Dropdown(models, value=others[0], label="The other model", interactive=True)
        with gr.Column(elem_classes="about"):
            about = gr.Markdown(about_model(studio.facts(others[0])))
        go = gr.Button("Translate with both", variant="primary")
        stop = gr.Button("Stop", variant="stop", min_width=70)
    with gr.Row():
        sides = []
        for label in ("The model above", "The other model"):
            with gr.Column(min_width=280):
                written = gr.Textbox("", label=label, lines=3, max_lines=12, interactive=False)
                took = gr.Markdown("")
                sides.append((written, took, picture_box(f"{label}: attention", elem_classes="scrolled")))

    @sentences
    def translate_with_both(model, other_model, text, *how):
        source, sentence = source_text(text), first_sentence(text)
        for name in (model, other_model):
            studio.facts(name, *NEEDS)
        if model == other_model:
            raise sorry("The other model: choose another one than above.")
        sampler, seed = controls.how_of(*how)
        shown = ["", "", None] * 2
        yield [*shown]  # between two steps Stop takes hold
        for side, name in enumerate((model, other_model)):
            translator, spent, begun = controls.load(name, sentence, *NEEDS), 0.0, time.monotonic()
            for piece in translator.translate(source, sampler, batch_size=1, seed=seed, stream=True):
                spent += time.monotonic() - begun
                shown[3 * side] += piece
                yield [*shown]
                begun = time.monotonic()
            shown[3 * side + 1] = f"{spent:.1f} seconds"
            if studio.facts(name).has("attention"):
                yield [*shown]
                shown[3 * side + 2] = look_of(translator, sentence)
            yield [*shown]

    named(translate_with_both, "model", "other_model", "text", *controls.how)

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, outputs = (
        [controls.model, other, controls.source, *controls.how.values()],
        [one for side in sides for one in side],
    )
    running = go.click(translate_with_both, inputs, outputs, api_name="translate_with_both", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_both")

    def about_the_other(model):
        return [about_model(studio.facts(model, *NEEDS)), *["", "", None] * 2]

    other.change(about_the_other, other, [about, *outputs], api_name="about_other_model", **PRIVATE)
    controls.model.change(lambda: ["", "", None] * 2, None, outputs, api_name="forget_both", **PRIVATE)

"""Part of *Translation*: the best translations of a sentence that a beam search finds, with their scores."""

import gradio as gr

from .samplers import slider
from .studio import sentences
from .studio import whole
from .translation import NEEDS as A_TRANSLATION_MODEL
from .translation import QUEUE
from .translation import first_sentence
from .widgets import within

PART_OF = "translation"
TITLE = "Other translations"
ORDER = 10
NEEDS = A_TRANSLATION_MODEL

MOST = 10

ABOUT = """
The best translations of the first sentence that a beam search finds. The score is the log-probability in nats, divided
by the number of tokens to the power of the length penalty: the larger, the better.
"""


def rows_of(model, sentence, count, length_penalty):
    """[score, translation] of the best `count`, the best first."""
    from kgen.decoding import Beam  # brings keras

    (found,) = model.candidates([sentence], sampler=Beam(count, length_penalty, num_return=count))
    return [[round(score, 4), translation] for translation, score in found]


def build(controls):
    gr.Markdown(ABOUT)
    with gr.Row():
        most = gr.Slider(2, MOST, 5, step=1, label="Translations", info="and the width of the beam")
        penalty = slider("length_penalty")
        go = gr.Button("Show other translations")
    table = gr.Dataframe(
        headers=["Score", "Translation"],
        datatype=["number", "str"],
        column_widths=["25%", "75%"],
        label="Translations",
        show_label=False,
        interactive=False,
        wrap=True,
    )

    @sentences
    def other_translations(model, text, count, length_penalty):
        sentence = first_sentence(text)
        count = whole("Translations", count, 2, MOST)
        length_penalty = within(penalty, length_penalty)
        controls.studio.facts(model, *NEEDS)
        yield gr.skip()  # between two steps Stop takes hold
        translator = controls.load(model, sentence, *NEEDS)
        yield gr.skip()
        yield rows_of(translator, sentence, count, length_penalty)

    inputs, starts = [controls.model, controls.source, most, penalty], [go.click, most.release, penalty.release]
    gr.on(starts, other_translations, inputs, table, api_name="other_translations", **QUEUE)
    controls.forget(table, api_name="forget_other_translations")

"""Part of *Translation*: the tree of a beam search, from the beginnings that it gave up to the one that it chose."""

import gradio as gr

from .pictures import drawn
from .samplers import slider
from .studio import sentences
from .studio import whole
from .translation import NEEDS as A_TRANSLATION_MODEL
from .translation import QUEUE
from .translation import first_sentence
from .widgets import picture_box
from .widgets import within

PART_OF = "translation"
TITLE = "Search tree"
ORDER = 30
NEEDS = (*A_TRANSLATION_MODEL, "beam_history")

WIDEST = 8
MAX_SENTENCE = 120  # characters, beyond which nobody could read the picture

ABOUT = """
How a beam search finds the translation of a short first sentence: what it keeps at each step, and below each token the
log-probability of the text up to it. Where a grey branch ends, it was given up.
"""


def tree_picture(model, sentence, width, length_penalty):
    """The beginnings that a beam search of this width kept: a PIL image."""
    from kgen.decoding import Beam  # brings keras
    from kgen.plots import beam_tree  # brings matplotlib

    history, label = model.beam_history(sentence, sampler=Beam(width, length_penalty))
    return drawn(beam_tree(history, label))


def build(controls):
    gr.Markdown(ABOUT)
    with gr.Row():
        width = gr.Slider(1, WIDEST, 3, step=1, label="Beam width")
        penalty = slider("length_penalty")
        look = gr.Button("Show the tree")
    picture = picture_box("Search tree", elem_classes="scrolled")

    @sentences
    def search_tree(model, text, beam_width, length_penalty):
        sentence = first_sentence(text, MAX_SENTENCE)
        beam_width = whole("Beam width", beam_width, 1, WIDEST)
        length_penalty = within(penalty, length_penalty)
        controls.studio.facts(model, *NEEDS)
        yield gr.skip()  # between two steps Stop takes hold
        searcher = controls.load(model, sentence, *NEEDS)
        yield gr.skip()
        yield tree_picture(searcher, sentence, beam_width, length_penalty)

    inputs, starts = [controls.model, controls.source, width, penalty], [look.click, width.release, penalty.release]
    gr.on(starts, search_tree, inputs, picture, api_name="search_tree", **QUEUE)
    controls.forget(picture, api_name="forget_search_tree")

"""Part of *Inside*: words as points. What lies near to a word, and what is to C as B is to A."""

import gradio as gr

from .inside import PRIVATE
from .inside import QUEUE
from .pictures import drawn
from .studio import sentences
from .studio import sorry
from .texts import text
from .widgets import picture_box
from .word_models import WORLD
from .word_models import words_here
from .word_models import words_trained_here

PART_OF = "inside"
TITLE = "Words"
ORDER = 10
NEEDS = ("most_similar", "analogy", "project")

MAX_WORD = 60  # characters
NEIGHBOURS = 8
ON_THE_MAP = 4  # neighbours of each word of an analogy
HEADERS = ["word", "cosine"]

# For a word in a model's name (A, B, C) to ask for; the last are for all others.
EXAMPLES = {
    WORLD: (("man", "king", "woman"), ("france", "paris", "italy"), ("walk", "walked", "play"), ("dog", "dogs", "cat")),
    "english-words": (("man", "boy", "woman"), ("go", "went", "see"), ("good", "better", "big")),
    "": (("function", "functions", "method"), ("list", "lists", "tuple")),
}

ABOUT = """
Each word is a point, learned from the company it keeps. **Words that are used alike lie together, and some differences
mean the same wherever they begin**: from *man* to *king* it is as far, and in the same direction, as from *woman* to …?
The first two are learned while you wait, in some seconds; the others have learned before.
"""


def kind_of(name):
    """The key of `EXAMPLES` that fits a model of that name."""
    return next(word for word in EXAMPLES if word in name)


def analogy_map(model, a, b, c, answers):
    """Where the words of an analogy lie, and what lies near to them: a PIL image."""
    from kgen.plots import word_map  # brings matplotlib

    a, b, c = ((one.lower() if model.lowercase else one) for one in (a, b, c))
    near = [word for one in (a, b, c) for word, _ in model.most_similar(one, ON_THE_MAP)]
    words = [*dict.fromkeys([a, b, c, answers[0][0], *near])]
    pairs = [(one, other) for one, other in ((a, b), (c, answers[0][0])) if one != other]
    return drawn(word_map(model, words, pairs))


def table_of(found):
    return [[word, round(cosine, 3)] for word, cosine in found]


def build(studio):
    models = [*words_trained_here(), *studio.names(*NEEDS)]
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            model = gr.Dropdown(models, value=models[0], label="Learned from", interactive=True)
            with gr.Row():
                a, b, c = (
                    gr.Textbox(word, label=label, max_length=MAX_WORD, min_width=80)
                    for word, label in zip(
                        EXAMPLES[kind_of(models[0])][0], ("A", "is to B as C", "is to …?"), strict=True
                    )
                )
            examples = {kind: _examples(kind, [a, b, c], kind == kind_of(models[0])) for kind in EXAMPLES}
            with gr.Row():
                go = gr.Button("Find it", variant="primary", min_width=110)
                stop = gr.Button("Stop", variant="stop", min_width=70)
            word = gr.Textbox("queen", label="Neighbours of", max_length=MAX_WORD)
            near = gr.Button("Show neighbours")
            progress = gr.Textbox("", label="Progress", interactive=False)
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                answers = _table("Answers", "analogy")
                neighbours = _table("Neighbours", "neighbours")
            picture = picture_box("Map of words")

    @sentences
    def word_analogy(model, a, b, c):
        asked = [word_of(label, value) for label, value in zip("ABC", (a, b, c), strict=True)]
        yield "", None, None  # between two steps Stop takes hold
        for told, words in words_here(studio, model, *NEEDS):
            yield told, gr.skip(), gr.skip()
            if words is not None:
                found = words.analogy(*asked, top=NEIGHBOURS)
                yield told, table_of(found), gr.skip()
                yield told, table_of(found), analogy_map(words, *asked, found)

    @sentences
    def word_neighbours(model, word):
        word = word_of("Neighbours of", word)
        yield "", None
        for told, words in words_here(studio, model, *NEEDS):
            yield told, gr.skip() if words is None else table_of(words.most_similar(word, NEIGHBOURS))

    # Events ----------------------------------------------------------------------------------------------------------

    asked, shown = [model, a, b, c], [progress, answers, picture]
    starts = [go.click, *(one.submit for one in (a, b, c))]
    running = [gr.on(starts, word_analogy, asked, shown, api_name="word_analogy", **QUEUE)]
    running += [
        gr.on(
            [near.click, word.submit],
            word_neighbours,
            [model, word],
            [progress, neighbours],
            api_name="word_neighbours",
            **QUEUE,
        )
    ]
    stop.click(None, cancels=running, api_name="stop_words")

    def about_words(model, a, b, c):
        kind = kind_of(model) if isinstance(model, str) else ""
        untouched = any((a, b, c) in group for group in EXAMPLES.values())
        asked = EXAMPLES[kind][0] if untouched else [gr.skip()] * 3
        return [*asked, "", None, None, None, *(gr.update(visible=one == kind) for one in EXAMPLES)]

    outputs = [a, b, c, progress, answers, neighbours, picture, *examples.values()]
    model.change(about_words, asked, outputs, api_name="about_words", **PRIVATE)


def word_of(label, value):
    """One word that somebody wrote, or a sentence."""
    value = text(label, value, MAX_WORD).strip()
    if not value:
        raise sorry(f"{label}: write a word first.")
    return value


def _table(label, name):
    return gr.Dataframe(
        headers=HEADERS, datatype=["str", "number"], label=label, interactive=False, elem_classes=name, buttons=[]
    )


def _examples(kind, boxes, visible):
    rows = [[*one] for one in EXAMPLES[kind]]
    name = f"load_{'world' if kind else 'other'}_words"
    return gr.Examples(rows, boxes, visible=visible, api_name=name, api_visibility="private").dataset

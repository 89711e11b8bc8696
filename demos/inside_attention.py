"""Part of *Inside*: where each word of your own sentence looks, layer by layer and head by head."""

import gradio as gr
import numpy as np

from .attending import attention_of
from .attending import by_words
from .attending import needs_of
from .attending import reading_models
from .inside import PRIVATE
from .inside import QUEUE
from .pictures import drawn
from .studio import sentences
from .studio import sorry
from .studio import whole
from .texts import shown
from .texts import text
from .widgets import picture_box

PART_OF = "inside"
TITLE = "Attention"
ORDER = 20

MAX_TEXT = 400  # characters
MOST = 60  # words or tokens, beyond which nobody could read the picture
MEAN = "mean of all heads"
MAX_HEADS = 64
UNITS = ("words", "tokens")

EXAMPLES = (
    "The animal did not cross the street because it was too tired.",
    "My sister lost the keys that our father gave her.",
    "The old man who lives next door reads a book in his garden.",
)

ABOUT = """
A Transformer reads by looking: each word takes something from the words that it looks at, in every layer and in every
head anew. **Click a word to see where it looks**; the darker another one is, the more it takes from there.
"""

EMPTY = """
### No model with attention yet

Train one, which takes some minutes, and come back with it; a Hugging Face folder of BERT or GPT-2 serves, too:

    kgen train transformer-seq2seq --data tatoeba_en_fr --out runs/en-fr
    kgen demo --model runs/en-fr
"""


def about_reader(facts):
    """One line about a model, from what is known before it is loaded."""
    heads = facts.arguments.get("num_heads")
    return f"**{facts.class_name}** · {facts.arguments['num_layers']} layers · {heads} heads in each"


def shares_in(model, needs, sentence, unit="words"):
    """(float `(layers, heads, n, n)`, words or tokens) of a sentence; or a sentence that says what is wrong."""
    scores, tokens = attention_of(model, needs, sentence)
    if unit == "words":
        scores, tokens = by_words(scores, tokens)
    if len(tokens) > MOST:
        raise sorry(f"Text: it has {len(tokens)} {unit}, and {MOST} can be shown.")
    return scores, tokens


def one_head(scores, layer, head):
    """The shares `(n, n)` of a head of a layer, or of the mean of all of them; or a sentence."""
    layer = whole("Layer", layer, 1, len(scores))
    if head == MEAN:
        return scores[layer - 1].mean(axis=0)
    names = head_names(scores.shape[1])
    if head not in names:
        raise sorry(f"Head: expected one of {', '.join(names)}.")
    return scores[layer - 1, names.index(head) - 1]


def gaze(shares, words, place):
    """Where the word at a place looks, as `gr.HighlightedText` takes it: 1 is where it looks most."""
    row = np.asarray(shares[place], "float64")
    row = row / max(row.max(), 1e-9)
    return [(f"{shown(word)} ", round(float(one), 3)) for word, one in zip(words, row, strict=True)]


def told(shares, words, place, most=5):
    """[word, share] of what the word at a place looks at most, the most first."""
    order = np.argsort(-shares[place], kind="stable")[:most]
    return [[shown(words[one]), round(float(shares[place, one]), 3)] for one in order]


def head_names(count):
    return [MEAN, *(f"head {i}" for i in range(count))]


def layers_of(facts):
    """What the slider shows for a model: at first a layer in the middle, where most is to be seen."""
    most = facts.arguments["num_layers"]
    return {"minimum": 1, "maximum": max(2, most), "value": (most + 1) // 2, "visible": most > 1}


def heads_of(facts):
    return {"choices": head_names(min(MAX_HEADS, facts.arguments.get("num_heads") or 1)), "value": MEAN}


def sentence_of(value):
    """Text in which there is something to look at, or a sentence."""
    value = text("Text", value, MAX_TEXT).strip()
    if not value:
        raise sorry("Text: there is nothing in it to look at.")
    return value


def reader_controls(studio):
    """The choice of a model, a layer and a head, which follow each other: (model, about, layer, head)."""
    models = reading_models(studio)
    first = studio.facts(models[0])
    model = gr.Dropdown(models, value=models[0], label="Model", interactive=True)
    about = gr.Markdown(about_reader(first), elem_classes="about")
    layer = gr.Slider(**layers_of(first), step=1, label="Layer")
    head = gr.Dropdown(**heads_of(first), label="Head", interactive=True)
    return model, about, layer, head


def follow(studio, model, about, layer, head, forgotten, api_name):
    """Show for each model that is chosen what it has, and empty what was seen of the one before."""

    def change_reader(model):
        needs_of(studio, model)
        facts = studio.facts(model)
        changed = gr.update(**layers_of(facts)), gr.update(**heads_of(facts))
        return about_reader(facts), *changed, *[None] * len(forgotten)

    model.change(change_reader, model, [about, layer, head, *forgotten], api_name=api_name, **PRIVATE)


def build(studio):
    if not reading_models(studio):
        gr.Markdown(EMPTY)
        return
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            model, about, layer, head = reader_controls(studio)
            unit = gr.Radio([*UNITS], value=UNITS[0], label="Between")
            place = gr.Number(1, label="Number of the one who looks", precision=0, minimum=1, maximum=MOST)
        with gr.Column(scale=2, min_width=320):
            source = gr.Textbox(EXAMPLES[0], label="Text", lines=2, max_lines=6, max_length=MAX_TEXT)
            gr.Examples([[one] for one in EXAMPLES], source, api_name="load_sentence", api_visibility="private")
            with gr.Row():
                go = gr.Button("Look inside", variant="primary")
                stop = gr.Button("Stop", variant="stop", min_width=70)
            seen = gr.HighlightedText(label="Click a word: where does it look?", elem_classes="gaze", buttons=[])
            table = gr.Dataframe(
                headers=["looks at", "share"], datatype=["str", "number"], label="Most", interactive=False, buttons=[]
            )
            picture = picture_box("All heads of the layer", elem_classes="scrolled")

    def looked(model, sentence, layer, head, unit, place):
        """Yields twice for Stop to take hold, then (gaze, table), then the picture as a function."""
        sentence, needs = sentence_of(sentence), needs_of(studio, model)
        if unit not in UNITS:
            raise sorry(f"Between: expected one of {', '.join(UNITS)}.")
        place = whole("Number of the one who looks", place, 1, MOST)
        yield
        reader = studio.model(model, *needs)
        yield
        scores, words = shares_in(reader, needs, sentence, unit)
        shares, place = one_head(scores, layer, head), min(place, len(words)) - 1
        yield gaze(shares, words, place), told(shares, words, place)
        yield lambda: heads_picture(scores, words, layer)

    @sentences
    def look_inside(model, text, layer, head, between, number):
        seen_there = [gr.skip()] * 2
        for found in looked(model, text, layer, head, between, number):
            if callable(found):
                yield *seen_there, found()  # the last answer is whole, for API callers
            else:
                seen_there = found or seen_there
                yield *seen_there, gr.skip()

    @sentences
    def look_from(model, text, layer, head, between, number):
        for found in looked(model, text, layer, head, between, number):
            if found is None:
                yield [gr.skip()] * 2
            elif not callable(found):
                yield found

    def click_word(click: gr.SelectData):
        return int(click.index) + 1

    # Events ----------------------------------------------------------------------------------------------------------

    inputs = [model, source, layer, head, unit, place]
    starts = [go.click, source.submit, layer.release, unit.input]
    running = [gr.on(starts, look_inside, inputs, [seen, table, picture], api_name="look_inside", **QUEUE)]
    running += [gr.on([head.input, place.submit], look_from, inputs, [seen, table], api_name="look_from", **QUEUE)]
    clicked = seen.select(
        click_word,
        None,
        place,
        queue=False,
        show_progress="hidden",
        api_name="click_word",
        api_visibility="private",
    )
    again = {"fn": look_from, "inputs": inputs, "outputs": [seen, table], "show_progress": "hidden", **QUEUE}
    running += [clicked.then(**again, api_name="look_from_clicked", api_visibility="private")]
    stop.click(None, cancels=running, api_name="stop_looking")
    follow(studio, model, about, layer, head, [seen, table, picture], "about_reader")


def heads_picture(scores, words, layer):
    """All heads of a layer as heat maps: a PIL image."""
    from kgen.plots import attention_map  # brings matplotlib

    layer = whole("Layer", layer, 1, len(scores))
    columns = 2 if len(words) > 16 else None
    return drawn(attention_map(scores[layer - 1].clip(0.0, 1.0), words, title=f"layer {layer}", columns=columns))

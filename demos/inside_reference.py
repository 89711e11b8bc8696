"""Part of *Inside*: whom a word means. Where "it" looks when only the end of a sentence differs."""

import gradio as gr

from .attending import needs_of
from .attending import reading_models
from .inside import QUEUE
from .inside_attention import EMPTY
from .inside_attention import MAX_TEXT
from .inside_attention import follow
from .inside_attention import gaze
from .inside_attention import one_head
from .inside_attention import reader_controls
from .inside_attention import sentence_of
from .inside_attention import shares_in
from .studio import sentences
from .studio import sorry
from .texts import shown
from .texts import text

PART_OF = "inside"
TITLE = "What is “it”?"
ORDER = 30

MAX_WORD = 60  # characters
LAMP = "The lamp could not be packed into the suitcase because it was too {}."
EXAMPLES = (
    (LAMP.format("large"), LAMP.format("small"), "it"),
    (
        "The animal did not cross the street because it was too tired.",
        "The animal did not cross the street because it was too wide.",
        "it",
    ),
    ("The woman thanked her son because he helped.", "The man thanked his daughter because he was happy.", "he"),
)

ABOUT = """
What was too large, the lamp? What was too small, the suitcase? Only who understands the sentence knows. **The darker a
word is, the more “it” takes from there.** A model that writes from left to right sees at “it” nothing of what follows,
so it cannot tell the two apart; one that reads the sentence as a whole might. What a head attends to is no proof of
what the model thinks.
"""


def place_of(word, words, which):
    """Where a word stands for the last time, or a sentence."""
    found = [i for i, one in enumerate(words) if one.casefold() == word.casefold()]
    if not found:
        raise sorry(f"Word: it does not stand in the {which} sentence by itself.")
    return found[-1]


def compared(first, second):
    """[word, share in the first, share in the second] of words that are looked at, those first where it differs most.

    Args:
        first, second: (shares of the word `(n,)`, words) of each sentence.
    """
    sums = []
    for shares, words in (first, second):
        table = {}
        for word, share in zip(words, shares.tolist(), strict=True):
            table[word] = table.get(word, 0.0) + share
        sums.append(table)
    rows = [[word, *(table.get(word, 0.0) for table in sums)] for word in dict.fromkeys([*sums[0], *sums[1]])]
    rows.sort(key=lambda row: -abs(row[1] - row[2]))
    return [[shown(word), round(one, 3), round(other, 3)] for word, one, other in rows]


def build(studio):
    if not reading_models(studio):
        gr.Markdown(EMPTY)
        return
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            model, about, layer, head = reader_controls(studio)
            word = gr.Textbox("it", label="Word", max_length=MAX_WORD)
            with gr.Row():
                go = gr.Button("Compare", variant="primary", min_width=110)
                stop = gr.Button("Stop", variant="stop", min_width=70)
        with gr.Column(scale=2, min_width=320):
            boxes, gazes = [], []
            for i, label in enumerate(("First sentence", "Second sentence")):
                boxes.append(gr.Textbox(EXAMPLES[0][i], label=label, max_length=MAX_TEXT))
                gazes.append(gr.HighlightedText(label=f"Where it looks in the {label.lower()}", buttons=[]))
            rows = [[*one] for one in EXAMPLES]
            gr.Examples(rows, [*boxes, word], api_name="load_reference", api_visibility="private")
            table = gr.Dataframe(
                headers=["looks at", "first", "second"],
                datatype=["str", "number", "number"],
                label="Shares, where they differ most",
                interactive=False,
                max_height=260,
                buttons=[],
            )

    @sentences
    def compare_gazes(model, first, second, word, layer, head):
        pair, needs = [sentence_of(first), sentence_of(second)], needs_of(studio, model)
        word = text("Word", word, MAX_WORD).strip()
        yield None, None, None  # between two steps Stop takes hold
        reader, found = studio.model(model, *needs), []
        yield [gr.skip()] * 3
        for which, sentence in zip(("first", "second"), pair, strict=True):
            scores, words = shares_in(reader, needs, sentence)
            place, shares = place_of(word, words, which), one_head(scores, layer, head)
            found.append((shares[place], words, gaze(shares, words, place)))
            yield [gr.skip()] * 3
        yield found[0][2], found[1][2], compared(found[0][:2], found[1][:2])

    # Events ----------------------------------------------------------------------------------------------------------

    outputs = [*gazes, table]
    starts = [go.click, word.submit, layer.release, head.input, *(box.submit for box in boxes)]
    inputs = [model, *boxes, word, layer, head]
    running = gr.on(starts, compare_gazes, inputs, outputs, api_name="compare_gazes", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_comparing")
    follow(studio, model, about, layer, head, outputs, "about_comparing_reader")

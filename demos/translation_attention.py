"""Part of *Translation*: which words of a sentence the model looks at while it writes each word of the translation."""

import gradio as gr

from .pictures import drawn
from .studio import sentences
from .studio import sorry
from .studio import whole
from .translation import NEEDS as A_TRANSLATION_MODEL
from .translation import PRIVATE
from .translation import QUEUE
from .translation import first_sentence
from .widgets import picture_box

PART_OF = "translation"
TITLE = "Attention"
ORDER = 20
NEEDS = (*A_TRANSLATION_MODEL, "attention")

ALL = "all"

ABOUT = """
Where the model looks while it translates the first sentence. A row is a token of the translation: it tells how much
that token takes from each token of the sentence.
"""


def attention_picture(model, sentence, layer, head):
    """The heads of a layer as heat maps, or one of them: a PIL image."""
    from kgen.plots import attention_map  # brings matplotlib

    translation = model.generate(sentence)
    scores = model.attention(sentence, translation)
    layer = whole("Layer", layer, 1, len(scores))
    heads, names = scores[layer - 1], names_of(scores.shape[1])
    if head not in names:
        raise sorry(f"Head: expected one of {', '.join(names)}.")
    title = [f"layer {layer}"] * (len(scores) > 1) + [head] * (head != ALL)
    heads = heads if head == ALL else heads[names.index(head) - 1]
    return drawn(attention_map(heads, *model.attention_tokens(sentence, translation), title=", ".join(title) or None))


def build(controls):
    gr.Markdown(ABOUT)
    layers, heads = choices_of(controls.studio.facts(controls.model.value))
    with gr.Row():
        layer = gr.Slider(**layers, step=1, label="Layer")
        head = gr.Dropdown(**heads, label="Head", interactive=True)
        look = gr.Button("Show attention")
    picture = picture_box("Attention between the sentences")

    @sentences
    def translation_attention(model, text, layer, head):
        sentence = first_sentence(text)
        controls.studio.facts(model, *NEEDS)
        yield gr.skip()  # between two steps Stop takes hold
        looker = controls.load(model, sentence, *NEEDS)
        yield gr.skip()
        yield attention_picture(looker, sentence, layer, head)

    inputs, starts = [controls.model, controls.source, layer, head], [look.click, layer.release, head.input]
    gr.on(starts, translation_attention, inputs, picture, api_name="translation_attention", **QUEUE)

    def forget_translation_attention(model):
        layers, heads = choices_of(controls.studio.facts(model, *A_TRANSLATION_MODEL))
        return gr.update(**layers), gr.update(**heads), None

    controls.model.change(
        forget_translation_attention,
        controls.model,
        [layer, head, picture],
        api_name="forget_translation_attention",
        **PRIVATE,
    )


def names_of(heads):
    """What the dropdown offers; `kgen.plots.attention_map` gives the heads these names."""
    return [ALL, *(f"head {i}" for i in range(heads))]


def choices_of(facts):
    """What the controls of layers and heads show for a model. Without heads there is one attention, not one a layer."""
    heads = facts.arguments.get("num_heads", 1)
    layers = facts.arguments["num_layers"] if "num_heads" in facts.arguments else 1
    return (
        {"minimum": 1, "maximum": max(2, layers), "value": 1, "visible": layers > 1},
        {"choices": names_of(heads), "value": ALL, "visible": heads > 1},
    )

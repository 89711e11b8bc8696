"""Part of *Completion*: which token of the prompt looks at which, head by head."""

import gradio as gr

from .completion import MAX_PROMPT
from .completion import NEEDS as A_LANGUAGE_MODEL
from .completion import QUEUE
from .pictures import drawn
from .studio import sentences
from .studio import sorry
from .studio import whole
from .texts import shown
from .texts import text
from .widgets import picture_box

PART_OF = "completion"
TITLE = "Attention"
ORDER = 10
NEEDS = (*A_LANGUAGE_MODEL, "attention")

TOKENS = 40  # of the prompt's end
MANY = 16  # tokens, of which only two maps fit side by side with labels that can be read

ABOUT = f"""
Who looks at whom among the last {TOKENS} tokens of the prompt, when the model sees nothing before them. A row is a
token: it tells how much that token takes from each of those before it and from itself.
"""


def attention_picture(model, prompt, layer):
    """The heads of a layer as heat maps: a PIL image."""
    from kgen.plots import attention_map  # brings matplotlib

    ids = model.tokenizer.encode(prompt)[-min(TOKENS, model.context_length) :]
    if not ids:
        raise sorry("Prompt: there is no token in it that could look at another.")
    scores = model.attention(ids)
    layer = whole("Layer", layer, 1, len(scores))
    tokens = [shown(model.tokenizer.decode([one], skip_special=False)) for one in ids]
    columns = 2 if len(ids) > MANY else None
    return drawn(attention_map(scores[layer - 1], tokens, causal=True, title=f"layer {layer}", columns=columns))


def build(studio, model, prompt):
    gr.Markdown(ABOUT)
    with gr.Row():
        layer = gr.Slider(**layers_of(studio.facts(model.value)), step=1, label="Layer")
        look = gr.Button("Show attention")
    picture = picture_box("Attention")

    @sentences
    def show_attention(model, prompt, layer):
        prompt = text("Prompt", prompt, MAX_PROMPT)
        studio.facts(model, *NEEDS)
        yield gr.skip()
        looker = studio.model(model, *NEEDS)
        yield gr.skip()
        yield attention_picture(looker, prompt, layer)

    inputs, starts = [model, prompt, layer], [look.click, layer.release]
    gr.on(starts, show_attention, inputs, picture, api_name="show_attention", **QUEUE)

    def forget_attention(model):
        return gr.update(**layers_of(studio.facts(model, *A_LANGUAGE_MODEL))), None

    model.change(
        forget_attention,
        model,
        [layer, picture],
        queue=False,
        preprocess=False,
        show_progress="hidden",
        api_name="forget_attention",
        api_visibility="private",
    )


def layers_of(facts):
    """What the slider of layers shows for a model."""
    most = facts.arguments["num_layers"]
    return {"minimum": 1, "maximum": max(2, most), "value": 1, "visible": most > 1}

"""Controls that look and behave alike in every tab."""

import gradio as gr

from .examples import WIDTH
from .studio import MAX_SEED
from .studio import number
from .studio import sorry

NEW_SEED = f"Math.floor(Math.random() * {MAX_SEED})"


def seed_box(label="Seed", value=1):
    """A whole number that decides everything random."""
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=MAX_SEED)


def picture_box(label, **options):
    """Where a picture appears, as PNG, which changes no pixel. The label is for API callers and screen readers."""
    options = {"buttons": ["download", "fullscreen"], "interactive": False, **options}
    return gr.Image(label=label, alt_text=label, show_label=False, format="png", **options)


def captioned(label, **options):
    """Where a picture appears, with its label above; gradio's own would hide a corner of it."""
    with gr.Column(min_width=160):
        gr.Markdown(f"**{label}**")
        return picture_box(label, **options)


def image_editor(label):
    """Where people upload an image and draw on it.

    Nothing may listen to its changes: then it would keep what was drawn to itself instead of uploading it.
    """
    return gr.ImageEditor(
        label=label,
        format="png",
        sources=["upload", "clipboard"],
        buttons=[],
        transforms=(),
        brush=gr.Brush(colors=["#e11d48"], color_mode="fixed"),
        layers=gr.LayerOptions(allow_additional_layers=False),
        height=420,
        canvas_size=(WIDTH, WIDTH),  # an example of another size would have its hole drawn twice
    )


def go_and_stop(go, new="New seed"):
    """The buttons under the controls: do it, do it with another seed, stop."""
    go = gr.Button(go, variant="primary")
    with gr.Row():
        new = gr.Button(new, min_width=110)
        stop = gr.Button("Stop", variant="stop", min_width=70)
    return go, new, stop


def dice(button, *seeds, api_name):
    """A click on the button writes a new number into each seed box, in the browser itself; returns the event."""
    js = f"() => {NEW_SEED}" if len(seeds) == 1 else f"() => [{', '.join([NEW_SEED] * len(seeds))}]"
    return button.click(None, None, [*seeds], js=js, api_name=api_name)


def within(control, value):
    """`value` checked against the ends or choices of its control, which an API caller need not keep to."""
    if isinstance(control, gr.Slider | gr.Number):
        return number(control.label, value, control.minimum, control.maximum)
    if isinstance(control, gr.Dropdown | gr.Radio) and value not in [one for _, one in control.choices]:
        raise sorry(f"{control.label}: expected one of {', '.join(label for label, _ in control.choices)}.")
    return value

"""Which class of images a model dreams: the control for it, for models that learned from labels."""

import gradio as gr

from .image_generation import PRIVATE
from .studio import sorry

CLASSES = ("num_classes",)  # what such a model has
IN_TURN = "all in turn"


def class_box(**shown):
    """The control, as `class_choices` says of a model."""
    return gr.Dropdown(**shown, label="Class", interactive=True)


def class_box_of(studio, model, api_name):
    """The control for one class, which follows the dropdown of models; `api_name` is that of the event."""
    box = class_box(**class_choices(studio.facts(model.value)))

    def show_classes(model):
        return gr.update(**class_choices(studio.facts(model)))

    model.change(show_classes, model, box, api_name=api_name, **PRIVATE)
    return box


def class_choices(facts, *others):
    """What the control shows for a model: `others` and the classes; it hides where there are none."""
    count = facts.arguments["num_classes"] if facts.has(*CLASSES) else 1
    choices = [*others, *map(str, range(count))]
    return {"choices": choices, "value": choices[0], "visible": facts.has(*CLASSES)}


def class_chosen(facts, sent, *others):
    """An int, or None when one of the `others` was sent; or a sentence."""
    if str(sent) not in class_choices(facts, *others)["choices"]:
        expected = [*others, f"a whole number from 0 to {facts.arguments['num_classes'] - 1}"]
        raise sorry(f"Class: expected {' or '.join(expected)}.")
    return None if sent in others else int(sent)


def labels_chosen(facts, sent):
    """`{"labels": class}` for a verb of a model with classes, an empty dict for others."""
    return {"labels": class_chosen(facts, sent)} if facts.has(*CLASSES) else {}

"""What a part of *Image generation* brings in its `KNOBS`: controls for arguments of `generate` and other verbs."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from . import discovery
from .image_generation import PRIVATE
from .widgets import within


@dataclass(frozen=True)
class Knob:
    """A control for the models whose `generate`, say, takes the argument that `KNOBS` names it by.

    Attributes:
        make: makes the control, with properties as keyword arguments.
        needs: what a model must have beside that argument.
        fits: whether it turns something in such a model; takes its `Facts`.
        shown: properties of the control that depend on the model, a dict; takes its `Facts`.
        read: makes the argument of what was sent, or says in a sentence what is wrong with it; takes the control, the
            `Facts` and what was sent.
    """

    make: Callable
    needs: tuple = ()
    fits: Callable = lambda facts: True
    shown: Callable = lambda facts: {}
    read: Callable = lambda control, facts, sent: within(control, sent)

    def turns(self, argument, facts, verb="generate"):
        """Whether there is something in this model that the knob turns."""
        return facts.takes(verb, argument) and facts.has(*self.needs) and self.fits(facts)

    def look(self, argument, facts, verb="generate"):
        """The properties of the control for a model, a dict; it hides from those in which it turns nothing."""
        return {**self.shown(facts), "visible": self.turns(argument, facts, verb)}


@dataclass(frozen=True)
class Board:
    """The knobs that a verb of some model has, with their controls.

    Attributes:
        verb: name of the verb, such as "generate".
        knobs: dict of `Knob` by argument.
        controls: dict of controls by argument, in the order in which a handler gets what was sent.
    """

    verb: str
    knobs: dict
    controls: dict

    @property
    def boxes(self):
        """Controls in which somebody writes and then presses Enter."""
        return [one for one in self.controls.values() if isinstance(one, gr.Textbox)]

    def options(self, facts, settings):
        """The arguments of the verb for what was sent, or a sentence; what turns nothing is not looked at."""
        return {
            name: knob.read(self.controls[name], facts, sent)
            for (name, knob), sent in zip(self.knobs.items(), settings, strict=True)
            if knob.turns(name, facts, self.verb)
        }

    def follow(self, studio, model, needs, api_name):
        """Show for each model that is chosen what it has; `api_name` is that of the event."""

        def show_knobs(model):
            facts = studio.facts(model)
            if not facts.has(*needs):  # then the whole part is hidden
                return [gr.skip()] * len(self.knobs)
            return [gr.update(**knob.look(name, facts, self.verb)) for name, knob in self.knobs.items()]

        if self.knobs:
            model.change(show_knobs, model, [*self.controls.values()], api_name=api_name, **PRIVATE)


def board(studio, model, needs, verb="generate"):
    """Make the controls, here and now, of all knobs that `verb` has in a model with these `needs`."""
    everybody, first = [studio.facts(name) for name in studio.names(*needs)], studio.facts(model.value)
    parts = discovery.find("image_generation")
    knobs = {argument: knob for part in parts for argument, knob in getattr(part, "KNOBS", {}).items()}
    knobs = {name: knob for name, knob in knobs.items() if any(knob.turns(name, one, verb) for one in everybody)}
    return Board(verb, knobs, {name: knob.make(**knob.look(name, first, verb)) for name, knob in knobs.items()})

"""What a part of *Image generation* brings in its `KNOBS`: controls for arguments of `generate`."""

from collections.abc import Callable
from dataclasses import dataclass

from .widgets import within


@dataclass(frozen=True)
class Knob:
    """A control in *Dreams*, for the models whose `generate` takes the argument that `KNOBS` names it by.

    Attributes:
        make: makes the control, with properties as keyword arguments.
        needs: what a model must have beside that argument.
        shown: properties of the control that depend on the model, a dict; takes its `Facts`.
        read: makes the argument of what was sent, or says in a sentence what is wrong with it; takes the control, the
            `Facts` and what was sent.
    """

    make: Callable
    needs: tuple = ()
    shown: Callable = lambda facts: {}
    read: Callable = lambda control, facts, sent: within(control, sent)

    def turns(self, argument, facts):
        """Whether there is something in this model that the knob turns."""
        return facts.takes("generate", argument) and facts.has(*self.needs)

    def look(self, argument, facts):
        """The properties of the control for a model, a dict; it hides from those in which it turns nothing."""
        return {**self.shown(facts), "visible": self.turns(argument, facts)}

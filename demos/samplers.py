"""The choice of a sampler, with the sliders that mean something to it."""

from dataclasses import dataclass

import gradio as gr

from .studio import whole
from .widgets import within

# For each sampler its name in kgen.decoding, and for each of its arguments the control that sets it.
SAMPLERS = {
    "Greedy": ("Greedy", {}),
    "Temperature": ("Temperature", {"temperature": "temperature"}),
    "Top-k": ("TopK", {"k": "top_k", "temperature": "temperature"}),
    "Top-p": ("TopP", {"p": "top_p", "temperature": "temperature"}),
    "Min-p": ("MinP", {"p": "min_p", "temperature": "temperature"}),
    "Contrastive": ("Contrastive", {"k": "candidates", "alpha": "alpha"}),
}
FIRST = "Top-p"

# Arguments of `gr.Slider`. A step of 1 means whole numbers.
CONTROLS = {
    "temperature": (0.05, 2.0, 1.0, 0.05, "Temperature", "below 1 keeps to what is likely"),
    "top_k": (1, 100, 40, 1, "k", "how many tokens to draw from"),
    "top_p": (0.05, 1.0, 0.9, 0.05, "p", "probability of all tokens to draw from"),
    "min_p": (0.01, 1.0, 0.1, 0.01, "Least p", "as a share of the likeliest token's"),
    "candidates": (2, 10, 4, 1, "Candidates", "tokens to try at each step"),
    "alpha": (0.0, 1.0, 0.6, 0.05, "α", "how much to shun what is like the text so far"),
    "beam_width": (1, 10, 5, 1, "Beam width", "beginnings kept at each step"),
    "length_penalty": (0.0, 2.0, 1.0, 0.1, "Length penalty", "0 prefers short texts"),
    "repetition_penalty": (1.0, 2.0, 1.0, 0.05, "Repetition penalty", "1 is none"),
}
WITHOUT_PENALTY = ("Contrastive", "Beam")  # Contrastive search shuns repetition by itself


@dataclass(frozen=True)
class SamplerChoice:
    """A dropdown and its sliders.

    Attributes:
        dropdown: the `gr.Dropdown` of the sampler.
        sliders: dict of `gr.Slider` by the names in `CONTROLS`, which API callers use.
        samplers: dict like `SAMPLERS`, what there is to choose from.
    """

    dropdown: gr.Dropdown
    sliders: dict
    samplers: dict

    def sampler(self, name, values):
        """The sampler of kgen.decoding for what was sent, or a sentence; only what is shown is looked at.

        Args:
            name: what the dropdown sent.
            values: what the sliders sent, in the order of `sliders`.
        """
        from kgen import decoding  # brings keras

        name, sent = within(self.dropdown, name), dict(zip(self.sliders, values, strict=True))
        settings = {
            control: _setting(self.sliders[control], sent[control]) for control in controls_of(name, self.samplers)
        }
        class_name, arguments = self.samplers[name]
        sampler = getattr(decoding, class_name)(**{one: settings[control] for one, control in arguments.items()})
        penalty = settings.get("repetition_penalty", 1.0)
        return sampler if penalty == 1.0 else decoding.RepetitionPenalty(penalty, sampler)


def controls_of(name, samplers=SAMPLERS):
    """Names of the controls that mean something to a sampler."""
    class_name, arguments = samplers[name]
    return [*arguments.values(), *(() if class_name in WITHOUT_PENALTY else ("repetition_penalty",))]


def slider(name, visible=True):
    """The slider of one of `CONTROLS`."""
    low, high, value, step, label, info = CONTROLS[name]
    return gr.Slider(low, high, value, step=step, label=label, info=info, visible=visible)


def sampler_choice(api_name, samplers=SAMPLERS, first=FIRST):
    """Make the dropdown and the sliders; which are shown follows the dropdown."""
    dropdown = gr.Dropdown([*samplers], value=first, label="Sampler", interactive=True)
    used = {control for name in samplers for control in controls_of(name, samplers)}
    sliders = {name: slider(name, name in controls_of(first, samplers)) for name in CONTROLS if name in used}

    def show_controls(name):
        shown = controls_of(within(dropdown, name), samplers)
        return [gr.update(visible=control in shown) for control in sliders]

    dropdown.change(
        show_controls,
        dropdown,
        [*sliders.values()],
        queue=False,
        preprocess=False,
        show_progress="hidden",
        api_name=api_name,
        api_visibility="private",
    )
    return SamplerChoice(dropdown, sliders, samplers)


def _setting(slider, value):
    if slider.step == 1:
        return whole(slider.label, value, slider.minimum, slider.maximum)
    return within(slider, value)

"""A text with places, and the two halves that a model learns from: what it is given and what it has to say."""

import re
import string

PLACE = re.compile(r"[A-Za-z_]\w*")


class Template:
    """A text with places in braces. The last place is the answer; what stands before it is the prompt.

    What is filled in is text and nothing else: braces in it stay braces. "{{" and "}}" in the template are braces too.

    Args:
        text: str, with one or more different places, such as "Review: {text}\\nSentiment: {label}".

    Attributes:
        places: list of str, in the order of the text.

    Raises:
        ValueError: no place, the same place twice, or something else than a name in braces.

    Example:

    >>> import kgen
    >>> sentiment = kgen.prompts.Template("Review: {text}\\nSentiment: {label}")
    >>> sentiment(text="A fine film.", label="good")
    'Review: A fine film.\\nSentiment: good'
    >>> sentiment.prompt(text="A fine film.")
    'Review: A fine film.\\nSentiment:'
    >>> sentiment.pair(text="A fine film.", label="good")
    ('Review: A fine film.\\nSentiment:', ' good')
    """

    def __init__(self, text):
        self.text = text
        self._parts = _parts(text)  # pairs (text, place behind it or None)
        self.places = [name for _, name in self._parts if name]
        if not self.places or len(set(self.places)) < len(self.places):
            raise ValueError(f"text: expected one or more different places in braces, such as {{text}}, got {text!r}")

    def __call__(self, **values):
        """The whole text, as str; each place has a str or a number."""
        return "".join(self.pair(**values))

    def prompt(self, **values):
        """All that stands before the answer, as str. White space at its end belongs to the answer."""
        return self._filled({self.places[-1]: "", **values})[0]

    def pair(self, **values):
        """(prompt, answer), two str for `fit(prompts, answers)`; together they are the whole text."""
        return self._filled(values)

    def __repr__(self):
        return f"Template({self.text!r})"

    def _filled(self, values):
        """The text before the last place, and the rest."""
        if {*values} != {*self.places}:
            raise ValueError(f"values: expected {', '.join(self.places)}, got {', '.join(values) or 'none'}")
        pieces = [piece for text, name in self._parts for piece in (text, str(values[name]) if name else "")]
        place = 2 * max(i for i, (_, name) in enumerate(self._parts) if name) + 1
        before, behind = "".join(pieces[:place]), "".join(pieces[place:])
        prompt = before.rstrip()
        return prompt, before[len(prompt) :] + behind


def _parts(text):
    if not isinstance(text, str):
        raise TypeError(f"text: expected a string, got {text!r:.60}")
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"text: {error}, in {text!r:.60}; braces that are no place are doubled") from None
    for _, name, form, conversion in parsed:
        if name is not None and (not PLACE.fullmatch(name) or form or conversion):
            raise ValueError(f"text: expected names in braces, such as {{text}}, got {{{name}}} in {text!r:.60}")
    return [(before, name) for before, name, _, _ in parsed]

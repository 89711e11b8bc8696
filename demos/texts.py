"""Text that people send, and tokens as people can read them."""

from kgen.plots.tokens import VISIBLE

from .studio import sorry


def text(what, value, most):
    """`value` as a string of at most `most` characters, or a sentence: an API caller need not keep to a box's end."""
    if not isinstance(value, str) or len(value) > most:
        got = f", not {len(value):,}" if isinstance(value, str) else ""
        raise sorry(f"{what}: expected text of at most {most:,} characters{got}.")
    return value


def shown(token):
    """A token with its white space visible: "␣the" for " the"."""
    return "".join(one if one.isprintable() else "·" for one in token.translate(VISIBLE))


def shares(likeliest):
    """What `next_tokens` returns as a dict for `gr.Label`, which would drop the second of two tokens that look alike.

    >>> shares([("a", 0.5), ("b", 0.25), ("a", 0.125)])
    {'a': 0.5, 'b': 0.25, 'a (2)': 0.125}
    """
    bars = {}
    for token, probability in likeliest:
        name, count = shown(token), 1
        label = name
        while label in bars:
            count += 1
            label = f"{name} ({count})"
        bars[label] = probability
    return bars

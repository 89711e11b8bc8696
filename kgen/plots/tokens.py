"""Tokens as labels of a picture."""

VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\0": "␀"})
LONGEST_LABEL = 14


def shown(token):
    """A token as a label: white space visible, nothing that cannot be printed, not too long."""
    text = "".join(one if one.isprintable() else "·" for one in str(token).translate(VISIBLE))
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"

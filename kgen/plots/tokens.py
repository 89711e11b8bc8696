"""Tokens as labels of a picture."""

import functools

VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\0": "␀"})
MISSING = "□"
LONGEST_LABEL = 14


def shown(token):
    """A token as a label: white space visible, nothing that cannot be printed, not too long."""
    text = drawable("".join(one if one.isprintable() else "·" for one in str(token).translate(VISIBLE)))
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def drawable(text):
    """The text with a box for each character that matplotlib's fonts lack, about which it would only warn.

    Its own font has no Chinese, Japanese, Korean or Indian letters. With `matplotlib.rcParams["font.family"] =
    ["DejaVu Sans", "Noto Sans CJK JP"]`, or another font that is installed, those are drawn.
    """
    text = str(text)
    if text.isascii():
        return text
    known = _characters(tuple(_fonts()))
    return "".join(one if ord(one) in known or one == "\n" else MISSING for one in text)


def _fonts():
    """The files of the fonts that matplotlib takes, one after the other."""
    from matplotlib import font_manager  # here, because the words above serve without pictures too

    files = []
    for family in font_manager.FontProperties().get_family():
        try:
            files.append(font_manager.findfont(family, fallback_to_default=False))
        except ValueError:  # not installed; matplotlib goes on to the next
            continue
    return files or [font_manager.findfont("DejaVu Sans")]


@functools.cache
def _characters(files):
    """The characters that some of these fonts can draw."""
    from matplotlib.font_manager import get_font

    return {character for file in files for character in get_font(file).get_charmap()}

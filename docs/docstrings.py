"""Doctests in docstrings become blocks of code on the pages of the reference."""

import re

import griffe

DOCTEST = re.compile(r"^(?P<indent> *)>>> .*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(Example|Reference|Paper):", re.MULTILINE)


class DoctestsAsCode(griffe.Extension):
    def on_object(self, *, obj, **kwargs):
        if obj.docstring:
            text = HEADING.sub(r"**\1**:", obj.docstring.value)
            obj.docstring.value = DOCTEST.sub(fenced, text)


def fenced(found):
    indent = found["indent"]
    return f"{indent}```pycon\n{found[0]}\n{indent}```"

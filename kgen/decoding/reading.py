"""Samplers from what people type: `TopP(0.9)`, `RepetitionPenalty(1.2, TopK(40))`, `greedy`."""

import ast

from kgen import decoding


def sampler_from(text):
    """The sampler or search that a string spells; names and plain numbers, nothing is executed.

    Raises:
        ValueError: it spells none.
    """
    try:
        return _built(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, KeyError, AttributeError) as error:
        known = ", ".join(decoding.__all__)
        raise ValueError(
            f"sampler: expected one of {known} with its arguments, such as 'TopP(0.9, temperature=0.8)', "
            f"got {text!r} ({error})"
        ) from None


def _built(node):
    if isinstance(node, ast.Name | ast.Call):
        name = (node.func if isinstance(node, ast.Call) else node).id.lower()
        cls = getattr(decoding, {one.lower(): one for one in decoding.__all__}[name])
        if isinstance(node, ast.Name):
            return cls()
        return cls(*map(_built, node.args), **{one.arg: _built(one.value) for one in node.keywords})
    return ast.literal_eval(node)

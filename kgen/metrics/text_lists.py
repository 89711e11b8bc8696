"""Lists of texts and what they should have been, checked before they are counted."""


def with_references(hypotheses, references):
    """Both as lists: str, and for each a list of one or more str.

    Raises:
        TypeError: something else than strings.
        ValueError: nothing to count, or another number of references than of hypotheses.
    """
    hypotheses = _listed("hypotheses", hypotheses)
    for text in hypotheses:
        _check_text("hypotheses", text)
    references = _listed("references", references)
    references = [[one] if isinstance(one, str) else _listed("references", one) for one in references]
    if len(references) != len(hypotheses):
        raise ValueError(
            f"references: expected a string, or a list of several, for each of {len(hypotheses)} hypotheses, "
            f"got {len(references)}"
        )
    for texts in references:
        for text in texts:
            _check_text("references", text)
    return hypotheses, references


def reference_count(references):
    """How many there are of each, as a signature says it: "nrefs:2", or "nrefs:var"."""
    counts = {len(one) for one in references}
    return f"nrefs:{counts.pop() if len(counts) == 1 else 'var'}"


def _listed(name, values):
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name}: expected a list of strings, got {values!r:.60}; make a list of a single one")
    values = list(values)
    if not values:
        raise ValueError(f"{name}: expected at least one string, got an empty list")
    return values


def _check_text(name, value):
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected strings, got {value!r:.60} ({type(value).__name__})")

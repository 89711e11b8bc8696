"""Examples in front of a question: a model that goes on with a text goes on as they do.

Brown et al., Language Models are Few-Shot Learners, 2020.
"""

import numpy as np

from kgen.functional.checks import check_int


def few_shot(template, examples, query, instruction="", separator="\n\n"):
    """A prompt that shows some examples and then asks.

    Args:
        template: a `kgen.prompts.Template`.
        examples: list of dicts, each with a value for every place of the template; none is a prompt without examples.
        query: dict with values for all places but the last, or for all: the answer is left out.
        instruction: str that stands above all, or "".
        separator: str that stands between.

    Returns:
        str, for `generate`; what the model writes behind it is the answer.

    Raises:
        ValueError: a place without a value.

    Example:

    >>> import kgen
    >>> opposite = kgen.prompts.Template("{word} -> {other}")
    >>> print(kgen.prompts.few_shot(opposite, [{"word": "big", "other": "small"}], {"word": "hot"}, separator="\\n"))
    big -> small
    hot ->
    """
    asked = {name: value for name, value in query.items() if name != template.places[-1]}
    shown = [template(**example) for example in examples]
    return separator.join([*([instruction] if instruction else []), *shown, template.prompt(**asked)])


class SimilarExamples:
    """Chooses the examples that are most like a text.

    Texts are compared by the cosine of their vectors: those of a function, or TF-IDF of words and pairs of words.

    Args:
        examples: list of dicts, one or more.
        place: the key of the text in each that is compared.
        embed: function from a list of str to floats `(n, dim)`, such as `model.embed` of a BERT; None for TF-IDF, as
            scikit-learn has it.

    Raises:
        ValueError: no examples, one without that key, or vectors of another shape.

    Example:

    >>> import kgen
    >>> examples = [{"text": "a dull film"}, {"text": "a fine day at sea"}, {"text": "a dull day"}]
    >>> kgen.prompts.SimilarExamples(examples, "text").choose("dull, dull day", 2)
    [{'text': 'a dull film'}, {'text': 'a dull day'}]

    Reference: Liu et al., What Makes Good In-Context Examples for GPT-3?, 2022.
    """

    def __init__(self, examples, place, embed=None):
        self.examples = list(examples)
        if not self.examples or any(place not in example for example in self.examples):
            raise ValueError(f"examples: expected one or more dicts with {place!r}, got {self.examples!r:.80}")
        self.place = place
        texts = [example[place] for example in self.examples]
        self._embed = _word_frequencies(texts) if embed is None else embed
        self._vectors = self._unit_vectors(texts)

    def choose(self, text, k, without=()):
        """The k examples most like a text, the most similar last, where it stands next to the question.

        Args:
            text: str.
            k: int ≥ 0; no more than there are.
            without: numbers of examples that may not be chosen, such as the one that the text is from.
        """
        check_int("k", k, minimum=0)
        likeness = self._unit_vectors([text]) @ self._vectors.T
        likeness = np.array(likeness.toarray() if hasattr(likeness, "toarray") else likeness, "float64")[0]
        likeness[list(without)] = -np.inf
        best = np.argsort(-likeness, kind="stable")[: min(k, len(likeness) - len({*without}))]
        return [self.examples[i] for i in best[::-1]]

    def _unit_vectors(self, texts):
        vectors = self._embed(texts)
        if hasattr(vectors, "toarray"):  # sparse, and of unit length already
            return vectors
        vectors = np.asarray(vectors, "float64")
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ValueError(f"embed: expected {len(texts)} rows of floats for as many texts, got {vectors.shape}")
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _word_frequencies(texts):
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = TfidfVectorizer(token_pattern=r"[^\W_]+", ngram_range=(1, 2), sublinear_tf=True)
    return known.fit(texts).transform

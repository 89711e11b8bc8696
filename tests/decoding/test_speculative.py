"""Speculative decoding writes what the model alone would write: exactly for greedy search, in distribution else."""

from collections import Counter

import numpy as np
import pytest
from keras import ops
from scipy.stats import chisquare

import kgen
from kgen.decoding import Greedy
from kgen.decoding import RepetitionPenalty
from kgen.decoding import Speculative
from kgen.decoding import Temperature
from kgen.decoding import TopP
from tests.decoding.toys import Toy
from tests.decoding.toys import tiny_gpt
from tests.decoding.toys import written

ROWS = 2000


def distribution(toy, sampler, text):
    """What a sampler draws the next token of a text from."""
    seen = np.isin(np.arange(toy.vocabulary), text)[None]
    values = (toy.logits_of(text)[None].astype("float32"), np.array(sampler.parameters, "float32"), seen)
    weights = ops.convert_to_numpy(sampler.weights(*map(ops.convert_to_tensor, values)))[0]
    return weights.astype("float64") / weights.astype("float64").sum()


@pytest.mark.parametrize(
    ("sampler", "ahead"),
    [
        (Temperature(), 1),
        (Temperature(0.7), 2),
        (TopP(0.8), 3),
        (RepetitionPenalty(1.7, Temperature()), 3),
    ],
    ids=repr,
)
def test_the_distribution_of_the_text_is_that_of_the_model_alone(sampler, ahead):
    target, draft = Toy(vocabulary=4, seed=1, spread=0.8), Toy(vocabulary=4, seed=2, spread=0.8)
    speculative = Speculative(draft, ahead, sampler)
    texts = written(speculative, target.loop, [[1, 2]] * ROWS, 3, seed=4)
    counts, expected = Counter(map(tuple, texts)), {(): ROWS}
    for _ in range(3):
        following = {text: distribution(target, sampler, [1, 2, *text]) for text in expected}
        expected = {(*text, one): expected[text] * following[text][one] for text in expected for one in range(4)}
    possible = [text for text in expected if expected[text] > 0]
    assert set(counts) <= set(possible)
    # Texts that are too rare for the test are counted together.
    rare = [text for text in possible if expected[text] < 5]
    frequent = [text for text in possible if expected[text] >= 5]
    found = [*(counts[text] for text in frequent), sum(counts[text] for text in rare)]
    wanted = [*(expected[text] for text in frequent), sum(expected[text] for text in rare)]
    if not wanted[-1]:
        found, wanted = found[:-1], wanted[:-1]
    assert chisquare(found, np.array(wanted) * ROWS / sum(wanted)).pvalue > 0.01
    assert 0.1 < speculative.acceptance_rate < 0.95  # both ways of going on were taken


def test_proposals_are_accepted_as_often_as_the_distributions_overlap():
    target, draft, sampler = Toy(seed=1, spread=0.8), Toy(seed=2, spread=0.8), Temperature()
    speculative = Speculative(draft, 1, sampler)
    assert speculative.acceptance_rate is None
    written(speculative, target.loop, [[1, 2]] * ROWS, 1, seed=4)
    overlap = np.minimum(*(distribution(toy, sampler, [1, 2]) for toy in (target, draft))).sum()
    assert abs(speculative.acceptance_rate - overlap) < 3 * (overlap * (1 - overlap) / ROWS) ** 0.5


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_greedy_it_is_greedy_search(ahead):
    target, draft = Toy(seed=1), Toy(seed=1)
    draft.weights.assign(target.readout + np.random.default_rng(0).normal(size=target.readout.shape) * 0.3)
    prompts = [[1], [2, 3, 4, 0], [3] * 40]
    speculative = Speculative(draft, ahead, Greedy())
    expected = written(Greedy(), target.loop, prompts, 25)
    assert written(speculative, target.loop, prompts, 25) == expected
    assert 0 < speculative.acceptance_rate < 1  # both ways of going on were taken


def test_streamed_or_not_the_same_seed_gives_the_same_text():
    target, draft = Toy(seed=1), Toy(seed=2)
    texts = []
    for every in (None, 1, 4):
        pieces = list(Speculative(draft, 3).stream(target.loop, [[1], [2, 2]], 30, seed=5, every=every))
        assert all(piece.shape[1] <= (every or 30) for piece in pieces)
        texts.append(np.concatenate(pieces, axis=1).tolist())
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0][0]) == len(texts[0][1]) == 30
    assert texts[0] != written(Speculative(draft, 3), target.loop, [[1], [2, 2]], 30, seed=6)


def test_a_stop_ends_a_row_also_in_the_middle_of_what_was_accepted():
    target = Toy(seed=1)
    whole = written(Greedy(), target.loop, [[1], [2, 3]], 30)
    stop = whole[0][5]
    expected = written(Greedy(), target.loop, [[1], [2, 3]], 30, stop_ids=[stop])
    for every in (None, 2):
        speculative = Speculative(target, 4, Greedy())
        assert written(speculative, target.loop, [[1], [2, 3]], 30, stop_ids=[stop], every=every) == expected
        assert speculative.acceptance_rate == 1.0  # the draft is the model


def test_a_text_may_outgrow_the_window():
    target, draft = Toy(seed=1, max_length=20), Toy(seed=2, max_length=32)
    text = written(Speculative(draft, 3, Greedy()), target.loop, [[1, 2], [3]], 70)
    assert [len(row) for row in text] == [70, 70]
    alone = written(Greedy(), target.loop, [[1, 2]], 15)[0]
    assert text[0][:15] == alone


def test_real_models_agree():
    target, draft = tiny_gpt(2, seed=1), tiny_gpt(1, seed=2)
    prompts = [[1, 2, 3], [4], [5, 6] * 9]
    speculative = Speculative(draft, 3, Greedy())
    expected = target.generate(prompts, max_new_tokens=24, sampler=Greedy())
    assert target.generate(prompts, max_new_tokens=24, sampler=speculative) == expected


def test_what_cannot_work_is_refused():
    for make, argument in (
        (lambda: Speculative("gpt"), "draft"),
        (lambda: Speculative(Toy(), 0), "num_draft_tokens"),
        (lambda: Speculative(Toy(), 2, kgen.decoding.Contrastive()), "sampler"),
    ):
        with pytest.raises(ValueError, match=rf"^{argument}: expected"):
            make()
    for target, draft, message in (
        (Toy(), Toy(positional=False), "^draft: expected one with attention"),
        (Toy(positional=False), Toy(), "^the model: expected one with attention"),
        (Toy(), Toy(vocabulary=7), "^draft: expected a model of the same 5 tokens, got one of 7"),
        (Toy(max_length=7), Toy(), "^num_draft_tokens: expected at most 3 with a context of 7, got 4"),
    ):
        with pytest.raises(ValueError, match=message):
            written(Speculative(draft, 4), target.loop, [[1]], 3)
    context = (ops.zeros((1, 2)),)
    with pytest.raises(ValueError, match=r"^draft: expected a model without an encoder"):
        written(Speculative(Toy()), Toy().loop, [[1]], 3, context=context)

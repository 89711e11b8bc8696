"""Contrastive search against the same search written plainly in NumPy."""

import numpy as np
import pytest

from kgen.decoding import Contrastive
from kgen.decoding import Greedy
from tests.decoding.toys import Toy
from tests.decoding.toys import tiny_gpt
from tests.decoding.toys import written


def by_hand(toy, prompt, count, k, alpha):
    text = list(prompt)
    for _ in range(count):
        p = np.exp(toy.log_probabilities_of(text))
        before = np.stack([toy.hidden_of(text[: i + 1]) for i in range(len(text))])
        scores = {}
        for one in np.argsort(-p)[:k]:
            hidden = toy.hidden_of([*text, int(one)])
            cosines = before @ hidden / np.linalg.norm(before, axis=1) / np.linalg.norm(hidden)
            scores[int(one)] = (1 - alpha) * p[one] - alpha * cosines.max()
        text.append(max(scores, key=scores.get))
    return text[len(prompt) :]


@pytest.fixture(params=[True, False], ids=["places", "state"])
def toy(request):
    return Toy(states=97, positional=request.param)


@pytest.mark.parametrize("k", [2, 99])
def test_it_is_the_search_of_the_paper(toy, k):
    prompts = [[1, 2, 3], [4], [0] * 20]
    expected = [by_hand(toy, prompt, 12, k, 0.6) for prompt in prompts]
    assert written(Contrastive(k, 0.6), toy.loop, prompts, 12) == expected
    assert expected != written(Greedy(), toy.loop, prompts, 12)


def test_without_choice_or_penalty_it_is_greedy_search(toy):
    expected = written(Greedy(), toy.loop, [[1, 2], [3]], 20)
    for sampler in (Contrastive(1, 0.9), Contrastive(4, 0.0)):
        assert written(sampler, toy.loop, [[1, 2], [3]], 20) == expected


def test_streamed_or_not_it_is_the_same_and_ends_with_its_stops(toy):
    whole = written(Contrastive(), toy.loop, [[1, 2]], 20)
    assert written(Contrastive(), toy.loop, [[1, 2]], 20, every=3) == whole
    stop = whole[0][7]
    ended = written(Contrastive(), toy.loop, [[1, 2], [3]], 20, stop_ids=[stop])
    first = whole[0].index(stop)
    assert ended[0][: first + 1] == whole[0][: first + 1]
    assert set(ended[0][first:]) == {stop}


def test_it_does_not_repeat_itself_where_greedy_search_does():
    model = tiny_gpt(vocabulary=16, spread=0.1)
    greedy, contrastive = (
        model.generate([1, 2, 3], max_new_tokens=40, sampler=sampler) for sampler in (Greedy(), Contrastive())
    )
    assert len(set(greedy)) == 1
    assert len(set(contrastive)) > 5


@pytest.mark.parametrize(
    ("options", "argument"), [({"k": 0}, "k"), ({"alpha": 1.5}, "alpha"), ({"alpha": -0.1}, "alpha")]
)
def test_arguments_out_of_range_are_refused(options, argument):
    with pytest.raises(ValueError, match=rf"^{argument}: expected"):
        Contrastive(**options)

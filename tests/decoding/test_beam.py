"""Laws of beam search."""

import itertools

import numpy as np
import pytest
from keras import ops

from kgen.decoding import Beam
from kgen.decoding import Greedy
from kgen.decoding.beam import _largest
from kgen.decoding.beam import _reordered
from kgen.decoding.loop import TokenLoop
from tests.decoding.toys import Toy
from tests.decoding.toys import tiny_gpt
from tests.decoding.toys import written

PROMPTS = [[1, 2, 3], [4], [0] * 20]


def log_probability(toy, prompt, ids):
    return sum(toy.log_probabilities_of([*prompt, *ids[:i]])[one] for i, one in enumerate(ids))


def up_to(ids, stops):
    """A text without what the stream repeats behind its stop."""
    return next((ids[: i + 1] for i, one in enumerate(ids) if one in stops), ids)


def exhaustive(toy, prompt, most, stops, length_penalty):
    """All texts with their scores, the best first."""
    found = []
    for n in range(1, most + 1):
        for ids in itertools.product(range(toy.vocabulary), repeat=n):
            ended = ids[-1] in stops
            if not set(ids[:-1]) & set(stops) and (ended or n == most):
                found.append((list(ids), log_probability(toy, prompt, ids) / n**length_penalty))
    return sorted(found, key=lambda text: -text[1])


@pytest.fixture(params=[True, False], ids=["places", "state"])
def toy(request):
    return Toy(positional=request.param)


def test_a_beam_of_one_is_greedy_search(toy):
    for stops in ((), (3,)):
        greedy = written(Greedy(), toy.loop, PROMPTS, 15, stop_ids=stops)
        for length_penalty in (0.0, 1.0):
            assert written(Beam(1, length_penalty), toy.loop, PROMPTS, 15, stop_ids=stops) == greedy


def test_it_is_never_less_likely_than_greedy_search():
    toy = Toy(vocabulary=7, states=23, spread=1.0)
    better = 0
    for seed in range(20):
        toy.draw(seed)
        greedy = [up_to(ids, (2,)) for ids in written(Greedy(), toy.loop, PROMPTS, 12, stop_ids=[2])]
        found = Beam(2, length_penalty=0.0).search(toy.loop, PROMPTS, 12, stop_ids=[2])
        for prompt, ids, [(_, score)] in zip(PROMPTS, greedy, found, strict=True):
            advantage = score - log_probability(toy, prompt, ids)
            assert advantage >= -1e-4
            better += advantage > 1e-4
    assert better > 20  # of 60


@pytest.mark.parametrize(("length_penalty", "stops"), [(0.0, ()), (0.0, (0,)), (1.0, (1, 3)), (2.0, (0,))])
def test_a_beam_of_all_paths_is_exhaustive_search(length_penalty, stops):
    toy = Toy(vocabulary=4, seed=5)
    found = Beam(64, length_penalty, num_return=20).search(toy.loop, [[1, 2], [3]], 3, stop_ids=stops)
    for prompt, texts in zip([[1, 2], [3]], found, strict=True):
        expected = exhaustive(toy, prompt, 3, stops, length_penalty)[:20]
        assert [ids for ids, _ in texts] == [ids for ids, _ in expected]
        np.testing.assert_allclose([score for _, score in texts], [score for _, score in expected], rtol=1e-4)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6])
def test_scores_are_those_of_the_texts_the_best_first_and_no_text_twice(toy, length_penalty):
    stops = (2,)
    found = Beam(6, length_penalty, num_return=6).search(toy.loop, PROMPTS, 14, stops)
    for prompt, texts in zip(PROMPTS, found, strict=True):
        for ids, score in texts:
            np.testing.assert_allclose(score, log_probability(toy, prompt, ids) / len(ids) ** length_penalty, rtol=1e-4)
            assert ids == up_to(ids, stops)
            assert len(ids) == 14 or ids[-1] in stops
        assert sorted((score for _, score in texts), reverse=True) == [score for _, score in texts]
        assert len({tuple(ids) for ids, _ in texts}) == len(texts) == 6


def test_a_row_does_not_depend_on_the_others(toy):
    together = Beam(4, num_return=3).search(toy.loop, PROMPTS, 16, stop_ids=[2])
    for prompt, texts in zip(PROMPTS, together, strict=True):
        [alone] = Beam(4, num_return=3).search(toy.loop, [prompt], 16, stop_ids=[2])
        assert [ids for ids, _ in alone] == [ids for ids, _ in texts]
        np.testing.assert_allclose([score for _, score in alone], [score for _, score in texts], rtol=1e-5)


def test_ending_early_changes_nothing():
    # With α = 0 nothing that is longer can become better; a search that could not know that finds the same.
    toy = Toy(vocabulary=4, spread=2.5)
    for seed in range(6):
        toy.draw(seed)
        texts, histories = Beam(4, 0.0).search(toy.loop, PROMPTS, 30, stop_ids=[0, 1], history=True)
        assert any(len(history["ids"]) < 30 for history in histories)
        for prompt, [(ids, score)] in zip(PROMPTS, texts, strict=True):
            best = exhaustive(toy, prompt, 5, (0, 1), 0.0)[0]
            assert score >= best[1] - 1e-4 or len(ids) > 5


def test_all_backends_find_the_same():
    # The figures are those of JAX: whoever runs this on another backend compares with them.
    [texts] = Beam(3, 0.7, num_return=3).search(Toy(seed=8).loop, [[1, 2, 3]], 12, stop_ids=[4])
    assert [(ids, round(score, 4)) for ids, score in texts] == [
        ([2, 2, 2, 2, 2, 4], -0.9379),
        ([2, 2, 2, 2, 1, 2, 3, 2, 2, 4], -1.0589),
        ([2, 2, 2, 2, 1, 2, 2, 1, 1, 4], -1.1474),
    ]


def test_a_real_cache_follows_its_beam():
    # Scores that one pass over the whole text confirms: the keys and values of each beam were its own.
    model = tiny_gpt(vocabulary=9)
    prompts = [[1, 2, 3], [4], [5, 6] * 5]
    found = Beam(4, 0.0, num_return=4).search(model.token_loop(), prompts, 12, stop_ids=[7])
    for prompt, texts in zip(prompts, found, strict=True):
        for ids, score in texts:
            logits = model.logits([*prompt, *ids]).astype("float64")[len(prompt) - 1 : -1]
            logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            np.testing.assert_allclose(score, sum(logs[i, one] for i, one in enumerate(ids)), rtol=1e-3, atol=1e-3)
    greedy = model.generate(prompts, max_new_tokens=12, sampler=Greedy(), stop=[7])
    assert model.generate(prompts, max_new_tokens=12, sampler=Beam(1), stop=[7]) == greedy


@pytest.mark.parametrize("length", [7, 1000, 1009])
def test_the_largest_of_a_long_row_are_found(length):
    x = np.random.default_rng(length).normal(size=(4, length)).astype("float32")
    x[0, 3:] = -np.inf
    for k in (1, 3):
        values, places = (ops.convert_to_numpy(one) for one in _largest(ops.convert_to_tensor(x), k))
        np.testing.assert_array_equal(places, np.argsort(-x, axis=1, kind="stable")[:, :k])
        np.testing.assert_array_equal(values, np.take_along_axis(x, places, axis=1))


def test_the_history_holds_the_whole_search():
    toy = Toy(seed=3)
    texts, histories = Beam(3, num_return=2).search(toy.loop, PROMPTS, 10, stop_ids=[2], history=True)
    assert texts == Beam(3, num_return=2).search(toy.loop, PROMPTS, 10, stop_ids=[2])
    greedy = written(Greedy(), toy.loop, PROMPTS, 10, stop_ids=[2])
    for prompt, best, history, follows in zip(PROMPTS, texts, histories, greedy, strict=True):
        assert history["texts"] == best
        paths = [[]] * 3
        for parents, ids, logs, beam, one in zip(
            *(history[name] for name in ("parents", "ids", "log_probabilities", "greedy")), follows, strict=False
        ):
            paths = [[*paths[parent], int(new)] for parent, new in zip(parents, ids, strict=True)]
            for path, log in zip(paths, logs, strict=True):
                np.testing.assert_allclose(log, log_probability(toy, prompt, path), rtol=1e-4)
            assert (beam == -1) == (one == 2)
            if beam < 0:
                break
            assert paths[beam] == follows[: len(paths[beam])]


def table(letters, following):
    """Logits by the last letter from probabilities; what is left goes to all the others alike."""
    found = np.zeros((len(letters), len(letters)))
    for i, last in enumerate(letters):
        given = following.get(last, {})
        found[i] = (1 - sum(given.values())) / (len(letters) - len(given))
        for letter, probability in given.items():
            found[i, letters.index(letter)] = probability
    return np.log(found).astype("float32")


def table_loop(logits):
    """A loop whose next token depends on the last one alone."""

    def step(ids, cache, index, padding):
        return ops.one_hot(ids, len(logits)), cache

    return TokenLoop(step, lambda x: ops.matmul(x, ops.convert_to_tensor(logits)), lambda batch, length: {}, [])


def spelled(letters, ids):
    return "".join(letters[one] for one in ids)


# C is the likeliest after A, but nobody knows what comes after C.
ABDC = {
    "A": {"C": 0.5, "B": 0.4},
    "B": {"D": 0.9},
    "C": {"M": 0.4, "D": 0.3, "H": 0.2},
    "D": {"C": 0.9},
    "M": {"H": 0.4, "A": 0.3, "B": 0.2},
}


def test_beam_search_finds_abdc_where_greedy_search_ends_in_acmh():
    loop = table_loop(table("ABCDHM", ABDC))
    [greedy] = written(Greedy(), loop, [[0]], 3)
    [[(best, score)]] = Beam(2, 0.0).search(loop, [[0]], 3)
    assert (spelled("ABCDHM", greedy), spelled("ABCDHM", best)) == ("CMH", "BDC")
    np.testing.assert_allclose(np.exp(score), 0.4 * 0.9 * 0.9, rtol=1e-5)


def test_the_greedy_path_is_kept_where_two_better_beginnings_lead_nowhere():
    # AXE has 0.4 · 0.3 · 0.97, more than any other; but after two letters BY and BZ, 0.35 · 0.45, are ahead of AX.
    loop = table_loop(
        table("0ABXYZE", {"0": {"A": 0.4, "B": 0.35}, "A": {"X": 0.3}, "B": {"Y": 0.45, "Z": 0.45}, "X": {"E": 0.97}})
    )
    [[(best, score)]] = Beam(2, 0.0).search(loop, [[0]], 3)
    assert spelled("0ABXYZE", best) == "AXE"
    np.testing.assert_allclose(np.exp(score), 0.4 * 0.3 * 0.97, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"width": 0}, "width"),
        ({"width": 2.5}, "width"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"num_return": 0}, "num_return"),
        ({"width": 3, "num_return": 4}, "num_return"),
    ],
)
def test_arguments_out_of_range_are_refused(options, argument):
    with pytest.raises(ValueError, match=rf"^{argument}: expected"):
        Beam(**options)


def test_a_search_that_would_leave_the_context_is_refused():
    loop = Toy(max_length=16).loop
    [[(ids, _)]] = Beam(2).search(loop, [[1] * 6], 10)
    assert len(ids) == 10
    with pytest.raises(
        ValueError, match=r"^max_new_tokens: expected at most 10, for a prompt of 6 tokens in a context"
    ):
        Beam(2).search(loop, [[1] * 6], 11)


def test_what_is_fixed_stays_where_it_is():
    fixed = {"mask": ops.arange(4)}
    after = _reordered({"states": [ops.arange(4) * 10], "fixed": fixed}, ops.array([1, 1, 3, 2]))
    assert after["fixed"] is fixed
    assert np.asarray(ops.convert_to_numpy(after["states"][0])).tolist() == [10, 10, 30, 20]
    assert ops.convert_to_numpy(_reordered([ops.arange(4)], ops.array([3, 0]))[0]).tolist() == [3, 0]

"""The next-token loop, on a model so small that its text can be computed by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.decoding import Greedy
from kgen.decoding import RepetitionPenalty
from kgen.decoding import Temperature
from kgen.decoding import TopP
from kgen.decoding.loop import TokenLoop
from tests.decoding.toys import Toy
from tests.decoding.toys import written


def by_hand(toy, prompt, count, stop=()):
    text = list(prompt)
    for _ in range(count):
        text.append(int(toy.logits_of(text).argmax()))
        if text[-1] in stop:
            break
    return text[len(prompt) :]


@pytest.fixture(params=[True, False], ids=["places", "state"])
def toy(request):
    return Toy(positional=request.param)


def test_greedy_text_is_the_one_computed_by_hand(toy):
    assert written(Greedy(), toy.loop, [[1, 2, 3]], 20) == [by_hand(toy, [1, 2, 3], 20)]
    assert written(Greedy(), toy.loop, [[1]], 1) == [by_hand(toy, [1], 1)]


def test_prompts_of_different_lengths_share_a_batch(toy):
    prompts = [[1], [2, 3, 4, 0, 4, 1, 2], [3] * 40]
    assert written(Greedy(), toy.loop, prompts, 9) == [by_hand(toy, prompt, 9) for prompt in prompts]


def test_pieces_of_a_stream_are_the_whole(toy):
    pieces = list(toy.loop.stream([[1, 2]], 20, Greedy(), every=6))
    assert [piece.shape[1] for piece in pieces] == [6, 6, 6, 2]
    assert np.concatenate(pieces, axis=1).tolist() == [by_hand(toy, [1, 2], 20)]


@pytest.mark.parametrize("sampler", [Temperature(), TopP(0.8, temperature=1.3)], ids=repr)
def test_the_same_seed_gives_the_same_text_streamed_or_not(sampler):
    toy = Toy(max_length=24)  # the text outgrows the window
    texts = [written(sampler, toy.loop, [[1], [2, 2]], 30, seed=5, every=every) for every in (None, None, 7, 1)]
    assert texts[0] == texts[1] == texts[2] == texts[3]
    assert texts[0] != written(sampler, toy.loop, [[1], [2, 2]], 30, seed=6)


def test_a_stop_token_ends_its_row_and_all_rows_end_the_loop(toy):
    stop = {by_hand(toy, [1], 5)[-1]}
    expected, alone = by_hand(toy, [1], 50, stop), by_hand(toy, [2, 3], 50, stop)
    assert written(Greedy(), toy.loop, [[1]], 50, stop_ids=stop) == [expected]
    rows = written(Greedy(), toy.loop, [[1], [2, 3]], 50, stop_ids=stop)
    for row, text in zip(rows, (expected, alone), strict=True):
        assert row[: len(text)] == text
        assert set(row[len(text) :]) <= stop  # a finished row repeats its stop token
        assert len(row) == max(len(expected), len(alone))


def test_a_text_may_outgrow_the_window():
    # With room for 16 the model forgets: each window begins with the last half of the one before.
    toy = Toy(max_length=16)
    text = written(Greedy(), toy.loop, [[1, 2, 3]], 60)[0]
    expected = [1, 2, 3]
    while len(expected) < 63:
        expected += by_hand(toy, expected if len(expected) < 16 else expected[-8:], 13 if len(expected) < 16 else 8)
    assert text == expected[3:63]


def test_new_weights_are_read(toy):
    written(Greedy(), toy.loop, [[1]], 5)
    toy.table.assign(np.ones(toy.table.shape, "float32"))
    toy.weights.assign(np.eye(*toy.weights.shape, k=3, dtype="float32"))
    assert written(Greedy(), toy.loop, [[1]], 5) == [[3] * 5]


def test_similar_prompts_and_other_settings_compile_nothing_anew():
    toy = Toy()
    written(TopP(0.9), toy.loop, [[1, 2]], 10)
    before = toy.loop.traces
    for prompt, sampler in (([1, 1, 1], TopP(0.9)), ([1] * 9, TopP(0.5, temperature=2.0))):
        written(sampler, toy.loop, [prompt], 12)
    eager = keras.config.backend() == "torch"  # each call runs the Python loop
    assert toy.loop.traces == before + (2 if eager else 0)


def test_what_stands_in_the_text_is_seen_by_the_sampler_that_needs_it():
    # A penalty beyond all reason writes every token once before any comes again, those of the prompt last of all.
    toy = Toy(vocabulary=6, spread=0.5)
    toy.table.assign(np.abs(toy.hidden))
    toy.weights.assign(np.abs(toy.readout))
    text = written(RepetitionPenalty(100.0), toy.loop, [[0, 3]], 4)[0]
    assert sorted(text) == [1, 2, 4, 5]


def test_the_context_reaches_the_cache():
    # The model writes what the cache was made with.
    def step(ids, cache, index, padding):
        return ops.one_hot(cache["what"][:, None] + 0 * ids, 8), cache

    loop = TokenLoop(step, lambda hidden: hidden, lambda batch, length, what: {"what": what}, [])
    given = ops.convert_to_tensor(np.array([3, 5], "int32"))
    assert written(Greedy(), loop, [[1], [1]], 3, context=(given,)) == [[3] * 3, [5] * 3]


@pytest.mark.skipif(keras.config.backend() != "torch", reason="only there each step is a call")
def test_no_step_is_computed_that_nobody_needs():
    toy, calls = Toy(), []
    step = toy.loop.step
    toy.loop.step = lambda ids, *rest: calls.append(ids.shape[1]) or step(ids, *rest)
    written(Greedy(), toy.loop, [[1, 2]], 10)
    assert calls == [16, *[1] * 9]


@pytest.mark.parametrize("every", [1, 4])
def test_a_stream_can_be_left_at_any_time(toy, every):
    stream = toy.loop.stream([[1]], 1000, Greedy(), every=every)
    assert next(stream).shape == (1, every)
    stream.close()

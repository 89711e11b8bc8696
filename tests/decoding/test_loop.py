"""The next-token loop, on a model so small that its text can be computed by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.decoding import Greedy
from kgen.decoding import Temperature
from kgen.decoding import TopP
from kgen.decoding.loop import TokenLoop

V = 7
TABLE = np.random.default_rng(0).normal(size=(V, V)).astype("float32") * 2


class Toy:
    """A model whose next logits are a row of a table: the row of (sum of all tokens so far) modulo V."""

    def __init__(self, max_length=None):
        self.table = keras.Variable(TABLE, trainable=False)
        self.loop = TokenLoop(self.step, self.make_cache, [self.table], max_length=max_length)

    def make_cache(self, batch, length):
        return (ops.zeros((batch,), "int32"),)

    def step(self, ids, cache, index, padding):
        position = index + ops.arange(ids.shape[1], dtype="int32")
        there = ops.cast(position[None] >= padding[:, None], "int32")
        total = cache[0] + ops.sum(ids * there, axis=1)
        return ops.take(self.table, total % V, axis=0), (total,)


def by_hand(prompt, count, stop=()):
    text = list(prompt)
    for _ in range(count):
        text.append(int(TABLE[sum(text) % V].argmax()))
        if text[-1] in stop:
            break
    return text[len(prompt) :]


def generate(toy, prompts, count, sampler=None, **options):
    pieces = list(toy.loop.stream(prompts, count, sampler or Greedy(), **options))
    return np.concatenate(pieces, axis=1).tolist()


def test_greedy_text_is_the_one_computed_by_hand():
    assert generate(Toy(), [[1, 2, 3]], 20) == [by_hand([1, 2, 3], 20)]


def test_prompts_of_different_lengths_share_a_batch():
    prompts = [[1], [2, 3, 4, 5, 6, 1, 2], [3] * 40]
    assert generate(Toy(), prompts, 9) == [by_hand(prompt, 9) for prompt in prompts]


def test_pieces_of_a_stream_are_the_whole():
    toy = Toy()
    pieces = list(toy.loop.stream([[1, 2]], 20, Greedy(), every=6))
    assert [piece.shape[1] for piece in pieces] == [6, 6, 6, 2]
    assert np.concatenate(pieces, axis=1).tolist() == [by_hand([1, 2], 20)]


def test_the_same_seed_gives_the_same_text_streamed_or_not():
    toy = Toy()
    for sampler in (Temperature(), TopP(0.8, temperature=1.3)):
        texts = [generate(toy, [[1], [2, 2]], 30, sampler, seed=5, every=every) for every in (None, None, 7)]
        assert texts[0] == texts[1] == texts[2]
        assert texts[0] != generate(toy, [[1], [2, 2]], 30, sampler, seed=6)


def test_a_stop_token_ends_its_row_and_all_rows_end_the_loop():
    stop = {by_hand([1], 5)[-1]}
    expected, alone = by_hand([1], 50, stop), by_hand([2, 3], 50, stop)
    assert generate(Toy(), [[1]], 50, stop_ids=stop) == [expected]
    rows = generate(Toy(), [[1], [2, 3]], 50, stop_ids=stop)
    assert rows[0][: len(expected)] == expected
    assert set(rows[0][len(expected) :]) <= stop  # a finished row repeats its stop token
    assert rows[1][: len(alone)] == alone
    assert len(rows[0]) == max(len(expected), len(alone))


def test_a_text_may_outgrow_the_window():
    # With room for 16 the model forgets: each window begins with the last half of the one before.
    text = generate(Toy(max_length=16), [[1, 2, 3]], 60)[0]
    assert len(text) == 60
    assert text[:13] == by_hand([1, 2, 3], 13)


def test_new_weights_are_read():
    toy = Toy()
    generate(toy, [[1]], 5)
    toy.table.assign(np.eye(V, dtype="float32")[[3] * V])
    assert generate(toy, [[1]], 5) == [[3] * 5]


def test_similar_prompts_and_other_settings_compile_nothing_anew():
    toy = Toy()
    generate(toy, [[1, 2]], 10, TopP(0.9))
    before = toy.loop.traces
    for prompt, sampler in (([1], TopP(0.9)), ([1] * 9, TopP(0.5, temperature=2.0))):
        generate(toy, [prompt], 12, sampler)
    eager = keras.config.backend() == "torch"  # each call runs the Python loop
    assert toy.loop.traces == before + (2 if eager else 0)


@pytest.mark.parametrize("every", [1, 4])
def test_a_stream_can_be_left_at_any_time(every):
    stream = Toy().loop.stream([[1]], 1000, Greedy(), every=every)
    assert next(stream).shape == (1, every)
    stream.close()

"""Recurrent language models: the laws of a model that writes from left to right with a state."""

import numpy as np
import pytest
from keras import ops

import kgen

TEXT = "the cat sat on the mat. a dog ran to the house. " * 12
SHAPE = {"context_length": 16, "num_layers": 2, "units": 12, "seed": 1}


@pytest.fixture(scope="module", params=["lstm", "gru"])
def model(request):
    """A model of ids with weights large enough to have opinions."""
    made = kgen.models.RNNLanguageModel(vocabulary_size=11, cell=request.param, model_dim=8, **SHAPE)
    rng = np.random.default_rng(0)
    made.set_weights([rng.normal(0, 0.7, weight.shape) for weight in made.get_weights()])
    return made


def test_the_future_cannot_move_the_past(model):
    ids, changed = [1, 2, 3, 4, 5, 6], [1, 2, 3, 9, 0, 7]
    np.testing.assert_allclose(model.logits(ids)[:3], model.logits(changed)[:3], atol=1e-5)
    assert np.abs(model.logits(ids)[3] - model.logits(changed)[3]).max() > 1e-3


def test_step_by_step_is_the_whole_whatever_stands_on_the_left(model):
    ids, left = np.array([3, 1, 4, 1, 5, 9, 2, 6], "int32"), [0, 2]
    full = model.logits(ids)
    rows = np.stack([ids, np.concatenate([[7, 7], ids[:-2]])]).astype("int32")
    padding, cache = ops.convert_to_tensor(np.array(left, "int32")), model.make_cache(2, 8)
    found = []
    for start, stop in ((0, 4), (4, 5), (5, 8)):
        part = ops.convert_to_tensor(rows[:, start:stop])
        hidden, cache = model.decode_step(part, cache, ops.convert_to_tensor(start, "int32"), padding)
        found.append(ops.convert_to_numpy(model.readout(hidden)))
    found = np.concatenate(found, axis=1)
    np.testing.assert_allclose(found[0], full, atol=1e-4)
    np.testing.assert_allclose(found[1, 2:], full[:-2], atol=1e-4)


def test_greedy_is_the_argmax_of_the_logits_beyond_any_context(model):
    ids = [1, 2, 3]
    written = model.generate(ids, 40, kgen.decoding.Greedy())
    assert len(written) == 40 > SHAPE["context_length"]
    logits = model.logits([*ids, *written])
    assert written == logits[len(ids) - 1 : -1].argmax(axis=-1).tolist()


def test_a_prompt_in_a_batch_is_a_prompt_alone(model):
    prompts = [[1, 2, 3, 4, 5, 6, 7], [8, 9], [4]]
    together = model.generate(prompts, 9, kgen.decoding.Greedy())
    assert together == [model.generate(prompt, 9, kgen.decoding.Greedy()) for prompt in prompts]


def test_every_way_of_decoding_takes_a_state(model):
    for name in ("Beam", "Contrastive"):
        if name in kgen.PUBLIC["decoding"]:
            strategy = getattr(kgen.decoding, name)(2)
            assert model.generate([1, 2, 3], 6, strategy) == model.generate([1, 2, 3], 6, strategy)


def test_the_cache_does_not_grow(model):
    shapes = [[tuple(one.shape) for one in state] for state in model.make_cache(3, 5000)]
    assert shapes == [[(3, 12)] * (2 if model.cell == "lstm" else 1)] * 2


def test_embeddings_may_be_tied_and_of_another_width():
    counts = {
        (tied, width): kgen.models.RNNLanguageModel(
            vocabulary_size=11, tie_embeddings=tied, model_dim=width, **SHAPE
        ).count_params()
        for tied in (True, False)
        for width in (None, 8)
    }
    assert counts[False, None] - counts[True, None] == 11 * 12
    assert counts[False, 8] - counts[True, 8] == 11 * 8


def test_it_learns_writes_and_reloads(tmp_path):
    model = kgen.models.RNNLanguageModel.for_data(TEXT, cell="gru", **{**SHAPE, "units": 32})
    model.compile()
    history = model.fit(TEXT, epochs=30, batch_size=4, verbose=0).history
    assert history["nats_per_character"][-1] < 1.0 < history["nats_per_character"][0]
    model.save(tmp_path / "model.keras")
    written = model.generate("the cat", 20, kgen.decoding.Greedy())
    assert kgen.load(tmp_path / "model.keras").generate("the cat", 20, kgen.decoding.Greedy()) == written

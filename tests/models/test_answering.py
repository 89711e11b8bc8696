"""Instruction tuning: prompts are read and not learned, conversations become turns, answers end with them."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.datasets.chats import conversation
from kgen.datasets.encoded_batches import EncodedBatches

TALKS = [conversation("cat?", "meow"), conversation("dog?", "woof", "cat?", "meow"), conversation("cow?", "moo")] * 4
PROMPTS, ANSWERS = ["cat", "dog?", "cow"] * 4, ["meow", "woof", "moo"] * 4
SHAPE = {"context_length": 64, "num_layers": 1, "num_heads": 2, "model_dim": 16, "seed": 1}


def new_gpt(**changed):
    return kgen.models.GPT.for_data(TALKS, **{**SHAPE, **changed})


@pytest.fixture(scope="module")
def tuned():
    """A GPT that knows the conversations by heart."""
    model = new_gpt(model_dim=32)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(TALKS, epochs=40, batch_size=12, verbose=0)
    return model


# Learning ------------------------------------------------------------------------------------------------------------


def test_what_a_prompt_is_followed_by_is_not_learned():
    model = new_gpt()
    x, y = model.batches(*model.prepare(PROMPTS, ANSWERS), 12)[0]
    read = ["".join(model.tokenizer.decode([one]) for one in row[row >= 0]) for row in y]
    assert sorted(read) == sorted(ANSWERS)
    assert (y[y >= 0] == model.tokenizer.end_id).sum() == len(PROMPTS)

    def loss(y):
        hidden = model(ops.convert_to_tensor(x), training=False)
        return float(ops.convert_to_numpy(model.compute_loss(x, ops.convert_to_tensor(y), hidden, training=False)))

    nats = [
        -np.log(np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum())[target]
        for row, targets in zip(x, y, strict=True)
        for logits, target in zip(model.logits(row), targets, strict=True)
        if target >= 0
    ]
    assert loss(y) == pytest.approx(np.mean(nats), rel=1e-4)
    figures = model.evaluate(PROMPTS, ANSWERS, full=True)
    assert figures["nats_per_token"] == pytest.approx(np.mean(nats), rel=1e-4)
    assert figures["tokens"] == len(nats)
    assert figures["nats_per_character"] == pytest.approx(sum(nats) / sum(map(len, ANSWERS)), rel=1e-4)


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return PROMPTS[:3], ANSWERS[:3]


def test_batches_of_pairs_are_the_pairs():
    model = new_gpt()
    there = model.encoded(Pairs())
    assert isinstance(there, EncodedBatches)
    x, y = there[0]
    own_x, own_y = model.batches(*model.prepare(PROMPTS[:3], ANSWERS[:3]), 3)[0]
    width = own_x.shape[1]
    np.testing.assert_array_equal(x[:, :width], own_x)
    np.testing.assert_array_equal(y[:, :width], own_y)
    assert (y[:, width:] < 0).all()


def test_ids_are_tuned_too():
    model = kgen.models.GPT(vocabulary_size=9, **SHAPE)
    x, y = model.batches(*model.prepare([[1, 2], [3]], [[4], [5, 6]]), 2)[0]
    assert sorted(x.tolist()) == [[1, 2], [3, 5]]
    assert sorted(y.tolist()) == [[-1, 4], [5, 6]]


def test_validation_may_be_split_off_or_given():
    model = new_gpt(model_dim=8)
    model.compile()
    split = model.fit(PROMPTS, ANSWERS, validation_split=0.25, verbose=0).history
    given = model.fit(TALKS, validation_data=TALKS[:3], verbose=0).history
    assert {"val_loss", "val_perplexity", "val_nats_per_character"} <= split.keys() & given.keys()


def test_what_does_not_fit_is_counted_and_left_out():
    model = new_gpt()
    with pytest.warns(UserWarning, match=r"left out 1 of 13, longer than context_length=64"):
        x, y = model.prepare([*PROMPTS, "a" * 99], [*ANSWERS, "b"])
    assert len(x) == len(y) == 12
    with pytest.raises(ValueError, match=r"^x: left out 1 of 1, all of them longer"):
        model.prepare(["a" * 99], ["b"])


@pytest.mark.parametrize(
    ("x", "y", "name"),
    [
        (PROMPTS, ANSWERS[:-1], "x and y"),
        ([], [], "x"),
        (TALKS, ANSWERS, "y"),
        (PROMPTS, [1] * len(PROMPTS), "y"),
        ([conversation("alone")], None, "x"),
        ([[99]], [[1]], "x"),
    ],
)
def test_bad_data_is_refused(x, y, name):
    with pytest.raises(ValueError, match=rf"^{name}: "):
        new_gpt().prepare(x, y)


def test_a_tokenizer_of_conversations_knows_who_speaks():
    model = new_gpt()
    assert {"<|system|>", "<|user|>", "<|assistant|>"} <= {*model.tokenizer.special_tokens}
    assert set("meow?") <= {model.tokenizer.token_of(one) for one in range(model.num_tokens)}
    pairs = kgen.models.GPT.for_data(PROMPTS, ANSWERS, **SHAPE)
    assert pairs.tokenizer.decode(pairs.tokenizer.encode("cow?woof")) == "cow?woof"


@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors")  # Keras's own
def test_adapters_learn_on_a_quantized_base_and_survive_the_file(tmp_path):
    model = new_gpt(model_dim=8)
    model.quantize("int8")
    model.enable_lora(2)
    model.compile(keras.optimizers.Adam(0.03))
    assert {one.name for one in model.trainable_variables} == {"lora_kernel_a", "lora_kernel_b"}
    before = model.logits("cat")
    base = [ops.convert_to_numpy(one.value) for one in model.non_trainable_variables]
    costs = model.fit(PROMPTS, ANSWERS, epochs=20, verbose=0).history["loss"]
    after = model.logits("cat")
    assert costs[-1] < costs[0] - 0.05  # the gradient finds its way through the quantized readout
    assert np.abs(after - before).max() > 0
    for one, other in zip(base, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(one, ops.convert_to_numpy(other.value))
    model.save(tmp_path / "adapted.keras")
    loaded = kgen.load(tmp_path / "adapted.keras")
    np.testing.assert_allclose(loaded.logits("cat"), after, atol=1e-6)
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == 20
    for one in (model, loaded):
        one.fit(PROMPTS, ANSWERS, shuffle=False, verbose=0)
    assert np.abs(loaded.logits("cat") - after).max() > 0
    np.testing.assert_allclose(loaded.logits("cat"), model.logits("cat"), atol=1e-5)
    with pytest.raises(ValueError, match=r"^rank: "):
        model.enable_lora(0)


# Answering -----------------------------------------------------------------------------------------------------------


def test_answers_are_learned_and_end_with_the_turn(tuned, tmp_path):
    greedy = kgen.decoding.Greedy()
    assert tuned.chat("cat?", sampler=greedy) == "meow"
    talk = [*conversation("dog?", "woof"), {"role": "user", "content": "cat?"}]
    assert tuned.chat([talk, conversation("cow?")], sampler=greedy) == ["meow", "moo"]
    assert "".join(tuned.chat("cow?", sampler=greedy, stream=True)) == "moo"
    tuned.save(tmp_path / "chat.keras")
    assert kgen.load(tmp_path / "chat.keras").chat("cow?", sampler=greedy) == "moo"


def test_the_marks_are_kept_in_the_file(tuned):
    marks = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
    assert tuned.chat_template == tuned.get_config()["chat_template"] == marks
    with pytest.raises(ValueError, match=r"^chat_template: expected a dict of a mark for each of"):
        kgen.models.GPT(vocabulary_size=9, chat_template={"user": "<|user|>"})


def test_long_conversations_are_refused_or_cut(tuned):
    talk = [*conversation("cat?", "meow") * 10, {"role": "user", "content": "cow?"}]
    with pytest.raises(ValueError, match=r"^messages: they have \d+ tokens, the context has 64; truncate=True"):
        tuned.chat(talk)
    assert tuned.chat(talk, 8, kgen.decoding.Greedy(), truncate=True)
    assert isinstance(tuned.chat("cow" * 99, 4, seed=1, truncate=True), str)


def test_who_has_learned_no_conversations_has_none():
    with pytest.raises(ValueError, match=r"^messages: this model has learned no conversations"):
        new_gpt().chat("hello")


def test_a_recurrent_model_chats():
    model = kgen.models.RNNLanguageModel.for_data(TALKS, context_length=64, num_layers=1, units=48, seed=1)
    model.compile(keras.optimizers.Adam(2e-2))
    model.fit(TALKS, epochs=30, batch_size=12, verbose=0)
    assert model.chat("cow?", sampler=kgen.decoding.Greedy()) == "moo"

"""GPT: the laws of a model that writes from left to right, and everything that `fit` and `generate` take."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen

TEXT = "the cat sat on the mat. a dog ran to the house. " * 12
SHAPE = {"context_length": 16, "num_layers": 2, "num_heads": 2, "model_dim": 16, "seed": 1}


def letters():
    return kgen.tokenizers.CharacterTokenizer.train([TEXT], progress=False)


@pytest.fixture(scope="module")
def model():
    return kgen.models.GPT(tokenizer=letters(), **SHAPE)


@pytest.fixture(scope="module", params=["learned", "sinusoidal", "rotary"])
def placed(request):
    """A model of each kind of positions, of ids, with weights large enough to have opinions."""
    made = kgen.models.GPT(vocabulary_size=11, positions=request.param, num_key_value_heads=1, **SHAPE)
    rng = np.random.default_rng(0)
    made.set_weights([rng.normal(0, 0.4, weight.shape) for weight in made.get_weights()])
    return made


# Laws ----------------------------------------------------------------------------------------------------------------


def test_the_future_cannot_move_the_past(placed):
    ids = [1, 2, 3, 4, 5, 6]
    changed = [1, 2, 3, 9, 0, 7]
    np.testing.assert_allclose(placed.logits(ids)[:3], placed.logits(changed)[:3], atol=1e-5)
    assert np.abs(placed.logits(ids)[3] - placed.logits(changed)[3]).max() > 1e-3


def test_cached_decoding_is_full_decoding(placed):
    ids = np.array([[3, 1, 4, 1, 5, 9, 2, 6]], "int32")
    full = placed.logits(ids[0])
    padding = ops.zeros((1,), "int32")
    cache = placed.make_cache(1, 12)
    hidden, cache = placed.decode_step(ops.convert_to_tensor(ids[:, :3]), cache, ops.convert_to_tensor(0), padding)
    steps = [ops.convert_to_numpy(placed.readout(hidden))[0]]
    for i in range(3, 8):
        token = ops.convert_to_tensor(ids[:, i : i + 1])
        hidden, cache = placed.decode_step(token, cache, ops.convert_to_tensor(i), padding)
        steps.append(ops.convert_to_numpy(placed.readout(hidden))[0])
    np.testing.assert_allclose(np.concatenate(steps), full, atol=1e-4)


def test_greedy_is_the_argmax_of_the_logits(placed):
    ids = [3, 1, 4]
    for _ in range(6):
        ids.append(int(placed.logits(ids)[-1].argmax()))
    assert placed.generate([3, 1, 4], 6, kgen.decoding.Greedy()) == ids[3:]


def test_a_prompt_in_a_batch_is_a_prompt_alone(placed):
    prompts = [[1, 2, 3, 4, 5], [7], [9, 8]]
    together = placed.generate(prompts, 8, kgen.decoding.Greedy())
    assert together == [placed.generate(prompt, 8, kgen.decoding.Greedy()) for prompt in prompts]


def test_text_grows_beyond_the_context(placed):
    assert len(placed.generate([1, 2, 3], 40, seed=1)) == 40


def test_attention_looks_back_only(model):
    scores = model.attention("the cat")
    assert scores.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(scores.sum(-1), 1.0, atol=1e-5)
    assert not np.triu(scores, 1).any()


# Writing -------------------------------------------------------------------------------------------------------------


def test_a_seed_is_a_text(model):
    once, again, other = (model.generate("the ", 30, seed=seed) for seed in (1, 1, 2))
    assert once == again != other


def test_pieces_are_the_whole(model):
    sampler = kgen.decoding.Temperature(1.0)
    pieces = list(model.generate("the ", 30, sampler, seed=3, stream=True))
    assert len(pieces) > 1
    assert "".join(pieces) == model.generate("the ", 30, sampler, seed=3)


def test_a_stream_can_be_closed_and_the_model_used_in_between(model):
    stream = model.generate("the ", 30, seed=3, stream=True)
    next(stream)
    model.generate("a ", 5, seed=1)
    stream.close()
    assert list(stream) == []


@pytest.mark.skipif(keras.config.backend() == "torch", reason="it runs the loop itself: nothing to compile anew")
def test_prompts_of_similar_length_run_the_same_program(programs):
    model = kgen.models.GPT(tokenizer=letters(), **{**SHAPE, "context_length": 64})
    model.generate("the cat", 8, seed=1)
    traces = model.token_loop().traces
    for prompt in ("the", "a dog ran", "the cat sat on"):
        model.generate(prompt, 8, kgen.decoding.TopP(0.5), seed=2)
    assert model.token_loop().traces == traces


def test_a_stop_string_ends_the_text(model):
    text = model.generate("the ", 60, kgen.decoding.Temperature(1.0), seed=5)
    stop = text[10:13]
    stopped = model.generate("the ", 60, kgen.decoding.Temperature(1.0), seed=5, stop=stop)
    assert stopped == text[: text.index(stop)]
    assert (
        "".join(model.generate("the ", 60, kgen.decoding.Temperature(1.0), seed=5, stop=[stop], stream=True)) == stopped
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"prompt": "x" * 17}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"sampler": "greedy"}, "sampler"),
        ({"stop": ""}, "stop"),
        ({"prompt": [99]}, "prompt"),
    ],
)
def test_bad_requests_are_refused(model, arguments, name):
    with pytest.raises(ValueError, match=rf"^{name}: "):
        model.generate(**{"prompt": "the", **arguments})


def test_a_long_prompt_is_cut_when_asked_for(model):
    greedy = kgen.decoding.Greedy()
    cut = model.generate("zzz" + TEXT[:16], 5, greedy, truncate=True)
    assert cut == model.generate(TEXT[:16], 5, greedy)


def test_an_empty_prompt_begins_a_text(model):
    assert isinstance(model.generate("", 5, seed=1), str)
    with pytest.raises(ValueError, match="prompt: number 0 is empty"):
        kgen.models.GPT(vocabulary_size=5, **SHAPE).generate([[]], 5)


def test_a_prompt_that_spells_a_special_token_is_text(model):
    plain, special = (model._prompt_rows("<|end|>", True, True, False, allow) for allow in (False, True))
    assert model.tokenizer.end_id not in plain[0]
    assert special == [[model.tokenizer.end_id]]


def test_next_tokens_are_probabilities(model):
    found = model.next_tokens("the ca", k=model.num_tokens)
    assert abs(sum(p for _, p in found) - 1) < 1e-6
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)


# Training ------------------------------------------------------------------------------------------------------------


class Strings(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return [TEXT[index : index + 20], "a dog"]


def text_sources(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    kgen.datasets.write_token_file(tmp_path / "ids.npy", [TEXT], letters(), progress=False)
    yield "a string", TEXT
    yield "strings", [TEXT[:200], TEXT[200:]]
    yield "an array of strings", np.array([TEXT[:200], TEXT[200:]])
    yield "a file", path
    yield "text_files", kgen.datasets.text_files(tmp_path / "text.txt")
    yield "a token file", tmp_path / "ids.npy"
    yield "ids", np.asarray(letters().encode(TEXT))
    yield "lists of ids", [letters().encode(TEXT[:200]), letters().encode(TEXT[200:])]
    yield "windows", kgen.datasets.TokenWindows(np.asarray(letters().encode(TEXT)), 16, 8)
    yield "batches of strings", Strings()
    if keras.config.backend() == "torch":
        from torch.utils.data import DataLoader

        yield "a DataLoader", DataLoader([TEXT[:30], TEXT[30:60], "a cat"], batch_size=2)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        yield "tf.data", tf.data.Dataset.from_tensor_slices([TEXT[:30], TEXT[30:60], "a cat"]).batch(2)


def test_batches_of_strings_come_in_a_new_order_each_epoch():
    asked = []

    class Logged(Strings):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    model = kgen.models.GPT(tokenizer=letters(), **{**SHAPE, "num_layers": 1, "model_dim": 8})
    model.compile()
    model.fit(Logged(), epochs=8, verbose=0)
    epochs = [tuple(asked[-3 * i :][:3]) for i in range(1, 9)]
    assert all(sorted(one) == [0, 1, 2] for one in epochs)
    assert len(set(epochs)) > 1


def test_fit_takes_text_in_every_shape(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    model = kgen.models.GPT(tokenizer=letters(), **{**SHAPE, "num_layers": 1, "model_dim": 8})
    model.compile()
    for name, source in text_sources(tmp_path):
        before = [weight.copy() for weight in model.get_weights()]
        history = model.fit(source, epochs=1, verbose=0)
        assert np.isfinite(history.history["loss"][0]), name
        assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True)), name


def test_validation_may_be_split_off_or_given():
    model = kgen.models.GPT(tokenizer=letters(), **SHAPE)
    model.compile()
    split = model.fit(TEXT, validation_split=0.2, verbose=0).history
    given = model.fit(TEXT, validation_data=TEXT[:100], verbose=0).history
    assert {"val_loss", "val_perplexity", "val_nats_per_character"} <= split.keys() & given.keys()


@pytest.mark.parametrize(
    ("x", "error"), [([], ValueError), ("", ValueError), (np.array([0.5, 1.0]), TypeError), ([99, 1], ValueError)]
)
def test_what_is_no_text_is_refused(x, error):
    model = kgen.models.GPT(tokenizer=letters(), **SHAPE)
    model.compile()
    with pytest.raises(error, match=r"^x: "):
        model.fit(x)


def test_text_without_a_tokenizer_is_refused():
    model = kgen.models.GPT(vocabulary_size=9, **SHAPE)
    model.compile()
    with pytest.raises(ValueError, match="no tokenizer"):
        model.fit("text")
    with pytest.raises(ValueError, match="no tokenizer"):
        model.generate("text")


def test_padding_never_reaches_the_loss():
    model = kgen.models.GPT(tokenizer=letters(), **SHAPE)
    model.compile()
    x, y = kgen.datasets.text_batches.rows_of(["the cat", "a"], model.tokenizer, 16)
    assert (y[0] >= 0).sum() == 7 and (y[1] >= 0).sum() == 1  # the end token counts

    def loss(x):
        hidden = model(ops.convert_to_tensor(x), training=False)
        return float(ops.convert_to_numpy(model.compute_loss(x, ops.convert_to_tensor(y), hidden, training=False)))

    other = np.where(y >= 0, x, 3)  # other tokens where nothing counts
    assert loss(x) == pytest.approx(loss(other), abs=1e-6)


def test_nats_per_character_are_nats_over_characters():
    tokenizer = kgen.tokenizers.BytePairTokenizer.train([TEXT], vocabulary_size=280, progress=False)
    model = kgen.models.GPT(tokenizer=tokenizer, **SHAPE)
    figures = model.evaluate("née, the cat 猫 sat", full=True)
    ids = tokenizer.encode("née, the cat 猫 sat")
    characters = len("née, the cat 猫 sat") - len(tokenizer.decode(ids[:1]))
    assert figures["nats_per_character"] == pytest.approx(figures["nats_per_token"] * (len(ids) - 1) / characters)


def test_full_evaluation_counts_each_token_once(model):
    ids = np.asarray(model.tokenizer.encode(TEXT[:50]))
    side_by_side = model.evaluate(TEXT[:50], full=True)
    strided = model.evaluate(TEXT[:50], full=True, stride=1)
    assert side_by_side["tokens"] == strided["tokens"] == len(ids) - 1
    total, seen = 0.0, model.context_length
    for i in range(1, len(ids)):
        context = ids[max(0, i - seen) : i] if i >= seen else ids[:i]
        logits = model.logits(context)[-1].astype("float64")
        total += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[ids[i]]
    assert strided["nats_per_token"] == pytest.approx(total / (len(ids) - 1), rel=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradient_checkpointing_changes_nothing_but_memory(dropout):
    trained = []
    for checkpointing in (False, True):
        model = kgen.models.GPT(tokenizer=letters(), gradient_checkpointing=checkpointing, dropout=dropout, **SHAPE)
        model.compile(keras.optimizers.SGD(0.1))
        model.fit(TEXT[:65], epochs=2, shuffle=False, verbose=0)
        trained.append(model.get_weights())
    for plain, checkpointed in zip(*trained, strict=True):
        np.testing.assert_allclose(plain, checkpointed, atol=1e-5)


def test_lora_trains_little_and_survives_the_file(tmp_path):
    model = kgen.models.GPT(tokenizer=letters(), **SHAPE)
    for block in model.blocks:
        block.attention.query_key_value.enable_lora(2)
    model.compile()
    frozen = ops.convert_to_numpy(model.blocks[0].attention.query_key_value._kernel)
    before = model.logits("the cat")
    model.fit(TEXT, verbose=0)
    np.testing.assert_array_equal(frozen, ops.convert_to_numpy(model.blocks[0].attention.query_key_value._kernel))
    assert np.abs(model.logits("the cat") - before).max() > 0
    text = model.generate("the ", 8, seed=1)
    model.save(tmp_path / "lora.keras")
    assert kgen.load(tmp_path / "lora.keras").generate("the ", 8, seed=1) == text


@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors")  # Keras's own
def test_int8_is_close_decodes_and_survives_the_file(tmp_path):
    model = kgen.models.GPT(tokenizer=letters(), **SHAPE)
    before = model.logits("the cat")
    model.generate("the ", 4, seed=1)
    model.quantize("int8")
    after = model.logits("the cat")
    assert 0 < np.abs(after - before).max() < 0.2 * np.abs(before).max() + 0.05
    text = model.generate("the ", 4, seed=1)
    model.save(tmp_path / "int8.keras")
    assert kgen.load(tmp_path / "int8.keras").generate("the ", 4, seed=1) == text


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16"])
def test_sixteen_bits(dtype):
    model = kgen.models.GPT(tokenizer=letters(), dtype=dtype, **SHAPE)
    model.compile()
    assert np.isfinite(model.fit(TEXT, verbose=0).history["loss"][0])
    assert len(model.generate("the ", 4, seed=1)) == 4


def test_for_data_makes_the_tokenizer_too():
    assert isinstance(kgen.models.GPT.for_data(TEXT, **SHAPE).tokenizer, kgen.tokenizers.CharacterTokenizer)
    pairs = kgen.models.GPT.for_data([TEXT], tokenizer="byte-pair", vocabulary_size=270, **SHAPE)
    assert isinstance(pairs.tokenizer, kgen.tokenizers.BytePairTokenizer)
    assert pairs.num_tokens <= 270
    with pytest.raises(ValueError, match=r"^tokenizer: "):
        kgen.models.GPT.for_data(TEXT, tokenizer="words", **SHAPE)
    with pytest.raises(ValueError, match=r"^data: "):
        kgen.models.GPT.for_data(np.zeros((3, 8, 8, 1)), **SHAPE)

"""What is loaded computes what transformers computes, in every hidden state; what is written, transformers reads."""

import numpy as np
import pytest
from keras import ops

import kgen

pytestmark = pytest.mark.parity  # where there are torch and transformers

CLOSE = 1e-5  # of each number, or of the largest
BERT_SIZES = {
    "vocab_size": 40,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 24,
    "hidden_dropout_prob": 0.0,
}
GPT_SIZES = {"vocab_size": 40, "n_positions": 24, "n_embd": 12, "n_layer": 2, "n_head": 3}
T5_SIZES = {
    "vocab_size": 40,
    "d_model": 12,
    "d_kv": 5,
    "d_ff": 20,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 3,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
}
VIT_SIZES = {
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "image_size": [8, 12],
    "patch_size": 4,
}
DISTILBERT_SIZES = {
    "vocab_size": 40,
    "dim": 12,
    "n_layers": 2,
    "n_heads": 3,
    "hidden_dim": 20,
    "max_position_embeddings": 24,
}


@pytest.fixture(scope="module")
def transformers():
    import transformers as found  # of the dependency group "parity": where it is missing, this fails

    found.logging.set_verbosity_error()
    found.logging.disable_progress_bar()
    return found


@pytest.fixture
def theirs(transformers, tmp_path):
    """Makes a model of transformers with random numbers everywhere, in a folder: (the model, the folder)."""
    import torch

    def made(name, config, **sizes):
        torch.manual_seed(1)
        model = getattr(transformers, name)(getattr(transformers, config)(**sizes)).eval()
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.2 * torch.randn_like(weight))
        model.save_pretrained(tmp_path / "theirs")
        return model, tmp_path / "theirs"

    return made


def run(model, **inputs):
    """What a model of transformers returns, with all hidden states."""
    import torch

    with torch.no_grad():
        tensors = {name: torch.tensor(np.asarray(value)) for name, value in inputs.items()}
        return model(**tensors, output_hidden_states=True)


def read_back(transformers, model, name, folder):
    """A model of kgen written and read by transformers, which misses nothing and finds nothing new."""
    kgen.interop.save(model, folder)
    found, report = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return found.eval()


def shaken(model):
    """The model with random numbers everywhere."""
    rng = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(weight.numpy() if not weight.trainable else rng.normal(0.5, 0.3, weight.shape))
    return model


def assert_same(ours, their, where=True):
    ours, their = (np.where(where, one, 0) for one in (ops.convert_to_numpy(ours), their.numpy()))
    np.testing.assert_allclose(ours, their, rtol=CLOSE, atol=CLOSE * max(1.0, np.abs(their).max()))


def texts(pad):
    """Ids of two texts, the second of which is shorter, and where they are."""
    rows = np.random.default_rng(0).integers(5, 40, (2, 9))
    rows[1, 6:] = pad
    return rows.astype("int32"), rows != pad


# BERT and its kin ----------------------------------------------------------------------------------------------------

ALBERT_SIZES = {**BERT_SIZES, "embedding_size": 8}
ENCODERS = {
    "bert": ("BertForMaskedLM", "BertConfig", BERT_SIZES),
    "bert-pretraining": ("BertForPreTraining", "BertConfig", {**BERT_SIZES, "hidden_act": "gelu_new"}),
    "bert-bare": ("BertModel", "BertConfig", {**BERT_SIZES, "hidden_act": "relu", "layer_norm_eps": 1e-5}),
    "roberta": ("RobertaForMaskedLM", "RobertaConfig", {**BERT_SIZES, "type_vocab_size": 1}),
    "distilbert": ("DistilBertForMaskedLM", "DistilBertConfig", DISTILBERT_SIZES),
    "albert": ("AlbertForMaskedLM", "AlbertConfig", ALBERT_SIZES),
    "albert-bare": ("AlbertModel", "AlbertConfig", ALBERT_SIZES),
}


@pytest.mark.parametrize("case", ENCODERS)
def test_encoders(case, theirs):
    name, config, sizes = ENCODERS[case]
    their, folder = theirs(name, config, **sizes)
    model = kgen.interop.load(folder)
    assert isinstance(model, kgen.models.BERT)
    ids, there = texts(their.config.pad_token_id)
    found = run(their, input_ids=ids, attention_mask=there.astype("int64"))
    states, _ = model.layer_outputs(ops.convert_to_tensor(ids))
    for ours, state in zip(states, found.hidden_states, strict=True):
        assert_same(ours, state, there[..., None])
    assert_same(model(ids), found.hidden_states[-1], there[..., None])
    if "logits" in found or "prediction_logits" in found:
        logits = found.get("logits", found.get("prediction_logits"))
        assert_same(model.readout(model(ids)), logits, there[..., None])
    else:
        assert_same(model.pooled(model(ids)), found.pooler_output)


def test_segments(theirs):
    their, folder = theirs(*ENCODERS["bert"][:2], **BERT_SIZES)
    ids, there = texts(0)
    segments = np.arange(9)[None] // 4 * there % 2
    found = run(their, input_ids=ids, attention_mask=there.astype("int64"), token_type_ids=segments.astype("int64"))
    ours = kgen.interop.load(folder)({"ids": ids, "segments": segments.astype("int32")})
    assert_same(ours, found.hidden_states[-1], there[..., None])


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "Albert"])
def test_classifiers(kind, theirs):
    sizes = {**(ALBERT_SIZES if kind == "Albert" else BERT_SIZES), "id2label": {0: "bad", 1: "so", 2: "good"}}
    their, folder = theirs(f"{kind}ForSequenceClassification", f"{kind}Config", **sizes)
    model = kgen.interop.load(folder)
    assert isinstance(model, kgen.models.TextClassifier)
    assert model.class_names == ["bad", "so", "good"]
    ids, there = texts(their.config.pad_token_id)
    assert_same(model(ids), run(their, input_ids=ids, attention_mask=there.astype("int64")).logits)


OUR_BERTS = {
    "BertForMaskedLM": {"activation": "gelu_tanh", "epsilon": 1e-7},
    "RobertaForMaskedLM": {"segments": 1, "position_offset": 2, "special_ids": (1, 0, 2, 3), "epsilon": 1e-5},
    "DistilBertForMaskedLM": {"segments": 0},
    "AlbertForMaskedLM": {"share_layers": True, "embedding_dim": 8, "activation": "relu"},
}


@pytest.mark.parametrize("name", OUR_BERTS)
def test_berts_written(name, transformers, tmp_path):
    sizes = {"num_layers": 2, "num_heads": 3, "model_dim": 12, "feedforward_dim": 20, "context_length": 24}
    model = shaken(kgen.models.BERT(vocabulary_size=40, **sizes, **OUR_BERTS[name]))
    their = read_back(transformers, model, name, tmp_path / "ours")
    ids, there = texts(model.pad_id)
    found = run(their, input_ids=ids, attention_mask=there.astype("int64"))
    assert_same(model(ids), found.hidden_states[-1], there[..., None])
    assert_same(model.readout(model(ids)), found.logits, there[..., None])


# GPT-2 ---------------------------------------------------------------------------------------------------------------


def gpt_states(model, ids):
    """The embeddings, and what each block makes of them, the last normalized."""
    states = [model._embedded(ops.convert_to_tensor(ids))]
    for block in model.blocks:
        states.append(block(states[-1]))
    return [*states[:-1], model.final_norm(states[-1])]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("GPT2LMHeadModel", {}),
        ("GPT2LMHeadModel", {"tie_word_embeddings": False, "n_inner": 20, "activation_function": "relu"}),
        ("GPT2Model", {"activation_function": "gelu"}),
    ],
)
def test_gpt2(name, options, theirs):
    their, folder = theirs(name, "GPT2Config", **GPT_SIZES, bos_token_id=None, eos_token_id=None, **options)
    model = kgen.interop.load(folder)
    ids, _ = texts(0)
    found = run(their, input_ids=ids)
    for ours, state in zip(gpt_states(model, ids), found.hidden_states, strict=True):
        assert_same(ours, state)
    if name == "GPT2LMHeadModel":
        assert_same(model.readout(model(ids)), found.logits)


@pytest.mark.parametrize("tie", [True, False])
def test_gpts_written(tie, transformers, tmp_path):
    sizes = {"num_layers": 2, "num_heads": 3, "model_dim": 12, "feedforward_dim": 20, "context_length": 24}
    model = shaken(kgen.models.GPT(vocabulary_size=40, tie_embeddings=tie, activation="gelu_tanh", **sizes))
    their = read_back(transformers, model, "GPT2LMHeadModel", tmp_path / "ours")
    ids, _ = texts(0)
    assert_same(model.readout(model(ids)), run(their, input_ids=ids).logits)


# T5 ------------------------------------------------------------------------------------------------------------------

T5S = {
    "original": {},
    "1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "silu": {"feed_forward_proj": "gated-silu"},
}


def t5_states(model, source, target):
    """What each block makes of the source, and of the target, the last of each normalized."""
    states, mask = {"encoder": [], "decoder": []}, model.source_mask(source)
    places = ops.arange(source.shape[1], dtype="int32"), ops.arange(target.shape[1], dtype="int32")
    x = model.token_embedding(source)
    for block in model.encoder_blocks:
        states["encoder"].append(x)
        x = block(x, mask=mask, bias=model.encoder_bias(places[0]))
    memory = model.encoder_norm(x)
    x = model.token_embedding(target)
    for block in model.decoder_blocks:
        states["decoder"].append(x)
        x = block(x, memory, memory_mask=mask, bias=model.decoder_bias(places[1]))
    return [*states["encoder"], memory], [*states["decoder"], model.decoder_norm(x)]


def compare_t5(model, their):
    rng = np.random.default_rng(0)
    source, target = (rng.integers(1, 40, (2, length)).astype("int32") for length in (17, 19))
    source[1, 9:] = model.end_id
    mask = np.asarray(ops.convert_to_numpy(model.source_mask(ops.convert_to_tensor(source))))
    found = run(their, input_ids=source, attention_mask=mask.astype("int64"), decoder_input_ids=target)
    encoder, decoder = t5_states(model, ops.convert_to_tensor(source), ops.convert_to_tensor(target))
    for ours, state in zip(encoder, found.encoder_hidden_states, strict=True):
        assert_same(ours, state, mask[..., None])
    for ours, state in zip(decoder, found.decoder_hidden_states, strict=True):
        assert_same(ours, state)
    assert_same(model.readout(model({"source": source, "target": target})), found.logits)


@pytest.mark.parametrize("case", T5S)
def test_t5(case, theirs):
    their, folder = theirs("T5ForConditionalGeneration", "T5Config", **T5_SIZES, **T5S[case])
    compare_t5(kgen.interop.load(folder), their)


@pytest.mark.parametrize("tie", [True, False])
def test_t5s_written(tie, transformers, tmp_path):
    sizes = {"num_layers": 2, "num_heads": 3, "model_dim": 12, "feedforward_dim": 20, "num_buckets": 8}
    options = {"max_distance": 12, "tie_embeddings": tie, "activation": "relu" if tie else "geglu_tanh"}
    model = shaken(kgen.models.T5(vocabulary_size=40, **sizes, **options))
    compare_t5(model, read_back(transformers, model, "T5ForConditionalGeneration", tmp_path / "ours"))


@pytest.mark.parametrize("bidirectional", [True, False])
def test_distances_have_the_buckets_of_t5(bidirectional, transformers):
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    distances = np.arange(-300, 301)
    bias = kgen.layers.RelativePositionBias(num_heads=1, bidirectional=bidirectional)
    ours = [bias._bucket(int(one)) for one in np.clip(distances, -128, 128)]
    their = T5Attention._relative_position_bucket(torch.tensor(distances), bidirectional, 32, 128)
    assert ours == their.tolist()


# ViT -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ViTForImageClassification", "ViTModel"])
def test_vit(name, theirs):
    their, folder = theirs(name, "ViTConfig", **VIT_SIZES, id2label={0: "cat", 1: "dog", 2: "LABEL_2"})
    model = kgen.interop.load(folder)
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3), dtype="uint8")
    found = run(their, pixel_values=(images.transpose(0, 3, 1, 2) / 127.5 - 1).astype("float32"))
    x = model._embedded(ops.convert_to_tensor(images))
    for block, state in zip([*model.blocks, None], found.hidden_states, strict=True):
        if block is not None:
            assert_same(x, state)
            x = block(x)
    if name == "ViTModel":
        assert_same(model.final_norm(x), found.last_hidden_state)
    else:
        assert model.class_names == ["cat", "dog", "LABEL_2"]
        assert_same(model(images), found.logits)


# Tokenizers ----------------------------------------------------------------------------------------------------------


def test_a_tokenizer_written_frames_texts_as_the_model_does(transformers, tmp_path):
    model = kgen.models.BERT.for_data(
        ["the cat sat on the mat"] * 3, num_layers=1, num_heads=2, model_dim=8, context_length=16
    )
    kgen.interop.save(model, tmp_path / "ours")
    their = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert their("the cat")["input_ids"] == model.rows(["the cat"])[0].tolist()
    first, second = (row.tolist() for row in model.rows(["the", "cat"]))
    assert their("the", "cat")["input_ids"] == first + second[1:]

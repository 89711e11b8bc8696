"""What is written and read again is the same model; what cannot be written is refused, and nothing is half-written."""

import json

import numpy as np
import pytest
from keras import ops

import kgen
from kgen.functional.arguments import arguments_of
from kgen.presets.registry import named_weights

SIZES = {"num_layers": 2, "num_heads": 2, "model_dim": 8, "feedforward_dim": 12, "context_length": 16, "dropout": 0.0}
MODELS = {
    "GPT": {},
    "GPT-untied": {"tie_embeddings": False, "activation": "relu"},
    "BERT": {},
    "BERT-pooler": {"pooler": True, "activation": "gelu_tanh"},
    "BERT-roberta": {"segments": 1, "position_offset": 2, "special_ids": (1, 0, 2, 3)},
    "BERT-distilbert": {"segments": 0},
    "BERT-albert": {"share_layers": True, "embedding_dim": 6},
    "T5": {"head_dim": 5, "num_decoder_layers": 1},
    "T5-1.1": {"activation": "geglu_tanh", "tie_embeddings": False},
}
DERIVED = ("seed", "head_dim", "num_decoder_layers", "special_ids")  # None may come back as what it means


def made(case, **options):
    """A tiny model with random numbers everywhere."""
    model = getattr(kgen.models, case.split("-")[0])(vocabulary_size=20, **{**SIZES, **MODELS[case], **options})
    rng = np.random.default_rng(1)
    for weight in named_weights(model).values():
        weight.assign(rng.normal(size=weight.shape).astype("float32"))
    return model


def numbers(model):
    return {name: ops.convert_to_numpy(weight.value) for name, weight in named_weights(model).items()}


@pytest.mark.parametrize("case", MODELS)
def test_what_is_written_and_read_is_the_same_model(case, tmp_path):
    model = made(case)
    kgen.interop.save(model, tmp_path / "folder")
    again = kgen.interop.load(tmp_path / "folder")
    assert type(again) is type(model)
    before, after = ({k: v for k, v in arguments_of(one).items() if k not in DERIVED} for one in (model, again))
    assert after == before
    written, read = numbers(model), numbers(again)
    assert list(read) == list(written)
    for name, array in written.items():
        np.testing.assert_array_equal(read[name], array, err_msg=name)


def test_a_tokenizer_goes_along_and_says_how_texts_are_framed(tmp_path):
    texts = ["the cat sat on the mat", "a dog ran"] * 3
    sizes = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "context_length": 16}
    for model in (kgen.models.BERT.for_data(texts, **sizes), kgen.models.T5.for_data(texts, **sizes)):
        folder = tmp_path / type(model).__name__
        kgen.interop.save(model, folder)
        again = kgen.interop.load(folder)
        assert again.tokenizer.encode(texts) == model.tokenizer.encode(texts)
        assert (again.start_id, again.end_id) == (model.start_id, model.end_id)
        frame = json.loads((folder / "tokenizer.json").read_text())["post_processor"]["single"]
        assert model.tokenizer.token_of(model.end_id) == frame[-1]["SpecialToken"]["id"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "GPT",
            {"positions": "rotary"},
            "positions='rotary': transformers' GPT2LMHeadModel has this as 'learned' alone",
        ),
        ("GPT", {"use_bias": False}, "use_bias=False"),
        ("GPT", {"activation": "swiglu"}, "activation_function has no word for 'swiglu'"),
        ("BERT", {"norm_position": "pre"}, "norm_position='pre'"),
        ("BERT", {"share_layers": True}, "embedding_dim=None: transformers' AlbertForMaskedLM"),
        ("BERT", {"segments": 0, "pooler": True}, "pooler=True: transformers' DistilBertForMaskedLM"),
        ("BERT", {"position_offset": 3}, "position_offset=3: transformers' RobertaForMaskedLM has this as 1 alone"),
        ("T5", {"activation": "geglu"}, "feed_forward_proj has no word for 'geglu'"),
    ],
)
def test_what_transformers_has_not_is_refused(name, options, message, tmp_path):
    model = getattr(kgen.models, name)(vocabulary_size=20, **{**SIZES, **options})
    with pytest.raises(ValueError, match=message):
        kgen.interop.save(model, tmp_path / "folder")
    assert not list(tmp_path.iterdir())


def test_other_models_and_adapted_ones_are_refused(tmp_path):
    with pytest.raises(ValueError, match="model: expected a GPT, BERT or T5, got a VAE"):
        kgen.interop.save(
            kgen.models.VAE(image_shape=(4, 4, 1), architecture="mlp", hidden_dims=(4,)), tmp_path / "folder"
        )
    model = made("GPT")
    model.blocks[0].feed_forward.hidden.enable_lora(2)
    with pytest.raises(
        ValueError, match="'block_1/feed_forward/hidden/lora_kernel_a' has no counterpart in GPT2LMHead"
    ):
        kgen.interop.save(model, tmp_path / "folder")


def test_nothing_is_overwritten_or_left_half_written(tmp_path, monkeypatch):
    model = made("GPT")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="full"):
        kgen.interop.save(model, tmp_path / "full")

    def disk_full(*arguments, **options):
        raise OSError("no space left on device")

    monkeypatch.setattr("kgen.interop.writing.json.dumps", disk_full)  # when the weights are there already
    with pytest.raises(OSError, match="no space"):
        kgen.interop.save(model, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]

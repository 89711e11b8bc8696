"""Checkpoints in all the ways in which they are written are read; damaged, foreign and hostile ones are refused."""

import json
import pickle
import shutil
import weakref
from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file
from safetensors.numpy import save_file

import kgen
from kgen.interop.checkpoint import Tensors
from kgen.presets.registry import named_weights

SIZES = {"num_layers": 2, "num_heads": 2, "model_dim": 8, "feedforward_dim": 12, "context_length": 16}
WORDS = "bert.embeddings.word_embeddings.weight"
QUERY = "bert.encoder.layer.1.attention.self.query.weight"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A BERT in a folder of Hugging Face's."""
    folder = tmp_path_factory.mktemp("interop") / "bert"
    kgen.interop.save(kgen.models.BERT(vocabulary_size=20, pooler=True, seed=1, **SIZES), folder)
    return folder


@pytest.fixture
def folder(original, tmp_path):
    """A copy of it that may be broken."""
    return Path(shutil.copytree(original, tmp_path / "bert"))


def configure(folder, **options):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **options}))


def rewrite(folder, change):
    """Replace the tensors by what `change` makes of them."""
    tensors = load_file(folder / "model.safetensors")
    save_file(change(tensors), folder / "model.safetensors")


def in_two_files(folder):
    """Cut the checkpoint in two, with an index: its path, and what is in it."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    places = {}
    for number, names in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2]), start=1):
        save_file({name: tensors[name] for name in names}, folder / f"model-{number}.safetensors")
        places |= dict.fromkeys(names, f"model-{number}.safetensors")
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder / "model.safetensors.index.json", index


def assert_equal_weights(model, other, but=()):
    ours, theirs = named_weights(model), named_weights(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        if not name.startswith(but):
            arrays = (ops.convert_to_numpy(weight.value) for weight in (ours[name], theirs[name]))
            np.testing.assert_array_equal(*arrays, err_msg=name)


# What is read --------------------------------------------------------------------------------------------------------


def test_several_files(original, folder):
    in_two_files(folder)
    assert_equal_weights(kgen.interop.load(folder), kgen.interop.load(original))


def test_a_bare_model_under_its_first_names(original, folder):
    def bare(tensors):
        names = {name: name.removeprefix("bert.") for name in tensors if name.startswith("bert.")}
        old = [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")]
        kept = {new.replace(*old[0]).replace(*old[1]): tensors[name] for name, new in names.items()}
        return {**kept, "embeddings.position_ids": np.arange(16)[None]}

    rewrite(folder, bare)
    configure(folder, architectures=["BertModel"])
    model = kgen.interop.load(folder, seed=3)
    assert_equal_weights(model, kgen.interop.load(original), but=("head/",))
    again = kgen.interop.load(folder, seed=3)
    assert_equal_weights(model, again)  # the head is that of the seed
    rewrite(folder, lambda tensors: {k: array for k, array in tensors.items() if k != "pooler.dense.bias"})
    with pytest.raises(ValueError, match=r"model.safetensors: tensor 'pooler.dense.bias' is missing"):
        kgen.interop.load(folder)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats(dtype, original, folder):
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    whole = load_file(folder / "model.safetensors")[WORDS]
    rewrite(folder, lambda tensors: {name: array.astype(kind) for name, array in tensors.items()})
    found = ops.convert_to_numpy(kgen.interop.load(folder).token_embedding.embeddings)
    np.testing.assert_array_equal(found, whole.astype(kind).astype("float32"))


def test_a_tensor_that_is_there_twice(original, folder):
    rewrite(folder, lambda tensors: {**tensors, "cls.predictions.decoder.weight": tensors[WORDS].copy()})
    assert_equal_weights(kgen.interop.load(folder), kgen.interop.load(original))
    rewrite(folder, lambda tensors: {**tensors, "cls.predictions.decoder.weight": tensors[WORDS] + 1})
    with pytest.raises(ValueError, match=f"tensor 'cls.predictions.decoder.weight' differs from '{WORDS}'"):
        kgen.interop.load(folder)


def test_the_weights_take_the_type_that_is_asked_for(original):
    assert kgen.interop.load(original, dtype="bfloat16").token_embedding.embeddings.dtype == "bfloat16"


def test_each_tensor_is_read_once_and_let_go_before_the_next_weight(original, monkeypatch):
    held = []
    whole = Tensors.read

    def read(self, name):
        held[:] = [one for one in held if one() is not None]
        assert len(held) < 3, "more than queries, keys and values"
        array = whole(self, name).copy()  # one that a weight cannot have taken for its own
        names.append(name)
        held.append(weakref.ref(array))
        return array

    names = []
    monkeypatch.setattr(Tensors, "read", read)
    monkeypatch.setattr(keras.Variable, "assign", lambda self, value: None)
    model = kgen.interop.load(original)
    assert len(names) == len(set(names)) == len(named_weights(model)) + 2 * 2 * SIZES["num_layers"]


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "llama"}, "model_type: expected one of bert, roberta, .*, got 'llama'"),
        ({"model_type": None}, "model_type: expected one of"),
        ({"architectures": ["BertForQuestionAnswering"]}, "architectures: expected one of BertForMaskedLM, "),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type: .*'absolute' alone, got 'relative_key'",
        ),
        ({"is_decoder": True}, "is_decoder"),
        ({"hidden_act": "silu"}, "hidden_act: kgen knows gelu, .*, got 'silu'"),
        ({"hidden_size": "8"}, "hidden_size: expected an integer of at least 1, got '8'"),
        ({"hidden_dropout_prob": 7}, "hidden_dropout_prob: expected a number in"),
        ({"num_attention_heads": 3}, "config.json: model_dim: expected a multiple of num_heads=3"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"vocab_size": 10**12}, f"model.safetensors: tensor '{WORDS}' has shape .20, 8., config.json means"),
        ({"intermediate_size": 10**12}, "tensor 'bert.encoder.layer.0.intermediate.dense.weight' has shape"),
        ({"num_hidden_layers": 10**12}, "tensor 'bert.encoder.layer.2.attention.self.query.weight' is missing"),
        ({"num_hidden_layers": 1}, "tensor 'bert.encoder.layer.1.*belongs to no weight of kgen's BERT"),
    ],
)
def test_options_that_kgen_has_not_or_the_file_belies(options, message, folder):
    configure(folder, **options)
    with pytest.raises(ValueError, match=message) as error:
        kgen.interop.load(folder)
    assert str(error.value).startswith(str(folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: {name: array for name, array in tensors.items() if name != QUERY}, f"'{QUERY}' is missing"),
        (lambda tensors: {**tensors, QUERY: tensors[QUERY][:4].copy()}, f"'{QUERY}' has shape .4, 8."),
        (lambda tensors: {**tensors, QUERY: tensors[QUERY].astype("int8")}, f"'{QUERY}' is I8"),
        (
            lambda tensors: {**tensors, "bert.extra": np.ones(3)},
            "tensor 'bert.extra' belongs to no weight of kgen's BERT",
        ),
        (
            lambda tensors: {name: array for name, array in tensors.items() if name != "cls.predictions.bias"},
            "tensor 'cls.predictions.bias' is missing",
        ),
    ],
)
def test_tensors_that_are_missing_misshaped_or_strange(change, message, folder):
    rewrite(folder, change)
    with pytest.raises(ValueError, match=f"model.safetensors: tensor.*{message.removeprefix('tensor ')}"):
        kgen.interop.load(folder)


def test_damaged_files(folder):
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    for damaged in (whole[:-100], whole[:4], b"\xff" * 8 + whole[8:], b"not tensors"):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model.safetensors: damaged or not a safetensors file"):
            kgen.interop.load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config.json: not valid JSON"):
        kgen.interop.load(folder)


def test_missing_files(folder):
    with pytest.raises(FileNotFoundError, match=r"no such folder: .*nowhere"):
        kgen.interop.load(folder / "nowhere")
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model.safetensors: no such file, nor model.safetensors.index.json"):
        kgen.interop.load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"config.json: no such file"):
        kgen.interop.load(folder)


class Trap:
    """What a pickle can do."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_never_opened(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "executed")))
    with pytest.raises(ValueError, match=r"pytorch_model.bin: a pickle, .*from_pretrained.*save_pretrained"):
        kgen.interop.load(folder)
    assert not (tmp_path / "executed").exists()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("../model-1.safetensors", "expected a safetensors file of this folder for tensor"),
        ("model-1.bin", "expected a safetensors file of this folder"),
        (7, "expected a safetensors file of this folder"),
        ("model-2.safetensors", "model-2.safetensors: tensor 'bert.*' is missing, though"),
    ],
)
def test_an_index_that_lies(file, message, folder):
    path, index = in_two_files(folder)
    first = next(name for name, place in index["weight_map"].items() if place == "model-1.safetensors")
    index["weight_map"][first] = file
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match=message):
        kgen.interop.load(folder)


def test_a_file_of_the_index_that_is_missing(folder):
    in_two_files(folder)
    (folder / "model-2.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-2.safetensors: no such file, though"):
        kgen.interop.load(folder)

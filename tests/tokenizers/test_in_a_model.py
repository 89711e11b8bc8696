"""A model that takes a tokenizer keeps it, whatever way it is saved or copied."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

import kgen
from kgen.functional.arguments import arguments_of
from tests.tokenizers.conftest import NAMES
from tests.tokenizers.conftest import TEXTS
from tests.tokenizers.conftest import trained


@keras.saving.register_keras_serializable(package="tests")
class Reader(keras.Model):
    """Logits of the next token."""

    def __init__(self, tokenizer, dim=4, **kwargs):
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.dim = dim
        self.embedding = keras.layers.Embedding(tokenizer.vocabulary_size, dim, name="embedding")
        self.logits = keras.layers.Dense(tokenizer.vocabulary_size, name="logits")

    def build(self, input_shape):
        self.embedding.build(input_shape)
        self.logits.build((*input_shape, self.dim))

    def call(self, ids):
        return self.logits(self.embedding(ids))

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    @classmethod
    def from_config(cls, config):
        config["tokenizer"] = keras.saving.deserialize_keras_object(config["tokenizer"])
        return cls(**config)


@pytest.fixture(params=NAMES)
def model(request):
    model = Reader(trained(request.param))
    model.build((None, 5))
    return model


def same(one, two):
    assert type(one.tokenizer) is type(two.tokenizer)
    assert one.tokenizer.get_config() == two.tokenizer.get_config()
    assert one.tokenizer.encode(TEXTS) == two.tokenizer.encode(TEXTS)
    assert one.tokenizer.encode("<|end|>[SEP]") == two.tokenizer.encode("<|end|>[SEP]")


@pytest.mark.every_backend
def test_saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    same(model, loaded)
    ids = np.array([model.tokenizer.encode(TEXTS[0])[:5]])
    np.testing.assert_allclose(loaded.predict(ids, verbose=0), model.predict(ids, verbose=0), rtol=1e-6)


@pytest.mark.every_backend
def test_cloned_copied_and_configured(model):
    same(model, keras.models.clone_model(model))
    same(model, Reader.from_config(model.get_config()))
    serialized = keras.saving.serialize_keras_object(model)
    same(model, keras.saving.deserialize_keras_object(serialized))


def test_saved_weights_fit_a_new_model_with_its_configuration(model, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    other = Reader.from_config(model.get_config())
    other.build((None, 5))
    other.load_weights(tmp_path / "model.weights.h5")
    same(model, other)


def test_classes_are_known_as_soon_as_keras_is_there(tmp_path):
    config = keras.saving.serialize_keras_object(trained("BytePairTokenizer"))
    code = f"import kgen, keras; print(type(keras.saving.deserialize_keras_object({config!r})).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["BytePairTokenizer"], done.stderr


def test_threads_share_a_tokenizer(tokenizer):
    expected = tokenizer.encode(TEXTS), tokenizer.encode(TEXTS[0] + "<|end|>", allow_special=True)

    def use(_):
        return tokenizer.encode(TEXTS), tokenizer.encode(TEXTS[0] + "<|end|>", allow_special=True)

    tokenizer = type(tokenizer).from_config(tokenizer.get_config())
    with ThreadPoolExecutor(8) as pool:
        assert all(result == expected for result in pool.map(use, range(40)))


def test_the_registered_names():
    for name in NAMES:
        assert keras.saving.get_registered_name(getattr(kgen.tokenizers, name)) == f"kgen>{name}"

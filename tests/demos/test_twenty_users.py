"""Twenty people at once, in four tabs of one studio: nobody waits for ever, each gets what he asked for."""

import io
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import kgen
from demos import app
from demos import attending
from demos import inside_attention
from demos.pictures import tile
from kgen.presets import registry
from tests.demos.calls import answer_of
from tests.demos.conftest import free_port

TEXT = "the cat sat on the mat and saw a red hat\n" * 8
WORDS = ("the", "cat", "sat", "mat", "hat")
SIZES = {"num_layers": 1, "num_heads": 2, "model_dim": 16, "context_length": 24, "seed": 1}


@pytest.fixture(scope="module")
def models(tiny_vae):
    characters = kgen.tokenizers.CharacterTokenizer.train([TEXT])
    return {
        "vae": tiny_vae,
        "gpt": kgen.models.GPT(kgen.tokenizers.CharacterTokenizer.train([TEXT], end_token=None), **SIZES),
        "translator": kgen.models.TransformerSeq2Seq(characters, **SIZES),
    }


@pytest.fixture(scope="module")
def address(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "index.json").write_text(json.dumps({}))
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        page = app.build([folder / f"{name}.keras" for name in models])
        app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
        yield page.local_url
        page.close()


def test_each_of_twenty_gets_his_own(address, models):
    def images(i):
        (picture,) = answer_of(address, "generate_images", ["vae", 4, i, 1.0])
        with urllib.request.urlopen(picture["url"]) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read()))).tobytes()

    def text(i):
        settings = ["Greedy", i, "", 1.0, 40, 0.9, 0.1, 4, 0.6, 1.0]
        return answer_of(address, "complete_text", ["gpt", WORDS[i], 8, *settings])[0]

    def translation(i):
        return answer_of(address, "translate_text", ["translator", WORDS[i], "Greedy", 1, 1.0, 0.9, 5, 1.0, 1.0])[0]

    def attention(i):
        sent = ["gpt", f"a {WORDS[i]}", 1, inside_attention.MEAN, "words", 2]
        return answer_of(address, "look_from", sent)[1]["data"]

    def shares(i):
        scores, words = inside_attention.shares_in(models["gpt"], attending.READERS[2], f"a {WORDS[i]}")
        return inside_attention.told(scores[0].mean(axis=0), words, 1)

    greedy = kgen.decoding.Greedy()
    expected = {
        images: lambda i: np.asarray(tile(models["vae"].generate(4, seed=i))).tobytes(),
        text: lambda i: WORDS[i] + models["gpt"].generate(WORDS[i], 8, greedy),
        translation: lambda i: models["translator"].translate(WORDS[i], greedy),
        attention: shares,
    }
    with ThreadPoolExecutor(20) as people:
        found = [(verb, i, people.submit(verb, i)) for i in range(5) for verb in expected]
        for verb, i, answer in found:
            assert answer.result(timeout=120) == expected[verb](i), (verb.__name__, i)

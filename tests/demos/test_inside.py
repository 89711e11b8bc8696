"""The tab *Inside*: words, attention, a latent map; and Hugging Face folders that somebody brings along."""

import json
import threading

import gradio
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

import kgen
from demos import app
from demos import attending
from demos import inside_attention
from demos import inside_map
from demos import inside_reference
from demos import inside_words
from demos import word_models
from demos.facts import collect
from demos.stoppable import THREAD
from demos.studio import Studio
from kgen.presets import registry
from tests.demos.conftest import free_port

SIZES = {"num_layers": 2, "num_heads": 2, "model_dim": 16, "context_length": 24, "seed": 1}
TEXTS = ["the lamp is large", "the small suitcase, it is red"] * 8
MEAN = inside_attention.MEAN
ANSWERS = {
    "/word_analogy": {"model": word_models.WORLD, "a": "man", "b": "king", "c": "woman"},
    "/word_neighbours": {"model": word_models.WORLD, "word": "Paris"},
    "/look_inside": {
        "model": "bert",
        "text": "the lamp is red",
        "layer": 1,
        "head": MEAN,
        "between": "words",
        "number": 2,
    },
    "/look_from": {
        "model": "bert",
        "text": "the lamp is red",
        "layer": 2,
        "head": "head 1",
        "between": "tokens",
        "number": 1,
    },
    "/compare_gazes": {
        "model": "en-fr",
        "first": "it is large",
        "second": "it is small",
        "word": "IT",
        "layer": 1,
        "head": MEAN,
    },
    "/draw_latent_map": {"model": "run", "seed": 1},
    "/show_latent_place": {"model": "run", "seed": 1, "east": 20, "north": 70},
}


@pytest.fixture(scope="module")
def shelf(tiny_vae, tmp_path_factory):
    """A BERT as a Hugging Face folder, a GPT, a translator and a VAE; no preset is shipped."""
    folder = tmp_path_factory.mktemp("shelf")
    pieces = kgen.tokenizers.WordPieceTokenizer.train(TEXTS, 90, progress=False)
    kgen.interop.save(kgen.models.BERT(pieces, **SIZES), folder / "bert")
    characters = kgen.tokenizers.CharacterTokenizer.train(TEXTS)
    kgen.models.GPT(characters, **SIZES).save(folder / "gpt.keras")
    kgen.models.TransformerSeq2Seq(characters, **SIZES).save(folder / "en-fr.keras")
    tiny_vae.save(folder / "run.keras")
    (folder / "index.json").write_text(json.dumps({}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        yield folder


def paths(shelf):
    return [shelf / name for name in ("bert", "gpt.keras", "en-fr.keras", "run.keras")]


@pytest.fixture(scope="module")
def page(shelf):
    page = app.build(paths(shelf), only="inside")
    app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
    yield page
    page.close()


@pytest.fixture(scope="module")
def address(page):
    return page.local_url


def ask(client, api_name, **changes):
    return client.predict(**ANSWERS[api_name] | changes, api_name=api_name)


def is_picture(path):
    picture = np.asarray(Image.open(path))
    return min(picture.shape[:2]) >= 100 and picture[..., :3].std() > 0


def test_every_public_event_is_tested(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {*ANSWERS}


def test_a_king_is_to_a_man_what_a_queen_is_to_a_woman(client):
    _, table, picture = ask(client, "/word_analogy")
    assert table["data"][0][0] == "queen"
    assert is_picture(picture)
    _, table = ask(client, "/word_neighbours")
    assert {"rome", "madrid"} & {word for word, _ in table["data"][:5]}
    _, table, _ = ask(client, "/word_analogy", a="france", b="paris", c="italy")  # nothing is learned twice
    assert table["data"][0][0] == "rome"


def test_the_world_is_the_same_again_and_knows_its_examples():
    texts = word_models.sentences_of_the_world()
    assert texts == word_models.sentences_of_the_world() != word_models.sentences_of_the_world(seed=1)
    known = {word for text in texts for word in text.split()}
    assert {word for row in inside_words.EXAMPLES[word_models.WORLD] for word in row} <= known


def test_closing_a_training_of_words_ends_it(shelf, monkeypatch):
    monkeypatch.setitem(word_models.FIT, word_models.WORLD, ({"model_dim": 8}, {"epochs": 10_000}))
    monkeypatch.setattr(word_models, "_learned", {})
    learning = word_models.words_here(Studio(), word_models.WORLD)
    while "epoch" not in next(learning)[0]:
        pass
    learning.close()
    for thread in threading.enumerate():
        if thread.name.startswith(THREAD):
            thread.join(20)
            assert not thread.is_alive()
    assert word_models._learned == {}


def test_words_get_the_sum_and_give_the_mean():
    scores = np.array([[[[0.5, 0.2, 0.3], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]]]])
    shares, words = attending.by_words(scores, ["the", "suit", "##case"])
    assert words == ["the", "suitcase"]
    np.testing.assert_allclose(shares[0, 0], [[0.5, 0.5], [0.15, 0.85]], atol=1e-6)


@pytest.mark.parametrize(
    "tokens, words",
    [
        (list("it is, so"), ["it", "is", ",", "so"]),
        (["The", " lamp", "s", " don't", ".", "<|end|>"], ["The", "lamps", "don't", ".", "<|end|>"]),
        (["[CLS]", "the", "lamp", "##s", ".", "[SEP]"], ["[CLS]", "the", "lamps", ".", "[SEP]"]),
        (["a\n", "b", " ", " ", "c"], ["a", "b", "c"]),
    ],
)
def test_tokens_become_words(tokens, words):
    scores = np.full((1, 1, len(tokens), len(tokens)), 1 / len(tokens))
    shares, found = attending.by_words(scores, tokens)
    assert found == words
    np.testing.assert_allclose(shares.sum(-1), 1.0, atol=1e-6)


def test_a_look_is_a_row_of_the_models_attention(client, shelf):
    bert = kgen.interop.load(shelf / "bert")
    seen, table, picture = ask(client, "/look_inside")
    assert is_picture(picture)
    assert [one["token"].strip() for one in seen] == ["[CLS]", "the", "lamp", "is", "red", "[SEP]"]
    seen, table = ask(client, "/look_from", number=3)
    row = bert.attention("the lamp is red")[1, 1, 2]
    assert [one["class_or_confidence"] for one in seen] == pytest.approx((row / row.max()).tolist(), abs=2e-3)
    assert table["data"][0][1] == pytest.approx(row.max(), abs=1e-3)
    assert max(one["class_or_confidence"] for one in seen) == 1.0
    seen, _ = ask(client, "/look_from", model="gpt", between="words", number=1)
    assert [one["class_or_confidence"] for one in seen[1:]] == [0.0] * 3  # a GPT sees nothing of what follows


def test_a_word_is_compared_between_two_sentences(client):
    first, second, table = ask(client, "/compare_gazes")
    assert [one["token"].strip() for one in first][:3] == ["it", "is", "large"]
    shares = {word: (one, other) for word, one, other in table["data"]}
    assert shares["small"][0] == shares["large"][1] == 0.0
    assert sum(one for one, _ in shares.values()) == pytest.approx(1.0, abs=0.01)
    assert len(second) == len(first)


def test_the_map_answers_with_what_lies_there(client, tiny_vae):
    assert is_picture(ask(client, "/draw_latent_map"))
    picture, dream, near = ask(client, "/show_latent_place")
    assert all(map(is_picture, (picture, dream, near)))
    chart = inside_map.chart_of(tiny_vae, 1)
    codes = chart.middle + chart.points @ chart.axes
    z, place = chart.at(*_sides(chart, chart.points[7]))
    np.testing.assert_allclose(z[0], codes[7], atol=1e-4)
    assert chart.nearest(place) == 7
    np.testing.assert_allclose(chart.axes @ chart.axes.T, np.eye(2), atol=1e-6)


def _sides(chart, point):
    low, high = chart.ends
    return 100 * (point - low) / (high - low)


WHICH = "There is no such model here. There are: en-fr, bert, gpt."


@pytest.mark.parametrize(
    "api_name, change, sentence",
    [
        ("/word_analogy", {"a": " "}, "A: write a word first."),
        ("/word_analogy", {"c": "x" * 61}, "C: expected text of at most 60 characters, not 61."),
        ("/word_analogy", {"model": "gpt"}, "There is no such model here. There are: sentences of a little world, the"),
        ("/word_neighbours", {"word": "quen"}, "word: expected a word of the vocabulary of"),
        ("/look_inside", {"model": "run"}, WHICH),
        ("/look_inside", {"model": ["gpt"]}, WHICH),
        ("/look_inside", {"text": ""}, "Text: there is nothing in it to look at."),
        ("/look_inside", {"text": "x" * 401}, "Text: expected text of at most 400 characters, not 401."),
        ("/look_inside", {"text": "the lamp " * 40}, "text: expected at most 22 tokens, got more"),
        ("/look_inside", {"layer": 3}, "Layer: expected a whole number from 1 to 2."),
        ("/look_from", {"head": "head 2"}, f"Head: expected one of {MEAN}, head 0, head 1."),
        ("/look_from", {"between": "lines"}, "Between: expected one of words, tokens."),
        ("/look_from", {"number": 0}, "Number of the one who looks: expected a whole number from 1 to 60."),
        ("/compare_gazes", {"word": "lamp"}, "Word: it does not stand in the first sentence by itself."),
        ("/draw_latent_map", {"seed": -1}, "Seed: expected a whole number from 0 to"),
        ("/draw_latent_map", {"model": "gpt"}, "gpt is a GPT, which cannot do this. Try run."),
        ("/show_latent_place", {"east": 101}, "East: expected a number from 0 to 100."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(client, api_name, change, sentence):
    with pytest.raises(AppError) as refused:
        ask(client, api_name, **change)
    assert str(refused.value).startswith(sentence)


def test_what_people_wrote_is_never_html(page):
    safe = {gradio.Textbox, gradio.Dataframe, gradio.Image, gradio.HighlightedText, gradio.State}
    for endpoint in ANSWERS:
        outputs = next(one.outputs for one in page.fns.values() if one.api_name == endpoint[1:])
        assert {type(one) for one in outputs} <= safe
    assert all(
        {*one.datatype} <= {"str", "number"} for one in page.blocks.values() if isinstance(one, gradio.Dataframe)
    )


def test_a_hugging_face_folder_is_known_before_it_is_loaded(shelf, tmp_path):
    facts = collect([shelf / "bert"])["bert"]
    assert (facts.class_name, facts.foreign) == ("BERT", True)
    assert (facts.arguments["num_layers"], facts.arguments["context_length"]) == (2, 24)
    assert facts.has(*attending.READERS[1])
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mamba"}))
    with pytest.raises((ValueError, FileNotFoundError)):
        collect([tmp_path])


def test_without_a_model_the_parts_say_how_to_get_one(shelf):
    with gradio.Blocks(analytics_enabled=False) as blocks:
        for part in (inside_attention, inside_reference, inside_map):
            part.build(Studio())
    shown = [one.value for one in blocks.blocks.values() if isinstance(one, gradio.Markdown)]
    assert shown == [one.EMPTY.strip() for one in (inside_attention, inside_reference, inside_map)]

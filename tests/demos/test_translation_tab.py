import functools
import itertools
import json
import time
import urllib.request
from pathlib import Path

import gradio
import gradio_client
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

import kgen
from demos import app
from demos import completion
from demos import translation
from demos import translation_attention
from demos import translation_file
from demos.facts import Facts
from demos.studio import MAX_SEED
from demos.studio import Studio
from kgen.presets import registry
from tests.demos.conftest import free_port

SOURCES = ["The cat sleeps.", "The dog sleeps.", "A cat eats the fish.", "<b>No</b>"] * 8
TARGETS = ["Le chat dort.", "Le chien dort.", "Un chat mange le poisson.", "<b>Non</b>"] * 8
SENTENCE = "The cat sleeps."
DOCUMENT = "The cat sleeps. A dog eats!\n\n  The fish <b>"
ANSWERS = {
    "/translate_text": {"model": "en-fr", "text": SENTENCE},
    "/other_translations": {"model": "en-fr", "text": SENTENCE, "count": 2},
    "/translation_attention": {"model": "en-fr", "text": SENTENCE, "layer": 1, "head": "all"},
    "/search_tree": {"model": "en-fr", "text": SENTENCE, "beam_width": 2},
    "/translate_file": {"model": "en-fr"},
    "/translate_with_both": {"model": "en-fr", "other_model": "plain-gru", "text": SENTENCE},
}
MODELS = "en-fr, gru, plain-gru"
SMALL = {"vocabulary_size": 300, "context_length": 24, "model_dim": 16, "seed": 1}


@pytest.fixture(scope="module")
def tiny():
    return kgen.models.TransformerSeq2Seq.for_data(SOURCES, TARGETS, num_layers=2, num_heads=2, **SMALL)


@pytest.fixture(scope="module")
def shelf(tiny, tmp_path_factory):
    """A folder with a Transformer, a recurrent model with attention and one without, and a language model."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "en-fr").mkdir()
    tiny.save(folder / "en-fr" / "model.keras")
    recurrent = functools.partial(kgen.models.Seq2SeqRNN.for_data, SOURCES, TARGETS, units=16, **SMALL)
    recurrent(num_layers=2).save(folder / "gru.keras")
    recurrent(attention=None).save(folder / "plain-gru.keras")
    writer = kgen.models.RNNLanguageModel.for_data("the cat " * 20, context_length=16, num_layers=1, units=16, seed=1)
    writer.save(folder / "writer.keras")
    (folder / "index.json").write_text(json.dumps({}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        load = Facts.load  # what the tests translate themselves need not be compiled again for the page
        patch.setattr(Facts, "load", lambda facts: tiny if facts.name == "en-fr" else load(facts))
        yield folder


def paths(shelf):
    return [shelf / "en-fr", shelf / "gru.keras", shelf / "plain-gru.keras", shelf / "writer.keras"]


@pytest.fixture(scope="module")
def page(shelf):
    page = app.build(paths(shelf), only="translation")
    app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
    yield page
    page.close()


@pytest.fixture(scope="module")
def address(page):
    return page.local_url


def ask(client, api_name, **changes):
    return client.predict(**ANSWERS[api_name] | changes, api_name=api_name)


def handler(page, api_name):
    return next(one.fn for one in page.fns.values() if one.api_name == api_name)


def upload(folder, content):
    (folder / "my letter.txt").write_bytes(content)
    return gradio_client.handle_file(folder / "my letter.txt")


def test_every_public_event_is_tested(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {*ANSWERS}


@pytest.mark.parametrize(
    "sampler, settings, expected",
    [
        ("Beam search", {}, lambda d: d.Beam(5)),
        ("Beam search", {"beam_width": 2, "length_penalty": 0.3}, lambda d: d.Beam(2, length_penalty=0.3)),
        ("Greedy", {}, lambda d: d.Greedy()),
        ("Top-p", {"top_p": 0.8, "temperature": 1.5}, lambda d: d.TopP(0.8, temperature=1.5)),
    ],
)
def test_text_is_what_the_model_generates(client, tiny, sampler, settings, expected):
    written = ask(client, "/translate_text", sampler=sampler, seed=3, **settings)
    assert written == tiny.generate(SENTENCE, sampler=expected(kgen.decoding), seed=3)


def test_two_models_stand_side_by_side(client, tiny):
    first, took, picture, second, _, nothing = ask(client, "/translate_with_both", sampler="Greedy")
    assert first == tiny.generate(SENTENCE, sampler=kgen.decoding.Greedy())
    assert isinstance(second, str) and took.endswith(" seconds") and picture and nothing is None
    with pytest.raises(AppError, match="choose another one than above"):
        ask(client, "/translate_with_both", other_model="en-fr")


def test_a_document_grows_sentence_by_sentence_and_keeps_its_white_space(client, tiny):
    job = client.submit(**ANSWERS["/translate_text"] | {"text": DOCUMENT}, api_name="/translate_text")
    written = job.result()
    parts = [tiny.generate(one) for one in ("The cat sleeps.", "A dog eats!", "The fish <b>")]
    assert written == "{} {}\n\n  {}".format(*parts)
    steps = [text for text in job.outputs() if isinstance(text, str)]
    assert all(later.startswith(sooner) for sooner, later in itertools.pairwise(steps))
    assert parts[0] in steps


def test_other_translations_come_with_their_scores(client, tiny):
    table = ask(client, "/other_translations", text=DOCUMENT, length_penalty=0.5)["data"]
    beam = kgen.decoding.Beam(2, length_penalty=0.5, num_return=2)
    assert table == [[pytest.approx(score, abs=1e-4), text] for text, score in tiny.candidates(SENTENCE, sampler=beam)]
    assert table[0][0] >= table[1][0]


@pytest.mark.parametrize(
    "api_name, change",
    [
        ("/translation_attention", {}),
        ("/translation_attention", {"layer": 2, "head": "head 1"}),
        ("/translation_attention", {"model": "gru"}),
        ("/search_tree", {"length_penalty": 0.0}),
    ],
)
def test_pictures_show_something(client, api_name, change):
    picture = np.asarray(Image.open(ask(client, api_name, **change)))
    assert picture.ndim == 3
    assert min(picture.shape[:2]) >= 100
    assert picture[..., :3].std() > 0


def test_a_file_is_translated_line_by_line(client, tiny, tmp_path):
    lines = ["The cat sleeps. A dog eats!\r\n", "\n", "  The fish <b>\n"] * 4 + ["A cat"]
    sent = upload(tmp_path, "".join(lines).encode("utf-8-sig"))
    progress, path = ask(client, "/translate_file", file=sent, sampler="Greedy")
    assert progress == "13 lines"
    assert Path(path).name == "translation.txt"
    translated = Path(path).read_bytes().decode()
    assert translated == tiny.translate("".join(lines), kgen.decoding.Greedy(), batch_size=8)
    assert [bool(line.strip()) for line in translated.split("\n")] == [True, False, True] * 4 + [True]


def test_only_an_upload_is_read(address):
    """gradio would move whatever file a caller names into its cache, did it not look for uploads only."""
    settings = ["Greedy", 1, 1.0, 0.9, 5, 1.0, 1.0]
    for path in (__file__, f"http://..{__file__}"):
        for extra in ({}, {"is_stream": True}):
            file = {"path": path, "meta": {"_type": "gradio.FileData"}, **extra}
            body = json.dumps({"data": ["en-fr", file, *settings]}).encode()
            url = f"{address}gradio_api/call/translate_file"
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                event = json.load(answer)["event_id"]
            with urllib.request.urlopen(f"{url}/{event}") as answer:
                told = answer.read().decode()
            assert "event: error" in told
            assert "event: generating" not in told


WHICH = f"There is no such model here. There are: {MODELS}."
LONG = "x" * 5001


@pytest.mark.parametrize(
    "api_name, change, sentence",
    [
        ("/translate_text", {"model": None}, WHICH),
        ("/translate_text", {"model": "<b>x</b>"}, WHICH),
        ("/translate_text", {"model": "writer"}, f"writer is a RNNLanguageModel, which cannot do this. Try {MODELS}."),
        ("/translate_text", {"text": None}, "Text: expected text of at most 5,000 characters."),
        ("/translate_text", {"text": LONG}, "Text: expected text of at most 5,000 characters, not 5,001."),
        ("/translate_text", {"text": " \n"}, "Text: there is nothing in it to translate."),
        ("/translate_text", {"seed": -1}, f"Seed: expected a whole number from 0 to {MAX_SEED}."),
        ("/translate_text", {"sampler": "Top-k"}, "Sampler: expected one of Beam search, Greedy, Top-p."),
        ("/translate_text", {"beam_width": 11}, "Beam width: expected a whole number from 1 to 10."),
        ("/translate_text", {"length_penalty": -1}, "Length penalty: expected a number from 0.0 to 2.0."),
        ("/other_translations", {"count": 11}, "Translations: expected a whole number from 2 to 10."),
        ("/other_translations", {"length_penalty": "x"}, "Length penalty: expected a number from 0.0 to 2.0."),
        ("/search_tree", {"beam_width": 9}, "Beam width: expected a whole number from 1 to 8."),
        (
            "/translation_attention",
            {"text": "cat " * 30},
            "Text: its first sentence has 31 tokens, and en-fr reads 23.",
        ),
        (
            "/search_tree",
            {"text": "x" * 121},
            "Text: its first sentence has 121 characters, and 120 can be shown.",
        ),
        ("/translation_attention", {"layer": 3}, "Layer: expected a whole number from 1 to 2."),
        ("/translation_attention", {"head": "head 2"}, "Head: expected one of all, head 0, head 1."),
        (
            "/translation_attention",
            {"model": "plain-gru"},
            "plain-gru is a Seq2SeqRNN, which cannot do this. Try en-fr, gru.",
        ),
        ("/translate_file", {"file": None}, "File: choose a text file first."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(client, api_name, change, sentence):
    with pytest.raises(AppError) as refused:
        ask(client, api_name, **change)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"\xff\xfeA", "File: expected text in UTF-8."),
        (b" \n\n", "File: there is nothing in it to translate."),
        (b"x" * (translation_file.MAX_SIZE + 1), "File: expected at most 200,000 bytes."),
    ],
)
def test_a_file_that_is_no_text_is_refused(client, tmp_path, content, sentence):
    with pytest.raises(AppError) as refused:
        ask(client, "/translate_file", file=upload(tmp_path, content))
    assert str(refused.value) == sentence


def test_stop_stops(client, tiny, monkeypatch):
    translated, generate = [], type(tiny).generate

    def slowly(*args, **options):
        translated.append(args)
        time.sleep(0.1)
        return generate(*args, **options)

    monkeypatch.setattr(type(tiny), "generate", slowly)
    arguments = ANSWERS["/translate_text"] | {"text": "A cat sleeps. " * 100, "sampler": "Greedy"}
    job = client.submit(**arguments, api_name="/translate_text")
    while len(translated) < 2:
        time.sleep(0.02)
    job.cancel()
    time.sleep(0.5)
    stopped = len(translated)
    time.sleep(0.5)
    assert len(translated) == stopped < 20
    assert ask(client, "/search_tree")


def test_models_are_offered_by_what_they_have(shelf):
    studio = Studio(paths(shelf))
    assert ", ".join(studio.names(*translation.NEEDS)) == MODELS
    assert studio.names(*translation_attention.NEEDS) == ["en-fr", "gru"]
    assert studio.names(*completion.NEEDS) == ["writer"]


def test_what_is_shown_follows_the_model(shelf, page):
    studio = Studio(paths(shelf))
    about = translation.about_model(studio.facts("en-fr"))
    assert about == "**TransformerSeq2Seq** · 2 layers · sentences of at most 24 tokens"
    change = handler(page, "about_translation_model")
    shown = {name: [one["visible"] for one in change(name)[2:]] for name in ("en-fr", "plain-gru")}
    assert shown == {"en-fr": [True] * 5, "plain-gru": [True, True, False, True, True]}
    layer, head, picture = handler(page, "forget_translation_attention")("gru")
    assert (layer["visible"], head["visible"], picture) == (False, False, None)
    layer, head, _ = handler(page, "forget_translation_attention")("en-fr")
    assert (layer["maximum"], head["choices"]) == (2, ["all", "head 0", "head 1"])


def test_what_is_shown_follows_the_sampler(page):
    show = handler(page, "translation_sampler_controls")
    shown = {name: [update["visible"] for update in show(name)] for name in translation.SAMPLERS}
    assert shown == {
        "Beam search": [False, False, True, True, False],
        "Greedy": [False, False, False, False, True],
        "Top-p": [True, True, False, False, True],
    }
    seed = handler(page, "show_translation_seed")
    assert [seed(name)[0]["visible"] for name in translation.SAMPLERS] == [False, False, True]


def test_what_people_wrote_is_never_html(page):
    """Text comes back in components that show text as text; an error, which gradio shows as HTML, never repeats it."""
    for endpoint in ANSWERS:
        outputs = next(one.outputs for one in page.fns.values() if one.api_name == endpoint[1:])
        assert {type(one) for one in outputs} <= {
            gradio.Textbox,
            gradio.Dataframe,
            gradio.Image,
            gradio.File,
            gradio.Markdown,  # in which stands how long it took
        }
    table = next(one for one in page.blocks.values() if isinstance(one, gradio.Dataframe))
    assert [*table.datatype] == ["number", "str"]


def test_without_a_model_the_tab_says_how_to_get_one(shelf):
    with gradio.Blocks(analytics_enabled=False) as blocks:
        translation.build(Studio([shelf / "writer.keras"]))
    shown = [one.value for one in blocks.blocks.values() if isinstance(one, gradio.Markdown)]
    assert shown == [translation.EMPTY.strip()]

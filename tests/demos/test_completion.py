import itertools
import json
import time

import gradio
import numpy as np
import pytest
from gradio_client.exceptions import AppError
from PIL import Image

import kgen
from demos import app
from demos import completion
from demos import completion_chat
from demos import samplers
from demos import texts
from demos.facts import verbs_of
from demos.studio import MAX_SEED
from demos.studio import Studio
from kgen.datasets.chats import conversation
from kgen.presets import registry
from tests.demos.conftest import free_port

TEXT = "the cat sat on the mat. <b>no</b>\n" * 20
SEVERAL = 24
ANSWERS = {
    "/complete_text": {"model": "gpt", "prompt": "the cat", "max_new_tokens": SEVERAL, "sampler": "Top-p"},
    "/next_tokens": {"model": "gpt", "prompt": "the cat"},
    "/show_attention": {"model": "gpt", "prompt": "the cat", "layer": 1},
    "/chat": {"model": "tuned", "conversation": [], "question": "cat?", "max_new_tokens": 8},
}
MODELS = "gpt, shakespeare-rnn, tuned"
NAMES = ("gpt", "shakespeare-rnn", "tuned", "ids")


@pytest.fixture(scope="module")
def tiny_gpt():
    # Without an end token, which a model that has learnt nothing would write anywhere.
    tokenizer = kgen.tokenizers.CharacterTokenizer.train([TEXT], end_token=None)
    return kgen.models.GPT(tokenizer, context_length=16, num_layers=2, num_heads=2, model_dim=16, seed=1)


@pytest.fixture(scope="module")
def tiny_chat():
    tokenizer = kgen.models.GPT.new_tokenizer(["meow moo"])
    marks = kgen.prompts.chat_template(tokenizer)
    sizes = {"context_length": 64, "num_layers": 1, "num_heads": 1, "model_dim": 8, "seed": 1}
    return kgen.models.GPT(tokenizer, chat_template=marks, **sizes)


@pytest.fixture(scope="module")
def shelf(tiny_gpt, tiny_chat, tmp_path_factory):
    """A folder with a GPT, an RNN, a GPT that chats and one that takes ids; no preset is shipped."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "gpt").mkdir()
    tiny_gpt.save(folder / "gpt" / "model.keras")
    rnn = kgen.models.RNNLanguageModel.for_data(TEXT, context_length=16, num_layers=1, units=16, seed=1)
    rnn.save(folder / "shakespeare-rnn.keras")
    ids = kgen.models.GPT(vocabulary_size=8, context_length=8, num_layers=1, num_heads=1, model_dim=8, seed=1)
    ids.save(folder / "ids.keras")
    tiny_chat.save(folder / "tuned.keras")
    (folder / "index.json").write_text(json.dumps({}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SHIPPED", folder / "presets")
        patch.setattr(registry, "INDEX", folder / "index.json")
        yield folder


@pytest.fixture(scope="module")
def page(shelf):
    page = app.build([shelf / f"{name}.keras" if name != "gpt" else shelf / name for name in NAMES], only="completion")
    app.serve(page, free_port(), "127.0.0.1", prevent_thread_lock=True)
    yield page
    page.close()


@pytest.fixture(scope="module")
def address(page):
    return page.local_url


def ask(client, api_name, **changes):
    return client.predict(**ANSWERS[api_name] | changes, api_name=api_name)


def bars(chart):
    return {one["label"]: one["confidence"] for one in chart["confidences"]}


def test_every_public_event_is_tested(client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {*ANSWERS}


@pytest.mark.every_backend
def test_text_grows_and_is_what_the_model_generates(client, tiny_gpt):
    job = client.submit(**ANSWERS["/complete_text"], seed=3, top_p=0.8, temperature=1.5, api_name="/complete_text")
    written, chart = job.result()
    how = kgen.decoding.TopP(0.8, temperature=1.5)
    assert written == "the cat" + tiny_gpt.generate("the cat", SEVERAL, how, seed=3)
    steps = [text for text, _ in job.outputs() if isinstance(text, str)]
    assert steps[0] == "the cat"
    assert len(set(steps)) >= 3
    assert all(later.startswith(sooner) for sooner, later in itertools.pairwise(steps))
    assert bars(chart) == pytest.approx(texts.shares(tiny_gpt.next_tokens(written, 10)))


@pytest.mark.parametrize(
    "sampler, settings, expected",
    [
        ("Greedy", {}, lambda d: d.Greedy()),
        ("Temperature", {"temperature": 0.7}, lambda d: d.Temperature(0.7)),
        ("Top-k", {"top_k": 3}, lambda d: d.TopK(3)),
        ("Min-p", {"min_p": 0.3}, lambda d: d.MinP(0.3)),
        ("Contrastive", {"candidates": 2, "alpha": 0.5}, lambda d: d.Contrastive(2, 0.5)),
        ("Greedy", {"repetition_penalty": 1.5}, lambda d: d.RepetitionPenalty(1.5, d.Greedy())),
    ],
)
def test_samplers_are_those_of_kgen(client, tiny_gpt, sampler, settings, expected):
    written, _ = ask(client, "/complete_text", sampler=sampler, max_new_tokens=8, seed=2, **settings)
    assert written == "the cat" + tiny_gpt.generate("the cat", 8, expected(kgen.decoding), seed=2)


def test_only_the_controls_of_a_sampler_are_shown(page):
    show = next(one.fn for one in page.fns.values() if one.api_name == "sampler_controls")
    used = {control for name in samplers.SAMPLERS for control in samplers.controls_of(name)}
    controls = [one for one in samplers.CONTROLS if one in used]
    for name, (class_name, arguments) in samplers.SAMPLERS.items():
        shown = [control for control, update in zip(controls, show(name), strict=True) if update["visible"]]
        assert sorted(shown) == sorted(samplers.controls_of(name))
        assert {*arguments.values()} <= {*shown}
        assert ("repetition_penalty" in shown) == issubclass(getattr(kgen.decoding, class_name), kgen.decoding.Greedy)
    at_start = [one.label for one in page.blocks.values() if isinstance(one, gradio.Slider) and one.visible]
    assert at_start == ["New tokens", "Temperature", "p", "Repetition penalty", "Layer", "Tokens", "Warmth"]


def test_next_tokens_are_probabilities(client, tiny_gpt):
    chart = bars(ask(client, "/next_tokens"))
    assert len(chart) == completion.BARS
    assert [*chart.values()] == sorted(chart.values(), reverse=True)
    assert 0 < sum(chart.values()) <= 1 + 1e-6
    assert [*chart.values()] == pytest.approx([p for _, p in tiny_gpt.next_tokens("the cat", 10)])


def test_tokens_that_look_alike_are_told_apart():
    assert texts.shares([(" a", 0.5), ("\n", 0.2), (" a", 0.1)]) == {"␣a": 0.5, "⏎": 0.2, "␣a (2)": 0.1}
    assert texts.shown("a\x07b") == "a·b"


def test_a_model_without_attention_completes(client):
    written, chart = ask(client, "/complete_text", model="shakespeare-rnn", max_new_tokens=8)
    assert written.startswith("the cat")
    assert len(bars(chart)) == completion.BARS
    with pytest.raises(
        AppError, match=r"shakespeare-rnn is a RNNLanguageModel, which cannot do this\. Try gpt, tuned\."
    ):
        ask(client, "/show_attention", model="shakespeare-rnn")


def test_a_text_ends_at_the_stop_string(client):
    whole, _ = ask(client, "/complete_text", sampler="Greedy")
    new = whole.removeprefix("the cat")
    stop = new[5:7]
    written, _ = ask(client, "/complete_text", sampler="Greedy", stop=stop.replace("\n", "\\n"))
    assert written == "the cat" + new[: new.index(stop)]


@pytest.mark.parametrize(
    "prompt", ["", "the cat sat on the mat. " * 160, "<img src=x onerror=alert(1)>\0\ud7ff日本 🎨"]
)
def test_any_prompt_comes_back_as_it_was(client, prompt):
    written, _ = ask(client, "/complete_text", prompt=prompt, max_new_tokens=4)
    assert written.startswith(prompt)


def test_what_people_wrote_is_never_html(page):
    """Text comes back in components that show text as text; an error, which gradio shows as HTML, never repeats it."""
    for endpoint in ("complete_text", "next_tokens", "show_attention"):
        outputs = next(one.outputs for one in page.fns.values() if one.api_name == endpoint)
        assert {type(one) for one in outputs} <= {gradio.Textbox, gradio.Label, gradio.Image}


@pytest.mark.parametrize("prompt, layer", [("the cat", 1), ("the mat\n" * 40, 2)])
def test_attention_is_a_picture(client, prompt, layer):
    picture = np.asarray(Image.open(ask(client, "/show_attention", prompt=prompt, layer=layer)))
    assert picture.ndim == 3
    assert min(picture.shape[:2]) >= 100
    assert picture[..., :3].std() > 0


def test_a_conversation_grows_and_is_what_the_model_says(client, tiny_chat):
    before = conversation("cow?", "moo")
    parts = [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in before]  # as a browser sends it
    settings = {"system": "Be short.", "temperature": 1.5, "seed": 3}
    shown, _ = ask(client, "/chat", conversation=parts, **settings)
    told = [{"role": "system", "content": "Be short."}, *before, {"role": "user", "content": "cat?"}]
    answer = tiny_chat.chat(told, 8, kgen.decoding.TopP(0.9, 1.5), seed=3, truncate=True)
    assert completion_chat.said(shown) == [*told[1:], {"role": "assistant", "content": answer or "(says nothing)"}]


@pytest.mark.parametrize("sent", ["hi", [{"role": "system", "content": "x"}], [{"role": "user"}], ["x"]])
def test_what_is_no_conversation_is_a_sentence(sent):
    with pytest.raises(gradio.Error, match="Conversation: expected"):
        completion_chat.said(sent)


WHICH = f"There is no such model here. There are: {MODELS}."


@pytest.mark.parametrize(
    "api_name, change, sentence",
    [
        ("/complete_text", {"model": None}, WHICH),
        ("/complete_text", {"model": ["gpt"]}, WHICH),
        ("/complete_text", {"model": "<b>x</b>"}, WHICH),
        ("/complete_text", {"prompt": None}, "Prompt: expected text of at most 4,000 characters."),
        ("/complete_text", {"prompt": "x" * 4001}, "Prompt: expected text of at most 4,000 characters, not 4,001."),
        ("/complete_text", {"max_new_tokens": 1001}, "New tokens: expected a whole number from 1 to 1000."),
        ("/complete_text", {"max_new_tokens": 0}, "New tokens: expected a whole number from 1 to 1000."),
        ("/complete_text", {"seed": -1}, f"Seed: expected a whole number from 0 to {MAX_SEED}."),
        ("/complete_text", {"stop": "x" * 101}, "Stop at: expected text of at most 100 characters, not 101."),
        (
            "/complete_text",
            {"sampler": "<b>x</b>"},
            "Sampler: expected one of Greedy, Temperature, Top-k, Top-p, Min-p, Contrastive.",
        ),
        ("/complete_text", {"temperature": 0}, "Temperature: expected a number from 0.05 to 2.0."),
        ("/complete_text", {"top_p": "0.9"}, "p: expected a number from 0.05 to 1.0."),
        ("/complete_text", {"sampler": "Top-k", "top_k": 2.5}, "k: expected a whole number from 1 to 100."),
        (
            "/complete_text",
            {"sampler": "Contrastive", "candidates": 11},
            "Candidates: expected a whole number from 2 to 10.",
        ),
        ("/chat", {"model": "gpt"}, "gpt is a GPT, which cannot do this. Try tuned."),
        ("/chat", {"question": " "}, "You: write something first."),
        ("/chat", {"max_new_tokens": 301}, "Tokens: expected a whole number from 1 to 300."),
        ("/chat", {"temperature": 3}, "Warmth: expected a number from 0.05 to 2.0."),
        ("/next_tokens", {"prompt": 3}, "Prompt: expected text of at most 4,000 characters."),
        ("/show_attention", {"prompt": ""}, "Prompt: there is no token in it that could look at another."),
        ("/show_attention", {"layer": 3}, "Layer: expected a whole number from 1 to 2."),
    ],
)
def test_limits_hold_for_api_callers_and_errors_are_sentences(client, api_name, change, sentence):
    with pytest.raises(AppError) as refused:
        ask(client, api_name, **change)
    assert str(refused.value) == sentence


def test_settings_of_another_sampler_are_nobodys_business(client):
    assert ask(client, "/complete_text", sampler="Greedy", max_new_tokens=2, top_k=-1, alpha="x")[0]


def test_stop_stops(client, monkeypatch):
    pieces, generate = [], kgen.models.GPT.generate

    def slowly(*args, **options):
        for piece in generate(*args, **options):
            pieces.append(piece)
            time.sleep(0.1)
            yield piece

    monkeypatch.setattr(kgen.models.GPT, "generate", slowly)
    job = client.submit(**ANSWERS["/complete_text"] | {"max_new_tokens": 400}, api_name="/complete_text")
    while len(pieces) < 2:
        time.sleep(0.02)
    job.cancel()
    time.sleep(0.5)
    stopped = len(pieces)
    time.sleep(0.5)
    assert len(pieces) == stopped < 20
    assert ask(client, "/next_tokens")


def test_models_are_offered_by_what_they_have(shelf):
    studio = Studio([shelf / f"{name}.keras" if name != "gpt" else shelf / name for name in NAMES])
    assert ", ".join(studio.names(*completion.NEEDS)) == MODELS  # one that takes ids cannot go on with a text
    assert studio.names(*completion.NEEDS, "attention") == ["gpt", "tuned"]
    assert studio.names(*completion_chat.NEEDS) == ["tuned"]
    assert verbs_of("GPT")["generate"] == verbs_of("RNNLanguageModel")["generate"]


def test_what_is_known_before_a_model_is_loaded(shelf, page):
    studio = Studio([shelf / "gpt", shelf / "shakespeare-rnn.keras"])
    assert completion.about_model(studio.facts("gpt")) == "**GPT** · 2 layers · learnt from 16 characters at a time"
    assert [completion.kind_of(name) for name in ("shakespeare-gpt", "Python-GPT", "run")] == [
        "shakespeare",
        "python",
        "",
    ]
    change = next(one.fn for one in page.fns.values() if one.api_name == "about_language_model")
    about, prompt, *_, for_shakespeare, for_others, attention, chat = change("shakespeare-rnn", "The ")
    assert (about[:21], prompt) == ("**RNNLanguageModel** ", "ROMEO:")
    assert [one["visible"] for one in (for_shakespeare, for_others, attention, chat)] == [True, False, False, False]
    assert change("shakespeare-rnn", "my own words")[1] == gradio.skip()


def test_without_a_model_the_tab_says_how_to_get_one(shelf):
    with gradio.Blocks(analytics_enabled=False) as blocks:
        completion.build(Studio())
    assert [one.value for one in blocks.blocks.values() if isinstance(one, gradio.Markdown)] == [
        completion.EMPTY.strip()
    ]

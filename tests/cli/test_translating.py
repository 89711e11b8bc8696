"""The command line with a model that translates, and with files of lines for any model of text."""

import warnings

import keras
import numpy as np
import pytest

import kgen
from kgen import runs
from kgen.cli import words
from tests.cli.console import call


class Words:
    """A tokenizer of words."""

    def encode(self, text):
        return text.split()


class Shouter:
    """Stands in for a translation model: translates into capitals, and notes how it was asked."""

    tokenizer = Words()
    context_length = 6

    def __init__(self):
        self.asked = []

    def token_loop(self):
        raise NotImplementedError

    def generate(self, source, max_new_tokens=None, sampler=None, *, batch_size=32, seed=None, truncate=False):
        self.asked.append((source, max_new_tokens, sampler, seed, truncate))
        if not truncate and any(len(self.tokenizer.encode(text)) >= self.context_length for text in source):
            raise ValueError("source: too long; truncate=True or translate()")
        return [text.upper() for text in source]

    def translate(self, document, sampler=None, *, batch_size=32, seed=None):
        self.asked.append((document, sampler, seed))
        return f"<{document.upper()}>"

    def candidates(self, source, sampler=None, *, max_new_tokens=None, batch_size=32):
        return [(f"{source.upper()} {i}", -1.25 - 0.5 * i) for i in range(sampler.num_return)]


class Prompted:
    """Stands in for a language model."""

    def __init__(self):
        self.asked = []

    def token_loop(self):
        raise NotImplementedError

    def generate(self, prompt, max_new_tokens=100, sampler=None, *, seed=None, stream=False):
        self.asked.append((prompt, max_new_tokens, sampler, seed))
        return iter([" and", " so on"]) if stream else [" and\nso on" for _ in prompt]


@pytest.fixture
def shouter(monkeypatch):
    model = Shouter()
    monkeypatch.setattr(words, "load", lambda name: model)
    return model


@pytest.fixture
def prompted(monkeypatch):
    model = Prompted()
    monkeypatch.setattr(words, "load", lambda name: model)
    return model


def test_a_text_is_translated(shouter, capsys):
    assert call("generate", "mt", "--text", "a man sleeps", "--beam", 3, "--max-new-tokens", 9, "--seed", 4) == 0
    assert capsys.readouterr().out == "A MAN SLEEPS\n"
    (source, length, sampler, seed, _) = shouter.asked[0]
    assert (source, length, repr(sampler), seed) == (
        ["a man sleeps"],
        9,
        "Beam(width=3, length_penalty=1, num_return=1)",
        4,
    )


def test_what_is_not_asked_for_is_left_to_the_model(shouter):
    assert call("generate", "mt", "--text", "a") == 0
    assert shouter.asked == [(["a"], None, None, 1, False)]


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(shouter, monkeypatch, capsys):
    monkeypatch.setattr(shouter, "generate", lambda *args, **kwargs: warnings.warn("a\nb", stacklevel=1) or ["A"])
    assert call("generate", "mt", "--text", "a") == 0
    assert capsys.readouterr() == ("A\n", "kgen: a b\n")


def test_several_texts_have_seeds_of_their_own(shouter, tmp_path, capsys):
    assert call("generate", "mt", "--text", "a", "-n", 2, "--out", tmp_path / "out.txt") == 0
    assert (tmp_path / "out.txt").read_text() == "A\n---\nA\n"
    assert [asked[3] for asked in shouter.asked] == [1, 2]


@pytest.mark.parametrize("text", ["one two three four five six", "two\nlines"])
def test_a_document_is_translated_sentence_by_sentence(text, shouter, capsys):
    assert call("generate", "mt", "--text", text, "--sampler", "greedy") == 0
    assert capsys.readouterr().out == f"<{text.upper()}>\n"
    assert call("generate", "mt", "--text", "one two three four five six", "--set", "truncate=true") == 0
    assert capsys.readouterr().out == "ONE TWO THREE FOUR FIVE SIX\n"


def test_the_best_come_with_their_scores(shouter, tmp_path, capsys):
    assert call("generate", "mt", "--text", "a man", "--n-best", 2) == 0
    assert capsys.readouterr().out == "-1.2500\tA MAN 0\n-1.7500\tA MAN 1\n"
    out = ["--out", tmp_path / "best.tsv"]
    assert call("generate", "mt", "--text", "a", "--n-best", 3, "--sampler", "Beam(4, length_penalty=0.6)", *out) == 0
    assert (tmp_path / "best.tsv").read_text().count("\n") == 3


@pytest.fixture
def source(tmp_path):
    text = "a man sleeps\n\none two three four five six seven\r\nna\xefve\nb"
    (tmp_path / "in.txt").write_bytes(text.encode("latin-1"))
    return tmp_path / "in.txt"


def test_a_file_is_translated_line_by_line(shouter, source, tmp_path, capsys):
    out = tmp_path / "out.txt"
    assert call("generate", "mt", "--file", source, "--out", out, "--beam", 2) == 0
    assert out.read_text() == "A MAN SLEEPS\n\n<ONE TWO THREE FOUR FIVE SIX SEVEN>\nNA\ufffdVE\nB\n"
    told = capsys.readouterr()
    assert told.out == f"{out}: 5 lines\n"
    assert told.err == (
        f"kgen: {source}: 1 line is not UTF-8 (the first: line 4); what could not be read became \ufffd\n"
    )
    assert call("generate", "mt", "--file", source, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert call("generate", "mt", "--file", source, "--out", out, "--overwrite") == 0


def test_without_a_file_to_write_lines_go_to_the_screen(shouter, source, capsys):
    assert call("generate", "mt", "--file", source) == 0
    assert capsys.readouterr().out.splitlines()[::4] == ["A MAN SLEEPS", "B"]


def test_ctrl_c_leaves_what_resume_needs(shouter, tmp_path, capsys, monkeypatch):
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("".join(f"line {i}\n" for i in range(1000)))
    generate, left = shouter.generate, iter(range(20))

    def interrupted(*args, **kwargs):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return generate(*args, **kwargs)

    monkeypatch.setattr(shouter, "generate", interrupted)
    command = ["generate", "mt", "--file", source, "--out", out]
    assert call(*command) == 130
    told = capsys.readouterr().err
    assert f"stopped; {out}.part holds what is finished" in told and "--resume" in told
    assert not out.exists()
    monkeypatch.undo()
    monkeypatch.setattr(words, "load", lambda name: shouter)
    assert call(*command) == 2
    assert "out.txt.part is unfinished; go on with --resume" in capsys.readouterr().err
    assert call(*command, "--resume", "--beam", 2) == 2
    assert "sampler: None there, 'Beam(width=2" in capsys.readouterr().err
    shouter.asked.clear()
    assert call(*command, "--resume") == 0
    assert out.read_text() == source.read_text().upper()
    assert sum(len(asked[0]) for asked in shouter.asked) == 1000 - 512
    assert call(*command, "--resume") == 2
    assert "exists" in capsys.readouterr().err


def test_a_batch_is_drawn_with_a_seed_of_its_own(prompted, tmp_path):
    (tmp_path / "in.txt").write_text("a\nb\nc\na\n")
    command = ["generate", "lm", "--file", tmp_path / "in.txt", "--out", tmp_path / "out.txt", "--batch-size", 1]
    assert call(*command, "--max-new-tokens", 7, "--set", "sampler=x") == 2
    assert call(*command, "--max-new-tokens", 7) == 0
    assert (tmp_path / "out.txt").read_text().splitlines()[:2] == ["a and so on", "b and so on"]
    seeds = [asked[3] for asked in prompted.asked]
    assert len(set(seeds)) == 4
    assert call(*command, "--max-new-tokens", 7, "--seed", 2, "--overwrite") == 0
    assert not {asked[3] for asked in prompted.asked[4:]} & set(seeds)


def test_a_language_model_goes_on_with_a_text(prompted, capsys):
    assert call("generate", "lm", "--text", "up", "--beam", 2) == 0
    assert capsys.readouterr().out == "up and so on\n"
    assert prompted.asked[0][1] == 200 and repr(prompted.asked[0][2]).startswith("Beam(width=2")


@pytest.mark.parametrize(
    ("options", "finding"),
    [
        ([], "--text or --file: a Shouter needs something to translate"),
        (["--text", "a", "--file", "in.txt"], "--text and --file exclude each other"),
        (["--file", "in.txt", "-n", "2"], "-n and --file exclude each other"),
        (["--file", "in.txt", "--n-best", "2"], "--n-best and --file exclude each other"),
        (["--file", "nowhere.txt"], "nowhere.txt"),
        (["--file", "nowhere.txt", "--out", "out.txt"], "--file: no such file: nowhere.txt"),
        (["--file", "in.txt", "--resume"], "--resume: name the --out to go on with"),
        (["--file", "in.txt", "--out", "out.txt", "--resume"], "--resume: there is no unfinished out.txt.part"),
        (["--file", "in.txt", "--batch-size", "0"], "--batch-size"),
        (["--text", "a", "--resume"], "--resume goes on with an unfinished --out of a --file"),
        (["--text", "a", "--beam", "2", "--sampler", "greedy"], "--beam and --sampler exclude each other"),
        (["--text", "a", "--beam", "0"], "width: expected"),
        (["--text", "a", "--beam", "2", "--n-best", "3"], "--n-best: expected at most 2, the width of the beam, got 3"),
        (["--text", "a\nb", "--n-best", "3"], "--n-best: expected one sentence in --text, got several lines"),
        (["--text", "a", "--sampler", "greedy", "--n-best", "3"], "--n-best: only a beam finds candidates"),
        (["--text", "a", "--set", "seed=2"], "generate has no argument 'seed'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options, finding, shouter, source, monkeypatch, capsys):
    monkeypatch.chdir(source.parent)
    assert call("generate", "mt", *options) == 2
    told = capsys.readouterr().err
    assert finding in told and told.count("\n") == 1
    assert [path.name for path in source.parent.iterdir()] == ["in.txt"]


def test_only_translations_have_a_list_of_the_best(prompted, capsys):
    assert call("generate", "lm", "--text", "a", "--n-best", "2") == 2
    assert "--n-best: a Prompted has no list of candidates" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--text", "--file", "--sampler", "--beam", "--n-best"])
def test_a_model_of_images_has_no_text(option, source, monkeypatch, capsys):
    class Painter:
        def generate(self, n=16, *, seed=None):
            raise NotImplementedError

    monkeypatch.setattr(words, "load", lambda name: Painter())
    assert call("generate", "vae", option, source if option == "--file" else 1) == 2
    assert f"{option}: a Painter generates images" in capsys.readouterr().err


# Training ------------------------------------------------------------------------------------------------------------


def test_a_model_is_built_for_all_parts_of_its_data(monkeypatch):
    class Translator:
        @classmethod
        def for_data(cls, sources, targets, **arguments):
            cls.got = sources, targets, arguments
            return cls()

        def compile(self, optimizer=None):
            pass

    config = {"seed": 3, "arguments": {"cell": "gru"}, "learning_rate": None}
    runs._build(Translator, config, (["a"], ["b"]), start=None)
    assert Translator.got == (["a"], ["b"], {"seed": 3, "cell": "gru"})


def test_a_learning_rate_is_that_of_the_optimizer_or_the_peak_of_its_schedule():
    schedule = kgen.training.InverseSquareRoot(1.0, warmup_steps=7)
    changed = runs._with_rate(keras.optimizers.Adam(schedule, beta_2=0.9, global_clipnorm=1.0), 0.5)
    assert (changed.beta_2, changed.global_clipnorm) == (0.9, 1.0)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(changed.learning_rate), 0.5 / 7, rtol=1e-6)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(runs._with_rate(keras.optimizers.Adam(0.1), 0.5).learning_rate), 0.5
    )


def test_what_was_held_out_is_what_fit_held_out():
    parts = [list(range(10)), list("abcdefghij")]
    assert runs.held_out({"validation_split": 0.25}, parts)[0] == [[7, 8, 9], ["h", "i", "j"]]
    assert runs.held_out({"validation_split": 0.0}, parts) == (parts, "which it was trained on")


# With a real model ---------------------------------------------------------------------------------------------------

SMALL = ["--set", "units=8", "--set", "vocabulary_size=280", "--set", "context_length=24"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with a tiny GRU of one epoch, trained on a table with two columns."""
    folder = tmp_path_factory.mktemp("translation")
    pairs = "".join(f"line {i} of it\tZeile {i} davon\n" for i in range(20))
    (folder / "pairs.tsv").write_text(pairs)
    words = ["--epochs", 1, "--validation-split", 0.2, "--set", "cell=gru", *SMALL]
    assert call("train", "seq2seq-rnn", "--data", folder / "pairs.tsv", "--out", folder / "run", *words) == 0
    return folder / "run"


@pytest.mark.every_backend
def test_a_run_folder_has_translations_for_samples(run):
    assert [path.name for path in (run / "samples").iterdir()] == ["epoch_0001.txt"]
    assert (run / "history.csv").read_text().startswith("epoch,loss,perplexity,val_loss,val_perplexity\n")
    assert kgen.load(run).cell == "gru"


def test_a_trained_model_translates_texts_and_files(run, tmp_path, capsys):
    options = ["--beam", 2, "--max-new-tokens", 8]
    assert call("generate", run, "--text", "line 3 of it", *options) == 0
    translation = capsys.readouterr().out
    assert call("generate", run, "--text", "line 3 of it", "--n-best", 2, *options) == 0
    best = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert best[0][1] == translation.rstrip("\n") and float(best[0][0]) >= float(best[1][0])
    (tmp_path / "in.txt").write_text(f"line 3 of it\n\n{'line 3 of it. ' * 20}\n")
    assert call("generate", run, "--file", tmp_path / "in.txt", "--out", tmp_path / "out.txt", *options) == 0
    written = (tmp_path / "out.txt").read_text().split("\n")
    assert written[:2] == [best[0][1], ""] and len(written) == 4 and written[2]


def test_evaluate_measures_translations_of_what_was_held_out(run, tmp_path, capsys):
    assert call("evaluate", run, "--beam", 2) == 0
    line = capsys.readouterr().out
    assert "pairs.tsv, the share that was held out | bleu" in line and "chrf" in line and "sentences 4" in line
    (tmp_path / "others.csv").write_text('"line 3, I say",Zeile 3\n')
    assert call("evaluate", run, "--data", tmp_path / "others.csv", "--sampler", "greedy") == 0
    assert "others.csv, all of it | bleu" in capsys.readouterr().out

"""The command line as a person meets it: what works, and what a mistake is answered with."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import kgen
from kgen import runs
from kgen.cli import words
from tests.cli.console import call

TINY = ["--set", "architecture=mlp", "--set", "hidden_dims=[16]", "--set", "latent_dim=4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with a tiny VAE of two epochs."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    assert call("train", "vae", "--data", "digits", "--epochs", "2", "--out", out, *TINY) == 0
    return out


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_run_folder_holds_model_configuration_history_and_pictures(run):
    assert {path.name for path in run.iterdir()} == {
        "model.keras",
        "config.json",
        "history.csv",
        "callbacks.json",
        "samples",
    }
    config = json.loads((run / "config.json").read_text())
    assert config["model"] == "VAE"
    assert config["resolved"]["latent_dim"] == 4
    assert [row.split(",")[0] for row in (run / "history.csv").read_text().splitlines()] == ["epoch", "1", "2"]
    assert sorted(path.name for path in (run / "samples").iterdir()) == ["epoch_0001.png", "epoch_0002.png"]


@pytest.mark.every_backend
def test_a_run_in_mixed_precision_stays_one(tmp_path, capsys):
    words = ("train", "vae", "--data", "digits", "--out", tmp_path / "run", *TINY)
    assert call(*words, "--epochs", 1, "--dtype", "mixed_bfloat16") == 0
    assert call(*words, "--epochs", 2, "--dtype", "mixed_bfloat16", "--resume") == 0
    model = kgen.load(tmp_path / "run")
    assert (model.compute_dtype, model.variable_dtype, model.epochs_trained) == ("bfloat16", "float32", 2)
    assert keras.config.dtype_policy().name == "float32"
    assert call(*words, "--epochs", 3, "--resume") == 2
    assert "dtype: 'mixed_bfloat16' there, None now" in capsys.readouterr().err


def test_stock_keras_loads_the_model(run):
    model = keras.saving.load_model(run / "model.keras")
    np.testing.assert_array_equal(model.generate(3, seed=1), kgen.load(run).generate(3, seed=1))


def test_generate_writes_a_picture_and_never_over_another(run, tmp_path, capsys):
    out = tmp_path / "grid.png"
    assert call("generate", run, "-n", 4, "--out", out, "--set", "temperature=0.5") == 0
    assert min(pixels(out).shape[:2]) > 100
    before = out.read_bytes()
    assert call("generate", run, "-n", 5, "--out", out) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert call("generate", run, "-n", 5, "--out", out, "--overwrite") == 0


@pytest.mark.every_backend
def test_the_same_seed_writes_the_same_picture(run, tmp_path):
    for name in ("a.png", "b.png"):
        assert call("generate", run, "--seed", 7, "--out", tmp_path / name) == 0
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))


def test_evaluate_prints_the_honest_figure_with_what_produced_it(run, capsys):
    assert call("evaluate", run, "--limit", 20, "--set", "num_samples=50", "--set", "verbose=0") == 0
    line = capsys.readouterr().out
    assert "VAE on digits, test split" in line
    assert "nll" in line and "parameters" in line and keras.version() in line
    assert call("evaluate", run, "--no-full") == 0
    assert "reconstruction" in capsys.readouterr().out


@pytest.mark.every_backend
def test_info_says_what_it_runs_on(capsys):
    assert call("info") == 0
    said = capsys.readouterr().out
    for fact in (kgen.__version__, keras.version(), keras.config.backend(), "cpu:0", "data sets digits, ", "adbench/…"):
        assert fact in said


def test_a_name_with_a_slash_is_a_data_set_and_a_path_is_a_path(tmp_path):
    config = {"data_dir": str(tmp_path), "image_size": None, "arguments": {}}
    for data, reason in (("adbench/cardio", "cardio.npz with the arrays X and y"), ("images/cats", "--data: no such")):
        with pytest.raises(FileNotFoundError, match=reason):
            runs.load_data(kgen.models.VAE, {**config, "data": data}, "train")


@pytest.mark.every_backend
def test_resume_continues_where_it_stopped(run, tmp_path, capsys):
    out = tmp_path / "vae"
    assert call("train", "vae", "--epochs", 1, "--out", out, *TINY) == 0
    assert call("train", "vae", "--epochs", 2, "--out", out, "--resume", *TINY) == 0
    assert kgen.load(out).epochs_trained == 2
    assert (out / "history.csv").read_text().splitlines()[2].startswith("2,")


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (["train", "vea", "--out", "x"], ["'vea'", "did you mean 'vae'"]),
        (["train", "vae"], ["--out"]),
        (["train", "vae", "--out", "x", "--data", "digitz"], ["digitz", "digits"]),
        (["train", "vae", "--out", "x", "--data", "my/pictures"], ["--data: no such file or folder: my/pictures"]),
        (["train", "vae", "--out", "x", "--set", "latentdim=3"], ["'latentdim'", "did you mean 'latent_dim'"]),
        (["train", "vae", "--out", "x", "--dtype", "bfloat8"], ["--dtype", "mixed_bfloat16"]),
        (["train", "vae", "--out", "x", "--set", "latent_dim"], ["--set", "NAME=VALUE", "'latent_dim'"]),
        (["train", "vae", "--out", "x", "--set", "latent_dim=many"], ["latent_dim", "'many'"]),
        (["train", "vae", "--out", "x", "--set", "likelihood=poisson"], ["likelihood", "'bernoulli', 'gaussian'"]),
        (["train", "vae", "--out", "x", "--epochs", "0"], ["epochs", "got 0"]),
        (["train", "vae", "--out", "x", "--epochs", "ten"], ["--epochs", "integer"]),
        (["train", "vae", "--out", "x", "--patience", "3"], ["--validation-split"]),
        (["train", "vae", "--out", "x", "--resume", "--overwrite"], ["--resume", "--overwrite"]),
        (["train", "vae", "--out", "x", "--resume"], ["x/config.json", "no such file"]),
        (["train", "vae", "--out", "x", "--backend", "theano"], ["--backend", "tensorflow, jax, torch"]),
        (["generate", "no-such-model"], ["no-such-model", "no preset"]),
        (["generate", "missing.keras"], ["missing.keras", "no such file"]),
        (["evaluate", "no-such-model", "--data", "digits"], ["no-such-model"]),
        (["presets", "no-such-preset"], ["no-such-preset"]),
        (["fly"], ["fly"]),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words, reasons, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(*words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    for reason in reasons:
        assert reason in said
    assert not (tmp_path / "x" / "config.json").exists()


def test_an_existing_run_is_not_overwritten_by_accident(run, tmp_path, capsys):
    before = (run / "model.keras").read_bytes()
    assert call("train", "vae", "--out", run, *TINY) == 2
    assert "--resume" in capsys.readouterr().err
    assert (run / "model.keras").read_bytes() == before
    (tmp_path / "holiday.txt").write_text("mine")
    assert call("train", "vae", "--out", tmp_path, "--overwrite", *TINY) == 2
    assert (tmp_path / "holiday.txt").read_text() == "mine"


def test_resuming_another_run_is_refused(run, capsys):
    assert call("train", "vae", "--out", run, "--resume", "--epochs", 3, "--seed", 9, *TINY) == 2
    assert "seed: 1 there, 9 now" in capsys.readouterr().err


def test_a_damaged_model_file_is_refused_with_its_name(run, tmp_path, capsys):
    damaged = tmp_path / "model.keras"
    data = (run / "model.keras").read_bytes()
    damaged.write_bytes(data[: len(data) // 2])
    assert call("generate", damaged, "--out", tmp_path / "grid.png") == 2
    said = capsys.readouterr().err
    assert "model.keras" in said and "truncated" in said
    assert not (tmp_path / "grid.png").exists()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("VAE", "vae"),
        ("GPT", "gpt"),
        ("ViT", "vit"),
        ("TransformerSeq2Seq", "transformer-seq2seq"),
        ("Seq2SeqRNN", "seq2seq-rnn"),
        ("VAEDetector", "vae-detector"),
        ("RNNLanguageModel", "rnn-language-model"),
        ("DiffusionModel", "diffusion-model"),
    ],
)
def test_commands_are_class_names_in_kebab_case(name, command):
    assert words.command_name(name) == command


HELP = """
import sys
sys.argv = ["kgen", "--help"]
from kgen import cli
try:
    cli.main()
except SystemExit:
    print({"keras", "tensorflow", "jax", "torch", "gradio", "numpy"} & set(sys.modules))
"""


def test_help_loads_no_framework():
    said = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True).stdout
    assert said.endswith("set()\n"), said
    assert "train" in said


# Text ----------------------------------------------------------------------------------------------------------------

SMALL = ["--set", "num_layers=1", "--set", "num_heads=2", "--set", "model_dim=8", "--set", "context_length=16"]


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    """A run folder with a tiny GPT of one epoch, trained on a text file."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "words.txt").write_text("the cat sat on the mat. a dog ran to the house. " * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(folder / "home"))
        assert (
            call("train", "gpt", "--data", folder / "words.txt", "--epochs", "1", "--out", folder / "run", *SMALL) == 0
        )
    return folder / "run"


def test_a_run_of_text_has_text_for_samples(writer):
    assert [path.name for path in (writer / "samples").iterdir()] == ["epoch_0001.txt"]
    assert json.loads((writer / "config.json").read_text())["resolved"]["tokenizer"] == "CharacterTokenizer"


@pytest.mark.every_backend
def test_generate_goes_on_with_a_text(writer, capsys, tmp_path):
    words = ["generate", writer, "--text", "the cat", "--max-new-tokens", "12", "--sampler", "TopK(5, temperature=0.5)"]
    assert call(*words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("the cat")
    assert len(shown) <= len("the cat") + 12 + 1
    assert call(*words, "--out", tmp_path / "text.txt") == 0
    assert (tmp_path / "text.txt").read_text() == shown


def test_evaluate_says_nats_per_character(writer, capsys):
    assert call("evaluate", writer, "--data", "pydoc", "--limit", "1") == 0
    assert "nats_per_character" in capsys.readouterr().out
    assert call("evaluate", writer) == 0
    assert "words.txt, which it was trained on" in capsys.readouterr().out
    assert call("evaluate", writer, "--beam", 2) == 2
    assert "--beam: a GPT generates nothing in this evaluation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (["--sampler", "TopQ(0.9)"], "sampler: expected one of Greedy"),
        (["--sampler", "__import__('os')"], "sampler: expected one of Greedy"),
        (["--sampler", "TopP(0)"], "p: expected"),
        (["--text", "x" * 40], "truncate=True"),
    ],
)
def test_bad_words_for_text(writer, words, finding, capsys):
    assert call("generate", writer, *words) == 2
    assert finding in capsys.readouterr().err


def test_a_model_of_images_has_no_text(run, capsys):
    assert call("generate", run, "--text", "hello") == 2
    assert "--text: a VAE generates images" in capsys.readouterr().err

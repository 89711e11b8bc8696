"""Conversations on the command line: from the pretrained model to one that answers."""

import json

import kgen
from kgen.datasets.chats import conversation
from tests.cli.console import call

TINY = ["--set", "num_layers=1", "--set", "num_heads=1", "--set", "model_dim=8", "--set", "context_length=32"]


def test_a_model_is_pretrained_and_then_tuned(tmp_path, capsys):
    (tmp_path / "text.txt").write_text("a cat says meow, a dog says woof? " * 20)
    (tmp_path / "chats.jsonl").write_text(f"{json.dumps(conversation('cat?', 'meow'))}\n" * 8)
    text, chats, first, second = (tmp_path / name for name in ("text.txt", "chats.jsonl", "first", "second"))
    assert call("train", "gpt", "--data", text, "--epochs", 1, "--out", first, *TINY) == 0
    assert call("train", "gpt", "--data", chats, "--start", first, "--epochs", 1, "--out", second) == 0
    assert (second / "samples" / "epoch_0001.txt").read_text().startswith("> cat?\n")
    assert kgen.load(second).chat_template["user"] == "User:\n"
    assert call("evaluate", second) == 0
    assert "perplexity" in capsys.readouterr().out

    assert call("train", "gpt", "--data", chats, "--start", first, "--out", tmp_path / "third", *TINY) == 2
    assert "--set: what begins with" in capsys.readouterr().err
    assert call("train", "rnn-language-model", "--data", chats, "--start", first, "--out", tmp_path / "third") == 2
    assert "first holds a GPT, not a RNNLanguageModel" in capsys.readouterr().err

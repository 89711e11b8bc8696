"""Word embeddings on the command line: learned from a file, asked for neighbours."""

from tests.cli.console import call

SENTENCES = ["the king rules the land", "the queen rules the land", "a dog chased a cat", "a cat feared a dog"] * 20


def test_train_ask_and_evaluate(tmp_path, capsys):
    (tmp_path / "text.txt").write_text("\n".join(SENTENCES), encoding="utf-8")
    run = tmp_path / "run"
    words = ["--data", tmp_path / "text.txt", "--epochs", 2, "--set", "model_dim=4", "--out", run]
    assert call("train", "word-embeddings", *words) == 0
    assert "king" in (run / "samples" / "epoch_0002.txt").read_text(encoding="utf-8")
    capsys.readouterr()
    assert call("generate", run, "--text", "king", "-n", 3) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert call("generate", run, "--text", "king queen dog", "--out", tmp_path / "answers.txt") == 0
    assert (tmp_path / "answers.txt").read_text(encoding="utf-8").count("\n") == 7
    assert call("evaluate", run) == 0
    assert "WordEmbeddings on" in capsys.readouterr().out
    for wrong, reason in ((["--text", "a b"], "--text"), (["--text", "kong"], "'king'"), (["--beam", 3], "--beam")):
        assert call("generate", run, *wrong) == 2
        assert reason in capsys.readouterr().err

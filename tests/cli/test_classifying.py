"""What the command line does with a family that generates nothing."""

from tests.cli.console import call

TINY = ["--set", "patch_size=4", "--set", "num_layers=1", "--set", "model_dim=8", "--set", "num_heads=2"]


def test_a_classifier_is_trained_and_measured_but_generates_nothing(tmp_path, capsys):
    out = tmp_path / "run"
    assert call("train", "vit", "--data", "digits", "--epochs", 1, "--batch-size", 256, "--out", out, *TINY) == 0
    assert not (out / "samples").exists() and "samples" not in capsys.readouterr().out
    assert call("evaluate", out, "--limit", 50) == 0
    assert "accuracy" in capsys.readouterr().out
    assert call("generate", out) == 2
    assert "a ViT reads and generates nothing" in capsys.readouterr().err

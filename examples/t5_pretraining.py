# %% [markdown]
"""
# What pretraining saves: T5 learns two languages from text with gaps, then to translate, beside one that begins cold

    python examples/t5_pretraining.py --data FOLDER [--minutes 10] [--pairs 10000] [--epochs 12]
    python examples/t5_pretraining.py --quick                          some seconds, on dates that are made up

FOLDER holds Multi30k (see `help(kgen.datasets.translations.multi30k)`). Both languages of it, sentence by sentence and
without saying which belongs to which, are the text in which gaps are filled for `--minutes`. Then the first `--pairs`
pairs are learned by that model and by a new one of the same shape, and after each epoch both translate sentences of the
validation set. The figure is how many steps each needs for the BLEU that the cold one has in the end. `--out` is the
folder for the curves and the pretrained model.

Paper: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020.

**You will see** `bleu.png`: how soon each of both models translates well.
"""

# %%
import argparse
import time
from pathlib import Path

from matplotlib.figure import Figure

import kgen
from kgen.script import read_options

SIZES = {"num_layers": 2, "num_heads": 4, "model_dim": 128, "feedforward_dim": 256, "context_length": 64}
QUICK = {"num_layers": 1, "num_heads": 2, "model_dim": 32, "context_length": 32}


# %% [markdown]
# ## Cold and warm


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with Multi30k; else Keras downloads it")
    parser.add_argument("--minutes", type=float, default=10.0, help="of filling gaps")
    parser.add_argument("--pairs", type=int, default=10_000, help="to learn translation from")
    parser.add_argument("--epochs", type=int, default=12, help="of learning translation")
    parser.add_argument("--vocabulary", type=int, default=4000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--quick", action="store_true", help="a tiny model on made-up dates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("t5_pretraining"), help="folder for curves and model")
    options = read_options(parser)
    if options.quick:
        options.minutes, options.pairs, options.epochs, options.vocabulary = 0.05, 600, 3, 320
    started = time.time()
    (sources, targets), validation = (_read(split, options) for split in ("train", "validation"))
    texts = [*sources, *targets]

    sizes = QUICK if options.quick else SIZES
    model = kgen.models.T5.for_data(texts, vocabulary_size=options.vocabulary, seed=options.seed, **sizes)
    model.compile()
    before = model.evaluate([*validation[0], *validation[1]], full=True)
    clock = kgen.training.TimeBudget(options.minutes, decay=False)
    model.fit(texts, batch_size=options.batch_size, epochs=100_000, callbacks=[clock], verbose=2)
    after = model.evaluate([*validation[0], *validation[1]], full=True)
    print(f"gaps: perplexity {before['perplexity']:.0f} → {after['perplexity']:.1f}, {model.epochs_trained} epochs")
    for text in validation[0][:3]:
        words = text.split()
        gap = " ".join([*words[:2], "<extra_id_0>", *words[4:]]).replace(" <extra", "<extra")
        print(f"    {text}\n    {model.fill(gap, sampler=kgen.decoding.Greedy(), max_new_tokens=12)}")
    options.out.mkdir(parents=True, exist_ok=True)
    model.save(options.out / "pretrained.keras")

    curves = {}
    for name, weights in (("cold", None), ("pretrained", model.get_weights())):
        learner = kgen.models.T5.from_config(model.get_config())
        if weights:
            learner.set_weights(weights)
        learner.compile()
        evaluation = kgen.training.EvaluateSamples(
            *validation, limit=10 if options.quick else 200, samples=0, sampler=kgen.decoding.Greedy(), batch_size=50
        )
        fit = {"batch_size": options.batch_size, "epochs": options.epochs, "callbacks": [evaluation], "verbose": 2}
        history = learner.fit(sources[: options.pairs], targets[: options.pairs], **fit).history
        steps = int(learner.optimizer.iterations) // options.epochs
        curves[name] = [((i + 1) * steps, bleu) for i, bleu in enumerate(history["val_bleu"])]
        print(f"{name}: " + ", ".join(f"{step} steps {bleu:.1f}" for step, bleu in curves[name]))
    wanted = curves["cold"][-1][1]
    reached = {name: next((step for step, bleu in curve if bleu >= wanted), None) for name, curve in curves.items()}
    drawn(curves).savefig(options.out / "bleu.png")
    figures = {
        "BLEU, cold": wanted,
        "steps to it, cold": reached["cold"],
        "steps to it, pretrained": reached["pretrained"],
        "BLEU, pretrained": curves["pretrained"][-1][1],
        "perplexity of gaps": after["perplexity"],
        "minutes of pretraining": round(clock.spent / 60, 1),
    }
    what = "dates" if options.quick else f"{options.pairs} pairs of Multi30k en-de"
    kgen.metrics.report(f"T5 on {what}, validation, greedy", figures, model, options.seed, started)


# %% [markdown]
# ## The picture and the data


# %%
def drawn(curves):
    """BLEU over steps."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), marker="o", label=name)
    axes.set(xlabel="steps of learning translation", ylabel="BLEU")
    axes.legend()
    return figure


def _read(split, options):
    if options.quick:
        sources, targets = kgen.datasets.load("dates", split=split)
        return sources[: options.pairs], targets[: options.pairs]
    return kgen.datasets.load("multi30k", split=split, data_dir=options.data)


# %%
if __name__ == "__main__":
    main()

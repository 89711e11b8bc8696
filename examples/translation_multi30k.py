# %% [markdown]
"""
# Translation of picture captions, English to German: BLEU on test2016, for a Transformer and for recurrent models

    python examples/translation_multi30k.py --data FOLDER                       the Transformer, 40 minutes
    python examples/translation_multi30k.py --data FOLDER --model gru           GRU with additive attention
    python examples/translation_multi30k.py --data FOLDER --compare --minutes 10
    python examples/translation_multi30k.py --quick                             half a minute, on dates that are made up

`--model` is transformer, gru (additive attention), lstm (dot attention) or plain (GRU without attention); `--reverse`
translates German to English. `--compare` trains transformer, gru and plain for `--minutes` each, prints a table, and
draws how each falls off with the length of the sentence into `--out`.

FOLDER holds Multi30k (see `help(kgen.datasets.translations.multi30k)`); without --data Keras downloads it. The weights
of the last epochs are averaged. Stop it and start it again with the same --out: it goes on where its last epoch ended.

**You will see** translations beside references, BLEU and chrF, `attention.png`: which words the model looks at for each
word that it writes; and with `--compare` `lengths.png`.
"""

# %%
import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import kgen
from kgen.script import read_options

VOCABULARY = 8000
SIZES = {
    "transformer": {"num_layers": 4, "num_heads": 4, "model_dim": 128, "feedforward_dim": 256, "dropout": 0.1},
    "gru": {"cell": "gru", "attention": "additive", "units": 256, "dropout": 0.3, "label_smoothing": 0.1},
    "lstm": {"cell": "lstm", "attention": "dot", "units": 256, "dropout": 0.3, "label_smoothing": 0.1},
    "plain": {"cell": "gru", "attention": None, "units": 256, "dropout": 0.3, "label_smoothing": 0.1},
}
QUICK = {name: {"num_layers": 1, "model_dim": 64} if name == "transformer" else {"units": 64} for name in SIZES}
LENGTHS = (0, 9, 11, 13, 16, 100)  # words of a source: the groups of the plot


# %% [markdown]
# ## One model, or all beside each other


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with Multi30k; else Keras downloads it")
    parser.add_argument("--model", choices=SIZES, default="transformer")
    parser.add_argument("--compare", action="store_true", help="transformer, gru and plain at equal time")
    parser.add_argument("--reverse", action="store_true", help="German to English")
    parser.add_argument("--quick", action="store_true", help="tiny models on made-up dates")
    parser.add_argument("--minutes", type=float, default=40.0, help="of training, each model")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("translation_multi30k"), help="folder for models and pictures")
    options = read_options(parser)
    if options.quick:
        options.minutes = 0.05
    data = {split: _read(split, options) for split in ("train", "validation", "test")}

    names = ("transformer", "gru", "plain") if options.compare else (options.model,)
    results = {name: run(name, data, options) for name in names}
    if options.compare:
        print(*table(results), sep="\n")
        falling_off({name: groups for name, (_, groups) in results.items()}).savefig(options.out / "lengths.png")
        print(f"How each falls off with length: {options.out / 'lengths.png'}")


# %% [markdown]
# ## Training and measuring


# %%
def run(name, data, options):
    """(figures, BLEU of each group of lengths) of one model."""
    started, folder = time.time(), options.out / name
    folder.mkdir(parents=True, exist_ok=True)
    kind = kgen.models.TransformerSeq2Seq if name == "transformer" else kgen.models.Seq2SeqRNN
    clock = kgen.training.TimeBudget(options.minutes, decay=False, folder=folder, keep=5)
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        sizes = {**SIZES[name], **(QUICK[name] if options.quick else {})}
        model = kind.for_data(*data["train"], vocabulary_size=VOCABULARY, seed=options.seed, **sizes)
        model.compile()
    if not clock.is_up:
        model.fit(
            *data["train"],
            batch_size=options.batch_size,
            epochs=100_000,
            initial_epoch=model.epochs_trained,
            validation_data=data["validation"],
            callbacks=[clock],
            verbose=2,
        )
    epochs, minutes = model.epochs_trained, clock.spent / 60
    model = kgen.training.average_weights(clock.models)

    sources, references = data["test"]
    greedy = model.generate(sources, sampler=kgen.decoding.Greedy())
    written = model.generate(sources, sampler=kgen.decoding.Beam(5))
    figures = {
        "BLEU": kgen.metrics.bleu(written, references),
        "BLEU, lower case": kgen.metrics.bleu(written, references, lowercase=True),
        "BLEU, greedy": kgen.metrics.bleu(greedy, references),
        "chrF": kgen.metrics.chrf(written, references),
        "perplexity": float(kgen.metrics.perplexity(model.mean_nats(sources, references))),
        "epochs": epochs,
        "minutes of training": round(minutes, 1),
        "sentences/s of training": round(epochs * len(data["train"][0]) / (60 * minutes)),
    }
    what = "dates" if options.quick else f"Multi30k {'de-en' if options.reverse else 'en-de'} test2016"
    kgen.metrics.report(f"{name} on {what}, beam 5", figures, model, options.seed, started)
    for row in list(zip(sources, references, written, strict=True))[:3]:
        print(*(f"    {part}" for part in row), "", sep="\n")
    if getattr(model, "attention_kind", "") is not None:
        picture(model, sources[0], folder / "attention.png")
    return figures, by_length(sources, references, written)


# %% [markdown]
# ## Who looks at what


# %%
def picture(model, source, path):
    """The attention of the last layer, the mean of its heads, to one sentence."""
    scores = model.attention(source)[-1].mean(axis=0)
    sources, targets = model.attention_tokens(source)
    kgen.plots.attention_map(scores, sources, targets).savefig(path)


# %% [markdown]
# ## How they fall off with length


# %%
def by_length(sources, references, written):
    """{mean number of words: BLEU} of the groups that have enough sentences."""
    lengths, groups = np.array([len(one.split()) for one in sources]), {}
    for low, high in itertools.pairwise(LENGTHS):
        rows = np.flatnonzero((lengths >= low) & (lengths < high))
        if len(rows) >= 20:
            bleu = kgen.metrics.bleu([written[i] for i in rows], [references[i] for i in rows])
            groups[float(lengths[rows].mean())] = bleu
    return groups


def table(results):
    """Lines of Markdown."""
    yield "| model | BLEU | greedy | chrF | perplexity | sentences/s of training | short to long sentences |"
    yield "|---|---|---|---|---|---|---|"
    for name, (figures, groups) in results.items():
        falling = " → ".join(f"{bleu:.1f}" for bleu in groups.values())
        yield (
            f"| {name} | {figures['BLEU']:.1f} | {figures['BLEU, greedy']:.1f} | {figures['chrF']:.1f} "
            f"| {figures['perplexity']:.2f} | {figures['sentences/s of training']} | {falling} |"
        )


def falling_off(results):
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, groups in results.items():
        axes.plot(list(groups), [float(bleu) for bleu in groups.values()], marker="o", label=name)
    axes.set_xlabel("words of the source")
    axes.set_ylabel("BLEU")
    axes.legend()
    return figure


# %% [markdown]
# ## The data


# %%
def _read(split, options):
    if options.quick:
        sources, targets = kgen.datasets.load("dates", split=split)
        rows = 2000 if split == "train" else 50
        sources, targets = sources[:rows], targets[:rows]
    else:
        sources, targets = kgen.datasets.load("multi30k", split=split, data_dir=options.data)
    return (targets, sources) if options.reverse else (sources, targets)


# %%
if __name__ == "__main__":
    main()

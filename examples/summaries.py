# %% [markdown]
"""
# Conversations in a sentence: T5 learns their language from gaps, then to sum them up

    python examples/summaries.py --data FOLDER          ten minutes: DialogSum
    python examples/summaries.py --quick                seconds, on conversations that are made up here

FOLDER holds the files of `kgen.datasets.load("dialogsum")`, at least its validation set, of which one in five is kept
for the test where there are no others. The figures are ROUGE-1, -2 and -L beside those of the first three turns, which
is what somebody would send who had not read on.

Papers: Chen et al., DialogSum, 2021; Raffel et al., Exploring the Limits of Transfer Learning with a Unified
Text-to-Text Transformer, 2020.

**You will see** ROUGE beside that of the first turns, and a few conversations with their summaries, true and written.
"""

# %%
import argparse
import itertools
import time
from pathlib import Path

import kgen
from kgen.script import read_options

SIZES = {"num_layers": 2, "num_heads": 4, "model_dim": 128, "feedforward_dim": 256, "context_length": 256}
QUICK = {"num_layers": 1, "num_heads": 2, "model_dim": 32, "context_length": 64}
TURNS = 3  # of the summary to beat


# %% [markdown]
# ## Gaps, then summaries


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with DialogSum")
    parser.add_argument("--minutes", type=float, default=3.0, help="of filling gaps")
    parser.add_argument("--epochs", type=int, default=12, help="of summing up")
    parser.add_argument("--vocabulary", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="a tiny model on made-up conversations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("summaries"), help="folder for the model and its summaries")
    options = read_options(parser)
    started, sizes = time.time(), QUICK if options.quick else SIZES
    if options.quick:
        options.minutes, options.epochs, options.vocabulary = 0.03, 2, 400
    train, test = made_up() if options.quick else read(options.data)

    texts = [*train[0], *train[1]]
    model = kgen.models.T5.for_data(texts, vocabulary_size=options.vocabulary, seed=options.seed, **sizes)
    sources, unseen = (shortened(model, part[0]) for part in (train, test))
    model.compile()
    clock = kgen.training.TimeBudget(options.minutes, decay=False)
    model.fit(texts, epochs=100_000, batch_size=16, callbacks=[clock], verbose=2)
    model.compile()
    model.fit(sources, shortened(model, train[1]), epochs=options.epochs, batch_size=16, verbose=2)

    options_of_writing = {"sampler": kgen.decoding.Beam(4), "batch_size": 25, "truncate": True}
    written = model.generate(unseen, max_new_tokens=64, **options_of_writing)
    figures = {
        f"{name}, {whose}": score
        for whose, summaries in (("T5", written), (f"first {TURNS} turns", list(map(first_turns, test[0]))))
        for name, score in kgen.metrics.rouge(summaries, test[1]).items()
    }
    options.out.mkdir(parents=True, exist_ok=True)
    model.save(options.out / "model.keras")
    rows = zip(test[0], test[1], written, strict=True)
    together = "\n\n".join(f"{dialogue}\n= {summary}\n≈ {own}" for dialogue, summary, own in rows)
    (options.out / "summaries.txt").write_text(together, encoding="utf-8")
    for summary, own in itertools.islice(zip(test[1], written, strict=True), 3):
        print(f"= {summary}\n≈ {own}")
    what = f"{len(train[0])} conversations, {options.minutes:g} minutes of gaps, {options.epochs} epochs"
    kgen.metrics.report(f"T5 sums up, {what}", figures, model, options.seed, started)


# %% [markdown]
# ## Conversations


# %%
def read(folder):
    """(conversations, summaries) to learn from and to be tested on."""
    try:
        return tuple(kgen.datasets.load("dialogsum", split, folder) for split in ("train", "test"))
    except FileNotFoundError:
        pairs = kgen.datasets.load("dialogsum", "validation", folder)
        rows = list(zip(*pairs, strict=True))
        parts = [row for i, row in enumerate(rows) if i % 5], rows[::5]
        return tuple(tuple(map(list, zip(*part, strict=True))) for part in parts)


def shortened(model, texts):
    """Each text up to what fits into the model."""
    return [model.tokenizer.decode(row[: model.context_length - 1]) for row in model.tokenizer.encode(texts)]


def first_turns(dialogue):
    return " ".join(dialogue.split("\n")[:TURNS])


def made_up():
    """Small talk about things, and what it came to."""
    things, prices = ("lamp", "chair", "clock", "bell", "rug"), ("two", "five", "nine")
    dialogues = [
        (
            f"#Person1#: Good morning.\n#Person2#: What can I do for you?\n#Person1#: I need a {thing}.\n"
            f"#Person2#: It is {price}.",
            f"#Person1# buys a {thing} for {price}.",
        )
        for thing in things
        for price in prices
    ]
    sources, targets = map(list, zip(*dialogues, strict=True))
    return (sources[:12] * 4, targets[:12] * 4), (sources[12:], targets[12:])


# %%
if __name__ == "__main__":
    main()

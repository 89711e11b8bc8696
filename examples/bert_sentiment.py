# %% [markdown]
"""
# Does reading first help? BERT learns the language of film reviews from gaps, then whether a review is good or bad

    python examples/bert_sentiment.py --data FOLDER                 ten minutes: snippets of film reviews
    python examples/bert_sentiment.py --data FOLDER --minutes 30    a longer look at the gaps
    python examples/bert_sentiment.py --data FOLDER --bert FOLDER   a published BERT, such as MiniLM, learns to judge
    python examples/bert_sentiment.py --quick                       seconds, on sentences that are made up here

FOLDER holds the files of `kgen.datasets.load("sentiment")`. Both classifiers have the same size, see the same labels
for as many epochs. One begins with random weights, the other with those that guessed hidden words of the same texts,
without labels, and of English prose from Python's own documentation. `--bert` takes an encoder in the format of Hugging
Face in place of both; it has read far more than this, see `kgen.interop.load`.

**You will see** what BERT writes into gaps such as `the acting is [MASK] .`, and the accuracy of both classifiers.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen.script import read_options

ENCODER = {"num_layers": 2, "model_dim": 128, "num_heads": 4, "context_length": 64, "segments": 0, "dropout": 0.1}
QUICK = {"num_layers": 1, "model_dim": 16, "num_heads": 2, "context_length": 32, "segments": 0}
NAMES = ["negative", "positive"]
PROSE = 300_000  # characters of prose beside the reviews
EPOCHS = 4  # of each classifier
GUESSES = ("this is a [MASK] film .", "the acting is [MASK] .")


# %% [markdown]
# ## With and without reading first


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the reviews")
    parser.add_argument("--bert", type=Path, help="folder of a published encoder")
    parser.add_argument("--minutes", type=float, default=6.0, help="of reading without labels, earlier runs included")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of each classifier")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="tiny models, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("bert_sentiment"), help="folder; a stopped run goes on there")
    options = read_options(parser)
    started = time.time()
    shape, vocabulary = ENCODER, 8192
    if options.quick:
        shape, vocabulary, options.minutes, options.epochs = QUICK, 100, 0.05, 2
        train = test = made_up()
        unlabelled = train[0]
    else:
        train, test = (kgen.datasets.load("sentiment", split, options.data) for split in ("train", "test"))
        unlabelled = [*train[0], *paragraphs(PROSE)]

    if options.bert:
        encoder = kgen.interop.load(options.bert)
        figures = {"accuracy": accuracy(encoder, train, test, options)}
        experiment = f"{options.bert.name} on reviews, {options.epochs} epochs with labels"
        kgen.metrics.report(experiment, figures, encoder, options.seed, started)
        return

    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = kgen.tokenizers.WordPieceTokenizer.train(unlabelled, vocabulary, progress=False)

    def encoder():
        return kgen.models.BERT(tokenizer=tokenizer, norm_position="pre", seed=options.seed, name="encoder", **shape)

    figures = {"accuracy without": accuracy(encoder(), train, test, options)}
    read = pretrained(encoder, unlabelled, options)
    found = read.evaluate(list(test[0]), full=True)
    figures |= {"gaps guessed": found["accuracy"], "nats a gap": found["nats_per_gap"]}
    for text in GUESSES:
        print(text, " ".join(word for word, _ in read.fill_mask(text, top=8)))
    figures["accuracy with"] = accuracy(read, train, test, options)
    experiment = f"BERT on reviews, {options.minutes:g} minutes of gaps, {options.epochs} epochs with labels"
    kgen.metrics.report(experiment, figures, read, options.seed, started)


# %% [markdown]
# ## Reading, then judging


# %%
def pretrained(encoder, texts, options):
    """An encoder that has guessed hidden words for some minutes."""
    clock = kgen.training.TimeBudget(options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        model = encoder()
        model.compile(keras.optimizers.AdamW(1.5e-3, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0))
    if not clock.is_up:
        fitting = {"epochs": 100_000, "initial_epoch": model.epochs_trained, "batch_size": 64}
        model.fit(texts, **fitting, callbacks=[clock], verbose=2)
    return model


def accuracy(encoder, train, test, options):
    """Of a classifier on this encoder, on the test texts."""
    model = kgen.models.TextClassifier(encoder, class_names=NAMES, dropout=0.3, label_smoothing=0.1, seed=options.seed)
    model.compile()
    model.fit(*train, epochs=options.epochs, batch_size=32, verbose=2)
    return model.evaluate(*test, full=True)["accuracy"]


# %% [markdown]
# ## The texts


# %%
def paragraphs(characters):
    """Paragraphs of the prose about Python that comes with it."""
    texts = "\n\n".join(kgen.datasets.load("pydoc")).split("\n\n")
    kept = [" ".join(text.split()) for text in texts if len(text) > 80]
    lengths = np.cumsum([len(text) for text in kept])
    return kept[: int(np.searchsorted(lengths, characters))]


def made_up():
    """Sentences with a word that tells all, and labels."""
    good, bad = ("fine", "great", "lovely"), ("poor", "awful", "dull")
    texts = [f"the {what} is {how} ." for what in ("film", "acting", "music", "end") for how in (*good, *bad)]
    return texts * 4, np.array(([1] * 3 + [0] * 3) * 4 * 4)


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# One word, two meanings: what a Transformer adds to a word embedding

    python examples/contextual_embeddings.py                          a minute, on sentences that are made up
    python examples/contextual_embeddings.py --checkpoint FOLDER      a BERT that others have trained
    python examples/contextual_embeddings.py --quick                  seconds

"She likes to run in the park", "the nurse has to run the new ward": a table of embeddings has one row for *run*,
whatever stands around it. In BERT each layer mixes the words of a sentence, so the further up, the more the vector of
*run* tells which run it is.

A small BERT guesses hidden words of sentences in which *run* is either what legs do or what managers do; nobody tells
it that there are two kinds. Then the sentences that it has not seen are sorted by the vector of *run* alone: into the
kind whose mean vector, of sentences that it has seen, is nearer. FOLDER holds a Hugging Face checkpoint
(`config.json`, `model.safetensors`, the tokenizer's files), read by `kgen.interop.load`.

Paper: Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, 2019.

**You will see** `runs.png`: the vectors of *run* after each layer, as points, coloured by meaning; how well the
meanings are told apart after each layer; and how alike two runs of the same and of different meaning are.
"""

# %%
import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

import kgen
from kgen.script import read_options

WORD = "run"
KINDS = ("with legs", "with responsibility")
# Before the word both kinds are alike, so that neither its place nor what it follows tells the meaning.
PEOPLE = ("the girl", "my brother", "a teacher", "the nurse", "our neighbour", "his friend", "the woman", "an old man")
BEGINNINGS = ("likes to", "wants to", "has to", "used to")
ENDS = (
    ("in the park", "to the bus", "along the river", "with the dog", "up the hill", "round the lake"),
    ("the whole company", "the small school", "the new ward", "a big shop", "the sales department", "the old project"),
)
BERT = {"num_layers": 2, "num_heads": 4, "model_dim": 64, "context_length": 24, "segments": 0, "dropout": 0.0}

# %% [markdown]
# ## Sentences


# %%
def sentences(seed):
    """((texts, kinds) to learn from, (texts, kinds) that are held out)."""
    found = []
    for kind, ends in enumerate(ENDS):
        parts = itertools.product(PEOPLE, BEGINNINGS, ends)
        found += [(f"{who} {begins} {WORD} {end}", kind) for who, begins, end in parts]
    order = np.random.default_rng(seed).permutation(len(found))
    texts, kinds = np.array([found[i][0] for i in order]), np.array([found[i][1] for i in order])
    return (list(texts[:300]), kinds[:300]), (list(texts[300:]), kinds[300:])


# %% [markdown]
# ## The vectors of a word


# %%
def vectors(model, texts):
    """What each layer makes of the word, float32 (layers + 1, texts, dim), the embeddings first."""
    found = []
    for text in texts:
        place = [one.strip(" Ġ▁") for one in model.tokens(text)].index(WORD)
        found.append(model.hidden_states(text)[:, place])
    return np.stack(found, axis=1)


def told_apart(seen, kinds, new, truth):
    """The share of new vectors that lie nearer to the mean of their own kind."""
    means = np.stack([seen[kinds == kind].mean(axis=0) for kind in (0, 1)])
    distances = np.linalg.norm(new[:, None] - means, axis=-1)
    return float(np.mean(distances.argmin(axis=1) == truth))


def likeness(found, kinds):
    """The mean cosine of two vectors of the same kind, and of different kinds, seen from the mean of all."""
    units = found - found.mean(axis=0)
    units /= np.linalg.norm(units, axis=-1, keepdims=True)
    cosines, same = units @ units.T, kinds[:, None] == kinds
    others = ~np.eye(len(kinds), dtype=bool)
    return float(cosines[same & others].mean()), float(cosines[~same].mean())


def picture(seen, kinds, new, truth):
    """The new vectors after each layer: along the way from one kind's mean to the other's, and across it."""
    figure = Figure(figsize=(2.9 * len(new), 3.2), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(new)))
    for number, (axes, known, found) in enumerate(zip(panels, seen, new, strict=True)):
        way = known[kinds == 1].mean(axis=0) - known[kinds == 0].mean(axis=0)
        way /= np.linalg.norm(way) + 1e-9
        centred = found - known.mean(axis=0)
        along = centred @ way
        across = PCA(1, random_state=0).fit_transform(centred - along[:, None] * way)[:, 0]
        for kind, name in enumerate(KINDS):
            axes.plot(along[truth == kind], across[truth == kind], ".", markersize=4, label=name)
        axes.set(xticks=[], yticks=[], title=f"after layer {number}" if number else "embedding and place")
    panels[-1].legend(frameon=False, fontsize=8)
    figure.suptitle(f"“{WORD}”, sentence by sentence")
    return figure


# %% [markdown]
# ## All of it


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="a Hugging Face folder of BERT; else a small one is trained")
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, few epochs")
    parser.add_argument("--out", type=Path, default=Path("contextual_embeddings"), help="folder for the picture")
    options = read_options(parser)
    started = time.time()
    (texts, kinds), (new, truth) = sentences(options.seed)
    shape = BERT
    if options.quick:
        options.epochs, shape, new, truth = 2, {**BERT, "num_layers": 1, "model_dim": 16}, new[:20], truth[:20]
    if options.checkpoint:
        model = kgen.interop.load(options.checkpoint)
    else:
        model = kgen.models.BERT.for_data(texts, hidden_share=0.25, norm_position="pre", seed=options.seed, **shape)
        model.compile()
        model.fit(texts, batch_size=64, epochs=options.epochs, verbose=0)

    seen, found = vectors(model, texts[:60]), vectors(model, new)
    figures = {}
    for number, (known, asked) in enumerate(zip(seen, found, strict=True)):
        figures[f"told apart after layer {number}"] = told_apart(known, kinds[:60], asked, truth)
    figures["cosine, same meaning"], figures["cosine, other meaning"] = likeness(found[-1], truth)
    kgen.metrics.report(f"“{WORD}” in {len(new)} sentences", figures, model, options.seed, started)
    options.out.mkdir(parents=True, exist_ok=True)
    picture(seen, kinds[:60], found, truth).savefig(options.out / "runs.png")


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# Greedy search and beam search: how one misses what the other finds

    python examples/beam_search.py                        seconds; writes pictures into beam_search/
    python examples/beam_search.py --sentence "Where is my umbrella?" --width 4

A model says how likely each next token is. Greedy search takes the likeliest one, again and again; but the likeliest
beginning need not be the beginning of the likeliest text. Here five letters follow each other with probabilities that
fit into a table. From A, greedy search prefers C to B and ends in ACMH. A beam of 2 keeps B too, and finds ABDC, which
is nearly three times as likely:

    p(A C M H) = 0.6 · 0.4 · 0.5 = 0.12        p(A B D C) = 0.4 · 0.9 · 0.9 = 0.324

`kgen.decoding` knows no family of models: it takes whatever can take a step. Here that is the table; then it is the
preset en-fr, which translates.

Paper: Sutskever et al., Sequence to Sequence Learning with Neural Networks, 2014, section 3.2.

**You will see** `letters.png` and `sentence.png`: the trees of both searches, the best text orange, the greedy path
blue; and the texts with their log-probabilities.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from keras import ops

import kgen
from kgen.decoding.loop import TokenLoop
from kgen.script import read_options

LETTERS = "ABCDMH"
FOLLOWS = {  # p(next | letter); what is missing is shared by the others
    "A": {"B": 0.4, "C": 0.6},
    "B": {"D": 0.9},
    "C": {"M": 0.4},
    "D": {"C": 0.9},
    "M": {"H": 0.5},
    "H": {},
}

# %% [markdown]
# ## A table that can take a step


# %%
def log_table():
    """log p(next | letter), float32 (6, 6)."""
    table = np.zeros((len(LETTERS), len(LETTERS)), "float32")
    for i, letter in enumerate(LETTERS):
        known = FOLLOWS[letter]
        others = [other for other in LETTERS if other not in known]
        rest = (1.0 - sum(known.values())) / len(others)
        table[i] = [known.get(other, rest) for other in LETTERS]
    return np.log(np.maximum(table, 1e-9))


def letters_loop():
    """What `kgen.decoding` wants of a model, for the table: all it knows is the last letter, so its cache is empty."""
    table = ops.convert_to_tensor(log_table())

    def step(ids, cache, index, padding):
        return ops.one_hot(ids, len(LETTERS), dtype="float32"), cache

    def readout(last):
        return ops.matmul(last, table)

    def make_cache(batch, length):
        return ops.zeros((batch, 1))

    return TokenLoop(step, readout, make_cache, variables=[])


# %% [markdown]
# ## Both searches


# %%
def letters(out):
    """Log-probabilities of what greedy search and a beam of 2 find, without the penalty for short texts."""
    loop, found = letters_loop(), {}
    for name, width in {"greedy": 1, "beam of 2": 2}.items():
        beam = kgen.decoding.Beam(width, length_penalty=0.0)
        [texts], [history] = beam.search(loop, [[0]], max_new_tokens=3, history=True)
        ids, found[f"log p, {name}"] = texts[0]
        print(f"{name:>10}: A{''.join(LETTERS[one] for one in ids)}   p = {np.exp(texts[0][1]):.3f}")
    kgen.plots.beam_tree(history, LETTERS, root="A").savefig(out / "letters.png")
    return found


def sentence(text, width, out):
    """A translation as a tree, and the scores of both searches: log-probabilities of a token."""
    model = kgen.models.TransformerSeq2Seq.from_preset("en-fr")
    history, label = model.beam_history(text, kgen.decoding.Beam(width))
    kgen.plots.beam_tree(history, label, root=text).savefig(out / "sentence.png")
    found = {}
    for name, sampler in {"greedy": kgen.decoding.Beam(1), f"beam of {width}": kgen.decoding.Beam(width)}.items():
        [(translation, score), *_] = model.candidates(text, sampler)
        print(f"{name:>10}: {translation}   {score:.3f} nats a token")
        found[f"score of the translation, {name}"] = score
    return model, found


# %% [markdown]
# ## All of it


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentence", default="How are you?", help="to translate")
    parser.add_argument("--width", type=int, default=3, help="of the beam that translates")
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn; every example has it")
    parser.add_argument("--quick", action="store_true", help="as every example has it; this one is quick anyway")
    parser.add_argument("--out", type=Path, default=Path("beam_search"), help="folder for the pictures")
    options = read_options(parser)
    started = time.time()
    options.out.mkdir(parents=True, exist_ok=True)
    figures = letters(options.out)
    model, found = sentence(options.sentence, options.width, options.out)
    kgen.metrics.report("Greedy search and beam search", {**figures, **found}, model, options.seed, started)


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# Self-attention, step by step: what a Transformer does with a sentence, as numbers that you can follow by hand

    python examples/self_attention.py                        writes self_attention.png
    python examples/self_attention.py --sentence "she said that she was late" --seed 3 --out she.png

Every step is computed twice: here with plain NumPy, one line a step, and by `kgen.layers.MultiHeadAttention` with the
same weights. Both agree to six digits, and the script stops if they do not. The weights are random, as in a model
before its training: the steps are those of a trained one, the choices of where to look are not.

    X = E + P                          words, and where they stand
    Q = X W_Q,  K = X W_K,  V = X W_V  what each word looks for, what it offers, what it tells
    S = Q Kᵀ / √d                      how well they fit
    A = softmax(S)                     shares of attention, which add up to 1
    H = A V                            what each word hears
    Y = [H₀ H₁] W_O                    both heads, mixed

Paper: Vaswani et al., Attention Is All You Need, 2017, section 3.2.

**You will see** `self_attention.png`: a page with every matrix of both heads, as coloured numbers.
"""

# %%
import argparse
import textwrap

import keras
import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import kgen
from kgen.script import read_options

MODEL_DIM = 8
HEADS = 2
HEAD_DIM = MODEL_DIM // HEADS


# %% [markdown]
# ## Self-attention in NumPy


# %%
def embeddings(words, rng):
    """A random vector for each different word: the same word gets the same vector. (length, MODEL_DIM)."""
    table = {word: rng.normal(size=MODEL_DIM) for word in dict.fromkeys(words)}
    return np.array([table[word] for word in words])


def positions(length):
    """Sines and cosines of the place, slow and fast ones, as in the paper. (length, MODEL_DIM)."""
    angles = np.arange(length)[:, None] / 10000.0 ** (np.arange(0, MODEL_DIM, 2) / MODEL_DIM)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, MODEL_DIM)


def random_weights(rng):
    """W_Q, W_K, W_V for each head, and W_O."""
    weights = {name: rng.normal(size=(HEADS, MODEL_DIM, HEAD_DIM)) / np.sqrt(HEAD_DIM) for name in ("Q", "K", "V")}
    return {**weights, "O": rng.normal(size=(MODEL_DIM, MODEL_DIM)) / np.sqrt(MODEL_DIM)}


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def one_head(x, weights, head, causal):
    """All that a head computes, by the letters of the formulas above."""
    q, k, v = (x @ weights[name][head] for name in "QKV")
    s = q @ k.T / np.sqrt(HEAD_DIM)
    m = np.triu(np.full_like(s, -np.inf), 1) if causal else np.zeros_like(s)
    a = softmax(s + m)
    return {"Q": q, "K": k, "V": v, "S": s, "M": m, "A": a, "H": a @ v}


def self_attention(x, weights, causal=False):
    """The heads one after the other, then their mixture: (length, MODEL_DIM) → the same."""
    heads = [one_head(x, weights, head, causal) for head in range(HEADS)]
    joined = np.concatenate([head["H"] for head in heads], axis=-1)
    return heads, joined, joined @ weights["O"]


# %% [markdown]
# ## The same by kgen


# %%
def layer_with(weights):
    """`MultiHeadAttention` with these weights: the columns of all queries, then of all keys, then of all values."""
    layer = kgen.layers.MultiHeadAttention(num_heads=HEADS, use_bias=False)
    layer.build((None, None, MODEL_DIM))
    columns = [weights[name][head] for name in "QKV" for head in range(HEADS)]
    layer.set_weights([np.concatenate(columns, axis=-1), weights["O"]])
    return layer


def compare(x, weights, causal, heads, output):
    """kgen's output, and the largest difference from NumPy's: in the shares of attention, in the output."""
    results = layer_with(weights)(x[None].astype("float32"), causal=causal, return_attention_scores=True)
    found, shares = (keras.ops.convert_to_numpy(result)[0] for result in results)
    in_shares = np.abs(shares - np.array([head["A"] for head in heads])).max()
    in_output = np.abs(found - output).max()
    assert max(in_shares, in_output) < 1e-5, f"NumPy and kgen differ by {in_shares:g} and {in_output:g}"
    return found, in_shares, in_output


# %% [markdown]
# ## The picture

# %%
COLUMNS, PITCH, SIDE = 6, 3.15, 2.3  # panels in a row; inches from one to the next, and of a map
HEADING, ABOVE, BELOW = 0.75, 0.8, 0.75  # inches for the title of a row; for what stands above a map, and below it
SIGNED = matplotlib.colormaps["RdBu"].with_extremes(bad="#dddddd")  # red below zero, blue above
SHARES = matplotlib.colormaps["YlGnBu"].with_extremes(bad="#dddddd")
INK = "#1d3557"

HOW_TO_READ = """How to read this page

A row of a map is a word. Red numbers
are negative, blue ones positive. Below
the name of each map stand its formula
and its shape: (rows, columns).

The weights W are random, as before a
training. Training changes them, and so
who looks at whom; the steps stay."""

WHY_CAUSAL = """Why hide the future?

A model that predicts the next word
must not see it. So −∞ is added to the
scores of later words; e to the power
of −∞ is 0, and no attention goes there.

The first word can only look at itself;
the last one is as free as before.
Queries, keys and values are the same."""

AGREEMENT = """The same by kgen

kgen.layers.MultiHeadAttention with these
weights differs from NumPy by at most

  {0[1]:.1e} in the shares,
  {0[2]:.1e} in the output;

and when it is called with causal=True by

  {1[1]:.1e} in the shares,
  {1[2]:.1e} in the output."""


class Poster:
    """Rows of panels from top to bottom, measured in inches."""

    def __init__(self, words, rows):
        self.words = [word if len(word) < 10 else f"{word[:8]}…" for word in words]
        self.labels = 0.085 * max(map(len, self.words))  # inches for a label that stands upright
        self.cell = min(SIDE / max(len(words), MODEL_DIM), 0.3)
        self.high = self.cell * len(words)
        self.width, self.top = COLUMNS * PITCH + 0.4, 0.9 + rows * (HEADING + ABOVE + self.high + self.labels + BELOW)
        self.figure = Figure(figsize=(self.width, self.top), dpi=90)
        self.height = self.top
        self.text(
            0.3, self.height - 0.3, f"Self-attention of “{' '.join(words)}”", fontsize=22, weight="bold", color=INK
        )
        self.top -= 0.75

    def text(self, left, top, text, va="top", parse_math=False, **style):
        self.figure.text(left / self.width, top / self.height, text, va=va, parse_math=parse_math, **style)

    def row(self, title):
        rule = Line2D(
            [0.3 / self.width, 1 - 0.3 / self.width], [self.top / self.height] * 2, color="#cccccc", linewidth=1
        )
        self.figure.add_artist(rule)
        self.text(0.3, self.top - 0.2, title, fontsize=15, weight="bold", color=INK)
        self.bottom = self.top - HEADING - ABOVE - self.high  # of its maps
        self.top = self.bottom - self.labels - BELOW
        self.column = 0

    def panel(self, values, name, formula, shapes, caption, colours=SIGNED, across=False):
        """A matrix as coloured numbers, a word a row; `across`: so is a column."""
        left, wide = self.column * PITCH + 0.75, self.cell * values.shape[1]
        self.column += 1
        above = self.bottom + self.high
        self.text(left, above + 0.78, name, fontsize=11.5, weight="bold")
        self.text(left, above + 0.36, formula, va="baseline", parse_math=True, fontsize=12)
        self.text(left, above + 0.23, shapes, fontsize=8.5, color="#777777")
        below = self.bottom - 0.12 - (self.labels if across else 0.0)
        self.text(left - 0.4, below, textwrap.fill(caption, 40), fontsize=9, linespacing=1.3)

        axes = self.figure.add_axes(
            (left / self.width, self.bottom / self.height, wide / self.width, self.high / self.height)
        )
        hidden = ~np.isfinite(values)
        lowest, highest, digits, nothing = (0.0, 1.0, 2, "0") if colours is SHARES else (-3.0, 3.0, 1, "−∞")
        size = min(7.5, 26 * self.cell)
        axes.imshow(np.ma.masked_array(values, hidden), cmap=colours, vmin=lowest, vmax=highest, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            number = nothing if hidden[i, j] else f"{value:.{digits}f}".replace("-0.0", "0.0")
            dark = not hidden[i, j] and abs(value) > 0.6 * highest
            axes.text(j, i, number, ha="center", va="center", fontsize=size, color="white" if dark else "#222222")
        places = range(len(self.words))
        axes.set_xticks(
            places if across else [], self.words if across else [], rotation=90, fontsize=9, parse_math=False
        )
        axes.set_yticks(places, self.words, fontsize=9, parse_math=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    def note(self, text):
        """Words in the place of a panel."""
        self.text(
            self.column * PITCH + 0.4, self.bottom + self.high + 0.78, text, fontsize=10, linespacing=1.5, color=INK
        )
        self.column += 1


def draw(words, vectors, plain, causal):
    """The whole computation on one page; `plain` and `causal` are what `self_attention` and `compare` returned."""
    n, d, k = len(words), MODEL_DIM, HEAD_DIM
    poster = Poster(words, rows=6)
    again = next((word for word in words if words.count(word) > 1), None)

    poster.row("Words become vectors")
    caption = f"A row of {d} numbers for each word." + (f" “{again}” is there twice, with equal rows." if again else "")
    poster.panel(vectors, "embeddings", "$E$", f"({n}, {d})", caption)
    caption = "A row for each place, whatever word stands there: fast waves left, slow waves right."
    poster.panel(positions(n), "positions", r"$P$ = sines and cosines", f"({n}, {d})", caption)
    caption = f"Now the rows of “{again}” differ, for they stand in different places." if again else "What, and where."
    poster.panel(vectors + positions(n), "input", "$X = E + P$", f"({n}, {d})", caption)
    poster.note(HOW_TO_READ)

    for h, head in enumerate(plain["heads"]):
        poster.row(f"Head {h}" + (", with weights of its own, looks elsewhere" if h else " looks at all words at once"))
        for name, title, caption in (
            ("Q", "queries", "What each word looks for."),
            ("K", "keys", "What each word offers to those who look."),
            ("V", "values", "What each word tells those who look."),
        ):
            formula, shapes = f"${name}_{h} = X \\, W_{{{name}{h}}}$", f"({n}, {d}) · ({d}, {k}) → ({n}, {k})"
            poster.panel(head[name], title, formula, shapes, caption)
        formula, shapes = rf"$S_{h} = Q_{h} K_{h}^\top / \sqrt{{d}}$,  d = {k}", f"({n}, {k}) · ({k}, {n}) → ({n}, {n})"
        caption = "How well the query of a row fits the key of a column: their product."
        poster.panel(head["S"], "scores", formula, shapes, caption, across=True)
        formula, caption = rf"$A_{h} = \mathrm{{softmax}}(S_{h})$", f"Each row adds up to 1. {favourite(words, head)}"
        poster.panel(head["A"], "shares of attention", formula, f"({n}, {n})", caption, SHARES, across=True)
        caption = f"A mean of all values, weighted by the shares. {recipe(words, head)}"
        poster.panel(
            head["H"], "what is heard", f"$H_{h} = A_{h} V_{h}$", f"({n}, {n}) · ({n}, {k}) → ({n}, {k})", caption
        )

    poster.row("Both heads are joined and mixed")
    poster.panel(
        plain["joined"], "heads, side by side", "$H = [H_0 \\; H_1]$", f"({n}, {d})", "Left head 0, right head 1."
    )
    caption = "The shape is that of the input, so that layers can be stacked."
    poster.panel(plain["output"], "output", "$Y = H \\, W_O$", f"({n}, {d}) · ({d}, {d}) → ({n}, {d})", caption)
    caption = "The same numbers, from the layer that trains on all backends."
    poster.panel(plain["kgen"][0], "output of kgen's layer", "MultiHeadAttention(X)", f"({n}, {d})", caption)
    poster.note(AGREEMENT.format(plain["kgen"], causal["kgen"]))

    for h, head in enumerate(causal["heads"]):
        poster.row(f"Head {h}, causal: each word looks at itself and at earlier words")
        poster.panel(head["S"], "scores", f"$S_{h}$", f"({n}, {n})", "As above.", across=True)
        caption = "0 where a word may look, −∞ where the future is."
        poster.panel(head["M"], "mask", "$M$", f"({n}, {n})", caption, across=True)
        caption = "Whatever the score was, the future is out of reach."
        poster.panel(head["S"] + head["M"], "masked scores", f"$S_{h} + M$", f"({n}, {n})", caption, across=True)
        formula, caption = (
            rf"$A_{h} = \mathrm{{softmax}}(S_{h} + M)$",
            f"Each row still adds up to 1. {favourite(words, head)}",
        )
        shares = np.where(np.isfinite(head["M"]), head["A"], np.nan)
        poster.panel(shares, "shares of attention", formula, f"({n}, {n})", caption, SHARES, across=True)
        caption = f"The mean of the values so far. {recipe(words, head)}"
        poster.panel(
            head["H"], "what is heard", f"$H_{h} = A_{h} V_{h}$", f"({n}, {n}) · ({n}, {k}) → ({n}, {k})", caption
        )
        if h == 0:
            poster.note(WHY_CAUSAL)
    poster.panel(
        causal["output"], "causal output", "$Y = [H_0 \\; H_1] \\, W_O$", f"({n}, {d})", "Joined and mixed as above."
    )
    return poster.figure


def favourite(words, head):
    """Who looks hardest at whom, in a sentence."""
    query, key = np.unravel_index(np.argmax(head["A"][1:]), head["A"][1:].shape)  # the first word may have no choice
    return f"“{words[query + 1]}” looks most at “{words[key]}”."


def recipe(words, head):
    """How the last word's row comes about."""
    shares = head["A"][-1]
    largest = sorted(range(len(words)), key=lambda i: -shares[i])[:2]
    parts = " + ".join(f"{shares[i]:.2f}\N{NO-BREAK SPACE}“{words[i]}”" for i in largest)  # unbroken by textwrap
    return f"“{words[-1]}” hears {parts}" + (" + …" if len(words) > 2 else ".")


# %% [markdown]
# ## All of it


# %%
def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sentence", default="the cat sat on the mat", help="two to ten words")
    arguments.add_argument("--quick", action="store_true", help="as every example has it; this one is quick anyway")
    arguments.add_argument("--seed", type=int, default=1, help="of the embeddings and the weights")
    arguments.add_argument("--out", default="self_attention.png", help="picture to write")
    options = read_options(arguments)
    words = options.sentence.split()
    if not 2 <= len(words) <= 10:
        arguments.error(f"--sentence: expected two to ten words, for a page that can be read; got {len(words)}")

    rng = np.random.default_rng(options.seed)
    vectors, weights = embeddings(words, rng), random_weights(rng)
    x = vectors + positions(len(words))
    results = []
    for causal in (False, True):
        heads, joined, output = self_attention(x, weights, causal)
        comparison = compare(x, weights, causal, heads, output)
        results.append({"heads": heads, "joined": joined, "output": output, "kgen": comparison})
        print(f"{'causal' if causal else 'plain'} attention, shares of both heads:")
        for word, *rows in zip(words, *(head["A"] for head in heads), strict=True):
            print(f"{word:>12}  ", "   ".join(" ".join(f"{share:.2f}" for share in row) for row in rows))
        print(
            f"NumPy and kgen differ by at most {comparison[1]:.1e} in the shares, {comparison[2]:.1e} in the output\n"
        )

    draw(words, vectors, *results).savefig(options.out)
    print(options.out)


# %%
if __name__ == "__main__":
    main()

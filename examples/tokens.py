# %% [markdown]
"""
# Tokens: how text becomes numbers, and what each way of cutting it costs

    python examples/tokens.py                        half a minute; writes pictures into tokens/
    python examples/tokens.py --sentence "Ὀδυσσεύς called; 42 messages were unread 🙂"
    python examples/tokens.py --data BOOK.txt        any text, or a folder of them

A model sees integers. Four ways to make them:

- bytes: 256 tokens, nothing is unknown, and texts are long
- characters: those of the training text; others become one token for "unknown"
- byte pairs: begin with bytes, and join the pair that is most frequent, until the vocabulary is full
- word pieces: whole words where they are frequent, else pieces that are marked as such (BERT's way)

A large vocabulary makes texts short, which is what attention pays for by the square; but each token is then seen less
often, and the table of embeddings grows. How short, the curve says.

Papers: Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016; Schuster and Nakajima,
Japanese and Korean Voice Search, 2012.

**You will see** `strips.png`: a sentence cut in four ways, and `curve.png`: characters a token over the size of the
vocabulary; and whether each brings the sentence back letter by letter.
"""

# %%
import argparse
import time
from pathlib import Path

from matplotlib import colormaps
from matplotlib.figure import Figure

import kgen
from kgen.plots.tokens import shown
from kgen.script import read_options

SENTENCE = "The tokenizer unbelievably returned 42 naïve objects 🙂"
SIZES = (300, 500, 1000, 2000, 4000, 8000)
TOKENIZERS = {
    "bytes": kgen.tokenizers.ByteTokenizer,
    "characters": kgen.tokenizers.CharacterTokenizer,
    "byte pairs": kgen.tokenizers.BytePairTokenizer,
    "word pieces": kgen.tokenizers.WordPieceTokenizer,
}

# %% [markdown]
# ## Training and measuring


# %%
def trained(name, texts, size):
    if name == "bytes":  # there is nothing to learn
        return TOKENIZERS[name]()
    if name == "characters":
        return TOKENIZERS[name].train(texts)
    return TOKENIZERS[name].train(texts, size, progress=False)


def characters_a_token(tokenizer, texts):
    return sum(map(len, texts)) / sum(map(len, tokenizer.encode(texts)))


def pieces(tokenizer, sentence):
    """(texts of the tokens, their ids)."""
    ids = [int(one) for one in tokenizer.encode(sentence)]
    marked = isinstance(tokenizer, kgen.tokenizers.WordPieceTokenizer)  # by ## where a piece continues a word
    return [tokenizer.token_of(one) if marked else tokenizer.decode([one], skip_special=False) for one in ids], ids


# %% [markdown]
# ## The pictures


# %%
def strips(sentence, cut):
    """The tokens of a sentence as coloured boxes, a row for each tokenizer; a long row goes on in the next line."""
    wide, rows, where = 13.0, 0, []
    for name, (texts, _) in cut.items():
        left = 0.0
        rows += 0.55
        where.append((0.0, rows, f"{name}: {len(texts)} tokens", None))
        rows += 1
        for i, text in enumerate(texts):
            width = 0.115 * len(shown(text)) + 0.1
            if left + width > wide:
                left, rows = 0.0, rows + 1
            where.append((left, rows, shown(text), (width, i)))
            left += width
        rows += 1
    figure = Figure(figsize=(wide, 0.3 * rows))
    axes = figure.add_axes((0.01, 0.0, 0.98, 1.0))
    axes.set(xlim=(0, wide), ylim=(rows, 0))
    axes.set_axis_off()
    colours = colormaps["Pastel1"].colors
    for left, row, text, box in where:
        if box is None:
            axes.text(left, row + 0.45, text, va="center", fontsize=10, weight="bold")
            continue
        width, i = box
        patch = {"color": colours[i % len(colours)], "linewidth": 0}
        axes.barh(row + 0.45, width - 0.03, left=left, height=0.8, **patch)
        axes.text(
            left + (width - 0.03) / 2,
            row + 0.45,
            text,
            ha="center",
            va="center",
            fontsize=9,
            family="monospace",
            parse_math=False,
        )
    return figure


def curve(lengths):
    """Characters a token over the size of the vocabulary."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, points in lengths.items():
        axes.plot(*zip(*points, strict=True), "o-", label=name, markersize=4)
    axes.set(xscale="log", xlabel="tokens in the vocabulary", ylabel="characters a token, held-out text")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


# %% [markdown]
# ## All of it


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a text file, or a folder of them; else the prose of Python's manual")
    parser.add_argument("--sentence", default=SENTENCE)
    parser.add_argument("--vocabulary", type=int, default=4000, help="of byte pairs and word pieces in the strips")
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn; every example has it")
    parser.add_argument("--quick", action="store_true", help="a part of the text, two sizes")
    parser.add_argument("--out", type=Path, default=Path("tokens"), help="folder for the pictures")
    options = read_options(parser)
    started = time.time()
    if options.data:
        texts = list(kgen.datasets.text_files(options.data, characters=1 << 12))
        train, test = [text for i, text in enumerate(texts) if i % 10], texts[::10]
    else:
        train, test = (kgen.datasets.load("pydoc", split) for split in ("train", "test"))
    sizes = SIZES
    if options.quick:
        train, sizes, options.vocabulary = train[:10], SIZES[:2], SIZES[1]

    figures, cut, lengths = {}, {}, {}
    for name in TOKENIZERS:
        tokenizer = trained(name, train, options.vocabulary)
        cut[name] = pieces(tokenizer, options.sentence)
        back = tokenizer.decode(cut[name][1])
        print(f"{name:>12}: {len(cut[name][0])} tokens, back as {back!r}")
        figures[f"{name}: characters a token"] = characters_a_token(tokenizer, test)
        figures[f"{name}: comes back as it was"] = back == options.sentence
        lengths[name] = [(tokenizer.vocabulary_size, figures[f"{name}: characters a token"])]
    for name in ("byte pairs", "word pieces"):
        found = [trained(name, train, size) for size in sizes]
        lengths[name] = [(one.vocabulary_size, characters_a_token(one, test)) for one in found]
    options.out.mkdir(parents=True, exist_ok=True)
    strips(options.sentence, cut).savefig(options.out / "strips.png", dpi=110)
    curve(lengths).savefig(options.out / "curve.png")
    kgen.metrics.report("Tokens of prose", figures, None, options.seed, started)


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# Words as points: what lies near to a word, what is to "woman" as "boy" is to "man", and a map

    python examples/word_embeddings.py --data FOLDER          Tatoeba and Multi30k
    python examples/word_embeddings.py --data FOLDER --epochs 12 --min-count 3 --preset OUT     Tatoeba, as a preset
    python examples/word_embeddings.py --data BOOK.txt        any text, or a folder of them
    python examples/word_embeddings.py                        the prose that comes with Python
    python examples/word_embeddings.py --quick                some seconds

Only those questions are asked whose words the text knows. `--out` is the folder for the map and the model.

Paper: Mikolov et al., Distributed Representations of Words and Phrases and their Compositionality, 2013.

**You will see** neighbours, answers to analogies, and `map.png`: words that differ in the same way run side by side.
"""

# %%
import argparse
import time
from pathlib import Path

import kgen
from kgen.script import read_options

NEAR = ("boy", "dog", "king", "red", "running", "paris", "string", "class", "raise", "number", "thou", "blood")
ANALOGIES = (  # a is to b as c is to …
    ("man", "boy", "woman"),
    ("man", "king", "woman"),
    ("father", "mother", "son"),
    ("dog", "dogs", "car"),
    ("good", "better", "big"),
    ("go", "went", "see"),
    ("walk", "walking", "sing"),
    ("france", "french", "germany"),
    ("function", "functions", "method"),
    ("returns", "returned", "raises"),
    ("string", "strings", "object"),
)
MAP = (
    "man woman, boy girl, father mother, brother sister, king queen, son daughter, he she, uncle aunt",
    "function functions, method methods, class classes, object objects, value values, string strings, name names",
)
SPARE = "red green blue yellow one two three four dog cat horse list tuple dict set int float str bytes"
CARD = """# {name}

{words:,} English words as points of {dim} numbers: `most_similar`, `analogy`, `project`.

- Model: `kgen.models.WordEmbeddings`, skip-gram with negative sampling.
- Data: the English sentences of the Tatoeba project (https://tatoeba.org) as exported by https://www.manythings.org/anki,
  by the authors of Tatoeba, licence CC BY 2.0 FR.
- Analogies: {analogies}.
- Figures: {line}
- Rebuild: `python examples/word_embeddings.py --data FOLDER --epochs {epochs} --min-count {min_count} --preset OUT`
"""


# %% [markdown]
# ## Training, questions, a map


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with Tatoeba and Multi30k, or text; else Python's own prose")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--min-count", type=int, default=5, help="words that are rarer are left out")
    parser.add_argument("--quick", action="store_true", help="a part of the text, few epochs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("word_embeddings"), help="folder for the map and the model")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    names = ("tatoeba_en_fr",) if options.preset else ("tatoeba_en_fr", "multi30k")  # whose licence lets it ship
    texts, held_out, what = corpus(options.data, names)
    if options.quick:
        texts, options.epochs, options.dim = texts[:20], 3, 32

    model = kgen.models.WordEmbeddings.for_data(
        texts, min_count=options.min_count, model_dim=options.dim, seed=options.seed
    )
    model.compile()
    model.fit(texts, epochs=options.epochs, verbose=2)

    for word in known(model, NEAR):
        print(f"{word:>10}: {', '.join(near for near, _ in model.most_similar(word, top=8))}")
    answers = {
        f"{b} - {a} + {c}": [word for word, _ in model.analogy(a, b, c, top=5)]
        for a, b, c in ANALOGIES
        if len(known(model, (a, b, c))) == 3
    }
    for asked, found in answers.items():
        print(f"{asked}: {', '.join(found)}")
    options.out.mkdir(parents=True, exist_ok=True)
    model.save(options.out / "model.keras")
    pairs = [pair for row in MAP for pair in (tuple(one.split()) for one in row.split(", "))]
    pairs = [pair for pair in pairs if len(known(model, pair)) == 2]
    words = list(dict.fromkeys([*(word for pair in pairs for word in pair), *known(model, SPARE.split())]))
    if len(words) > 1:
        kgen.plots.word_map(model, words, pairs, title=f"{len(words)} words of {what}").savefig(options.out / "map.png")
    figures = model.evaluate(held_out, full=True)
    figures = {"loss (nats a pair), held out": figures["loss"], "words known": len(model.vocabulary)}
    line = kgen.metrics.report(f"WordEmbeddings on {what}", figures, model, options.seed, started)
    if options.preset:
        card = CARD.format(
            name=options.preset.name,
            words=len(model.vocabulary),
            dim=options.dim,
            analogies="; ".join(f"{asked}: {', '.join(found[:3])}" for asked, found in answers.items()),
            line=line,
            epochs=options.epochs,
            min_count=options.min_count,
        )
        model.save_to_preset(options.preset, card)


# %% [markdown]
# ## The text


# %%
def corpus(path, names):
    """(texts to learn from, others, what they are)."""
    if path is None:
        return kgen.datasets.load("pydoc"), kgen.datasets.load("pydoc", split="test"), "Python's prose"
    try:
        parts = []
        for split in ("train", "test"):
            both = (kgen.datasets.load(name, split, path)[0] for name in names)
            parts.append(list(dict.fromkeys(sentence for sentences in both for sentence in sentences)))
        return *parts, "Tatoeba" if len(names) == 1 else "Tatoeba and Multi30k"
    except (FileNotFoundError, NotADirectoryError):
        texts = list(kgen.datasets.text_files(path, characters=1 << 12))
        return [text for i, text in enumerate(texts) if i % 20], texts[::20], path.name


def known(model, words):
    return [word for word in words if word in model.vocabulary]


# %%
if __name__ == "__main__":
    main()

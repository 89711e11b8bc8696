# %% [markdown]
"""
# A GPT of byte pairs on the Python of the standard library: perplexity beside a 5-gram model, and code that parses

    python examples/gpt_python.py                         an hour or two on two cores; nothing is downloaded
    python examples/gpt_python.py --quick                 half a minute, a tiny model
    python examples/gpt_python.py --out runs/python --preset kgen/presets/shipped/python-gpt

The test modules are held out by a hash of their names. A 5-gram model (Witten and Bell's interpolation) of the same
tokens sets the mark: who has learnt nothing but short phrases cannot do better. Then the model goes on with functions
that it has never seen, from their middle, for three lines: does Python read the result? Stop the script and start it
again with the same --out: it goes on where its last epoch ended.

**You will see** the perplexity of the GPT beside that of the 5-gram model, completions, and the share that Python can
read.
"""

# %%
import argparse
import ast
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen import backend
from kgen.script import read_options

SIZES = {
    "preset": {"context_length": 256, "num_layers": 4, "num_heads": 7, "model_dim": 224, "positions": "rotary"},
    "quick": {"context_length": 64, "num_layers": 1, "num_heads": 2, "model_dim": 32},
}
LINES = 3  # of each completion

CARD = """# python-gpt

Completes Python source code, a few lines at a time.

- Model: `kgen.models.GPT`, {layers} layers, {heads} heads, width {width}, context {context} tokens of a byte-pair
  vocabulary of {vocabulary}, {parameters:,} parameters.
- Data: the standard library of Python {python} without its tests, seven modules in eight. Licence: PSF.
- Figures on the modules held out: perplexity {perplexity:.2f} ({nats:.4f} nats per character) after {epochs} epochs, a
  3-gram model of the same tokens {trigram:.2f}, a 5-gram model {ngram:.2f}; {parsed:.0%} of {prompts} completions of
  three lines parse. Seed {seed}, {backend}.
- Rebuild: `python examples/gpt_python.py --epochs {epochs} --preset FOLDER`
- Limits: it has the form of Python, not its meaning. Never run what it writes.
"""


# %% [markdown]
# ## Training and measuring


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tiny model on a part of the library")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--vocabulary", type=int, default=3072)
    parser.add_argument("--prompts", type=int, default=200, help="functions to go on with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the model, to stop and go on")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    train, test = (kgen.datasets.load("stdlib_code", split=split) for split in ("train", "test"))
    if options.quick:
        train, test, options.epochs, options.prompts, options.vocabulary = train[:20], test[:4], 1, 8, 512

    checkpoint = options.out / "model.keras" if options.out else None
    if checkpoint and checkpoint.exists():
        model = kgen.load(checkpoint)
    else:
        tokenizer = kgen.tokenizers.BytePairTokenizer.train(train, vocabulary_size=options.vocabulary)
        size = SIZES["quick" if options.quick else "preset"]
        model = kgen.models.GPT(tokenizer=tokenizer, seed=options.seed, **size)
    ids = model.prepare(train)[0]
    if not model.compiled:
        steps = options.epochs * len(ids) // (options.batch_size * model.context_length)
        warm_up = min(100, steps // 10 + 1)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warm_up, warmup_target=options.learning_rate, warmup_steps=warm_up
        )
        model.compile(keras.optimizers.AdamW(rate, weight_decay=0.1, beta_2=0.99, global_clipnorm=1.0))
    callbacks = [keras.callbacks.ModelCheckpoint(checkpoint)] if checkpoint else []
    if model.epochs_trained < options.epochs:
        model.fit(
            ids,
            batch_size=options.batch_size,
            epochs=options.epochs,
            initial_epoch=model.epochs_trained,
            validation_data=test,
            callbacks=callbacks,
            verbose=2,
        )

    figures = model.evaluate(test, full=True)
    test_ids = model.prepare(test)[0]
    for n in (3, 5):
        nats = NGram(ids, n).nats(test_ids).mean()
        figures[f"perplexity of a {n}-gram model"] = float(kgen.metrics.perplexity(nats))
    prompts = halves_of_functions(test, options.prompts, options.seed)
    figures["functions to go on with"] = len(prompts)
    completions = model.generate(
        prompts, max_new_tokens=80, sampler=kgen.decoding.TopP(0.9, temperature=0.6), seed=options.seed, truncate=True
    )
    figures["completions that parse"] = float(
        np.mean([parses(prompt, text) for prompt, text in zip(prompts, completions, strict=True)])
    )
    kgen.metrics.report("GPT on Python, held-out modules", figures, model, options.seed, started)
    for prompt, completion in list(zip(prompts, completions, strict=True))[:3]:
        print(f"{'-' * 80}\n{prompt}»{complete_lines(completion)}")
    if options.preset:
        write_preset(model, figures, options)


# %% [markdown]
# ## A mark to beat


# %%
class NGram:
    """Interpolated n-grams: p(w | h) = (count(hw) + kinds(h) · p(w | shorter h)) / (count(h) + kinds(h)).

    `kinds(h)` is how many different tokens have followed h. Witten and Bell, 1991.
    """

    def __init__(self, ids, order):
        self.order = order
        self.size = int(ids.max()) + 1
        self.grams = [np.unique(self._keys(ids, n), return_counts=True) for n in range(1, order + 1)]

    def nats(self, ids):
        """-log p of each token but the first `order - 1`."""
        p = np.full(len(ids) - self.order + 1, 1.0 / self.size)
        for n in range(1, self.order + 1):
            keys, counts = self.grams[n - 1]
            seen = self._looked_up(keys, counts, self._keys(ids, n)[self.order - n :])
            heads, first = np.unique(keys // self._base, return_index=True)
            totals, kinds = np.add.reduceat(counts, first), np.diff(np.append(first, len(keys)))
            mine = self._keys(ids, n)[self.order - n :] // self._base
            total, kind = self._looked_up(heads, totals, mine), self._looked_up(heads, kinds, mine)
            p = np.where(total > 0, (seen + kind * p) / np.maximum(total + kind, 1), p)
        return -np.log(p)

    @property
    def _base(self):
        return np.uint64(4096)

    def _keys(self, ids, n):
        """Each run of n tokens as one number, the last token in its lowest digits."""
        ids = np.asarray(ids, "uint64")
        keys = np.zeros(len(ids) - n + 1, "uint64")
        for i in range(n):
            keys = keys * self._base + ids[i : len(ids) - n + 1 + i]
        return keys

    @staticmethod
    def _looked_up(keys, values, wanted):
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, values[at], 0)


# %% [markdown]
# ## Does Python read it?


# %%
def halves_of_functions(texts, count, seed):
    """Beginnings of functions at the top of modules: their first lines up to the middle, at least a line of body.

    They end before a line break: a break and the indentation behind it are one token, which the model must choose.
    """
    halves = []
    for text in texts:
        lines = text.splitlines(keepends=True)
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.body[0].lineno >= 4:
                middle = (node.body[0].end_lineno + node.end_lineno) // 2
                half = "".join(lines[node.lineno - 1 : middle]).removesuffix("\n")
                if parses(half, "\n"):
                    halves.append(half)
    order = np.random.default_rng(seed).permutation(len(halves))
    return [halves[i] for i in order[:count]]


def complete_lines(completion):
    """The rest of the prompt's line, and up to `LINES` lines that came to their end."""
    return "".join(line for line in completion.splitlines(keepends=True)[: LINES + 1] if line.endswith("\n"))


def parses(prompt, completion):
    """Whether the prompt and the completed lines are Python; a block that has just been opened may be empty."""
    text = prompt + complete_lines(completion)
    last = text.rstrip().rsplit("\n", 1)[-1]
    if last.rstrip().endswith(":"):
        text += " " * (len(last) - len(last.lstrip()) + 4) + "pass\n"
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


# %% [markdown]
# ## The preset


# %%
def write_preset(model, figures, options):
    import platform

    card = CARD.format(
        layers=model.num_layers,
        heads=model.num_heads,
        width=model.model_dim,
        context=model.context_length,
        vocabulary=model.num_tokens,
        parameters=model.count_params(),
        python=platform.python_version(),
        perplexity=figures["perplexity"],
        nats=figures["nats_per_character"],
        epochs=model.epochs_trained,
        trigram=figures["perplexity of a 3-gram model"],
        ngram=figures["perplexity of a 5-gram model"],
        parsed=figures["completions that parse"],
        prompts=figures["functions to go on with"],
        seed=options.seed,
        backend=backend.running(),
    )
    model.save_to_preset(options.preset, card)


# %%
if __name__ == "__main__":
    main()

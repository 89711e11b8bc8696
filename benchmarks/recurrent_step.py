"""How long a training step of a recurrent language model takes: kgen's layer beside Keras's and a plain PyTorch loop.

    python benchmarks/recurrent_step.py [--cell gru] [--vocabulary 8000] [--masked] [--jit] [--pairs 15]

Embedding, one recurrent layer, logits; forward, backward and Adam's update; the loss is kgen's for both models. The
three take turns, step by step, in one process; the ratio is the median over the rounds of (peer's time / kgen's time),
with the least and the largest: above 1, kgen is faster. Processor time says the same of a machine that has other things
to do. The first step, with what it compiles, is told apart. PyTorch's loop runs where torch is installed, whatever
Keras runs on.
"""

import argparse
import importlib.util
import statistics
import time

import keras
import numpy as np

import kgen
from kgen.functional.losses import token_cross_entropy


def keras_step(recurrent, options, ids, targets):
    """A function that takes one step of `fit` on a model around this layer."""
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(options.vocabulary, options.dim, mask_zero=options.masked)(inputs)
    x = recurrent(x)
    model = keras.Model(inputs, keras.layers.Dense(options.vocabulary)(x[0] if isinstance(x, list | tuple) else x))

    def loss(targets, logits):
        return token_cross_entropy(logits, lambda rows: rows, targets, options.vocabulary)[0]

    model.compile("adam", loss, jit_compile=options.jit or "auto")
    return lambda: float(model.train_on_batch(ids, targets))


def torch_step(options, ids, targets):
    """The same in PyTorch alone. It knows no mask: padding is read as well."""
    import torch

    embedding = torch.nn.Embedding(options.vocabulary, options.dim)
    recurrent = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[options.cell](options.dim, options.units, batch_first=True)
    readout = torch.nn.Linear(options.units, options.vocabulary)
    model = torch.nn.ModuleList([embedding, recurrent, readout])
    optimizer = torch.optim.Adam(model.parameters())
    ids, targets = torch.from_numpy(ids).long(), torch.from_numpy(targets).long()

    def step():
        logits = readout(recurrent(embedding(ids))[0])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="lstm", choices=("lstm", "gru"))
    for name, value in {"vocabulary": 8000, "dim": 256, "units": 512, "batch": 64, "length": 20}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--masked", action="store_true", help="rows of different lengths, padded on the right")
    parser.add_argument("--jit", action="store_true", help="ask for XLA, which Keras does by itself on JAX alone")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    keras.utils.set_random_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    ids = rng.integers(1, options.vocabulary, (options.batch, options.length)).astype("int32")
    targets = rng.integers(1, options.vocabulary, ids.shape).astype("int32")
    if options.masked:
        ids[np.arange(options.length) >= rng.integers(1, options.length + 1, (options.batch, 1))] = 0
    stock = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[options.cell]
    steps = {
        "kgen": keras_step(kgen.layers.Recurrent(options.units, options.cell), options, ids, targets),
        "keras": keras_step(stock(options.units, return_sequences=True), options, ids, targets),
    }
    if importlib.util.find_spec("torch"):
        steps["torch.nn"] = torch_step(options, ids, targets)

    def seconds(step):
        wall, processor = time.perf_counter(), time.process_time()
        step()
        return time.perf_counter() - wall, time.process_time() - processor

    first = {name: seconds(step)[0] for name, step in steps.items()}
    taken = {name: [] for name in steps}
    for _ in range(options.pairs):
        for name, step in steps.items():
            taken[name].append(seconds(step))
    figures = {f"{name} (ms)": 1000 * statistics.median(wall for wall, _ in taken[name]) for name in steps}
    for name in list(steps)[1:]:
        for clock, what in enumerate((f"{name} / kgen", f"{name} / kgen in processor time")):
            ratios = [peer[clock] / ours[clock] for peer, ours in zip(taken[name], taken["kgen"], strict=True)]
            figures[what] = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    figures |= {f"first step of {name} (s)": value for name, value in first.items() if name != "torch.nn"}
    facts = [options.cell, f"vocabulary {options.vocabulary}", *(["masked"] if options.masked else [])]
    kgen.metrics.report(f"recurrent step, {', '.join(facts)}", figures, seed=options.seed)


if __name__ == "__main__":
    main()

# %% [markdown]
"""
# What a network forgets: how much the past can still teach, and what each step costs

    python examples/vanishing_gradients.py                        a minute or two; writes pictures into a folder
    python examples/vanishing_gradients.py --length 200 --seed 3
    python examples/vanishing_gradients.py --quick                seconds

A recurrent network hands its state from step to step. What an early input can teach the last output is the gradient of
the one by the other, a product with one factor a step:

    ∂h_T / ∂x_t = ∂h_T / ∂h_{T-1} · … · ∂h_{t+1} / ∂h_t · ∂h_t / ∂x_t

Factors below 1 make it vanish, factors above 1 make it explode. The gates of LSTM and GRU keep factors near 1 (here the
forget gates are open, as after a training that needed memory); attention has one factor, whatever the distance. Its
price is the other picture: a recurrent step costs the same at any length, attention looks at all pairs. But it does so
for all places at once, where a recurrent network has to wait for the step before.

Papers: Bengio et al., Learning Long-Term Dependencies with Gradient Descent is Difficult, 1994; Hochreiter and
Schmidhuber, Long Short-Term Memory, 1997.

**You will see** `gradients.png`: the norm of the gradient over the distance; `time.png`: microseconds a token in a step
of training, over the length; and a table of both.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

import kgen
from kgen import backend
from kgen.script import read_options

UNITS = 32
LENGTHS = (16, 64, 256, 512)  # of the sequences that are timed
BATCH = 8

# %% [markdown]
# ## Five ways to read a sequence


# %%
def simple(gain, seed):
    """h_t = tanh(W x_t + U h_{t-1}), U a rotation times `gain`."""
    rotation = keras.initializers.Orthogonal(gain, seed=seed)
    return keras.layers.SimpleRNN(UNITS, return_sequences=True, recurrent_initializer=rotation, seed=seed)


class Gated(keras.layers.Layer):
    """An LSTM or a GRU of kgen that remembers: the gate that keeps the state is open."""

    def __init__(self, cell, seed):
        super().__init__()
        self.recurrent = kgen.layers.Recurrent(UNITS, cell=cell, seed=seed)
        self.kept = slice(UNITS, 2 * UNITS) if cell == "lstm" else slice(0, UNITS)  # its forget gate, or update gate

    def build(self, shape):
        self.recurrent.build(shape)
        [bias] = [one for one in self.recurrent.weights if one.name == "bias"]
        values = np.array(ops.convert_to_numpy(bias))
        values[..., self.kept] = 4.0
        bias.assign(values)

    def call(self, x):
        return self.recurrent(x)[0]


def readers(seed):
    keras.utils.set_random_seed(seed)
    return {
        "recurrent, gain 0.8": simple(0.8, seed),
        "recurrent, gain 1.6": simple(1.6, seed),
        "GRU": Gated("gru", seed),
        "LSTM": Gated("lstm", seed),
        "attention": kgen.layers.MultiHeadAttention(num_heads=4),
    }


# %% [markdown]
# ## What each distance can teach


# %%
def gradient_norms(layer, length, seed):
    """|∂(one number of the last output) / ∂x_t| for t = T, T - 1, …: float (length,), the mean over a batch."""
    rng = np.random.default_rng(seed)
    x = ops.convert_to_tensor(0.1 * rng.normal(size=(BATCH, length, UNITS)).astype("float32"))
    direction = ops.convert_to_tensor(rng.normal(size=UNITS).astype("float32") / UNITS**0.5)
    layer(x)  # builds it
    gradient = backend.input_gradient(lambda x: ops.matmul(layer(x)[:, -1], direction), x)
    gradient = ops.convert_to_numpy(ops.stop_gradient(gradient))
    return np.linalg.norm(gradient, axis=-1).mean(axis=0)[::-1]


def microseconds_a_token(layer, length, steps):
    """Of a step of training, the fastest of three measurements: whatever else runs here only adds to them."""
    model = keras.Sequential([keras.Input((length, UNITS)), layer])
    model.compile("sgd", "mse")
    x = np.zeros((BATCH * steps, length, UNITS), "float32")
    model.fit(x[: 2 * BATCH], x[: 2 * BATCH], batch_size=BATCH, verbose=0)  # compiles
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        model.fit(x, x, batch_size=BATCH, verbose=0)
        seconds.append(time.perf_counter() - started)
    return 1e6 * min(seconds) / (len(x) * length)


# %% [markdown]
# ## The pictures


# %%
def lines(series, title, x_label, y_label, **scales):
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, (x, y) in series.items():
        axes.plot(x, y, label=name, linestyle="--" if name.startswith("recurrent") else "-")
    axes.set(title=title, xlabel=x_label, ylabel=y_label, **scales)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


# %% [markdown]
# ## All of it


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=100, help="of the sequence whose gradients are shown")
    parser.add_argument("--steps", type=int, default=10, help="of training that are timed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="short sequences")
    parser.add_argument("--out", type=Path, default=Path("vanishing_gradients"), help="folder for the pictures")
    options = read_options(parser)
    started, lengths = time.time(), LENGTHS
    if options.quick:
        options.length, options.steps, lengths = 30, 1, (8, 16)
    norms = {name: gradient_norms(layer, options.length, options.seed) for name, layer in readers(options.seed).items()}
    times = {}
    for name in ("LSTM", "attention"):
        times[name] = [microseconds_a_token(readers(options.seed)[name], n, options.steps) for n in lengths]

    last = options.length - 1
    figures = {f"{name}: gradient at {last} / at 0": float(found[-1] / found[0]) for name, found in norms.items()}
    for name, found in times.items():
        figures |= {f"{name}: µs a token at {n}": float(one) for n, one in zip(lengths, found, strict=True)}
    kgen.metrics.report("Gradients over distance", figures, None, options.seed, started)
    options.out.mkdir(parents=True, exist_ok=True)
    distances = np.arange(options.length)
    series = {name: (distances, found) for name, found in norms.items()}
    title = "what an input can teach the last output"
    lines(series, title, "distance (steps)", "norm of the gradient", yscale="log").savefig(
        options.out / "gradients.png"
    )
    series = {name: (lengths, found) for name, found in times.items()}
    lines(series, "a step of training", "length", "µs a token", xscale="log", yscale="log").savefig(
        options.out / "time.png"
    )


# %%
if __name__ == "__main__":
    main()

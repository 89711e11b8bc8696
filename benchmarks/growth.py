"""How cost grows: the time to write a token with its context, and a training step with context, batch and width.

    KERAS_BACKEND=jax python benchmarks/growth.py [--quick] [--only "training, width"] [--out FOLDER]

One backend a run; --out writes a picture of each curve. The theory of a written token is the bytes it reads: all
weights, and the keys and values of every place of the context. That of a training step is its operations, a token's
being 6 · weights + 6 · layers · width · context, where it looks at half of the context on average. A curve that grows
by more than a quarter faster than its theory is named; see `curves.py`.
"""

import argparse
import functools
import time
from pathlib import Path

import curves
import numpy as np
import side_by_side

import kgen
from kgen import backend

# Writing: GPT 6 × 384 as in `decoding.py`, a text alone.
VOCABULARY = 8192
WRITER = {"num_layers": 6, "num_heads": 6, "model_dim": 384}
PIECE = 32  # tokens that are timed together
# Training: what grows, and what the others stay at meanwhile.
HEAD, CHARACTERS = 32, 65
MIDDLE = {"layers": 4, "context": 256, "batch": 4, "width": 256}
POINTS = {
    "writing": (128, 256, 512, 1024, 2048, 4096),
    "context": (128, 256, 512, 1024, 2048),
    "batch": (1, 2, 4, 8, 16, 32),
    "width": (64, 128, 256, 512, 1024),
}
REPETITIONS = 3  # of which the fastest counts

QUICK_WRITER = {"num_layers": 2, "num_heads": 2, "model_dim": 64}
QUICK_MIDDLE = {"layers": 1, "context": 32, "batch": 2, "width": 32}
QUICK_POINTS = {"writing": (128, 512), "context": (32, 128), "batch": (2, 8), "width": (32, 128)}


def writing(contexts, shape, seed):
    """Seconds to write a token at the end of each context, and the bytes that it reads."""
    model = kgen.models.GPT(vocabulary_size=VOCABULARY, context_length=max(contexts), **shape, seed=seed)
    weights = model.count_params() - model.position_layer.count_params()
    loop, rng = model.token_loop(), np.random.default_rng(seed)
    for context in contexts:
        prompt = rng.integers(0, VOCABULARY, context - 2 * PIECE).tolist()
        cache = 2 * shape["num_layers"] * shape["model_dim"] * context
        yield min(last_piece(loop, prompt) for _ in range(REPETITIONS)) / PIECE, 4 * (weights + cache)


def last_piece(loop, prompt):
    """Seconds that the second piece takes: the first one reads the prompt, and compiles."""
    pieces = loop.stream([prompt], 2 * PIECE, kgen.decoding.Greedy(), every=PIECE)
    next(pieces)
    started = time.perf_counter()
    next(pieces)
    return time.perf_counter() - started


def steps_along(name, values, middle, seed):
    """What `training` finds where one number grows and the others stay."""
    for value in values:
        yield training(**{**middle, name: value}, seed=seed)


@functools.cache  # the curves meet in the middle
def training(layers, context, batch, width, seed):
    """Seconds of a training step, and its operations."""
    shape = {"num_layers": layers, "num_heads": width // HEAD, "model_dim": width}
    model = kgen.models.GPT(vocabulary_size=CHARACTERS, context_length=context, **shape, seed=seed)
    model.compile()
    weights = model.count_params() - model.position_layer.count_params()
    seconds = step_seconds(model, context, batch, seed)
    return seconds, batch * context * (6 * weights + 6 * layers * width * context)


def step_seconds(model, context, batch, seed):
    ids = np.random.default_rng(seed).integers(0, CHARACTERS, (batch, context + 1)).astype("int32")

    def steps(count):
        started = time.perf_counter()
        for _ in range(count):
            model.train_on_batch(ids[:, :-1], ids[:, 1:])
        return (time.perf_counter() - started) / count

    steps(2)  # compiles
    count = int(np.clip(0.3 / steps(1), 1, 20))
    return min(steps(count) for _ in range(REPETITIONS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    parser.add_argument("--only", help="one of the curves: writing, or training, context / batch / width")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="small networks, few points: to try it, not to measure")
    arguments = parser.parse_args()
    started = time.time()
    writer, middle, points = (QUICK_WRITER, QUICK_MIDDLE, QUICK_POINTS) if arguments.quick else (WRITER, MIDDLE, POINTS)
    cases = {"writing": ("context", "a token", points["writing"], writing(points["writing"], writer, arguments.seed))}
    for name in ("context", "batch", "width"):
        measured = steps_along(name, points[name], middle, arguments.seed)
        cases[f"training, {name}"] = (name, "a training step", points[name], measured)
    if arguments.only and arguments.only not in cases:
        parser.error(f"--only: expected one of {', '.join(map(repr, cases))}, got {arguments.only!r}")

    verdicts = []
    for name, (x_name, thing, values, measured) in cases.items():
        if arguments.only in (None, name):
            seconds, work = zip(*measured, strict=True)
            curve = curves.Curve(f"{name}, {backend.running()}", values, seconds, work)
            print(f"{curve.name}:", "", *curves.table(curve, x_name, thing), "", sep="\n", flush=True)
            verdicts.append(curves.verdict(curve))
            if arguments.out:
                arguments.out.mkdir(parents=True, exist_ok=True)
                path = arguments.out / f"{name.replace(', ', '_')}_{backend.running()}.png"
                curves.figure([curve], x_name, thing, name).savefig(path, dpi=120)
    print(*verdicts, sep="\n")
    layers, dim, others = writer["num_layers"], writer["model_dim"], ", ".join(f"{k} {v}" for k, v in middle.items())
    print(f"Writing: GPT {layers} × {dim}, {VOCABULARY:,} tokens, batch 1, greedy, with a cache.")
    print(f"Training: GPT, {CHARACTERS} tokens, {others}, but for what grows.")
    print(f"float32, {side_by_side.facts(started, arguments.seed)}")


if __name__ == "__main__":
    main()

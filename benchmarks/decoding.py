"""How fast text is written: kgen beside KerasHub and transformers, on each backend, and beside what the machine can do.

    python benchmarks/decoding.py [--quick] [--pairs 5] [--only kgen:jax,transformers:torch]

Greedy decoding of GPT-2's shape and of a small one with random weights. Each figure comes from a process of its own.
The processes take turns, A B A B …, and ratios are taken within a turn, since a busy machine drifts by a third within
minutes; each turn measures the machine too. The wall is the speed at which all weights can be read once for a token.
Peers that are not installed are left out.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import numpy as np

from kgen.backend.device import processor

SHAPES = {  # vocabulary, context, layers, heads, dimension
    "GPT-2 small": (50257, 1024, 12, 12, 768),
    "6 × 384": (8192, 256, 6, 6, 384),
}
BATCHES = (1, 8)
PROMPT = 32
BACKENDS = ("tensorflow", "jax", "torch")
DTYPES = ("float32", "bfloat16", "int8")
MODULES = {"kgen": "kgen", "keras-hub": "keras_hub", "transformers": "transformers"}
REPETITIONS = 3  # within a process, of which the fastest counts


def generator_of(library, shape, dtype, seed):
    """A function `(ids (batch, prompt), new tokens)` that writes, and the number of weights a token reads."""
    vocabulary, context, layers, heads, dim = SHAPES[shape]
    rng = np.random.default_rng(seed)

    def small(weights):
        return [rng.standard_normal(weight.shape, dtype="float32") * np.float32(0.02) for weight in weights]

    if library == "kgen":
        import kgen

        model = kgen.models.GPT(
            vocabulary_size=vocabulary,
            context_length=context,
            num_layers=layers,
            num_heads=heads,
            model_dim=dim,
            activation="gelu_tanh",
            dtype="float32" if dtype == "int8" else dtype,
        )
        model.set_weights(small(model.weights))
        count = model.count_params()
        if dtype == "int8":
            model.quantize("int8")
        greedy = kgen.decoding.Greedy()
        return lambda ids, new: model.generate(ids.tolist(), max_new_tokens=new, sampler=greedy), count

    if library == "keras-hub":
        import keras_hub

        backbone = keras_hub.models.GPT2Backbone(vocabulary, layers, heads, dim, 4 * dim, 0.0, context)
        backbone.set_weights(small(backbone.weights))
        model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
        model.compile(sampler="greedy")

        def generate(ids, new):
            ids = np.pad(ids, ((0, 0), (0, new)))
            inputs = {"token_ids": ids, "padding_mask": np.arange(ids.shape[1])[None] < np.full((len(ids), 1), PROMPT)}
            return model.generate(inputs, stop_token_ids=None)

        return generate, backbone.count_params()

    import torch
    from transformers import GPT2Config
    from transformers import GPT2LMHeadModel

    torch.manual_seed(seed)
    sizes = {"vocab_size": vocabulary, "n_positions": context, "n_layer": layers, "n_head": heads, "n_embd": dim}
    config = GPT2Config(**sizes, bos_token_id=None, eos_token_id=None)
    model = GPT2LMHeadModel(config).eval()

    def generate(ids, new):
        ids = torch.from_numpy(ids).long()
        return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, do_sample=False)

    return generate, sum(weight.numel() for weight in model.parameters())


def work(library, shape, dtype, batches, new, seed):
    """Tokens a second for each batch size, in this process."""
    generate, count = generator_of(library, shape, dtype, seed)
    speeds = {}
    for batch in batches:
        ids = np.random.default_rng(seed).integers(0, SHAPES[shape][0], (batch, PROMPT)).astype("int32")
        generate(ids, new)  # compiles
        seconds = []
        for _ in range(REPETITIONS):
            started = time.perf_counter()
            generate(ids, new)
            seconds.append(time.perf_counter() - started)
        speeds[batch] = batch * new / min(seconds)
    return {"speeds": speeds, "weights": count}


def machine():
    """Bytes read and float32 operations done a second, by all cores, with NumPy."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [np.ones(1 << 25, "float32") for _ in range(cores)]  # 128 MiB each, more than any cache
    square = np.ones((2048, 2048), "float32")
    with ThreadPoolExecutor(cores) as pool:
        reading = _fastest(lambda: list(pool.map(np.sum, parts)))
    multiplying = _fastest(lambda: square @ square)
    return {"GB/s": 1e-9 * sum(part.nbytes for part in parts) / reading, "GFLOP/s": 1e-9 * 2 * 2048**3 / multiplying}


def _fastest(function, times=5):
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def ask(*words, backend=None):
    """What another process of this script finds out; None if it fails."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend:
        environment["KERAS_BACKEND"] = backend
    done = subprocess.run([sys.executable, __file__, *words], env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(words)}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def contestants(quick, only):
    """(library, backend, dtype) of all that take part, and the peers that are not here."""
    here = {name: importlib.util.find_spec(module) is not None for name, module in MODULES.items()}
    backends = [one for one in BACKENDS if importlib.util.find_spec(one)]
    found = [("kgen", backend, dtype) for dtype in DTYPES[: 1 if quick else None] for backend in backends]
    found += [("keras-hub", backend, "float32") for backend in backends if here["keras-hub"]]
    found += [("transformers", "torch", "float32")] if here["transformers"] and "torch" in backends else []
    if only:
        found = [one for one in found if any(":".join(one).startswith(word) for word in only.split(","))]
    return found, [name for name, there in here.items() if not there]


def table(shape, batch, turns, contestants):
    """Lines of Markdown: tokens a second, and how much faster than each peer on its backend kgen is."""
    yield f"| {shape}, batch {batch} | weights | tokens/s | spread | of the wall | × kgen's own float32 | × peer |"
    yield "|---|---|---|---|---|---|---|"

    def speed(turn, who):
        found = turn.get((shape, *who))
        return found["speeds"][str(batch)] if found else None

    def ratio(who, other):
        both = [(speed(turn, who), speed(turn, other)) for turn in turns]
        ratios = [a / b for a, b in both if a and b]
        return _spread(ratios) if ratios else "–"

    for who in contestants:
        library, backend, dtype = who
        speeds = [one for turn in turns if (one := speed(turn, who))]
        if not speeds:
            continue
        size = {"float32": 4, "bfloat16": 2, "int8": 1}[dtype]
        walls = [
            speed(turn, who) / batch * turn[(shape, *who)]["weights"] * size / (1e9 * turn["machine"]["GB/s"])
            for turn in turns
            if speed(turn, who)
        ]
        own, peers = "–", "–"
        if library == "kgen":
            own = ratio(who, ("kgen", backend, "float32")) if dtype != "float32" else "–"
            others = [one for one in contestants if one[0] == "transformers" or one[:2] == ("keras-hub", backend)]
            peers = ", ".join(f"{one[0]} {ratio(who, one)}" for one in others) or "–"
        yield (
            f"| {library}, {backend} | {dtype} | {statistics.median(speeds):,.0f} | "
            f"{min(speeds):,.0f} to {max(speeds):,.0f} | {statistics.median(walls):.0%} | {own} | {peers} |"
        )


def versions():
    for name in ("keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "keras-hub", "transformers"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield f"{name} {metadata.version(name)}"


def _spread(ratios):
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="turns in which each contestant runs once")
    parser.add_argument("--new", type=int, default=128, help="new tokens")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="of " + ", ".join(SHAPES))
    parser.add_argument("--only", help="library[:backend[:dtype]], several with commas")
    parser.add_argument("--quick", action="store_true", help="the small shape, float32, one turn, 64 new tokens")
    parser.add_argument("--work", nargs=3, metavar=("LIBRARY", "SHAPE", "DTYPE"), help=argparse.SUPPRESS)
    parser.add_argument("--machine", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return print(json.dumps(work(*arguments.work, BATCHES, arguments.new, arguments.seed)))
    if arguments.machine:
        return print(json.dumps(machine()))

    started = time.time()
    shapes = [name for name in arguments.shapes.split(",") if name in SHAPES]
    if arguments.quick:
        shapes, arguments.pairs, arguments.new = shapes[-1:], 1, 64
    found, missing = contestants(arguments.quick, arguments.only)
    turns = []
    for _ in range(arguments.pairs):
        turn = {"machine": ask("--machine")}
        for shape in shapes:
            for library, backend, dtype in found:
                words = ("--work", library, shape, dtype, "--new", str(arguments.new), "--seed", str(arguments.seed))
                turn[shape, library, backend, dtype] = ask(*words, backend=backend)
        turns.append(turn)
    for shape in shapes:
        for batch in BATCHES:
            print(*table(shape, batch, turns, found), "", sep="\n")
    print(f"Prompt {PROMPT}, {arguments.new} new tokens, greedy, random weights of seed {arguments.seed}.")
    for unit in ("GB/s", "GFLOP/s"):
        print(f"The machine, NumPy on all cores: {_spread([turn['machine'][unit] for turn in turns])} {unit}.")
    for name in missing:
        print(f"Left out, for it is not installed: {name}.")
    print(", ".join([*versions(), processor(), f"{os.cpu_count()} cores", f"{time.time() - started:.0f} s"]))


if __name__ == "__main__":
    main()

"""How fast text is written: kgen beside KerasHub and transformers, on each backend, and beside what the machine can do.

    python benchmarks/decoding.py [--quick] [--pairs 5] [--only kgen:jax,transformers:torch]

Greedy decoding of GPT-2's shape and of a small one with random weights. Each figure comes from a process of its own.
The processes take turns, A B A B …, and ratios are taken within a turn, since a busy machine drifts by a third within
minutes; each turn measures the machine too. The wall is the speed at which all weights can be read once for a token.
Peers that are not installed are left out.
"""

import argparse
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import side_by_side

SHAPES = {  # vocabulary, context, layers, heads, dimension
    "GPT-2 small": (50257, 1024, 12, 12, 768),
    "6 × 384": (8192, 256, 6, 6, 384),
}
BATCHES = (1, 8)
PROMPT = 32
DTYPES = ("float32", "bfloat16", "int8")
MODULES = {"kgen": "kgen", "keras-hub": "keras_hub", "transformers": "transformers"}
REPETITIONS = 1  # within a process, of which the fastest counts; turns are worth more


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
        speeds[batch] = batch * new / side_by_side.fastest(lambda ids=ids: generate(ids, new), REPETITIONS)
    return {"speeds": speeds, "weights": count}


def machine():
    """Bytes read and float32 operations done a second, by all cores, with NumPy."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [np.ones(1 << 25, "float32") for _ in range(cores)]  # 128 MiB each, more than any cache
    square = np.ones((2048, 2048), "float32")
    with ThreadPoolExecutor(cores) as pool:
        reading = side_by_side.fastest(lambda: list(pool.map(np.sum, parts)), 5)
    multiplying = side_by_side.fastest(lambda: square @ square, 5)
    return {"GB/s": 1e-9 * sum(part.nbytes for part in parts) / reading, "GFLOP/s": 1e-9 * 2 * 2048**3 / multiplying}


def contestants(quick, only):
    """(library, backend, dtype) of all that take part, and the peers that are not here."""
    here = {name: side_by_side.is_here(module) for name, module in MODULES.items()}
    backends = side_by_side.backends_here()
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

    def speed(found):
        return found["speeds"][str(batch)]

    def ratio(who, other):
        return side_by_side.spread(side_by_side.ratios(turns, speed, (shape, *who), (shape, *other)))

    for who in contestants:
        library, backend, dtype = who
        name, size = (shape, *who), {"float32": 4, "bfloat16": 2, "int8": 1}[dtype]
        there = [turn for turn in turns if turn.get(name)]
        if not there:
            continue
        speeds = [speed(turn[name]) for turn in there]
        walls = [
            speed(turn[name]) / batch * turn[name]["weights"] * size / (1e9 * turn["machine"]["GB/s"]) for turn in there
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
    words = {"machine": (None, ("--machine",))}
    for shape in shapes:
        for library, backend, dtype in found:
            options = ("--work", library, shape, dtype, "--new", arguments.new, "--seed", arguments.seed)
            words[shape, library, backend, dtype] = backend, options
    turns = side_by_side.in_turns(__file__, words, arguments.pairs, side_by_side.AS_IT_IS)
    for shape in shapes:
        for batch in BATCHES:
            print(*table(shape, batch, turns, found), "", sep="\n")
    print(f"Prompt {PROMPT}, {arguments.new} new tokens, greedy, random weights of seed {arguments.seed}.")
    for unit in ("GB/s", "GFLOP/s"):
        rates = side_by_side.spread([turn["machine"][unit] for turn in turns])
        print(f"The machine, NumPy on all cores: {rates} {unit}.")
    for name in missing:
        print(f"Left out, for it is not installed: {name}.")
    print(side_by_side.facts(started))


if __name__ == "__main__":
    main()

"""What bfloat16 saves: the time of a training step in mixed precision and in float32, on each backend.

    python benchmarks/mixed_precision.py [--pairs 3] [--steps 6] [--only torch:gpt,tensorflow:stylegan]

Each family trains through `fit`, once with `keras.config.set_dtype_policy("mixed_bfloat16")` and once without; weights
and losses are float32 in both. What is saved depends on the processor: some multiply bfloat16 several times as fast as
float32 (`lscpu` says amx_bf16), others have to widen each number first. Random data; a step of 32 images or texts.
"""

import argparse
import json
import time

import numpy as np
import side_by_side

BATCH = 32
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


# Each function returns (a model, what its `fit` takes), for so many examples.


def gpt(count, rng):
    import kgen

    size = {"num_layers": 6, "num_heads": 6, "model_dim": 384, "context_length": 128}
    model = kgen.models.GPT(vocabulary_size=256, seed=1, **size)
    return model, (rng.integers(0, 256, count * 128).astype("int32"),)


def vit(count, rng):
    import kgen

    images, labels = images_of(count, 32, rng), rng.integers(0, 10, count).astype("int32")
    model = kgen.models.ViT.for_data(images, labels, patch_size=4, num_layers=6, model_dim=192, num_heads=3, seed=1)
    return model, (images, labels)


def unet(count, rng):
    import kgen

    return kgen.models.DiffusionModel((32, 32, 3), widths=(32, 64, 128), seed=1), (images_of(count, 32, rng),)


def stylegan(count, rng):
    import kgen

    return kgen.models.StyleGAN((64, 64, 3), filters=(16, 32, 64, 96, 128), seed=1), (images_of(count, 64, rng),)


FAMILIES = {one.__name__: one for one in (gpt, vit, unet, stylegan)}


def images_of(count, side, rng):
    return rng.integers(0, 256, (count, side, side, 3), "uint8")


def work(family, policy, steps):
    """Milliseconds that a step takes."""
    import keras

    keras.config.set_dtype_policy(policy)
    model, data = FAMILIES[family](steps * BATCH, np.random.default_rng(1))
    model.compile()
    model.fit(*data, batch_size=BATCH, verbose=0)

    def step():
        model.fit(*data, batch_size=BATCH, verbose=0)

    return {"ms": 1000 * side_by_side.fastest(step, 2) / steps}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3, help="turns in which each contestant runs once")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--only", help="backend:family, separated by commas")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return print(json.dumps(work(*options.work, options.steps)))
    started = time.time()
    wanted = [(backend, family) for backend in side_by_side.backends_here() for family in FAMILIES]
    if options.only:
        wanted = [tuple(one.split(":")) for one in options.only.split(",")]
    print("| | float32, ms a step | bfloat16, ms a step | float32 / bfloat16 |", "|---|---|---|---|", sep="\n")
    for backend, family in wanted:
        contestants = {
            name: (backend, ("--work", family, policy, "--steps", options.steps)) for name, policy in POLICIES.items()
        }
        turns = side_by_side.in_turns(__file__, contestants, options.pairs)
        times = [
            side_by_side.spread([turn[name]["ms"] for turn in turns if turn[name]], ",.0f") for name in contestants
        ]
        ratio = side_by_side.spread(side_by_side.ratios(turns, lambda one: one["ms"], "float32", "bfloat16"))
        print(f"| {family}, {backend} | {' | '.join(times)} | {ratio} |", flush=True)
    print(side_by_side.facts(started, seed=1))


if __name__ == "__main__":
    main()

"""Images a second of a U-Net: kgen on each backend beside diffusers' UNet2DModel of the same shape on PyTorch.

    python benchmarks/sampling.py                a step of sampling: one call of the network, as a solver asks for it
    python benchmarks/sampling.py --training     a step of training: forwards, backwards, AdamW

A U-Net for 32 × 32 × 3 images in float32, random weights, batches of 16. diffusers runs as it comes and with its memory
in the order that suits a CPU (channels last). Each figure comes from a process of its own, in turns.
"""

import argparse
import json
import statistics
import time

import numpy as np
import side_by_side

WIDTHS, BLOCKS, BATCH, SIDE = (64, 128, 128), 2, 16, 32
PEERS = {"diffusers": False, "diffusers, channels last": True}


def kgen_step(training, steps, seed):
    """A function that makes so many steps, and the number of parameters."""
    import keras

    import kgen
    from kgen import backend

    model = kgen.models.DiffusionModel((SIDE, SIDE, 3), widths=WIDTHS, blocks=BLOCKS, ema_decay=0.0, seed=seed)
    images = np.random.default_rng(seed).integers(0, 256, (BATCH * steps, SIDE, SIDE, 3), "uint8")
    count = int(sum(np.prod(weight.shape) for weight in model.denoiser.weights))
    if training:
        model.compile()
        return lambda: model.fit(images, batch_size=BATCH, verbose=0), count
    step = backend.compiled(lambda x, t: model.denoiser(x, t, training=False), model.denoiser.variables)
    noise = np.random.default_rng(seed).normal(size=(BATCH, SIDE, SIDE, 3)).astype("float32")
    given = [keras.ops.convert_to_tensor(array) for array in (noise, np.full((BATCH,), 500, "int32"))]
    for _ in range(34):  # where steps are recorded, that happens after so many calls
        step(*given)
    return lambda: [keras.ops.convert_to_numpy(step(*given)) for _ in range(steps)], count


def diffusers_step(training, steps, seed, channels_last):
    import diffusers
    import torch

    torch.manual_seed(seed)
    network = diffusers.UNet2DModel(
        sample_size=SIDE,
        in_channels=3,
        out_channels=3,
        layers_per_block=BLOCKS,
        block_out_channels=WIDTHS,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=WIDTHS[-1] // 4,
    )
    images = torch.randn(BATCH, 3, SIDE, SIDE)
    if channels_last:
        network, images = network.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    times = torch.full((BATCH,), 500)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-4, fused=True)

    def step():
        if not training:
            with torch.no_grad():
                return network(images, times).sample
        optimizer.zero_grad()
        (network(images, times).sample - images).square().mean().backward()
        return optimizer.step()

    return lambda: [step() for _ in range(steps)], sum(parameter.numel() for parameter in network.parameters())


def work(name, training, steps, seed):
    """Images a second, parameters, in this process."""
    if name == "kgen":
        run, count = kgen_step(training, steps, seed)
    else:
        run, count = diffusers_step(training, steps, seed, PEERS[name])
    run()
    return {"speed": BATCH * steps / side_by_side.fastest(run, 2), "parameters": count}


def table(turns, found):
    """Lines of Markdown; the last column is how much faster kgen is than the peer at its best."""
    yield "| | parameters | images a second | kgen / diffusers at its best |"
    yield "|---|---|---|---|"
    for turn in turns:
        peers = [turn[name]["speed"] for name in PEERS if turn.get(name)]
        turn["best"] = {"speed": max(peers)} if peers else None
    for name in found:
        results = [turn[name] for turn in turns if turn[name]]
        if not results:
            yield f"| {name} | – | failed | – |"
            continue
        speed = side_by_side.spread([one["speed"] for one in results], ".1f")
        against = side_by_side.spread(side_by_side.ratios(turns, lambda one: one["speed"], name, "best"))
        count = statistics.median(one["parameters"] for one in results)
        yield f"| {name} | {count:,.0f} | {speed} | {against if name.startswith('kgen') else '–'} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="turns in which each contestant runs once")
    parser.add_argument("--steps", type=int, default=10, help="steps that are timed together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--training", action="store_true", help="steps of training instead of sampling")
    parser.add_argument("--quick", action="store_true", help="one turn, two steps")
    parser.add_argument("--work", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return print(json.dumps(work(arguments.work, arguments.training, arguments.steps, arguments.seed)))

    started = time.time()
    if arguments.quick:
        arguments.pairs, arguments.steps = 1, 2
    options = ("--steps", arguments.steps, "--seed", arguments.seed, *(["--training"] if arguments.training else []))
    found = {f"kgen on {backend}": (backend, ("--work", "kgen", *options)) for backend in side_by_side.backends_here()}
    if side_by_side.is_here("diffusers"):
        found |= {name: ("torch", ("--work", name, *options)) for name in PEERS}
    turns = side_by_side.in_turns(__file__, found, arguments.pairs)
    print(*table(turns, found), "", sep="\n")
    print(f"U-Net of widths {WIDTHS}, {BLOCKS} blocks, {SIDE} × {SIDE} × 3, batch {BATCH}, float32.")
    print(side_by_side.facts(started, arguments.seed))


if __name__ == "__main__":
    main()

"""What large pages of memory save: processor time of a training step with and without them, on each backend.

    python benchmarks/large_pages.py [--pairs 3] [--steps 40]

A ViT on images of 28 × 28, batch 64. `kgen train` asks for large pages by itself (`kgen/cli/large_pages.py`); others
start with `GLIBC_TUNABLES=glibc.malloc.hugetlb=1`. Linux with glibc from 2.35 on.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import side_by_side

VARIABLE, VALUE = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"  # as in kgen/cli/large_pages.py
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
MODEL = {"patch_size": 4, "num_layers": 3, "model_dim": 64, "num_heads": 4, "stem": (32, 64)}
BATCH = 64


def work(steps, seed):
    """Milliseconds of processor time and of the clock that a step takes, and the peak of memory in MB."""
    import resource

    import kgen

    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (BATCH, 28, 28, 1), "uint8")
    labels = rng.integers(0, 10, BATCH).astype("int32")
    model = kgen.models.ViT.for_data(images, labels, seed=seed, **MODEL)
    model.compile()
    images, labels = np.repeat(images, steps, axis=0), np.repeat(labels, steps)
    fitting = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    model.fit(images[: 4 * BATCH], labels[: 4 * BATCH], **fitting)
    wall, processor = time.perf_counter(), time.process_time()
    model.fit(images, labels, **fitting)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"processor": 1000 * processor / steps, "wall": 1000 * wall / steps, "peak": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3, help="turns in which each contestant runs once")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return print(json.dumps(work(options.steps, options.seed)))
    started, words = time.time(), ("--work", "--steps", options.steps, "--seed", options.seed)
    print("| | small pages: ms of processor time a step, peak MB | large pages | small / large |")
    print("|---|---|---|---|")
    for backend in side_by_side.backends_here():
        turns = [
            {
                pages: side_by_side.ask(__file__, *words, backend=backend, environment={VARIABLE: value})
                for pages, value in (("small", None), ("large", VALUE))
            }
            for _ in range(options.pairs)
        ]
        cells = []
        for pages in ("small", "large"):
            found = [turn[pages] for turn in turns if turn[pages]]
            times, peaks = ([one[name] for one in found] for name in ("processor", "peak"))
            cells.append(f"{side_by_side.spread(times, '.0f')}, {statistics.median(peaks):,.0f}")
        ratio = side_by_side.spread(side_by_side.ratios(turns, lambda one: one["processor"], "small", "large"))
        print(f"| {backend} | {' | '.join(cells)} | {ratio} |", flush=True)
    print(f"Linux hands out large pages: {SETTING.read_text().strip()}.")
    print(side_by_side.facts(started, options.seed))


if __name__ == "__main__":
    main()

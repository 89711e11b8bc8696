"""How much memory kgen takes: a large vocabulary, a large text file, and many calls of `generate`.

    python benchmarks/memory.py [--quick] [--megabytes 200] [--only vocabulary,file,generate]

Peaks are those of the resident size (`ru_maxrss`) of a new process for each case. The text file is generated, and lies
in a temporary folder together with the ids that `fit` writes for it; what a case takes above the framework is its peak
less that of a process which trains the same model in the same way on a few ids in memory.
"""

import argparse
import gc
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import side_by_side

LARGE = {"vocabulary_size": 50257, "context_length": 256, "num_layers": 2, "num_heads": 2, "model_dim": 128}
SMALL = {"context_length": 128, "num_layers": 2, "num_heads": 2, "model_dim": 64}
TOKENS = 4000  # of the tokenizer
LARGE_BATCH, SMALL_BATCH = 16, 8
STEPS = 20
LENGTHS = (8, 16, 32, 64)  # of the prompts, in turn
WARM, CALLS = 160, 200  # calls of generate; after the first ones all is there that is compiled or recorded for a length
MEGABYTE = 2**20


# The cases, each in a process of its own -----------------------------------------------------------------------------


def vocabulary(arguments):
    """Three training steps, with the logits of all positions at once or as kgen does it."""
    import kgen
    from kgen.functional import losses

    if arguments.at_once:
        losses.LOGITS_AT_ONCE = sys.maxsize
    model = kgen.models.GPT(**LARGE, seed=1)
    model.compile()
    framework = peak()
    count = 3 * LARGE_BATCH * LARGE["context_length"] + 1
    ids = np.random.default_rng(arguments.seed).integers(0, LARGE["vocabulary_size"], count)
    history = model.fit(ids, batch_size=LARGE_BATCH, verbose=0)
    return {"before": framework, "peak": peak(), "loss": history.history["loss"][0]}


def file(arguments):
    """A tokenizer and some training steps on a text file; without one, the steps alone."""
    import kgen

    tokenizer, data, seconds = None, None, {}
    started = time.time()
    if arguments.text:
        data = Path(arguments.text)
        tokenizer = kgen.tokenizers.BytePairTokenizer.train(
            kgen.datasets.text_files(data), vocabulary_size=TOKENS, progress=False
        )
        seconds["tokenizer"] = time.time() - started
    after = peak()
    model = kgen.models.GPT(tokenizer=tokenizer, vocabulary_size=TOKENS, **SMALL, seed=1)
    model.compile()
    if data is None:
        count = STEPS * SMALL_BATCH * SMALL["context_length"] + 1
        data = np.random.default_rng(arguments.seed).integers(0, TOKENS, count)
    started = time.time()
    model.fit(data, batch_size=SMALL_BATCH, steps_per_epoch=STEPS, verbose=0)
    seconds["fit"] = time.time() - started
    return {"after the tokenizer": after, "peak": peak(), "seconds": seconds}


def generate(arguments):
    """The resident size after some calls of `generate`, and after 200 more with the same lengths."""
    import kgen

    model = kgen.models.GPT(vocabulary_size=TOKENS, **SMALL, seed=1)
    rng = np.random.default_rng(arguments.seed)

    def call(number):
        prompt = rng.integers(0, TOKENS, LENGTHS[number % len(LENGTHS)]).tolist()
        model.generate(prompt, max_new_tokens=20, seed=number)

    for number in range(WARM):
        call(number)
    gc.collect()
    sizes = [now()]
    for number in range(arguments.calls):
        call(number)
        if number + 1 in (arguments.calls // 2, arguments.calls):
            gc.collect()
            sizes.append(now())
    return {"before": sizes[0], "half way": sizes[1], "after": sizes[2]}


CASES = {"vocabulary": vocabulary, "file": file, "generate": generate}


def peak():
    """The largest resident size of this process so far, in MB of 2^20 bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / MEGABYTE if sys.platform == "darwin" else size / 1024


def now():
    """The resident size at this moment where the system tells it, else the largest so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak()
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


# What is asked of them -----------------------------------------------------------------------------------------------
# A process begins with the peak of the one that started it, so this one imports no framework.


def vocabulary_table(backends, options):
    batch = f"batch {LARGE_BATCH} × {LARGE['context_length']}, {LARGE['num_layers']} layers of {LARGE['model_dim']}"
    yield f"A training step with {LARGE['vocabulary_size']:,} tokens, {batch}:"
    yield ""
    yield "| backend | before it, MB | peak, MB | peak with all logits at once, MB | share (≤ 60 %) | losses |"
    yield "|---|---|---|---|---|---|"
    for backend in backends:
        ours = side_by_side.ask(__file__, "--work", "vocabulary", *options, backend=backend)
        whole = side_by_side.ask(__file__, "--work", "vocabulary", "--at-once", *options, backend=backend)
        if ours and whole:
            yield (
                f"| {backend} | {ours['before']:,.0f} | {ours['peak']:,.0f} | {whole['peak']:,.0f} "
                f"| {ours['peak'] / whole['peak']:.0%} | {ours['loss']:.4f}, {whole['loss']:.4f} |"
            )
        else:
            yield f"| {backend} | failed |"


def file_table(backends, options, megabytes, seed):
    yield f"A tokenizer of {TOKENS:,} tokens and {STEPS} steps of `GPT.fit` on a text file of {megabytes} MB:"
    yield ""
    yield "| backend | framework and model, MB | after the tokenizer, MB | peak, MB | above (< 300 MB) | seconds |"
    yield "|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        write_text(path, megabytes, seed)
        for backend in backends:
            # The ids go to Keras's folder; the framework's own process must not share it, nor the next backend's.
            with tempfile.TemporaryDirectory(dir=folder) as home:
                base = side_by_side.ask(__file__, "--work", "file", *options, backend=backend)
                words = ("--work", "file", "--text", path, *options)
                found = side_by_side.ask(__file__, *words, backend=backend, environment={"KERAS_HOME": home})
            if base and found:
                seconds = ", ".join(f"{name} {value:.0f}" for name, value in found["seconds"].items())
                yield (
                    f"| {backend} | {base['peak']:,.0f} | {found['after the tokenizer']:,.0f} | {found['peak']:,.0f} "
                    f"| {found['peak'] - base['peak']:,.0f} MB | {seconds} |"
                )
            else:
                yield f"| {backend} | failed |"


def generate_table(backends, options, calls):
    yield f"{calls} calls of `generate`, after {WARM} others:"
    yield ""
    yield "| backend | before, MB | half way, MB | after, MB | growth (< 2 %) |"
    yield "|---|---|---|---|---|"
    for backend in backends:
        found = side_by_side.ask(__file__, "--work", "generate", "--calls", calls, *options, backend=backend)
        if found:
            sizes = " | ".join(f"{size:,.0f}" for size in found.values())
            yield f"| {backend} | {sizes} | {found['after'] / found['before'] - 1:.1%} |"
        else:
            yield f"| {backend} | failed |"


def write_text(path, megabytes, seed):
    """Lines of made-up words whose frequencies fall as Zipf's law says."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    lengths = rng.integers(2, 11, 50_000)
    words = np.array(["".join(rng.choice(letters, length)) for length in lengths])
    chances = 1 / np.arange(10, 10 + len(words))
    edges = np.cumsum(chances / chances.sum())
    with open(path, "w", encoding="utf-8") as out:
        while out.tell() < megabytes * MEGABYTE:
            drawn = words[np.minimum(np.searchsorted(edges, rng.random(100_000)), len(words) - 1)]
            out.writelines(" ".join(drawn[i : i + 12]) + ".\n" for i in range(0, len(drawn), 12))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the text file")
    parser.add_argument("--calls", type=int, default=CALLS, help="calls of generate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="of " + ", ".join(CASES))
    parser.add_argument("--backends", help="of those that are installed")
    parser.add_argument("--quick", action="store_true", help="a text file of 5 MB, 20 calls")
    parser.add_argument("--work", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--at-once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--text", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return print(json.dumps(CASES[arguments.work](arguments)))

    started = time.time()
    if arguments.quick:
        arguments.megabytes, arguments.calls = 5, 20
    options = ("--seed", arguments.seed)
    backends = side_by_side.backends_here()
    if arguments.backends:
        backends = [name for name in backends if name in arguments.backends.split(",")]
    tables = {
        "vocabulary": lambda: vocabulary_table(backends, options),
        "file": lambda: file_table(backends, options, arguments.megabytes, arguments.seed),
        "generate": lambda: generate_table(backends, options, arguments.calls),
    }
    for name, lines in tables.items():
        if not arguments.only or name in arguments.only.split(","):
            for line in lines():
                print(line, flush=True)
            print()
    print(side_by_side.facts(started, arguments.seed))


if __name__ == "__main__":
    main()

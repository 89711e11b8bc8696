"""How fast beam search translates: kgen on each backend, beside transformers and CTranslate2.

    python benchmarks/beam.py [--quick] [--pairs 5] [--only kgen-jax,CTranslate2] [--growth beam_width.png]

A Transformer of 4 + 4 layers of 128 with four heads, 256 inside the feed-forward layers, 8,000 tokens, random weights,
float32; 32 sentences of 16 tokens, the end token included, become 24 tokens each. Nobody may end earlier: in kgen the
end token's row of the embedding is zero, so that it is never among the best; transformers knows none, CTranslate2 has a
least length. Beams of 5 and greedy search, or with --growth beams of 1 to 16 and a picture. transformers runs a Marian
model of this shape, and CTranslate2 the same weights. Each figure comes from a process of its own; see
`side_by_side.py`. Peers that are not installed are left out.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import curves
import numpy as np
import side_by_side

VOCABULARY, SENTENCES, SOURCE, TARGET = 8000, 32, 16, 24
LAYERS, HEADS, DIM, FEEDFORWARD = 4, 4, 128, 256
END = 0  # kgen's where there is no tokenizer
WIDTHS = (1, 5)  # a beam of 1 is greedy search
GROWING = (1, 2, 4, 8, 16)
REPETITIONS = 3  # within a process, of which the fastest counts
MODULES = {"kgen": "kgen", "transformers": "transformers", "CTranslate2": "ctranslate2"}


def kgen_translator(seed):
    """A function `(sources, width)` that returns lists of ids, and the number of weights."""
    from keras.ops import convert_to_numpy

    import kgen

    model = kgen.models.TransformerSeq2Seq(
        vocabulary_size=VOCABULARY,
        num_layers=LAYERS,
        num_heads=HEADS,
        model_dim=DIM,
        feedforward_dim=FEEDFORWARD,
        norm_position="post",  # as in a Marian model
        seed=seed,
    )
    (embedding,) = model.token_embedding.variables
    embedding.assign(np.where(np.arange(VOCABULARY)[:, None] == END, 0.0, convert_to_numpy(embedding)))

    def translate(sources, width):
        sampler = kgen.decoding.Beam(width) if width > 1 else kgen.decoding.Greedy()
        return model.generate(sources, max_new_tokens=TARGET, sampler=sampler, batch_size=len(sources))

    return translate, model.count_params()


def marian(seed):
    """The peers' model. Its last token is padding, with which its translations begin, too."""
    import torch
    from transformers import MarianConfig
    from transformers import MarianMTModel

    torch.manual_seed(seed)
    sizes = {"layers": LAYERS, "attention_heads": HEADS, "ffn_dim": FEEDFORWARD}
    config = MarianConfig(
        vocab_size=VOCABULARY + 1,
        d_model=DIM,
        max_position_embeddings=256,
        activation_function="relu",
        scale_embedding=True,
        pad_token_id=VOCABULARY,
        decoder_start_token_id=VOCABULARY,
        eos_token_id=END,
        forced_eos_token_id=None,
        **{f"{part}_{name}": value for part in ("encoder", "decoder") for name, value in sizes.items()},
    )
    return MarianMTModel(config).eval()


def transformers_translator(seed):
    import torch

    model = marian(seed)
    model.generation_config.eos_token_id = None

    def translate(sources, width):
        ids = torch.tensor(sources)
        options = {"num_beams": width, "do_sample": False, "max_new_tokens": TARGET}
        return model.generate(ids, attention_mask=torch.ones_like(ids), **options)[:, 1:].tolist()

    return translate, sum(weight.numel() for weight in model.parameters())


def ctranslate2_translator(seed):
    import ctranslate2
    from ctranslate2.converters import TransformersConverter

    class Numbers:
        """A tokenizer whose tokens are numbers."""

        eos_token, unk_token = str(END), "1"

        def get_vocab(self):
            return {**{str(one): one for one in range(VOCABULARY)}, "<pad>": VOCABULARY}

    class Converter(TransformersConverter):
        def load_tokenizer(self, *arguments, **options):
            return Numbers()

    model = marian(seed)
    with tempfile.TemporaryDirectory() as folder:
        original, converted = Path(folder, "original"), Path(folder, "converted")
        model.save_pretrained(original)
        Converter(str(original)).convert(str(converted))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        translator = ctranslate2.Translator(
            str(converted), device="cpu", compute_type="float32", inter_threads=1, intra_threads=cores
        )

    def translate(sources, width):
        lengths = {"min_decoding_length": TARGET, "max_decoding_length": TARGET}
        rows = [[str(one) for one in row] for row in sources]
        found = translator.translate_batch(rows, beam_size=width, **lengths)
        return [[int(token) for token in one.hypotheses[0]] for one in found]

    return translate, sum(weight.numel() for weight in model.parameters())


TRANSLATORS = {
    "kgen": kgen_translator,
    "transformers": transformers_translator,
    "CTranslate2": ctranslate2_translator,
}


def work(library, widths, sentences, seed):
    """Sentences a second for each width of the beam, in this process."""
    translate, weights = TRANSLATORS[library](seed)
    sources = np.random.default_rng(seed).integers(2, VOCABULARY, (sentences, SOURCE))
    sources[:, -1] = END
    sources = sources.tolist()
    speeds, found = {}, {}
    for width in widths:
        found[width] = translate(sources, width)  # compiles
        if {len(one) for one in found[width]} != {TARGET}:
            raise RuntimeError(f"a beam of {width} took other than {TARGET} steps")
        seconds = side_by_side.fastest(lambda width=width: translate(sources, width), REPETITIONS)
        speeds[width] = sentences / seconds
    return {"speeds": speeds, "translations": found, "weights": weights}


def operations(width):
    """For a sentence: each weight of the encoder at each source token, those of the decoder at each step of a beam."""
    encoder = LAYERS * (4 * DIM**2 + 2 * DIM * FEEDFORWARD)
    keys_and_values = LAYERS * 2 * DIM**2  # of the source, for the decoder
    decoder = LAYERS * (6 * DIM**2 + 2 * DIM * FEEDFORWARD) + DIM * VOCABULARY
    return 2 * (SOURCE * (encoder + keys_and_values) + width * TARGET * decoder)


def contestants(only):
    """{name: (library, backend)} of all that take part, and why others do not."""
    missing = {name: "it is not installed" for name, module in MODULES.items() if not side_by_side.is_here(module)}
    backends = side_by_side.backends_here()
    found = {f"kgen-{backend}": ("kgen", backend) for backend in backends}
    for name in ("transformers", "CTranslate2"):
        if name == "CTranslate2" and "transformers" in missing:
            missing.setdefault(name, "its model is made with transformers, which is not installed")
        elif "torch" not in backends:
            missing.setdefault(name, "PyTorch is not installed")
        if name not in missing:
            found[name] = (name, "torch")
    if only:
        found = {name: one for name, one in found.items() if name in only.split(",")}
    return found, missing


def speed_of(width):
    return lambda one: one["speeds"][str(width)]


def table(turns, found, width):
    """Lines of Markdown: sentences a second, and how many times faster than each peer it is."""
    peers = [name for name in found if not name.startswith("kgen")]
    yield " | ".join([f"| {_search(width)}", "sentences/s", *(f"× {peer}" for peer in peers)]) + " |"
    yield "|---" * (2 + len(peers)) + "|"
    for name in found:
        speeds = [speed_of(width)(turn[name]) for turn in turns if turn[name]]
        ratios = [
            "–" if name == peer else side_by_side.spread(side_by_side.ratios(turns, speed_of(width), name, peer))
            for peer in peers
        ]
        yield " | ".join([f"| {name}", side_by_side.spread(speeds, ",.0f") if speeds else "failed", *ratios]) + " |"


def growth(turns, found, widths):
    """A curve for each contestant: what a sentence costs, from the median speeds."""
    for name in found:
        if all(turn[name] for turn in turns):
            speeds = [statistics.median(speed_of(width)(turn[name]) for turn in turns) for width in widths]
            work = tuple(operations(width) for width in widths)
            yield curves.Curve(name, widths, tuple(1 / speed for speed in speeds), work)


def _search(width):
    return f"beam of {width}" if width > 1 else "greedy"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="turns in which each contestant runs once")
    parser.add_argument("--sentences", type=int, default=SENTENCES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="names from the first column of the table, with commas")
    parser.add_argument("--growth", type=Path, help="how the cost grows with the beam, drawn into this file")
    parser.add_argument("--quick", action="store_true", help="one turn, four sentences")
    parser.add_argument("--work", nargs=2, metavar=("LIBRARY", "WIDTHS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        library, widths = arguments.work[0], [int(one) for one in arguments.work[1].split(",")]
        return print(json.dumps(work(library, widths, arguments.sentences, arguments.seed)))

    started = time.time()
    if arguments.quick:
        arguments.pairs, arguments.sentences = 1, 4
    widths = GROWING if arguments.growth else WIDTHS
    options = (",".join(map(str, widths)), "--sentences", arguments.sentences, "--seed", arguments.seed)
    found, missing = contestants(arguments.only)
    words = {name: (backend, ("--work", library, *options)) for name, (library, backend) in found.items()}
    turns = side_by_side.in_turns(__file__, words, arguments.pairs, side_by_side.AS_IT_IS)
    for width in widths:
        print(*table(turns, found, width), "", sep="\n")
    if arguments.growth:
        grown = list(growth(turns, found, widths))
        for curve in grown:
            print(f"{curve.name}:", "", *curves.table(curve, "width", "a sentence"), "", sep="\n")
        print(*map(curves.verdict, grown), sep="\n")
        curves.figure(grown, "width of the beam", "a sentence", "beam search").savefig(arguments.growth, dpi=120)
    sizes = f"{LAYERS} + {LAYERS} layers of {DIM}, {HEADS} heads, feed-forward {FEEDFORWARD}, {VOCABULARY:,} tokens"
    print(f"{sizes}; {arguments.sentences} sentences of {SOURCE} tokens to {TARGET}; float32, random weights.")
    results = {name: turns[0][name] for name in found if turns[0][name]}
    print("Weights:", ", ".join(f"{name} {one['weights']:,}" for name, one in results.items()) + ".")
    if {"transformers", "CTranslate2"} <= results.keys():
        both = [results[name]["translations"] for name in ("transformers", "CTranslate2")]
        pairs = [pair for width in map(str, widths) for pair in zip(*(one[width] for one in both), strict=True)]
        print(f"CTranslate2 finds {sum(a == b for a, b in pairs)} of transformers' {len(pairs)} translations.")
    for name, reason in missing.items():
        print(f"Left out: {name}, for {reason}.")
    print(side_by_side.facts(started, arguments.seed))


if __name__ == "__main__":
    main()

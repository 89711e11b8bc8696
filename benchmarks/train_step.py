"""How fast a GPT trains: kgen beside KerasHub's layers and a loop like nanoGPT's, and beside what the machine can do.

    python benchmarks/train_step.py [--quick] [--pairs 5] [--only kgen-jax,nanoGPT]

Six layers of 384 with six heads, context 256, 65 tokens, batches of 12, float32, Adam with clipped gradients, no
dropout; `fit` on random ids, compiled as `compile()` does by default. Each figure comes from a process of its own; see
`side_by_side.py`. The wall is the rate of a large float32 matrix product in the same framework, measured in the same
process, and the work of a token is 6 · weights + 12 · layers · dim · context operations; this counts attention to the
later tokens too, which kgen mostly leaves out. Peers that are not installed are left out.
"""

import argparse
import json
import statistics
import time

import numpy as np
import side_by_side

VOCABULARY, CONTEXT, BATCH = 65, 256, 12
SHAPE = {"num_layers": 6, "num_heads": 6, "model_dim": 384}
QUICK = {"num_layers": 2, "num_heads": 2, "model_dim": 64}
REPETITIONS = 2  # within a process, of which the fastest counts
SIDE, PRODUCTS = 2048, 2  # of the matrix product


def kgen_model(shape, jit):
    import kgen

    model = kgen.models.GPT(vocabulary_size=VOCABULARY, context_length=CONTEXT, **shape, seed=1)
    model.compile(jit_compile=jit)
    return lambda ids: model.fit(ids, batch_size=BATCH, verbose=0), model.count_params()


def keras_hub_model(shape, jit):
    """The same network from KerasHub's layers, with the optimizer that kgen takes by default."""
    import keras
    import keras_hub

    dim, normal = shape["model_dim"], keras.initializers.RandomNormal(stddev=0.02, seed=1)
    embedding = keras_hub.layers.TokenAndPositionEmbedding(VOCABULARY, CONTEXT, dim, embeddings_initializer=normal)
    inputs = keras.Input((CONTEXT,), dtype="int32")
    x = embedding(inputs)
    for _ in range(shape["num_layers"]):
        x = keras_hub.layers.TransformerDecoder(
            4 * dim, shape["num_heads"], activation="gelu", kernel_initializer=normal, normalize_first=True
        )(x)
    x = keras.layers.LayerNormalization(epsilon=1e-5)(x)
    model = keras.Model(inputs, embedding.token_embedding(x, reverse=True))
    optimizer = keras.optimizers.Adam(1e-3, beta_2=0.99, global_clipnorm=1.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=jit)
    return lambda ids: model.fit(windows(ids), verbose=0), model.count_params()


def nanogpt_model(shape, jit):
    """The loop that people write who know PyTorch: fused attention, fused AdamW."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(1)
    layers, heads, dim = shape.values()

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
            self.qkv, self.project = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
            self.feed_forward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

        def forward(self, x):
            batch, length, _ = x.shape
            parts = self.qkv(self.norm_1(x)).split(dim, dim=2)
            q, k, v = (part.view(batch, length, heads, dim // heads).transpose(1, 2) for part in parts)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.project(y.transpose(1, 2).reshape(batch, length, dim))
            return x + self.feed_forward(self.norm_2(x))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(VOCABULARY, dim), nn.Embedding(CONTEXT, dim)
            self.blocks, self.norm = nn.Sequential(*(Block() for _ in range(layers))), nn.LayerNorm(dim)
            for weight in self.parameters():
                if weight.ndim == 2:
                    nn.init.normal_(weight, std=0.02)

        def forward(self, x, y):
            hidden = self.norm(self.blocks(self.tokens(x) + self.positions.weight[: x.shape[1]]))
            return F.cross_entropy(F.linear(hidden, self.tokens.weight).flatten(0, 1), y.flatten())

    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, betas=(0.9, 0.99), weight_decay=0.0, fused=True)

    def fit(ids):
        batches = windows(ids)
        for i in range(len(batches)):
            x, y = (torch.from_numpy(array).long() for array in batches[i])
            loss = network(x, y)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss.item()  # Keras shows the loss of each step too

    return fit, sum(weight.numel() for weight in network.parameters())


MODELS = {"kgen": kgen_model, "KerasHub": keras_hub_model, "nanoGPT": nanogpt_model}


def windows(ids):
    import kgen

    return kgen.datasets.TokenWindows(ids, CONTEXT, BATCH, order="random")


def work(library, jit, steps, shape, seed):
    """Tokens a second, what a token costs, and the rate of a matrix product, in this process."""
    fit, weights = MODELS[library](shape, {"default": "auto", "XLA": True}[jit])
    ids = np.random.default_rng(seed).integers(0, VOCABULARY, BATCH * CONTEXT * steps + 1).astype("int32")
    started = time.perf_counter()
    fit(ids[: BATCH * CONTEXT + 1])  # compiles
    first = time.perf_counter() - started
    seconds = side_by_side.fastest(lambda: fit(ids), REPETITIONS)
    operations = 6 * weights + 12 * shape["num_layers"] * shape["model_dim"] * CONTEXT
    speed = (len(ids) - 1) / seconds
    return {
        "tokens/s": speed,
        "operations/s": speed * operations,
        "matrix rate": matrix_rate(),
        "first step": first,
        "weights": weights,
    }


def matrix_rate():
    """Operations a second of a float32 matrix product: the faster of the plain and the compiled one."""
    from keras import ops

    from kgen import backend

    def multiply(a, b):
        for _ in range(PRODUCTS):
            a = ops.matmul(a, b)
        return a

    a = ops.ones((SIDE, SIDE), "float32")
    b = ops.full((SIDE, SIDE), 1 / SIDE, "float32")
    compiled = backend.compiled(multiply)
    seconds = [
        side_by_side.fastest(lambda f=f: np.asarray(ops.convert_to_numpy(f(a, b))), 4) for f in (multiply, compiled)
    ]
    return PRODUCTS * 2 * SIDE**3 / min(seconds)


def contestants(only):
    """{name: (library, backend, jit)} of all that take part."""
    backends = side_by_side.backends_here()
    found = {f"kgen-{backend}": ("kgen", backend, "default") for backend in backends}
    if side_by_side.is_here("keras_hub"):
        found |= {f"KerasHub-{backend}": ("KerasHub", backend, "default") for backend in backends}
        if "tensorflow" in backends:  # Keras asks for it on a GPU only, kgen here as well
            found["KerasHub-tensorflow with XLA"] = ("KerasHub", "tensorflow", "XLA")
    if "torch" in backends:
        found["nanoGPT"] = ("nanoGPT", "torch", "default")
    if only:
        found = {name: one for name, one in found.items() if name in only.split(",")}
    return found


def table(turns, found):
    """Lines of Markdown; the last column is how much faster kgen on this backend is than each peer."""
    yield "| | tokens/s | first step, s | of its framework's matrix rate | of the best matrix rate | × peer |"
    yield "|---|---|---|---|---|---|"
    for name, (library, backend, _) in found.items():
        results = [turn[name] for turn in turns if turn[name]]
        if not results:
            yield f"| {name} | failed | – | – | – | – |"
            continue
        shares = []
        for turn in turns:
            if turn[name]:
                best = max(one["matrix rate"] for one in turn.values() if one)
                shares.append(turn[name]["operations/s"] / best)
        peers = [one for one in found if one == "nanoGPT" or one.startswith(f"KerasHub-{backend}")]
        against = [
            f"{peer} {side_by_side.spread(side_by_side.ratios(turns, lambda one: one['tokens/s'], name, peer))}"
            for peer in peers
            if library == "kgen"
        ]
        yield (
            f"| {name} | {side_by_side.spread([one['tokens/s'] for one in results], ',.0f')} "
            f"| {statistics.median(one['first step'] for one in results):.1f} "
            f"| {side_by_side.spread([one['operations/s'] / one['matrix rate'] for one in results], '.0%')} "
            f"| {side_by_side.spread(shares, '.0%')} | {', '.join(against) or '–'} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="turns in which each contestant runs once")
    parser.add_argument("--steps", type=int, default=8, help="steps that are timed together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="names from the first column of the table, with commas")
    parser.add_argument("--quick", action="store_true", help="a small network, one turn, two steps")
    parser.add_argument("--work", nargs=2, metavar=("LIBRARY", "JIT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    shape = QUICK if arguments.quick else SHAPE
    if arguments.work:
        return print(json.dumps(work(*arguments.work, arguments.steps, shape, arguments.seed)))

    started = time.time()
    if arguments.quick:
        arguments.pairs, arguments.steps = 1, 2
    options = ("--steps", arguments.steps, "--seed", arguments.seed, *(["--quick"] if arguments.quick else []))
    found = contestants(arguments.only)
    words = {name: (backend, ("--work", library, jit, *options)) for name, (library, backend, jit) in found.items()}
    turns = side_by_side.in_turns(__file__, words, arguments.pairs)
    print(*table(turns, found), "", sep="\n")
    known = [one for turn in turns for one in turn.values() if one]
    sizes = f"{shape['num_layers']} layers of {shape['model_dim']}, {known[0]['weights']:,} weights" if known else ""
    print(f"{sizes}, context {CONTEXT}, vocabulary {VOCABULARY}, batch {BATCH}, float32.")
    for backend in dict.fromkeys(backend for _, backend, _ in found.values()):
        results = [one for turn in turns for name, one in turn.items() if one and found[name][1] == backend]
        rates = side_by_side.spread([one["matrix rate"] / 1e9 for one in results], ".0f")
        print(f"Matrix product of {SIDE} × {SIDE}, {backend}: {rates} GFLOP/s.")
    if not side_by_side.is_here("keras_hub"):
        print("Left out, for it is not installed: KerasHub.")
    print(side_by_side.facts(started, arguments.seed))


if __name__ == "__main__":
    main()

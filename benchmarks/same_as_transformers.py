"""Whether kgen's GPT computes what GPT-2 of transformers does, with the same weights.

    python benchmarks/same_as_transformers.py [--size tiny|small] [--new 64]

Builds `GPT2LMHeadModel` with random weights, without a download, copies them into `kgen.models.GPT` on the backend that
Keras runs on, and compares the logits of some random ids and the greedy tokens that follow them. transformers itself
needs PyTorch beside that backend. Exits with 1 if a logit differs by more than 1e-4 or a token at all.
"""

import argparse
import sys
import time

import numpy as np
import torch
from transformers import GPT2Config
from transformers import GPT2LMHeadModel

import kgen

SIZES = {  # vocabulary, context, layers, heads, dimension
    "tiny": (499, 128, 3, 4, 64),
    "small": (50257, 1024, 12, 12, 768),
}
CLOSE = 1e-4


def reference(size, seed):
    """GPT-2 as transformers makes it, with biases and gains that are not 0 and 1."""
    vocabulary, context, layers, heads, dim = SIZES[size]
    torch.manual_seed(seed)
    sizes = {"vocab_size": vocabulary, "n_positions": context, "n_layer": layers, "n_head": heads, "n_embd": dim}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=None, eos_token_id=None)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return model


def ours(size):
    vocabulary, context, layers, heads, dim = SIZES[size]
    return kgen.models.GPT(
        vocabulary_size=vocabulary,
        context_length=context,
        num_layers=layers,
        num_heads=heads,
        model_dim=dim,
        activation="gelu_tanh",
    )


def copy_weights(source, target):
    """Kernels of both are (inputs, outputs), and those of queries, keys and values have their columns in this order."""
    weights = {name: weight.numpy() for name, weight in source.transformer.state_dict().items()}
    target.token_embedding.set_weights([weights["wte.weight"]])
    target.position_layer.set_weights([weights["wpe.weight"]])
    layers = {"ln_f": target.final_norm}
    for i, block in enumerate(target.blocks):
        layers |= {
            f"h.{i}.ln_1": block.attention_norm,
            f"h.{i}.attn.c_attn": block.attention.query_key_value,
            f"h.{i}.attn.c_proj": block.attention.output_projection,
            f"h.{i}.ln_2": block.feed_forward_norm,
            f"h.{i}.mlp.c_fc": block.feed_forward.hidden,
            f"h.{i}.mlp.c_proj": block.feed_forward.output_projection,
        }
    for name, layer in layers.items():
        layer.set_weights([weights[f"{name}.weight"], weights[f"{name}.bias"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="tiny", choices=SIZES)
    parser.add_argument("--prompt", type=int, default=32, help="ids that are given")
    parser.add_argument("--new", type=int, default=64, help="tokens that are written")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    started = time.time()
    theirs, model = reference(arguments.size, arguments.seed), ours(arguments.size)
    copy_weights(theirs, model)
    ids = np.random.default_rng(arguments.seed).integers(0, SIZES[arguments.size][0], arguments.prompt).tolist()
    row = torch.tensor([ids])
    with torch.no_grad():
        logits = theirs(row).logits[0].numpy()
        text = theirs.generate(row, attention_mask=torch.ones_like(row), max_new_tokens=arguments.new, do_sample=False)[
            0, len(ids) :
        ].tolist()
    difference = float(np.abs(model.logits(ids) - logits).max())
    written = model.generate(ids, max_new_tokens=arguments.new, sampler=kgen.decoding.Greedy())
    equal = next((i for i, (a, b) in enumerate(zip(written, text, strict=True)) if a != b), arguments.new)
    kgen.metrics.report(
        f"GPT-2 {arguments.size} beside transformers",
        {
            "largest difference of logits": difference,
            "largest logit": float(np.abs(logits).max()),
            "greedy tokens equal": f"{equal} of {arguments.new}, {len(set(text))} of them different",
        },
        model=model,
        seed=arguments.seed,
        started=started,
    )
    if difference > CLOSE or equal < arguments.new:
        sys.exit("not the same")


if __name__ == "__main__":
    main()

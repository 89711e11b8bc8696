"""How long a step of a GAN takes: kgen's `fit` beside hand-written loops of the same networks and updates.

    python benchmarks/gan_step.py [--quick] [--pairs 5] [--only kgen-torch,torch]

DCGAN for 28 × 28 grey images (64 and 128 filters, 100 numbers of noise), batches of 64, Adam for each network, float32,
no average of the generator. The loops are those that people write: in PyTorch as in its own tutorial; on TensorFlow and
JAX with Keras layers, as keras.io teaches it, in one compiled step each. A loop updates the discriminator and makes new
images for the generator; kgen updates both from the same images. Each figure comes from a process of its own; see
`side_by_side.py`.
"""

import argparse
import json
import statistics
import time

import numpy as np
import side_by_side

BATCH, LATENT, FILTERS = 64, 100, (64, 128)
REPETITIONS = 2  # within a process, of which the fastest counts


def kgen_fit(seed, jit):
    import kgen

    model = kgen.models.DCGAN((28, 28, 1), LATENT, FILTERS, ema_decay=0.0, seed=seed)
    model.compile(jit_compile=jit)
    return lambda images: model.fit(images, batch_size=BATCH, verbose=0)


def networks(seed):
    """The same generator and discriminator, for the loops on Keras."""
    import kgen

    model = kgen.models.DCGAN((28, 28, 1), LATENT, FILTERS, ema_decay=0.0, seed=seed)
    return model.generator, model.discriminator


def tensorflow_loop(seed, jit):
    import keras
    import tensorflow as tf

    generator, discriminator = networks(seed)
    g_optimizer, d_optimizer = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function(jit_compile=jit is True)
    def step(images):
        real = tf.cast(images, tf.float32) / 127.5 - 1.0
        fake = generator(tf.random.normal((BATCH, LATENT)), training=True)
        with tf.GradientTape() as tape:
            true, made = discriminator(real, training=True), discriminator(fake, training=True)
            d_loss = cross_entropy(tf.ones_like(true), true) + cross_entropy(tf.zeros_like(made), made)
        weights = discriminator.trainable_variables
        d_optimizer.apply(tape.gradient(d_loss, weights), weights)
        with tf.GradientTape() as tape:
            made = discriminator(generator(tf.random.normal((BATCH, LATENT)), training=True), training=True)
            g_loss = cross_entropy(tf.ones_like(made), made)
        weights = generator.trainable_variables
        g_optimizer.apply(tape.gradient(g_loss, weights), weights)
        return d_loss, g_loss

    def fit(images):
        for start in range(0, len(images), BATCH):
            [float(loss) for loss in step(images[start : start + BATCH])]

    return fit


def jax_loop(seed, jit):
    import jax
    import keras
    from jax import numpy as jnp

    generator, discriminator = networks(seed)
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)]
    for optimizer, network in zip(optimizers, (generator, discriminator), strict=True):
        optimizer.build(network.trainable_variables)

    def values(variables):
        return [variable.value for variable in variables]

    def d_loss(weights, others, real, fake):
        true, others = discriminator.stateless_call(weights, others, real, training=True)
        made, others = discriminator.stateless_call(weights, others, fake, training=True)
        return jnp.mean(jax.nn.softplus(-true)) + jnp.mean(jax.nn.softplus(made)), others

    def g_loss(weights, others, judge, z):
        fake, others = generator.stateless_call(weights, others, z, training=True)
        made, judged = discriminator.stateless_call(*judge, fake, training=True)
        return jnp.mean(jax.nn.softplus(-made)), (others, judged)

    @jax.jit
    def step(state, key, images):
        (g, g_others, g_state), (d, d_others, d_state) = state
        real = images.astype("float32") / 127.5 - 1.0
        first, second = (jax.random.normal(one, (BATCH, LATENT)) for one in jax.random.split(key))
        fake, g_others = generator.stateless_call(g, g_others, first, training=True)
        (d_value, d_others), slope = jax.value_and_grad(d_loss, has_aux=True)(d, d_others, real, fake)
        d, d_state = optimizers[1].stateless_apply(d_state, slope, d)
        (g_value, (g_others, d_others)), slope = jax.value_and_grad(g_loss, has_aux=True)(
            g, g_others, (d, d_others), second
        )
        g, g_state = optimizers[0].stateless_apply(g_state, slope, g)
        return ((g, g_others, g_state), (d, d_others, d_state)), (d_value, g_value)

    both = zip((generator, discriminator), optimizers, strict=True)
    state = tuple(
        (values(net.trainable_variables), values(net.non_trainable_variables), values(optimizer.variables))
        for net, optimizer in both
    )
    key = jax.random.key(seed)

    def fit(images):
        nonlocal state, key
        for start in range(0, len(images), BATCH):
            key, now = jax.random.split(key)
            state, losses = step(state, now, images[start : start + BATCH])
            [float(loss) for loss in losses]

    return fit


def torch_loop(seed, jit):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(seed)
    wide, wider = FILTERS
    generator = nn.Sequential(
        nn.Linear(LATENT, 49 * wider, bias=False),
        nn.Unflatten(1, (wider, 7, 7)),
        nn.BatchNorm2d(wider),
        nn.ReLU(),
        nn.ConvTranspose2d(wider, wide, 4, 2, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        nn.ConvTranspose2d(wide, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, wide, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(wide, wider, 4, 2, 1, bias=False),
        nn.BatchNorm2d(wider),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(49 * wider, 1),
    )
    for weight in [*generator.parameters(), *discriminator.parameters()]:
        if weight.ndim > 1:
            nn.init.normal_(weight, std=0.02)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999)) for network in (generator, discriminator)
    )

    def loss_of(scores, real):
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(real)))

    def fit(images):
        for start in range(0, len(images), BATCH):
            real = torch.from_numpy(images[start : start + BATCH]).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            fake = generator(torch.randn(len(real), LATENT))
            d_loss = loss_of(discriminator(real), True) + loss_of(discriminator(fake.detach()), False)
            d_optimizer.zero_grad(set_to_none=True)
            d_loss.backward()
            d_optimizer.step()
            g_loss = loss_of(discriminator(generator(torch.randn(len(real), LATENT))), True)
            g_optimizer.zero_grad(set_to_none=True)
            g_loss.backward()
            g_optimizer.step()
            d_loss.item(), g_loss.item()  # a bar shows the losses

    return fit


LOOPS = {"kgen": kgen_fit, "tensorflow": tensorflow_loop, "jax": jax_loop, "torch": torch_loop}


def work(library, jit, steps, seed):
    """Milliseconds a step, and seconds of the first one, in this process."""
    fit = LOOPS[library](seed, {"default": "auto", "XLA": True}[jit])
    images = np.random.default_rng(seed).integers(0, 256, (BATCH * steps, 28, 28, 1), "uint8")
    started = time.perf_counter()
    fit(images[:BATCH])
    first = time.perf_counter() - started
    return {"ms": 1e3 / steps * side_by_side.fastest(lambda: fit(images), REPETITIONS), "first": first}


def contestants(only):
    """{name: (library, backend, jit)}."""
    found = {}
    for backend in side_by_side.backends_here():
        found[f"kgen-{backend}"] = ("kgen", backend, "default")
        found[backend] = (backend, backend, "default")
        if backend == "tensorflow":
            found["kgen-tensorflow with XLA"] = ("kgen", backend, "XLA")
            found["tensorflow with XLA"] = (backend, backend, "XLA")
    return {name: one for name, one in found.items() if not only or name in only.split(",")}


def table(turns, found):
    """Lines of Markdown; the last column is how much faster kgen is than the loop."""
    yield "| | ms a step | first step, s | loop's time / kgen's |"
    yield "|---|---|---|---|"
    for name, (library, backend, jit) in found.items():
        results = [turn[name] for turn in turns if turn[name]]
        if not results:
            yield f"| {name} | failed | – | – |"
            continue
        loop = f"{backend} with XLA" if jit == "XLA" else backend
        against = side_by_side.spread(side_by_side.ratios(turns, lambda one: one["ms"], loop, name))
        ms = side_by_side.spread([one["ms"] for one in results], ".1f")
        first = statistics.median(one["first"] for one in results)
        yield f"| {name} | {ms} | {first:.1f} | {against if library == 'kgen' else '–'} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5, help="turns in which each contestant runs once")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="names from the first column of the table, with commas")
    parser.add_argument("--quick", action="store_true", help="one turn, three steps")
    parser.add_argument("--work", nargs=2, metavar=("LIBRARY", "JIT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return print(json.dumps(work(*arguments.work, arguments.steps, arguments.seed)))

    started = time.time()
    if arguments.quick:
        arguments.pairs, arguments.steps = 1, 3
    options = ("--steps", arguments.steps, "--seed", arguments.seed)
    found = contestants(arguments.only)
    words = {name: (backend, ("--work", library, jit, *options)) for name, (library, backend, jit) in found.items()}
    turns = side_by_side.in_turns(__file__, words, arguments.pairs)
    print(*table(turns, found), "", sep="\n")
    print(f"DCGAN 28 × 28 × 1, filters {FILTERS}, batch {BATCH}, float32; the loops are written in pure PyTorch, and")
    print("with Keras layers on TensorFlow and JAX.")
    print(side_by_side.facts(started, arguments.seed))


if __name__ == "__main__":
    main()

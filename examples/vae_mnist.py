# %% [markdown]
"""
# A variational autoencoder on MNIST, and how likely it finds digits it has never seen

    python examples/vae_mnist.py                        ten minutes, MNIST downloaded by Keras
    python examples/vae_mnist.py --data FOLDER          MNIST from FOLDER/mnist.npz
    python examples/vae_mnist.py --minutes 90 --preset kgen/presets/shipped/mnist-vae
    python examples/vae_mnist.py --quick                half a minute, on digits that come with kgen

What happens, step by step: images of digits go in as they are (uint8). The encoder squeezes each into a Gaussian over
`latent_dim` numbers, a sample of it is decoded into the probability of each pixel being white, and two terms are
minimised: how badly the image is explained (reconstruction), and how far the Gaussian is from N(0, 1) (KL). Their sum
is an upper bound on minus the log-probability of the image. The figure at the end is a much tighter bound, from many
samples for each test image (Burda et al., 2016): dynamic binarisation, in nats.

**You will see** `dreams.png`: a hundred digits that nobody wrote; `interpolation.png`: one digit becoming another;
`latent_map.png`: where each class lies; and how many nats an image costs.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen.script import read_options

# %% [markdown]
# ## From images to dreams


# %%
def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--dataset", default="mnist", help="mnist, fashion_mnist or digits")
    arguments.add_argument("--data", help="folder that holds the data set's .npz; without it Keras downloads")
    arguments.add_argument("--quick", action="store_true", help="embedded digits, some seconds of training")
    arguments.add_argument("--minutes", type=float, default=10.0, help="of training")
    arguments.add_argument("--latent-dim", type=int, default=50)
    arguments.add_argument(
        "--num-samples", type=int, default=1, help="more than one trains the importance-weighted bound"
    )
    arguments.add_argument("--test-images", type=int, default=1000)
    arguments.add_argument("--test-samples", type=int, default=5000, help="samples for each test image in the bound")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--out", default="vae_mnist", help="folder for pictures and the model")
    arguments.add_argument("--trained", help="a model.keras that an earlier run left: measure it instead of training")
    arguments.add_argument("--preset", help="also write the model as a preset into this folder")
    options = read_options(arguments)
    if options.quick:
        options.dataset, options.minutes, options.test_images, options.test_samples = "digits", 0.05, 50, 100
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)

    x_train, _ = kgen.datasets.load(options.dataset, split="train", data_dir=options.data)
    x_test, y_test = kgen.datasets.load(options.dataset, split="test", data_dir=options.data)

    started = time.time()
    model = kgen.load(options.trained) if options.trained else train(x_train, options, out)
    trained = time.time() - started

    kgen.plots.image_grid(model.generate(100, seed=options.seed)).savefig(out / "dreams.png")
    kgen.plots.image_grid(model.interpolate(x_test[0], x_test[1], steps=12), columns=12).savefig(
        out / "interpolation.png"
    )
    kgen.plots.latent_map(model, x_test, y_test).savefig(out / "latent_map.png")

    # A random choice: the first half of MNIST's test images is known to be the easier one.
    chosen = np.random.default_rng(0).permutation(len(x_test))[: options.test_images]
    figures = model.evaluate(x_test[chosen], full=True, num_samples=options.test_samples)
    line = kgen.metrics.report(
        f"VAE {options.dataset}, mlp 500-500, latent {options.latent_dim}, {options.num_samples} sample(s) in training",
        {
            "test NLL (nats)": round(figures["nll"], 2),
            "bound's samples": figures["num_samples"],
            "test images": figures["num_images"],
            "epochs": model.epochs_trained,
            **({} if options.trained else {"training (s)": round(trained)}),
        },
        model=model,
        seed=options.seed,
        started=started,
    )
    if options.preset:
        model.save_to_preset(options.preset, card=card(options, line))
    print(f"pictures and model are in {out}/")


# %% [markdown]
# ## Training


# %%
def train(images, options, out):
    model = kgen.models.VAE(
        image_shape=images.shape[1:],
        latent_dim=options.latent_dim,
        architecture="mlp",
        hidden_dims=(500, 500),
        num_samples=options.num_samples,
        seed=options.seed,
    )
    model.compile()
    watchers = [kgen.training.TimeBudget(options.minutes), keras.callbacks.ModelCheckpoint(out / "model.keras")]
    model.fit(images, batch_size=128, epochs=100_000, callbacks=watchers, verbose=2)
    return model


# %% [markdown]
# ## The card of the preset

# %%
LICENCES = {"mnist": "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0", "fashion_mnist": "Fashion-MNIST (Zalando), MIT"}


def card(options, line):
    flags = f"--minutes {options.minutes:g} --latent-dim {options.latent_dim} --seed {options.seed}"
    summary = f"A variational autoencoder of {options.dataset} with {options.latent_dim} latent dimensions."
    return f"""# {Path(options.preset).name}

{summary}

- Class: `kgen.models.VAE` (dense layers 500-500, Bernoulli likelihood, dynamic binarisation)
- Data, and licence of the weights: {LICENCES.get(options.dataset, options.dataset)}; the training split
- Figures: {line}
- Rebuild: `python examples/vae_mnist.py --dataset {options.dataset} {flags} --preset {options.preset}`
"""


# %%
if __name__ == "__main__":
    main()

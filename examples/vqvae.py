# %% [markdown]
"""
# Images as grids of codes: a vector-quantized autoencoder, and a PixelCNN that dreams of such grids

    python examples/vqvae.py                        MNIST, fifteen minutes, downloaded by Keras
    python examples/vqvae.py --dataset fashion_mnist --data FOLDER
    python examples/vqvae.py --quick                half a minute, on digits that come with kgen

First the autoencoder learns: an image becomes 7 × 7 numbers from 0 to 127, and comes back. The figures say how much is
lost (the mean squared error of pixels in [0, 1]) and how many codes are in use. Then a PixelCNN learns the grids, class
by class. Its dreams, decoded, are compared with images that were held out by the Fréchet distance of kgen's own
features; so are those of a VAE that was trained for as long as both together. Half of the time goes to each model.

**You will see** `reconstructions.png`, `dreams.png` and `vae_dreams.png`, and the Fréchet distance of both kinds of
dreams.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np

import kgen
from kgen.script import read_options

LICENCES = {"mnist": "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0", "fashion_mnist": "Fashion-MNIST (Zalando), MIT"}

CARD = """# {name}

Codes of {dataset}, and a PixelCNN that dreams them.

- Class: `kgen.models.VQVAE` ({codes} codes) with a `kgen.models.PixelCNN` as its prior
- Data, and licence of the weights: {licence}; the training split
- Figures: {line}
- Rebuild: `python examples/vqvae.py --dataset {dataset} --minutes {minutes:g} --seed {seed} --preset FOLDER`
"""


# %% [markdown]
# ## Codes, then what is likely among them


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist", help="mnist, fashion_mnist or digits")
    parser.add_argument("--data", help="folder that holds the data set's .npz; without it Keras downloads")
    parser.add_argument("--minutes", type=float, default=15.0, help="of training, all three models together")
    parser.add_argument("--codes", type=int, default=128)
    parser.add_argument("--samples", type=int, default=2000, help="dreams, and images held out, to compare at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="embedded digits, tiny models, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("vqvae"), help="folder for pictures and the model")
    parser.add_argument("--preset", type=Path, help="also write the model as a preset into this folder")
    options = read_options(parser)
    widths, sizes = (32, 64), {"filters": 48, "num_blocks": 6, "first_kernel_size": 5, "dropout": 0.1}
    if options.quick:
        options.dataset, options.minutes, options.codes, options.samples = "digits", 0.1, 16, 200
        widths, sizes = (8,), {"filters": 8, "num_blocks": 1, "first_kernel_size": 3}
    started = time.time()
    options.out.mkdir(parents=True, exist_ok=True)
    (x_train, y_train), (x_test, _) = (
        kgen.datasets.load(options.dataset, split=split, data_dir=options.data) for split in ("train", "test")
    )
    shape, x_test = x_train.shape[1:], x_test[: options.samples]

    def spending(share):
        budget = kgen.training.TimeBudget(options.minutes * share)
        return {"epochs": 100_000, "callbacks": [budget], "verbose": 2}

    grid = kgen.models.VQVAE.grid_of(shape, widths)
    prior = kgen.models.PixelCNN(
        (*grid, 1), num_classes=10, likelihood="codes", levels=options.codes, **sizes, seed=options.seed, name="prior"
    )
    model = kgen.models.VQVAE(shape, options.codes, hidden_dims=widths, prior=prior, seed=options.seed)
    model.compile()
    model.fit(x_train, batch_size=64, **spending(0.25))
    model.fit_prior(x_train, y_train, batch_size=64, **spending(0.25))
    model.save(options.out / "model.keras")

    likelihood = "bernoulli" if shape[-1] == 1 else "gaussian"
    vae = kgen.models.VAE(shape, latent_dim=32, hidden_dims=widths, likelihood=likelihood, seed=options.seed)
    vae.compile()
    vae.fit(x_train, batch_size=64, **spending(0.5))

    figures = model.evaluate(x_test, full=True)
    n = len(x_test)
    distances = {
        name: kgen.metrics.frechet_distance(x_test, dreams)
        for name, dreams in (
            ("VQVAE", model.generate(n, seed=options.seed)),
            ("VAE", vae.generate(n, seed=options.seed)),
            ("other images", x_train[:n]),
        )
    }
    vae_mse = float(np.mean(((x_test - vae.reconstruct(x_test).astype("float64")) / 255.0) ** 2))
    line = kgen.metrics.report(
        f"VQVAE {options.dataset}, {options.codes} codes on {grid[0]} × {grid[1]}",
        {
            "MSE": round(figures["mse"], 5),
            "MSE of the VAE": round(vae_mse, 5),
            "codes used": figures["codes_used"],
            "perplexity": round(figures["perplexity"], 1),
            **{f"Fréchet distance of {name}": round(float(value), 2) for name, value in distances.items()},
            "dreams": n,
        },
        model,
        options.seed,
        started,
    )
    pairs = np.stack([x_test[:40].reshape(-1, *shape), model.reconstruct(x_test[:40])], axis=1)
    kgen.plots.image_grid(pairs.reshape(-1, *shape), columns=10).savefig(options.out / "reconstructions.png")
    kgen.plots.image_grid(model.generate(100, seed=options.seed), columns=10).savefig(options.out / "dreams.png")
    kgen.plots.image_grid(vae.generate(100, seed=options.seed), columns=10).savefig(options.out / "vae_dreams.png")
    if options.preset:
        card = CARD.format(
            name=options.preset.name,
            licence=LICENCES.get(options.dataset, options.dataset),
            line=line,
            **vars(options),
        )
        model.save_to_preset(options.preset, card)


# %%
if __name__ == "__main__":
    main()

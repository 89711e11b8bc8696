# %% [markdown]
"""
# Mode collapse counted: of 1,000 kinds of pictures, how many does a DCGAN dream of, and what helps?

    python examples/mode_collapse_digits.py --data FOLDER                    four GANs, ten minutes each
    python examples/mode_collapse_digits.py --data FOLDER --only plain,r1 --minutes 30
    python examples/mode_collapse_digits.py --quick                          half a minute, on digits of kgen's own

The data are stacked MNIST (Metz et al., 2017): three random digits as the red, green and blue of one picture, so the
modes are the numbers 000 to 999. kgen's classifier reads each channel of 26,000 dreams. Found are the numbers that it
reads at least once; the divergence from the uniform distribution says how evenly (0 nats is best). Of as many real
pictures the table says the same: that is the most that a generator can reach. Side by side:

- plain: the DCGAN of the paper, with batch normalization in its discriminator
- spectral: no layer of the discriminator stretches anything by more than 1 (Miyato et al., 2018)
- r1: the discriminator must not be steep where the data is (Mescheder et al., 2018)
- relativistic: each generated picture is compared with a real one, with R1 (Huang et al., 2024)

What collapse looks like in the plane is in mode_collapse.py. FOLDER holds mnist.npz; without --data Keras downloads it.

**You will see** how many of the thousand modes each GAN has found, a sheet of dreams each, and `side_by_side.png`.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np

import kgen
from kgen.script import read_options

PENALTY = {"discriminator_normalization": None, "penalty": "r1", "penalty_weight": 1.0}
CURES = {
    "plain": {},
    "spectral": {"discriminator_normalization": "spectral"},
    "r1": PENALTY,
    "relativistic": {**PENALTY, "objective": "relativistic"},
}


# %% [markdown]
# ## One GAN after the other


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with mnist.npz; else Keras downloads it")
    parser.add_argument("--only", default=",".join(CURES), help="of " + ", ".join(CURES))
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, each")
    parser.add_argument("--samples", type=int, default=26_000, help="dreams to count; papers take 26,000")
    parser.add_argument("--filters", type=int, default=32, help="width of the networks next to the image")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two tiny GANs, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("mode_collapse_digits"), help="folder for the pictures")
    options = read_options(parser)
    if options.quick:
        options.only, options.minutes, options.samples, options.filters = "plain,relativistic", 0.02, 500, 4
    images = few_digits() if options.quick else kgen.datasets.load("stacked_mnist", data_dir=options.data)[0]
    options.out.mkdir(parents=True, exist_ok=True)

    figures, rows = {"real pictures": modes(images[: options.samples])}, [images[:10]]
    for cure in options.only.split(","):
        started = time.time()
        model = kgen.models.DCGAN.for_data(
            images, latent_dim=64, filters=(options.filters, 2 * options.filters), seed=options.seed, **CURES[cure]
        )
        model.compile()
        model.fit(
            images,
            batch_size=options.batch_size,
            epochs=100_000,
            callbacks=[kgen.training.TimeBudget(options.minutes)],
            verbose=2,
        )
        dreams = model.generate(options.samples, seed=options.seed)
        figures[cure] = modes(dreams)
        rows.append(dreams[:10])
        experiment = f"DCGAN on stacked digits, {cure}, {options.minutes:g} minutes, {model.epochs_trained} epochs"
        kgen.metrics.report(experiment, figures[cure], model, options.seed, started)
        kgen.plots.image_grid(dreams[:100], columns=10).savefig(options.out / f"{cure}.png")
    kgen.plots.image_grid(np.concatenate(rows), columns=10).savefig(options.out / "side_by_side.png")

    print("| pictures | modes found | nats from uniform |", "|---|---|---|", sep="\n")
    for name, found in figures.items():
        print(f"| {name} | {found['modes_found']:,} of {found['num_modes']:,} | {found['kl_divergence']:.3f} |")


# %% [markdown]
# ## Reading the modes


# %%
def modes(images):
    return kgen.metrics.class_coverage(images)


def few_digits():
    """The small digits that come with kgen, three to a picture."""
    digits, _ = kgen.datasets.load("digits")
    orders = [np.random.default_rng(channel).permutation(len(digits)) for channel in range(3)]
    return np.concatenate([digits[order] for order in orders], axis=-1)


# %%
if __name__ == "__main__":
    main()

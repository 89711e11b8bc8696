# %% [markdown]
"""
# Mode collapse made visible: a GAN that forgets most of 25 clusters, and three ways to make it remember

    python examples/mode_collapse.py                          four GANs, some minutes each on two cores
    python examples/mode_collapse.py --only plain,packed --steps 20000 --out pictures
    python examples/mode_collapse.py --quick                  half a minute

The data are points in the plane, 25 narrow Gaussians on a grid (PacGAN's). A plain GAN is pleased with a few of them:
the discriminator judges point by point, and no single point says which others are missing. The cures:

- packed: the discriminator looks at several points at once (Lin et al., PacGAN, 2018), so it sees repetition
- r1: it must not be steep where the data is (Mescheder et al., 2018), so the generator's way to far modes stays open
- relativistic: each generated point is compared with a real one (Jolicoeur-Martineau, 2018; R1: Huang et al., 2024)

The same counted in pictures, of a thousand modes, is mode_collapse_digits.py.

It also shows how to train networks of one's own: `Adversarial` makes both losses in `compute_loss`, `GroupedOptimizer`
gives each network its Adam, and `fit` is Keras's.

**You will see** `modes.png`: the 25 clusters, and which of them each GAN has found.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

import kgen
from kgen.script import read_options
from kgen.training.grouped_optimizer import assign_group

CURES = {
    "plain": {},
    "packed": {"pack": 4},
    "r1": {"penalty": "r1", "penalty_weight": 0.5},
    "relativistic": {"objective": "relativistic", "penalty": "r1", "penalty_weight": 0.5},
}
LATENT, WIDTH, BATCH = 8, 128, 256


# %% [markdown]
# ## A GAN from kgen's parts


# %%
def network(name, inputs, outputs):
    """Three hidden layers."""
    hidden = [keras.layers.Dense(WIDTH, keras.layers.LeakyReLU(0.2), name=f"hidden_{i}") for i in range(3)]
    return keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(outputs, name="output")], name=name)


class PointGAN(keras.Model):
    """A GAN of points, from the parts that kgen's own GANs are made of."""

    def __init__(self, pack=1, objective="non_saturating", penalty=None, penalty_weight=0.0, seed=None):
        super().__init__()
        self.pack = pack
        self.generator = network("generator", LATENT, 2)
        self.discriminator = network("discriminator", 2 * pack, 1)
        self.adversarial = kgen.training.Adversarial(objective, penalty, penalty_weight, seed=seed, name="adversarial")
        self.draws = keras.random.SeedGenerator(seed)
        assign_group(self.generator, "generator")
        assign_group(self.discriminator, "discriminator")
        self.built = True

    def call(self, points, training=False):
        return self.generator(keras.random.normal((ops.shape(points)[0], LATENT), seed=self.draws), training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        real, fake = (ops.reshape(points, (-1, 2 * self.pack)) for points in (x, y_pred))
        losses = self.adversarial.losses(self.discriminator, real, fake, training=training)
        return losses["d_loss"] + losses["g_loss"]


# %% [markdown]
# ## Training and drawing


# %%
def train(cure, points, steps, seed, rate):
    keras.utils.set_random_seed(seed)
    model = PointGAN(**CURES[cure], seed=seed)
    adam = {name: keras.optimizers.Adam(rate, beta_1=0.5) for name in ("generator", "discriminator")}
    model.compile(kgen.training.GroupedOptimizer(adam))
    rows = np.random.default_rng(seed).integers(0, len(points), steps * BATCH)
    model.fit(points[rows], batch_size=BATCH, shuffle=False, verbose=2)
    return model


def picture(found, centres):
    """The points that each GAN makes, beside the modes."""
    figure = Figure(figsize=(3 * len(found), 3.3), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (name, (points, figures)) in zip(panels, found.items(), strict=True):
        axes.plot(*centres.T, "+", color="0.6", markersize=9)
        axes.plot(*points[:2000].T, ".", markersize=2)
        axes.set(title=f"{name}: {figures['modes_found']} of {len(centres)}", xlim=(-5.5, 5.5), ylim=(-5.5, 5.5))
        axes.set_aspect("equal")
    return figure


# %% [markdown]
# ## One GAN after the other


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CURES), help="of " + ", ".join(CURES))
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two GANs, few steps")
    parser.add_argument("--out", type=Path, default=Path("mode_collapse"), help="folder for the picture")
    options = read_options(parser)
    if options.quick:
        options.only, options.steps = "plain,relativistic", 300
    points, _ = kgen.datasets.load("gaussian_grid")
    centres, std = kgen.datasets.gaussian_modes("gaussian_grid")
    found = {}
    for cure in options.only.split(","):
        started = time.time()
        model = train(cure, points, options.steps, options.seed, options.learning_rate)
        z = np.random.default_rng(options.seed).standard_normal((2500, LATENT)).astype("float32")
        made = ops.convert_to_numpy(ops.stop_gradient(model.generator(z)))
        figures = kgen.metrics.mode_coverage(made, centres, radius=3 * std)
        kgen.metrics.report(f"GAN on 25 Gaussians, {cure}", figures, model, options.seed, started)
        found[cure] = made, figures
    options.out.mkdir(parents=True, exist_ok=True)
    picture(found, centres).savefig(options.out / "modes.png", dpi=150)
    print(options.out / "modes.png")


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# Discriminative and generative: two answers to the same question, and one that only one of them can give

    python examples/two_gaussians.py                        seconds; writes two_gaussians/two_gaussians.png
    python examples/two_gaussians.py --points 50 --seed 3

Points in the plane come from two sources. Which one did a point come from? There are two ways to learn it:

    discriminative    p(y | x) and nothing else: logistic regression, trained by `fit`
    generative        p(x | y) and p(y), here a Gaussian for each source; then by Bayes' rule
                      p(y | x) = p(x | y) p(y) / p(x)    with    p(x) = Σ p(x | y) p(y)

Both tell the sources apart about equally well, and both are sure which one a point comes from that comes from neither:
p(y | x) knows no third answer. But p(x) says that there is no such point, and p(x | y) makes new ones. Everything else
in kgen is the second row with a better p(x) than a Gaussian.

**You will see** `two_gaussians.png`: p(y | x) of both, p(x) with the odd point, and new points; and the accuracy of
both on points that were held out.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit
from scipy.stats import multivariate_normal

import kgen
from kgen.script import read_options

SOURCES = (((-1.2, -0.6), ((0.8, 0.5), (0.5, 0.7))), ((1.1, 0.8), ((0.5, -0.3), (-0.3, 0.9))))  # means, covariances
ODD = np.array([[5.0, -3.0]])  # a point that comes from neither
COLOURS = ("tab:blue", "tab:orange")

# %% [markdown]
# ## The points


# %%
def drawn(count, seed):
    """`count` points of each source, float32, and which source it is."""
    rng = np.random.default_rng(seed)
    points = [rng.multivariate_normal(mean, covariance, count) for mean, covariance in SOURCES]
    return np.concatenate(points).astype("float32"), np.repeat([0, 1], count)


# %% [markdown]
# ## Both ways


# %%
def terms(points):
    """What the boundary between two Gaussians is made of: x₁, x₂ and their products."""
    a, b = np.asarray(points, "float32").T
    return np.stack([a, b, a * a, a * b, b * b], axis=1)


class Discriminative:
    """p(y | x) by logistic regression."""

    def __init__(self, points, labels, epochs, seed):
        keras.utils.set_random_seed(seed)
        self.model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, name="logit")])
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(0.05), loss)
        self.model.fit(terms(points), labels.astype("float32"), batch_size=64, epochs=epochs, verbose=0)

    def posterior(self, points):
        return expit(self.model.predict(terms(points), verbose=0)[:, 0])


class Generative:
    """p(x | y) and p(y) by maximum likelihood: means, covariances, shares."""

    def __init__(self, points, labels):
        parts = [points[labels == source] for source in (0, 1)]
        self.shares = [len(part) / len(points) for part in parts]
        self.gaussians = [multivariate_normal(part.mean(axis=0), np.cov(part.T)) for part in parts]

    def joint(self, points):
        """p(x | y) p(y), float (n, 2)."""
        both = zip(self.gaussians, self.shares, strict=True)
        return np.stack([share * gaussian.pdf(points) for gaussian, share in both], axis=-1)

    def density(self, points):
        return self.joint(points).sum(axis=-1)

    def posterior(self, points):
        joint = self.joint(points)
        return joint[..., 1] / joint.sum(axis=-1)

    def generate(self, count, seed):
        rng = np.random.default_rng(seed)
        sources = rng.choice(2, count, p=self.shares)
        points = [gaussian.rvs(count, random_state=rng) for gaussian in self.gaussians]
        return np.where(sources[:, None] == 0, *points), sources


# %% [markdown]
# ## The picture


# %%
def picture(points, labels, discriminative, generative, seed):
    sides = np.linspace(-4, 6.5, 121), np.linspace(-4, 4.5, 101)
    plane = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    figure = Figure(figsize=(12.4, 3.3), layout="constrained")
    panels = figure.subplots(1, 4, sharex=True, sharey=True)

    def heights(values):
        return np.reshape(values, (len(sides[1]), len(sides[0])))

    for axes, (name, model) in zip(
        panels, {"discriminative": discriminative, "generative": generative}.items(), strict=False
    ):
        axes.pcolormesh(*sides, heights(model.posterior(plane)), cmap="PuOr_r", vmin=0, vmax=1, rasterized=True)
        axes.set_title(f"{name}: p(y = 1 | x)", fontsize=10)
    density = np.log10(generative.density(plane))
    panels[2].contourf(*sides, heights(density), levels=np.arange(-14, 0.5, 1.5), cmap="Greys", extend="min")
    odd = np.log10(generative.density(ODD).item())
    panels[2].set_title(f"generative: log₁₀ p(x); at the star {odd:.0f}", fontsize=10)
    new, sources = generative.generate(len(points), seed)
    panels[3].set_title("generative: new points", fontsize=10)
    for axes, (shown, colours) in zip(panels, 3 * [(points, labels)] + [(new, sources)], strict=True):
        for source, colour in enumerate(COLOURS):
            chosen = shown[colours == source][:150]
            axes.plot(*chosen.T, ".", color=colour, markersize=3, markeredgecolor="white", markeredgewidth=0.2)
        axes.set(xlim=(-4, 6.5), ylim=(-4, 4.5), xticks=[], yticks=[])
    for axes in panels[:3]:
        axes.plot(*ODD.T, "*", color="crimson", markersize=11)
    return figure


# %% [markdown]
# ## All of it


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=500, help="of each source, to learn from")
    parser.add_argument("--epochs", type=int, default=60, help="of the logistic regression")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    parser.add_argument("--out", type=Path, default=Path("two_gaussians"), help="folder for the picture")
    options = read_options(parser)
    started = time.time()
    points, labels = drawn(options.points, options.seed)
    test, truth = drawn(5000, options.seed + 1)
    discriminative = Discriminative(points, labels, 15 if options.quick else options.epochs, options.seed)
    generative = Generative(points, labels)
    figures = {}
    for name, model in {"discriminative": discriminative, "generative": generative}.items():
        figures[f"accuracy, {name}"] = float(np.mean((model.posterior(test) > 0.5) == truth))
        sure = model.posterior(ODD).item()
        figures[f"sure of the odd point, {name}"] = max(sure, 1 - sure)
    usual = np.quantile(generative.density(test), 0.001)
    figures["p(odd point) / p of the least likely in 1,000"] = float(generative.density(ODD).item() / usual)
    kgen.metrics.report("Two Gaussians", figures, discriminative.model, options.seed, started)
    options.out.mkdir(parents=True, exist_ok=True)
    picture(points, labels, discriminative, generative, options.seed).savefig(options.out / "two_gaussians.png")


# %%
if __name__ == "__main__":
    main()

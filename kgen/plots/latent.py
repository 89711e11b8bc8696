"""The latent space of an autoencoder as a map."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA


def latent_map(model, images, labels, max_points=3000, seed=0):
    """The latent means of images, coloured by class, beside a PCA of their pixels: a VAE is a non-linear PCA.

    With more than two latent dimensions the map shows the two principal components of the means.

    Args:
        model: a model with `encode(images)` that returns float `(n, latent_dim)`.
        images: uint8 `(n, height, width, channels)` in [0, 255].
        labels: integer classes `(n,)`.
        max_points: draw at most so many, chosen at random.
        seed: int, which ones.

    Returns:
        a matplotlib `Figure` with two axes.

    Raises:
        ValueError: another number of labels than of images.

    Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2014, appendix A.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if len(images) != len(labels):
        raise ValueError(f"labels: expected one for each of {len(images)} images, got {len(labels)}")
    chosen = np.random.default_rng(seed).permutation(len(images))[:max_points]
    images, labels = images[chosen], labels[chosen]
    codes = np.asarray(model.encode(images))
    latent_title = "latent means"
    if codes.shape[1] > 2:
        latent_title = f"two principal components of {codes.shape[1]} latent means"
        codes = PCA(2, random_state=seed).fit_transform(codes)
    pixels = PCA(2, random_state=seed).fit_transform(images.reshape(len(images), -1).astype("float32"))

    figure = Figure(figsize=(12, 5.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, points, title in ((left, codes, f"VAE: {latent_title}"), (right, pixels, "PCA of the pixels")):
        drawn = axes.scatter(points[:, 0], points[:, 1], c=labels, s=7, cmap="tab10", linewidths=0, alpha=0.8)
        axes.set(title=title, xticks=[], yticks=[])
    figure.legend(*drawn.legend_elements(num=None), title="class", loc="outside right center")
    return figure

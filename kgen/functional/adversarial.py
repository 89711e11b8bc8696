"""What the two networks of a GAN want: objectives and gradient penalties, without a network.

A discriminator gives each image a score (a logit): large for what it takes to be real. With scores r of real and f of
generated images each objective is two losses, one for each network:

| objective | discriminator | generator |
|---|---|---|
| non_saturating | softplus(-r) + softplus(f) | softplus(-f) |
| hinge | relu(1 - r) + relu(1 + f) | -f |
| least_squares | ½ (r - 1)² + ½ f² | ½ (f - 1)² |
| wasserstein | f - r | -f |
| relativistic | softplus(f - r) | softplus(r - f) |

Goodfellow et al., Generative Adversarial Nets, 2014; Lim and Ye, Geometric GAN, 2017 (hinge); Mao et al., Least Squares
GAN, 2017; Arjovsky et al., Wasserstein GAN, 2017; Jolicoeur-Martineau, The Relativistic Discriminator, 2018, in pairs
as by Huang et al., The GAN is dead; long live the GAN!, 2024.
"""

from keras import ops


def _non_saturating(real, fake):
    return ops.softplus(-real) + ops.softplus(fake), ops.softplus(-fake)


def _hinge(real, fake):
    return ops.relu(1.0 - real) + ops.relu(1.0 + fake), -fake


def _least_squares(real, fake):
    return 0.5 * (real - 1.0) ** 2 + 0.5 * fake**2, 0.5 * (fake - 1.0) ** 2


def _wasserstein(real, fake):
    return fake - real, -fake


def _relativistic(real, fake):
    return ops.softplus(fake - real), ops.softplus(real - fake)


OBJECTIVES = {
    "non_saturating": _non_saturating,
    "hinge": _hinge,
    "least_squares": _least_squares,
    "wasserstein": _wasserstein,
    "relativistic": _relativistic,
}


def _zero_centred(norm_squared):
    """R1: ½ ‖∇‖². The discriminator shall be flat where the data is (Mescheder et al., 2018)."""
    return 0.5 * norm_squared


def _one_centred(norm_squared):
    """(‖∇‖ - 1)², between data and samples (Gulrajani et al., Improved Training of Wasserstein GANs, 2017)."""
    return (ops.sqrt(norm_squared + 1e-12) - 1.0) ** 2


# Of the gradient's squared norm for each image; and where the gradient is taken.
PENALTIES = {"r1": (_zero_centred, "real"), "gradient": (_one_centred, "between")}


def squared_norm(gradient):
    """Σ over all axes but the first: shape `(batch,)`, float32."""
    gradient = ops.cast(gradient, "float32")
    return ops.sum(gradient * gradient, axis=tuple(range(1, len(gradient.shape))))

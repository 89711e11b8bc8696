"""Distributions over the levels of a pixel: what a network must say about each, and what an observed level costs.

Each is exact: over its levels the probabilities sum up to 1.

    bernoulli     p(1) = σ(l)
    categorical   p(v) = softmax(l)_v
    logistic      p(v) = Σ_i π_i [σ((v + ½ - μ_i) / s_i) - σ((v - ½ - μ_i) / s_i)], the ends taking the rest

The last: Salimans et al., PixelCNN++, 2017, section 2.1; levels are scaled to [-1, 1].
"""

from keras import ops

from kgen import backend

MIXTURE = 10  # logistics in a mixture
LARGEST_LOG_SCALE = 7.0
SHARPEST_LOG_SCALE = -7.0


class Bernoulli:
    """Two levels."""

    def __init__(self, levels=2):
        self.parameters = 1

    def log_probability(self, parameters, values):
        """log p of integers `(…)` for parameters `(…, self.parameters)`, float32."""
        logits = parameters[..., 0]
        return ops.cast(values, "float32") * logits - ops.softplus(logits)

    def table(self, parameters):
        """log p of every level: `(…, levels)`."""
        return ops.stack([-ops.softplus(parameters[..., 0]), -ops.softplus(-parameters[..., 0])], axis=-1)


class Categorical:
    """Any levels, each with a logit of its own."""

    def __init__(self, levels):
        self.parameters = levels

    def log_probability(self, parameters, values):
        return -backend.nats(parameters, values, False)[0]

    def table(self, parameters):
        return ops.log_softmax(parameters, axis=-1)


class LogisticMixture:
    """Ordered levels: logistics of learned weight, place and width, cut into levels."""

    def __init__(self, levels):
        self.levels = levels
        self.parameters = 3 * MIXTURE

    def log_probability(self, parameters, values):
        weights, means, log_scales = ops.split(parameters, 3, axis=-1)
        half = 1.0 / (self.levels - 1)
        offset = ops.cast(values, "float32")[..., None] * (2.0 * half) - 1.0 - means
        inverse = ops.exp(-ops.clip(log_scales, SHARPEST_LOG_SCALE, LARGEST_LOG_SCALE))
        upper, lower = (offset + half) * inverse, (offset - half) * inverse
        # σ(u) - σ(l) = σ(u) σ(-l) (1 - exp(l - u)), which stays exact where both are near 0 or near 1.
        below, beyond = ops.log_sigmoid(upper), ops.log_sigmoid(-lower)
        inside = below + beyond + ops.log(-ops.expm1(-2.0 * half * inverse))
        values = values[..., None]
        one = ops.where(values == 0, below, ops.where(values == self.levels - 1, beyond, inside))
        return ops.logsumexp(ops.log_softmax(weights, axis=-1) + one, axis=-1)

    def table(self, parameters):
        return self.log_probability(parameters[..., None, :], ops.arange(self.levels, dtype="int32"))


def draw(table, uniform, temperature):
    """A level for each row, by the inverse of its distribution function.

    Args:
        table: log p `(n, levels)`.
        uniform: float32 `(n,)` in [0, 1).
        temperature: float32 scalar: p^(1 / temperature), normalised; 0 takes the likeliest level.

    Returns:
        int32 `(n,)`.
    """
    p = ops.softmax(table / ops.maximum(temperature, 1e-6), axis=-1)
    cumulative = ops.cumsum(p, axis=-1)
    below = ops.cast(cumulative <= uniform[:, None] * cumulative[:, -1:], "int32")
    return ops.minimum(ops.sum(below, axis=-1), table.shape[-1] - 1)


LIKELIHOODS = {"bernoulli": Bernoulli, "categorical": Categorical, "logistic": LogisticMixture, "codes": Categorical}


def levels_of(images, levels):
    """uint8 images in [0, 255] as integers in [0, levels): levels of equal width."""
    return ops.cast(ops.floor(ops.cast(images, "float32") * (levels / 256.0)), "int32")


def image_of(values, levels):
    """Levels as floats in [0, 255], the lowest black and the highest white."""
    return values * (255.0 / (levels - 1))


def centred(values, levels):
    """Levels as float32 in [-1, 1]."""
    return ops.cast(values, "float32") * (2.0 / (levels - 1)) - 1.0

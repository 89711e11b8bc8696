"""A denoiser of vectors: given a row plus Gaussian noise of known σ, what was the row?

The network F is wrapped so that input, output and target have unit variance at every σ (Karras et al., Elucidating the
Design Space of Diffusion-Based Generative Models, 2022, with σ_data = 1):

    D(x; σ) = c_skip x + c_out F(c_in x, ¼ log σ),   c_skip = 1 / (1 + σ²),   c_out = σ c_in,   c_in = 1 / √(1 + σ²)

D(x; σ) - x is σ² times the gradient of the log density of the noisy rows (Vincent, 2011): it points back to where rows
are, and it is long where there are none.
"""

import math

import keras
from keras import ops

from kgen.anomaly.members import for_each_member
from kgen.anomaly.members import networks
from kgen.functional.checks import check_int
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.fixed_noise import fixed_uniform
from kgen.functional.seeding import seeded
from kgen.models.base import GenerativeModel

NOISE = (0.03, 1.5)  # the least and the most σ in training, in standard units


@keras.saving.register_keras_serializable(package="kgen")
class RowDenoiser(GenerativeModel):
    """An ensemble of denoisers of vectors in standard units; `DiffusionDetector` trains it.

    Args:
        num_columns: length of a vector.
        hidden_dim: units of both hidden layers.
        members: how many networks.
        seed: int or None; seeds weights and noise.
    """

    def __init__(self, num_columns, hidden_dim=128, members=4, seed=None, **kwargs):
        for name, value in (("num_columns", num_columns), ("hidden_dim", hidden_dim), ("members", members)):
            check_int(name, value, minimum=1)
        super().__init__(seed=seed, **kwargs)
        self.num_columns = num_columns
        self.hidden_dim = hidden_dim
        self.members = members
        with seeded(seed):
            widths = (num_columns + 1, hidden_dim, hidden_dim, num_columns)
            self.network = networks(widths, members, "network")
            self.noise = keras.random.SeedGenerator()
        self.built = True

    def call(self, x, training=False):
        """Rows, what they became under noise of a random σ, and what the networks make of that."""
        x = for_each_member(x, self.members)
        one_each = (*ops.shape(x)[:2], 1)
        if training:
            uniform = keras.random.uniform(one_each, seed=self.noise)
            noise = keras.random.normal(ops.shape(x), seed=self.noise)
        else:
            uniform, noise = fixed_uniform(one_each, seed=1), fixed_normal(ops.shape(x), seed=2)
        low, high = (math.log(sigma) for sigma in NOISE)
        sigma = ops.exp(low + (high - low) * uniform)
        return {"x": x, "denoised": self._denoise(x + sigma * noise, sigma), "sigma": sigma}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = (y_pred["denoised"] - y_pred["x"]) ** 2
        sigma = y_pred["sigma"]
        return ops.mean(error * (1.0 + sigma * sigma) / (sigma * sigma))  # 1 / c_out²: the error of F

    def step_lengths(self, x, levels):
        """|D(x; σ) - x| of each row at each noise level, the rows taken as they are: float32 `(n, len(levels))`."""

        def lengths(x):
            x = for_each_member(x, self.members)
            steps = [self._denoise(x, ops.full_like(x[..., :1], sigma)) - x for sigma in levels]
            squares = ops.stack([ops.sum(step * step, axis=-1) for step in steps], axis=-1)
            return ops.sqrt(ops.mean(squares, axis=1))

        return self.compute_rows(f"step_lengths {levels}", lengths, self.variables, x, batch_size=1024, smallest=64)

    def expected(self, x, level):
        """D(x; level), the mean of the members: float32 `(n, num_columns)`."""

        def denoised(x):
            x = for_each_member(x, self.members)
            return ops.mean(self._denoise(x, ops.full_like(x[..., :1], level)), axis=1)

        return self.compute_rows(f"expected {level}", denoised, self.variables, x, batch_size=1024, smallest=64)

    def _denoise(self, x, sigma):
        c_in = 1.0 / ops.sqrt(1.0 + sigma * sigma)
        inner = self.network(ops.concatenate([c_in * x, 0.25 * ops.log(sigma)], axis=-1))
        return c_in * c_in * x + sigma * c_in * inner

"""The variational autoencoder of vectors: what `kgen.models.VAE` is for images, as an ensemble of small networks.

    p(x | z) = N(decoder(z), diag(σ²)),   q(z | x) = N(mean(x), diag(variance(x))),   p(z) = N(0, 1)

σ is learned, one for each column: where the others foretell a column it is small, and a small deviation counts for
much. Kingma and Welling, Auto-Encoding Variational Bayes, 2014.
"""

import math

import keras
from keras import ops

from kgen.anomaly.members import for_each_member
from kgen.anomaly.members import networks
from kgen.functional.checks import check_int
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.seeding import seeded
from kgen.models.base import GenerativeModel

LOG_2PI = math.log(2.0 * math.pi)
SMALLEST_SCALE = 0.02  # in standard units; a column that is foretold exactly would else have an infinite density


@keras.saving.register_keras_serializable(package="kgen")
class TableVAE(GenerativeModel):
    """An ensemble of variational autoencoders of vectors in standard units; `VAEDetector` trains it.

    Args:
        num_columns: length of a vector.
        latent_dim: length of z.
        hidden_dim: units of the hidden layer of each encoder and decoder.
        members: how many networks.
        num_samples: samples of z for a score; they are the same for every row.
        seed: int or None; seeds weights and noise.
    """

    def __init__(self, num_columns, latent_dim, hidden_dim=64, members=4, num_samples=8, seed=None, **kwargs):
        sizes = {"num_columns": num_columns, "latent_dim": latent_dim, "hidden_dim": hidden_dim, "members": members}
        for name, value in {**sizes, "num_samples": num_samples}.items():
            check_int(name, value, minimum=1)
        super().__init__(seed=seed, **kwargs)
        self.num_columns = num_columns
        self.latent_dim = latent_dim
        self.hidden_dim = hidden_dim
        self.members = members
        self.num_samples = num_samples
        with seeded(seed):
            self.encoder = networks((num_columns, hidden_dim, 2 * latent_dim), members, "encoder")
            self.decoder = networks((latent_dim, hidden_dim, num_columns), members, "decoder")
            self.noise = keras.random.SeedGenerator()
        self.log_scale = self.add_weight(
            name="log_scale", shape=(members, num_columns), initializer="zeros", dtype="float32"
        )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.built = True

    def call(self, x, training=False):
        """Everything that the bound needs, from vectors `(n, num_columns)`."""
        x = for_each_member(x, self.members)
        mean, log_variance = self._posterior(x)
        if training:
            noise = keras.random.normal(ops.shape(mean), seed=self.noise)
        else:
            noise = fixed_normal((1, self.members, self.latent_dim), seed=1)
        decoded = self.decoder(mean + ops.exp(0.5 * log_variance) * noise)
        return {"x": x, "mean": mean, "log_variance": log_variance, "decoded": decoded}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        reconstruction = self._cost(y_pred["x"], y_pred["decoded"])
        kl = _kl(y_pred["mean"], y_pred["log_variance"])
        self.reconstruction_tracker.update_state(reconstruction)
        self.kl_tracker.update_state(kl)
        return ops.mean(reconstruction + kl)

    def row_scores(self, x):
        """What each row costs, means over the members: float32 `(n, 3)`, in nats: -E log p(x | z), KL, |mean of z|²."""

        def scores(x):
            x = for_each_member(x, self.members)
            mean, log_variance = self._posterior(x)
            noise = fixed_normal((self.num_samples, 1, self.members, self.latent_dim), seed=1)
            scale = ops.exp(0.5 * log_variance)
            costs = [self._cost(x, self.decoder(mean + scale * noise[i])) for i in range(self.num_samples)]
            reconstruction = sum(costs) / self.num_samples
            parts = (reconstruction, _kl(mean, log_variance), ops.sum(mean * mean, axis=-1))
            return ops.mean(ops.stack(parts, axis=-1), axis=1)

        return self.compute_rows("row_scores", scores, self.variables, x, batch_size=1024, smallest=64)

    def expected(self, x):
        """What the networks make of each row: float32 `(n, num_columns)`, decoded from the mean of z."""

        def decoded(x):
            mean, _ = self._posterior(for_each_member(x, self.members))
            return ops.mean(self.decoder(mean), axis=1)

        return self.compute_rows("expected", decoded, self.variables, x, batch_size=1024, smallest=64)

    def _posterior(self, x):
        mean, log_variance = ops.split(self.encoder(x), 2, axis=-1)
        return mean, ops.clip(log_variance, -10.0, 5.0)

    def _cost(self, x, decoded):
        """-log p(x | z) `(n, members)`."""
        log_scale = ops.maximum(self.log_scale, math.log(SMALLEST_SCALE))
        deviation = (x - decoded) * ops.exp(-log_scale)
        return ops.sum(0.5 * (deviation * deviation + LOG_2PI) + log_scale, axis=-1)


def _kl(mean, log_variance):
    """KL(q(z | x) || N(0, 1)) `(n, members)`."""
    return 0.5 * ops.sum(mean * mean + ops.exp(log_variance) - 1.0 - log_variance, axis=-1)

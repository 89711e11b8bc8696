"""The detector of a variational autoencoder: strange is what it would seldom say.

A VAE learns p(x) through its evidence lower bound

    log p(x) ≥ E_q(z|x)[log p(x | z)] - KL(q(z | x) || N(0, 1))

and each part is a score: the first the reconstruction probability (An and Cho, Variational Autoencoder based Anomaly
Detection using Reconstruction Probability, 2015), the second together with it the bound itself, and the distance of
z from the middle of the prior.
"""

import numpy as np

from kgen.anomaly.image_vae import IMAGE_LATENT_DIM
from kgen.anomaly.image_vae import image_scores
from kgen.anomaly.image_vae import image_vae
from kgen.anomaly.table_detector import TableDetector
from kgen.anomaly.table_vae import TableVAE
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int


class VAEDetector(TableDetector):
    """Detector of strange rows or images: what a variational autoencoder, trained on normal ones, finds improbable.

        strangeness(x) = -E_q(z|x)[log p(x | z)] + KL(q(z | x) || N(0, 1))

    Args:
        measure: "elbo" (the sum above), "reconstruction" (its first term) or "latent" (|mean of z|²).
        latent_dim: length of z; None for half the columns, between 2 and 16, and 32 for images.
        hidden_dim: units of the hidden layer of each encoder and decoder (tables).
        members: how many networks learn side by side (tables).
        contamination: number in (0, 0.5], the share of the training rows that `predict` calls anomalies.
        false_alarm_rate: number in (0, 1) or None; sets the threshold instead, by rows that were held back.
        tail: "empirical" or "pareto", how held-back rows are read; see `predict_proba`.
        held_back: number in [0, 0.5], the share of the rows that is kept for calibration.
        epochs: passes over the rows, or None for as many as make 500 steps.
        batch_size: rows a step.
        verbose: as in `keras.Model.fit`.
        seed: int ≥ 0. Two fits with the same seed on the same rows are equal.

    Rows are a float array `(n, columns)`, NaN where a value is missing, or a DataFrame, whose columns that are not
    numbers are categories, or uint8 images `(n, height, width[, channels])` in [0, 255], which a `kgen.models.VAE`
    learns.

    Raises:
        ValueError: an argument outside its range; infinite values; other columns or another shape than in `fit`.

    Example:

    >>> import numpy as np, kgen
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=200)
    >>> rows = np.stack([x, x + 0.1 * rng.normal(size=200)], axis=1)
    >>> detector = kgen.anomaly.VAEDetector(epochs=20, batch_size=64, hidden_dim=16, members=2).fit(rows)
    >>> detector.predict([[0.0, 0.0], [3.0, -3.0]])
    array([ 1, -1])

    Reference: An and Cho, Variational Autoencoder based Anomaly Detection using Reconstruction Probability, 2015.
    """

    reads = ("table", "images")
    models = ("TableVAE", "VAE")

    def __init__(
        self,
        *,
        measure="elbo",
        latent_dim=None,
        hidden_dim=64,
        members=4,
        contamination=0.1,
        false_alarm_rate=None,
        tail="empirical",
        held_back=0.1,
        epochs=None,
        batch_size=256,
        verbose=0,
        seed=0,
    ):
        self.measure = measure
        self.latent_dim = latent_dim
        self.hidden_dim = hidden_dim
        self.members = members
        self.contamination = contamination
        self.false_alarm_rate = false_alarm_rate
        self.tail = tail
        self.held_back = held_back
        self.epochs = epochs
        self.batch_size = batch_size
        self.verbose = verbose
        self.seed = seed

    def explain(self, X):
        """Which columns made each row strange (an `Explanation`), or where each image is: heat maps `(n, h, w)`.

        A column's share is what the strangeness loses when its value is replaced by what the network expects there; a
        pixel's heat is what it costs to reconstruct, -log p(x | z).
        """
        if getattr(self, "image_shape_", None) is None:
            return super().explain(X)
        images = self._read(X, reset=False)
        return self._in_chunks(lambda some: image_scores(self.model_, some)["heat"], images)

    def _check_arguments(self):
        check_in("measure", self.measure, ("elbo", "reconstruction", "latent"))
        for name in ("hidden_dim", "members"):
            check_int(name, getattr(self, name), minimum=1)
        if self.latent_dim is not None:
            check_int("latent_dim", self.latent_dim, minimum=1)

    def _read(self, X, reset):
        if reset:
            self.image_shape_ = None
            if len(getattr(X, "shape", ())) in (3, 4):
                self.image_shape_ = (*np.shape(X), 1)[1:4]
                check_image_shape("X: shape of an image", self.image_shape_)
                self.n_features_in_ = int(np.prod(self.image_shape_))
        if self.image_shape_ is None:
            return super()._read(X, reset)
        return check_images("X", X, self.image_shape_)

    def _learn(self, rows):
        if self.image_shape_ is None:
            super()._learn(rows)
        else:
            self.model_ = image_vae(self.image_shape_, self.latent_dim or IMAGE_LATENT_DIM, self.seed)
            self._train(rows, peak_rate=1e-3)

    def _strangeness(self, rows):
        if self.image_shape_ is None:
            return super()._strangeness(rows)
        scores = image_scores(self.model_, rows)
        return scores["reconstruction"] + scores["kl"] if self.measure == "elbo" else scores[self.measure]

    def _state(self):
        shape = self.image_shape_
        return {**super()._state(), "image_shape": None if shape is None else list(shape)}

    def _restore(self, state):
        self.image_shape_ = None if state["image_shape"] is None else tuple(state["image_shape"])
        if self.image_shape_ is not None:
            check_image_shape("image_shape", self.image_shape_)
        super()._restore(state)

    def _learn_vectors(self, x):
        latent_dim = self.latent_dim or min(16, max(2, x.shape[1] // 2))
        self.model_ = TableVAE(x.shape[1], latent_dim, self.hidden_dim, self.members, seed=self.seed)
        self._train(x)

    def _vector_strangeness(self, x):
        reconstruction, kl, latent = self.model_.row_scores(x).T.astype("float64")
        return {"elbo": reconstruction + kl, "reconstruction": reconstruction, "latent": latent}[self.measure]

    def _expected(self, x):
        return self.model_.expected(x)

"""What the GANs share that dream images: noise goes in, two networks are trained against each other, one dreams."""

import keras
import numpy as np
from keras import ops

from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.moving_average import follow
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.metrics.comparison import sample_figures
from kgen.models.base import exclusive
from kgen.models.base_images import ImageModel
from kgen.models.base_images import as_uint8
from kgen.models.base_images import way_on_the_sphere
from kgen.training.adversarial import Adversarial
from kgen.training.dead_discriminator import StopOnDeadDiscriminator
from kgen.training.grouped_optimizer import GroupedOptimizer
from kgen.training.grouped_optimizer import assign_group

LOSSES = ("d_loss", "g_loss", "penalty", "real_score", "fake_score")


class AdversarialModel(ImageModel):
    """Base of GANs: `fit(images)` or `fit(images, labels)`, then `generate`, `interpolate`.

    Holes: `make_generator(name)` maps `z`, or `[z, labels]`, to images in [-1, 1]; `make_discriminator(name)` maps
    images, or `[images, labels]`, to scores `(batch, 1)`. A constructor ends with `self._assemble()`, which calls both.

    `generate` dreams with an exponential moving average of the generator (Karras et al., 2018), whose weights follow
    those in training by `ema_decay` at each step, faster in the first ones.

    Args:
        image_shape: (height, width, channels), 1 or 3 channels.
        latent_dim: length of z ~ N(0, 1).
        num_classes: None, or the number of classes; then it learns from labels too, and dreams what it is told.
        objective, penalty, penalty_weight, penalty_every, augmentation: see `kgen.training.Adversarial`.
        critic_steps: int ≥ 1; the generator moves in the last of so many steps.
        ema_decay: float in [0, 1); 0 dreams with the weights in training.
        seed: int or None; seeds the weights, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `d_loss`, `g_loss`, `real_score`, `fake_score`, `diversity` (standard deviation of
    a pixel between images of a batch, in [-1, 1]), and `penalty` where there is one. `loss` is d_loss + g_loss: what is
    minimised, but a game has no figure that falls. `evaluate(images, full=True)` says how good the dreams are.
    """

    generator_rate = discriminator_rate = 2e-4
    beta_1 = 0.5  # of Adam: with more momentum the two networks chase each other in circles
    beta_2 = 0.999

    def __init__(
        self,
        image_shape,
        latent_dim,
        num_classes,
        objective,
        penalty,
        penalty_weight,
        penalty_every,
        augmentation,
        critic_steps,
        ema_decay,
        seed,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        check_int("latent_dim", latent_dim, minimum=1)
        if num_classes is not None:
            check_int("num_classes", num_classes, minimum=2)
        check_int("critic_steps", critic_steps, minimum=1)
        check_number("ema_decay", ema_decay, minimum=0.0, maximum=0.999999)
        super().__init__(seed=seed, **kwargs)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.objective = objective
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.penalty_every = penalty_every
        self.augmentation = augmentation
        self.critic_steps = critic_steps
        self.ema_decay = ema_decay
        with seeded(seed):
            self.adversarial = Adversarial(
                objective, penalty, penalty_weight, penalty_every, augmentation, seed=drawn_seed(), name="adversarial"
            )
            self.draws = keras.random.SeedGenerator(drawn_seed())

    def _assemble(self):
        """Make the networks; a family calls this at the end of its constructor."""
        with seeded(self.seed):
            self.generator = self.make_generator("generator")
            self.discriminator = self.make_discriminator("discriminator")
        self.average_generator = None
        if self.ema_decay:
            with seeded(self.seed):
                self.average_generator = self.make_generator("average_generator")
            self.average_generator.set_weights(self.generator.get_weights())
            self.average_generator.trainable = False
        assign_group(self.generator, "generator")
        assign_group(self.discriminator, "discriminator")
        shown = [name for name in LOSSES if name != "penalty" or self.penalty]
        self.trackers = {name: keras.metrics.Mean(name=name) for name in (*shown, "diversity")}
        self.built = True

    # Holes -----------------------------------------------------------------------------------------------------------

    def make_generator(self, name):
        raise NotImplementedError

    def make_discriminator(self, name):
        raise NotImplementedError

    # Training --------------------------------------------------------------------------------------------------------

    def default_optimizer(self):
        def adam(rate):
            return keras.optimizers.Adam(rate, beta_1=self.beta_1, beta_2=self.beta_2)

        networks = {"generator": adam(self.generator_rate), "discriminator": adam(self.discriminator_rate)}
        return GroupedOptimizer(networks, every={"generator": self.critic_steps} if self.critic_steps > 1 else None)

    def watches(self):
        return [StopOnDeadDiscriminator()]

    def call(self, images, training=False):
        """Real and generated images, float in [-1, 1], from uint8 `(n, height, width, channels)`, or a dict with labels
        `{"images": …, "labels": …}`."""
        images, labels = (images["images"], images["labels"]) if isinstance(images, dict) else (images, None)
        if len(images.shape) == 3:
            images = images[..., None]
        real = ops.cast(images, "float32") / 127.5 - 1.0
        shape = (ops.shape(real)[0], self.latent_dim)
        z = keras.random.normal(shape, seed=self.draws) if training else fixed_normal(shape, seed=1)
        fake = self.generator(z if labels is None else [z, labels], training=training)
        found = {"real": real, "fake": ops.cast(fake, "float32")}
        return found if labels is None else {**found, "labels": labels}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        real, fake, labels = y_pred["real"], y_pred["fake"], y_pred.get("labels")
        losses = self.adversarial.losses(self.discriminator, real, fake, labels, training=training)
        losses["diversity"] = ops.mean(ops.std(fake, axis=0))
        for name, tracker in self.trackers.items():
            tracker.update_state(losses[name])
        if self.average_generator is not None and training:
            follow(self.average_generator, self.generator, self.ema_decay, self.adversarial.steps)
        return losses["d_loss"] + losses["g_loss"]

    # Use -------------------------------------------------------------------------------------------------------------

    def generate(self, n=1, seed=None, labels=None, truncation=1.0):
        """Images that the model dreams: uint8 `(n, height, width, channels)`.

        Args:
            n: how many, ≥ 1.
            seed: int or None; the same seed gives the same images on the same backend.
            labels: for a model with classes: an int for all images, or `(n,)`; None takes the classes in turn.
            truncation: below 1 the noise keeps nearer to its middle: images more typical, and more alike. > 0.

        Raises:
            ValueError: an argument out of range, or labels for a model without classes.
        """
        check_int("n", n, minimum=1)
        z = np.random.default_rng(seed).standard_normal((n, self.latent_dim))
        return self.decode(z, self._labels(labels, n), truncation)

    @exclusive
    def decode(self, z, labels=None, truncation=1.0):
        """Images for latent vectors: uint8 `(n, height, width, channels)` for float `(n, latent_dim)`.

        Args:
            z: the latent vectors.
            labels, truncation: as in `generate`; but None takes class 0.

        Raises:
            ValueError: `z` has another shape, or as `generate`.
        """
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.latent_dim or len(z) == 0:
            raise ValueError(f"z: expected shape (n, {self.latent_dim}) with n ≥ 1, got {z.shape}")
        check_number("truncation", truncation, minimum=1e-6)
        labels = 0 if labels is None and self.num_classes else labels
        return as_uint8(self._dreamt(z, self._labels(labels, len(z)), truncation))

    def interpolate(self, start, end, steps=8, labels=None):
        """A way from one dream to another: uint8 `(steps, height, width, channels)`, ends included.

        The way lies on the sphere between the two, where the generator has learned (White, Sampling Generative
        Networks, 2016).

        Args:
            start, end: integers, the seeds of two dreams; or latent vectors `(latent_dim,)`.
            steps: images on the way, ≥ 2.
            labels: as in `decode`.
        """
        check_int("steps", steps, minimum=2)
        ends = [self._latent(name, value) for name, value in (("start", start), ("end", end))]
        return self.decode(way_on_the_sphere(*ends, steps), labels)

    def full_evaluation(self, x, y=None, num_samples=None, seed=0, extractor=None):
        """How near the dreams are to these images (`evaluate(images, full=True)`).

        Args:
            x: uint8 images that were held out.
            num_samples: dreams to compare; None: as many as images.
            seed: int.
            extractor: the features to compare by, images → `(n, d)`; None: those of `kgen.metrics.frechet_distance`.

        Returns:
            dict: `frechet_distance` and `kernel_distance` (lower is better), `precision` (dreams that look like
            images) and `recall` (images that look like dreams), `density`, `coverage`, and the name of the `features`.
        """
        n = len(x) if num_samples is None else num_samples
        dreams = self.generate(n, seed=seed, labels=None if y is None else np.resize(y, n))
        return sample_figures(x, dreams, extractor=extractor, seed=seed)

    # Inside ----------------------------------------------------------------------------------------------------------

    def _judged(self, images, features, score, name):
        """The discriminator that gives features `(batch, dim)` of these images a score; with classes, by projection:
        features that agree with the class score higher."""
        scores = score(features)
        if not self.num_classes:
            return keras.Model(images, scores, name=name)
        labels = keras.Input((), dtype="int32", name="labels")
        wanted = keras.layers.Embedding(self.num_classes, features.shape[-1], dtype="float32", name="label")(labels)
        agreement = keras.layers.Dot(axes=-1, dtype="float32", name="agreement")([features, wanted])
        scores = keras.layers.Add(dtype="float32", name="score_and_agreement")([scores, agreement])
        return keras.Model([images, labels], scores, name=name)

    def _dreaming(self):
        return self.generator if self.average_generator is None else self.average_generator

    def _dreamt(self, z, labels, truncation):
        """Images in [-1, 1]; a family with a better truncation than smaller noise fills this anew."""
        return self.call_compiled(
            self._dreaming(), *((z * truncation,) if labels is None else (z * truncation, labels))
        )

    def _latent(self, name, value):
        if isinstance(value, int | np.integer):
            return np.random.default_rng(value).standard_normal(self.latent_dim)
        value = np.asarray(value, "float64")
        if value.shape != (self.latent_dim,):
            raise ValueError(f"{name}: expected a seed or a vector ({self.latent_dim},), got shape {value.shape}")
        return value

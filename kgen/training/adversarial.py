"""Both losses of a GAN as one number, so that stock `fit` trains its two networks at once, on every backend.

    loss = L_D(D(real), D(⊥ fake)) + L_G(D⊥(fake))            ⊥: no gradient passes

The first term moves the discriminator D alone, for the images are constants in it; the second moves the generator
alone, for a copy D⊥ of the discriminator whose weights are constants looks at its images. So for each network the
gradient of the sum is exactly what a hand-written loop computes for it.
"""

import keras
from keras import ops

from kgen import backend
from kgen.functional.adversarial import OBJECTIVES
from kgen.functional.adversarial import PENALTIES
from kgen.functional.adversarial import squared_norm
from kgen.functional.arguments import arguments_of
from kgen.functional.augmentation import POLICIES
from kgen.functional.augmentation import augment
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number


@keras.saving.register_keras_serializable(package="kgen")
class Adversarial(keras.layers.Layer):
    """What generator and discriminator pay: call `losses(...)` in the `compute_loss` of a model that holds this.

    Args:
        objective: "non_saturating", "hinge", "least_squares", "wasserstein" or "relativistic"; the formulas are in
            `kgen.functional.adversarial`.
        penalty: None, "r1" (½ ‖∇D‖² at real images) or "gradient" ((‖∇D‖ - 1)² between real and generated ones, as a
            Wasserstein GAN needs it). Batch normalisation in the discriminator does not go with it: the gradient would
            be that of the batch.
        penalty_weight: float ≥ 0.
        penalty_every: int ≥ 1; the penalty is taken in every so many steps, that many times as heavy (lazily).
        augmentation: some of "color", "translation" and "cutout": the discriminator sees all images, real and
            generated, through random changes that gradients pass (Zhao et al., Differentiable Augmentation, 2020).
        seed: int or None.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import keras, kgen
    >>> judge = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> pay = kgen.training.Adversarial("hinge")
    >>> found = pay.losses(judge, keras.ops.zeros((8, 4, 4, 1)), keras.ops.zeros((8, 4, 4, 1)))
    >>> [round(float(keras.ops.stop_gradient(found[name]))) for name in ("d_loss", "g_loss")]
    [2, 0]
    """

    def __init__(
        self,
        objective="non_saturating",
        penalty=None,
        penalty_weight=10.0,
        penalty_every=1,
        augmentation=(),
        seed=None,
        **kwargs,
    ):
        check_in("objective", objective, tuple(OBJECTIVES))
        check_in("penalty", penalty, (None, *PENALTIES))
        check_number("penalty_weight", penalty_weight, minimum=0.0)
        check_int("penalty_every", penalty_every, minimum=1)
        if not isinstance(augmentation, list | tuple):
            raise ValueError(f"augmentation: expected some of {', '.join(POLICIES)} in a tuple, got {augmentation!r}")
        for policy in augmentation:
            check_in("augmentation", policy, POLICIES)
        super().__init__(**{"dtype": "float32", **kwargs})
        self.objective = objective
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.penalty_every = penalty_every
        self.augmentation = augmentation
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)
        self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.built = True

    def losses(self, discriminator, real, fake, labels=None, fake_labels=None, shown=None, training=True):
        """The losses of a batch.

        Args:
            discriminator: a Keras model or layer: images, or `[images, labels]`, → scores of any shape `(batch, …)`.
            real, fake: float `(batch, …)`: images `(batch, height, width, channels)` in [-1, 1], or whatever else can
                be judged; `augmentation` is for images.
            labels, fake_labels: what belongs to them, or None; without `fake_labels` those of the real ones.
            shown: the generated images that the discriminator learns from, where those are not `fake` (an image pool).
            training: bool; without it there is no penalty, and the steps are not counted.

        Returns:
            dict of float32 scalars: `d_loss` (with the penalty), `g_loss`, `penalty` (before its weight), `real_score`
            and `fake_score` (means of D). What to minimise is d_loss + g_loss.
        """
        fake_labels = labels if fake_labels is None else fake_labels
        real, fake = self._changed(real, training), self._changed(fake, training)
        shown = ops.stop_gradient(fake if shown is None else self._changed(shown, training))
        judgement = OBJECTIVES[self.objective]

        real_scores = _scores(discriminator(_with(real, labels), training=training))
        shown_scores = _scores(discriminator(_with(shown, fake_labels), training=training))
        fake_scores = _scores(frozen(discriminator, training)(_with(fake, fake_labels)))
        d_loss = ops.mean(judgement(real_scores, shown_scores)[0])
        g_loss = ops.mean(judgement(ops.stop_gradient(real_scores), fake_scores)[1])

        penalty = ops.zeros(())
        if self.penalty and training:
            d_penalty, penalty = self._penalty(discriminator, real, shown, labels)
            d_loss = d_loss + d_penalty
        if training:
            self.steps.assign_add(1)
        return {
            "d_loss": d_loss,
            "g_loss": g_loss,
            "penalty": penalty,
            "real_score": ops.mean(real_scores),
            "fake_score": ops.mean(shown_scores),
        }

    def _changed(self, images, training):
        images = ops.cast(images, "float32")
        return augment(images, self.augmentation, self.draws) if self.augmentation and training else images

    def _penalty(self, discriminator, real, fake, labels):
        """What the discriminator pays for its slope, and the mean penalty itself."""
        price, place = PENALTIES[self.penalty]
        where = real
        if place == "between":
            share = keras.random.uniform((ops.shape(real)[0], *[1] * (len(real.shape) - 1)), seed=self.draws)
            where = share * real + (1.0 - share) * fake
        judge = same(discriminator, training=True)

        def mean_penalty():
            slope = backend.input_gradient(lambda images: _scores(judge(_with(images, labels))), where)
            return ops.mean(price(squared_norm(slope)))

        if self.penalty_every == 1:
            found = mean_penalty()
        else:
            due = self.steps % self.penalty_every == 0
            found = ops.cond(due, mean_penalty, lambda: ops.zeros(()))
        return self.penalty_weight * self.penalty_every * found, found

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


def frozen(network, training):
    """The network as a function of its inputs alone: its weights are constants, and its statistics stay."""
    constants = [ops.stop_gradient(ops.convert_to_tensor(variable)) for variable in network.trainable_variables]
    return _applied(network, constants, training)


def same(network, training):
    """The network as it is, but its statistics stay: gradients may be taken of it within gradients."""
    return _applied(network, [ops.convert_to_tensor(variable) for variable in network.trainable_variables], training)


def _applied(network, trainable, training):
    others = [ops.convert_to_tensor(variable) for variable in network.non_trainable_variables]
    return lambda inputs: network.stateless_call(trainable, others, inputs, training=training)[0]


def _with(images, labels):
    return images if labels is None else [images, labels]


def _scores(scores):
    return ops.cast(scores, "float32")

"""A GAN's step through stock `fit` is the step of a hand-written loop."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend
from kgen.functional.adversarial import OBJECTIVES
from kgen.models.base_adversarial import AdversarialModel
from kgen.training.grouped_optimizer import GroupedOptimizer

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 3, 1), "uint8")
LABELS = np.array([0, 1, 2, 0, 1, 2])
Z = np.random.default_rng(1).normal(size=(6, 2)).astype("float32")


@keras.saving.register_keras_serializable(package="kgen_tests")
class SmoothGAN(AdversarialModel):
    """As small as a GAN can be; its noise is always the same, and nothing in it has a kink."""

    def __init__(self, objective="non_saturating", penalty=None, penalty_every=1, critic_steps=1, seed=1, **kwargs):
        super().__init__(
            (3, 3, 1), 2, None, objective, penalty, 2.0, penalty_every, (), critic_steps, 0.9, seed, **kwargs
        )
        self._assemble()

    def make_generator(self, name):
        z = keras.Input((2,))
        x = keras.layers.Dense(9, activation="tanh", name="pixels")(z)
        return keras.Model(z, keras.layers.Reshape((3, 3, 1), name="image")(x), name=name)

    def make_discriminator(self, name):
        images = keras.Input((3, 3, 1))
        x = keras.layers.Flatten(name="flatten")(images)
        x = keras.layers.Dense(4, activation="tanh", name="hidden")(x)
        return keras.Model(images, keras.layers.Dense(1, name="score")(x), name=name)

    def call(self, images, training=False):
        found = super().call(images, training=training)
        return {**found, "fake": self.generator(ops.convert_to_tensor(Z), training=training)}


def gradients_of_fit(model):
    """What one step of `fit` subtracts from each weight at a learning rate of 1."""
    sgd = {name: keras.optimizers.SGD(1.0) for name in ("generator", "discriminator")}
    model.compile(GroupedOptimizer(sgd))
    before = {network: getattr(model, network).get_weights() for network in sgd}
    model.fit(IMAGES, batch_size=6, shuffle=False, verbose=0)  # the relativistic objective looks at pairs
    return {
        name: [a - b for a, b in zip(before[name], getattr(model, name).get_weights(), strict=True)] for name in sgd
    }


def gradients_by_hand(network, loss):
    """Those of `loss(network as a function)` with respect to the weights of the network, as one vector."""
    shapes = [tuple(variable.shape) for variable in network.trainable_variables]
    sizes = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def of_weights(vector):
        parts = [ops.reshape(part, shape) for part, shape in zip(ops.split(vector, sizes[:-1]), shapes, strict=True)]
        return loss(lambda x: network.stateless_call(parts, [], x)[0])

    start = np.concatenate([weight.reshape(-1) for weight in network.get_weights()])
    return ops.convert_to_numpy(ops.stop_gradient(backend.input_gradient(of_weights, ops.convert_to_tensor(start))))


def number(tensor):
    return float(ops.convert_to_numpy(ops.stop_gradient(tensor)))


def flat(arrays):
    return np.concatenate([array.reshape(-1) for array in arrays])


@pytest.mark.parametrize("penalty", [None, "r1"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_gradients_are_those_of_a_hand_written_loop(objective, penalty):
    model = SmoothGAN(objective, penalty)
    real = ops.convert_to_tensor(IMAGES.astype("float32") / 127.5 - 1.0)
    z = ops.convert_to_tensor(Z)
    fake = ops.stop_gradient(model.generator(z))

    def of_discriminator(judge):
        loss = ops.mean(OBJECTIVES[objective](judge(real), judge(fake))[0])
        if penalty == "r1":
            slope = backend.input_gradient(judge, real)
            loss = loss + 2.0 * ops.mean(0.5 * ops.sum(slope**2, axis=(1, 2, 3)))
        return loss

    def of_generator(generate):
        return ops.mean(OBJECTIVES[objective](model.discriminator(real), model.discriminator(generate(z)))[1])

    expected = {
        "discriminator": gradients_by_hand(model.discriminator, of_discriminator),
        "generator": gradients_by_hand(model.generator, of_generator),
    }
    found = gradients_of_fit(model)
    for network in expected:
        assert abs(expected[network]).max() > 1e-3
        np.testing.assert_allclose(flat(found[network]), expected[network], atol=2e-6, err_msg=network)


def test_the_gradient_penalty_is_zero_for_a_slope_of_one_everywhere():
    slope = np.full(9, 1 / 3, "float32")
    judge = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    judge.set_weights([slope[:, None], np.zeros(1, "float32")])
    pay = kgen.training.Adversarial("wasserstein", "gradient", seed=1)
    real, fake = ops.ones((4, 3, 3, 1)), -ops.ones((4, 3, 3, 1))
    losses = pay.losses(judge, real, fake)
    assert number(losses["penalty"]) == pytest.approx(0.0, abs=1e-6)
    assert number(losses["d_loss"]) == pytest.approx(-6.0, abs=1e-4)
    judge.set_weights([3 * slope[:, None], np.zeros(1, "float32")])
    losses = pay.losses(judge, real, fake)
    assert number(losses["penalty"]) == pytest.approx(4.0, rel=1e-4)
    assert number(losses["d_loss"]) == pytest.approx(-18.0 + 10.0 * 4.0, rel=1e-4)
    assert number(pay.losses(judge, real, fake, training=False)["d_loss"]) == pytest.approx(-18.0, rel=1e-4)


def test_a_lazy_penalty_comes_in_every_other_step_twice_as_heavy():
    model = SmoothGAN("wasserstein", "r1", penalty_every=2)
    real, fake = ops.ones((4, 3, 3, 1)), -ops.ones((4, 3, 3, 1))
    always = kgen.training.Adversarial("wasserstein", "r1", 2.0)
    full = always.losses(model.discriminator, real, fake)
    found = [model.adversarial.losses(model.discriminator, real, fake) for _ in range(4)]
    assert number(full["penalty"]) > 1e-3
    for step, losses in enumerate(found):
        assert number(losses["penalty"]) == pytest.approx(0.0 if step % 2 else number(full["penalty"]), rel=1e-5)
    without = number(full["d_loss"]) - 2.0 * number(full["penalty"])
    assert number(found[0]["d_loss"]) == pytest.approx(without + 4.0 * number(full["penalty"]), rel=1e-4)


def test_the_discriminator_may_be_shown_other_images_than_the_generator_is_judged_by():
    model = SmoothGAN("wasserstein")
    one, other = ops.ones((4, 3, 3, 1)), -ops.ones((4, 3, 3, 1))
    losses = model.adversarial.losses(model.discriminator, one, other, shown=one)
    assert number(losses["d_loss"]) == pytest.approx(0.0, abs=1e-6)
    assert number(losses["g_loss"]) == pytest.approx(-number(ops.mean(model.discriminator(other))), rel=1e-5)


@pytest.mark.parametrize("penalty_every", [1, 3])
def test_a_penalty_trains_through_fit(penalty_every):
    model = SmoothGAN("wasserstein", "gradient", penalty_every=penalty_every)
    model.compile()
    history = model.fit(IMAGES, batch_size=6, epochs=4, verbose=0).history
    assert np.isfinite(history["penalty"]).all() and history["penalty"][0] > 0


def test_statistics_of_the_generator_move_once_a_step():
    model = kgen.models.DCGAN((4, 4, 1), latent_dim=2, filters=(2,), ema_decay=0.0, seed=1)
    norm = model.generator.get_layer("norm_1")
    model.compile()
    model.fit(np.zeros((2, 4, 4, 1), "uint8"), batch_size=2, verbose=0)
    moved = ops.convert_to_numpy(norm.moving_variance.value)
    assert (moved > 0.89).all() and (moved < 0.95).all()  # 0.9 · 1 + 0.1 · (the variance of small numbers)


def test_the_average_follows_the_generator():
    model = SmoothGAN()
    start = flat(model.generator.get_weights())
    np.testing.assert_array_equal(flat(model.average_generator.get_weights()), start)
    model.compile()
    model.fit(IMAGES, batch_size=6, epochs=2, verbose=0)  # the average is taken before the step: after two it has moved
    now, average = flat(model.generator.get_weights()), flat(model.average_generator.get_weights())
    assert (average != start).any() and abs(average - start).max() < abs(now - start).max()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "minimax"}, "objective: expected one of"),
        ({"penalty": "r2"}, "penalty: expected one of"),
        ({"penalty_weight": -1.0}, "penalty_weight: expected"),
        ({"penalty_every": 0}, "penalty_every: expected"),
        ({"augmentation": "color"}, "augmentation: expected some of"),
        ({"augmentation": ("colour",)}, "augmentation: expected one of"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kgen.training.Adversarial(**arguments)

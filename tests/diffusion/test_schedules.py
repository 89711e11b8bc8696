"""How noise enters: the tables of the schedules, and what a network is taught at each level."""

import keras
import numpy as np
import pytest

import kgen
from kgen.diffusion import predictions

SCHEDULES = [
    kgen.diffusion.Linear(),
    kgen.diffusion.Cosine(200),
    kgen.diffusion.Flow(100, shift=3.0),
]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)


@each_schedule
def test_noise_grows_and_the_image_fades(schedule):
    alphas, sigmas = schedule.levels()
    assert alphas.shape == sigmas.shape == (schedule.num_timesteps,)
    assert (np.diff(alphas) < 0).all() and (np.diff(sigmas) > 0).all()
    assert alphas[0] > 0.95 and sigmas[-1] > 0.99


def test_variance_stays_one_where_it_is_preserved_and_a_flow_is_straight():
    for schedule in SCHEDULES[:2]:
        np.testing.assert_allclose(schedule.alphas**2 + schedule.sigmas**2, 1.0)
    np.testing.assert_allclose(SCHEDULES[2].alphas + SCHEDULES[2].sigmas, 1.0)


def test_known_values():
    # Ho et al.: β from 1e-4 to 0.02 in 1,000 steps leaves α² = 4.04e-5 of the image at the end.
    assert kgen.diffusion.Linear().alphas[-1] ** 2 == pytest.approx(4.04e-5, rel=1e-2)
    # Nichol and Dhariwal: α² is half where the cosine is, at s = 0 in the middle.
    assert kgen.diffusion.Cosine(1000, offset=0.0).alphas[499] ** 2 == pytest.approx(0.5, abs=1e-3)
    # Esser et al.: a shift of 3 moves the middle to σ = 3/4.
    assert kgen.diffusion.Flow(1000, shift=3.0).sigmas[499] == pytest.approx(0.75)


@each_schedule
@pytest.mark.parametrize("prediction", predictions.NAMES)
def test_what_is_taught_gives_the_image_back(schedule, prediction):
    if prediction == "epsilon" and not schedule.alphas.all():
        with pytest.raises(ValueError, match=r"prediction: Flow.* ends in mere noise"):
            predictions.recovered(prediction, schedule)
        return
    alphas, sigmas = schedule.levels()
    x0, noise = np.random.default_rng(0).normal(size=(2, schedule.num_timesteps))
    (c, d), (a, b) = predictions.taught(prediction, schedule), predictions.recovered(prediction, schedule)
    np.testing.assert_allclose(a * (alphas * x0 + sigmas * noise) + b * (c * x0 + d * noise), x0, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("prediction", ["epsilon", "v", "x0"])
def test_min_snr_weights_are_those_of_the_paper(prediction):
    schedule = kgen.diffusion.Linear()
    snr = (schedule.alphas / schedule.sigmas) ** 2
    expected = {"epsilon": np.minimum(snr, 5) / snr, "v": np.minimum(snr, 5) / (snr + 1), "x0": np.minimum(snr, 5)}
    np.testing.assert_allclose(predictions.weights(prediction, schedule, gamma=5.0), expected[prediction])
    assert (predictions.weights(prediction, schedule) == 1.0).all()


@each_schedule
def test_a_schedule_survives_its_configuration(schedule):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again == schedule and hash(again) == hash(schedule)
    assert schedule != kgen.diffusion.Linear(7)


@pytest.mark.parametrize(
    ("kind", "arguments", "name"),
    [
        ("Linear", {"num_timesteps": 1}, "num_timesteps"),
        ("Linear", {"beta_start": 0.0}, "beta_start"),
        ("Linear", {"beta_start": 0.1, "beta_end": 0.01}, "beta_end"),
        ("Cosine", {"offset": 1.0}, "offset"),
        ("Flow", {"shift": 0}, "shift"),
    ],
)
def test_bad_arguments_are_named(kind, arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        getattr(kgen.diffusion, kind)(**arguments)

"""The solvers, on data whose best denoiser can be written down: each number of an image ~ N(mean, std²)."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.diffusion.loop import DenoisingLoop

MEAN, STD = 0.3, 0.5
SOLVERS = {
    "DDPM": kgen.diffusion.DDPM(),
    "DDIM": kgen.diffusion.DDIM(),
    "DDIM, half fresh": kgen.diffusion.DDIM(0.5),
    "Euler": kgen.diffusion.Euler(),
    "Heun": kgen.diffusion.Heun(),
    "DPMSolver": kgen.diffusion.DPMSolver(),
}
DETERMINISTIC = ("DDIM", "Euler", "Heun", "DPMSolver")
SCHEDULES = [kgen.diffusion.Linear(960), kgen.diffusion.Cosine(960), kgen.diffusion.Flow(960)]
each_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)


def best_guess(x, alpha, sigma):
    """E[x₀ | x]."""
    return (MEAN * sigma**2 + STD**2 * alpha * x) / (STD**2 * alpha**2 + sigma**2)


def run(plan, x, levels, guess=best_guess, rng=None):
    """The loop in NumPy, float64."""
    previous_x, previous_x0 = x, x
    for time, (a, b, c, d, e) in zip(plan.times, plan.coefficients, strict=True):
        x0 = guess(x, *levels[time])
        fresh = 0.0 if rng is None else rng.normal(size=np.shape(x))
        x, previous_x, previous_x0 = a * x + b * x0 + c * fresh + d * previous_x + e * previous_x0, x, x0
    return x


def levels_of(schedule):
    return np.stack(schedule.levels(), axis=1)


def error(solver, schedule, steps):
    """How far from where the curve truly leads: what is k deviations from its mean in noise, is that in the data."""
    plan = solver.plan(schedule, steps)
    alpha, sigma = plan.start
    deviations = np.array([-1.5, 0.5, 2.0])
    x = alpha * MEAN + deviations * np.sqrt((alpha * STD) ** 2 + sigma**2)
    return np.abs(run(plan, x, levels_of(schedule)) - (MEAN + deviations * STD)).max()


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_errors_fall_with_the_order_of_the_solver(name):
    """On a flow. Where variance is preserved σ is a root near the image, and the last step, of order 1, shows."""
    coarse, fine = (error(SOLVERS[name], SCHEDULES[2], steps) for steps in (240, 480))
    assert coarse / fine == pytest.approx(2 ** SOLVERS[name].order, rel=0.15)


@each_schedule
def test_second_order_pays(schedule):
    errors = {name: error(SOLVERS[name], schedule, 60) for name in DETERMINISTIC}
    assert errors["Euler"] < 0.05
    assert errors["Heun"] < errors["Euler"] / 5 and errors["DPMSolver"] < errors["Euler"] / 5


@each_schedule
@each_solver
def test_who_knows_the_image_finds_it(solver, schedule):
    image = np.linspace(-1, 1, 5)
    noise = np.random.default_rng(0).normal(size=5)
    found = run(solver.plan(schedule, 7), noise, levels_of(schedule), lambda *_: image, np.random.default_rng(1))
    np.testing.assert_allclose(found, image, atol=1e-9)


@pytest.mark.parametrize("solver", [kgen.diffusion.DDPM(), kgen.diffusion.DDIM(0.5)], ids=repr)
@each_schedule
def test_random_solvers_keep_the_distribution(solver, schedule):
    rng = np.random.default_rng(0)
    plan = solver.plan(schedule, 320)
    found = run(plan, rng.normal(size=20_000), levels_of(schedule), rng=rng)
    assert found.mean() == pytest.approx(MEAN, abs=0.02) and found.std() == pytest.approx(STD, abs=0.02)


def test_euler_is_ddim_and_ddpm_is_random_ddim():
    for schedule in SCHEDULES:
        plans = [solver.plan(schedule, 9).coefficients for solver in (SOLVERS["Euler"], SOLVERS["DDIM"])]
        np.testing.assert_array_equal(*plans)
        plans = [solver.plan(schedule, 9).coefficients for solver in (kgen.diffusion.DDIM(1.0), SOLVERS["DDPM"])]
        np.testing.assert_array_equal(*plans)


def test_ddpm_is_the_posterior_of_the_noising():
    schedule = kgen.diffusion.Linear(1000)
    plan, kept = kgen.diffusion.DDPM().plan(schedule, 1000), schedule.alphas**2
    for row, t in ((1, 998), (500, 499)):
        beta = 1 - kept[t] / kept[t - 1]
        expected = [
            np.sqrt(1 - beta) * (1 - kept[t - 1]) / (1 - kept[t]),
            np.sqrt(kept[t - 1]) * beta / (1 - kept[t]),
            np.sqrt((1 - kept[t - 1]) / (1 - kept[t]) * beta),
        ]
        np.testing.assert_allclose(plan.coefficients[row, :3], expected, rtol=1e-6)


@each_schedule
def test_an_image_inverted_and_made_again_is_itself(schedule):
    image = np.linspace(MEAN - 1, MEAN + 1, 9)
    for solver, tolerance in ((kgen.diffusion.Euler(), 0.06), (kgen.diffusion.Heun(), 0.01)):
        noise = run(solver.inversion(schedule, 120), image, levels_of(schedule))
        again = run(solver.plan(schedule, 120), noise, levels_of(schedule))
        np.testing.assert_allclose(again, image, atol=tolerance)


def test_a_plan_may_begin_in_the_middle():
    schedule = kgen.diffusion.Linear(1000)
    plan = kgen.diffusion.DDIM().plan(schedule, 3, start=0.6)
    assert plan.times.tolist() == [599, 399, 199]
    assert plan.start == (schedule.alphas[599], schedule.sigmas[599])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"steps": 0}, "steps"), ({"steps": 61}, "steps"), ({"steps": 5, "start": 0.0}, "start")],
)
def test_bad_plans_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        kgen.diffusion.DDIM().plan(kgen.diffusion.Flow(60), **arguments)
    with pytest.raises(ValueError, match=r"^eta: expected"):
        kgen.diffusion.DDIM(2.0)


@each_solver
def test_a_solver_survives_its_configuration(solver):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(solver))
    plans = [one.plan(SCHEDULES[0], 5).coefficients for one in (solver, again)]
    np.testing.assert_array_equal(*plans)


# The loop ------------------------------------------------------------------------------------------------------------


def loop_of(schedule):
    tables = [ops.convert_to_tensor(table.astype("float32")) for table in schedule.levels()]

    def denoise(x, time, shift=0.0):
        return best_guess(x, tables[0][time], tables[1][time]) + shift

    return DenoisingLoop(denoise, [])


@pytest.fixture(scope="module")
def loop():
    return loop_of(SCHEDULES[0])


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_loop_runs_the_table(name, loop):
    plan = SOLVERS[name].plan(SCHEDULES[0], 10)
    x = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(loop.run(x, plan), run(plan, x, levels_of(SCHEDULES[0])), rtol=1e-4, atol=1e-4)


def test_pieces_make_the_whole_and_nothing_compiles_twice():
    loop, x = loop_of(SCHEDULES[0]), np.random.default_rng(0).normal(size=(2, 3))
    plan = kgen.diffusion.DDPM().plan(SCHEDULES[0], 10)
    moments = list(loop.stream(x, plan, seed=3, every=4))
    assert [moment.done for moment in moments] == [4, 8, 10]
    traces = loop.traces
    np.testing.assert_array_equal(moments[-1].x, loop.run(x, plan, seed=3))
    assert (loop.run(x, plan, seed=4) != moments[-1].x).any()
    loop.run(x, kgen.diffusion.Heun().plan(SCHEDULES[0], 17))
    if keras.config.backend() != "torch":  # which runs it in Python each time
        assert loop.traces == traces == 1


def test_fresh_noise_is_normal_and_new_in_each_row():
    # Who sees nothing behind x, and takes DDPM's coefficients for a walk of three fresh steps.
    loop = DenoisingLoop(lambda x, time: 0.0 * x, [])
    plan = kgen.diffusion.DDPM().plan(SCHEDULES[0], 3)
    coefficients = np.tile([1.0, 0.0, 1.0, 0.0, 0.0], (3, 1))
    found = loop.run(np.zeros((4, 5000)), plan._replace(coefficients=coefficients), seed=1)
    assert found.mean() == pytest.approx(0.0, abs=0.04) and found.var() == pytest.approx(3.0, rel=0.05)
    assert abs(np.corrcoef(found)[0, 1]) < 0.05


def test_what_is_known_stays(loop):
    x, image = np.random.default_rng(0).normal(size=(2, 2, 3)).astype("float32")
    mask = np.array([[1, 0, 1], [0, 1, 0]], "float32")
    found = loop.run(x, kgen.diffusion.DDIM().plan(SCHEDULES[0], 8), seed=1, known=(image, mask))
    np.testing.assert_allclose(found[mask == 1], image[mask == 1], rtol=1e-5)
    assert (found[mask == 0] != image[mask == 0]).all()


def test_conditions_reach_the_network(loop):
    plan, x = kgen.diffusion.DDIM().plan(SCHEDULES[0], 4), np.zeros((2, 3))
    moved = loop.run(x, plan, condition=(np.array([[0.1], [0.0]], "float32"),))
    np.testing.assert_array_equal(moved[1], loop.run(x, plan)[1])
    assert (moved[0] > moved[1]).all()


# Guidance ------------------------------------------------------------------------------------------------------------


def test_guidance_goes_beyond_and_rescaling_takes_deviation_back():
    rng = np.random.default_rng(0)
    with_it, without = (ops.convert_to_tensor(rng.normal(size=(2, 50)).astype("float32")) for _ in range(2))

    def guided(*arguments):
        return ops.convert_to_numpy(kgen.diffusion.ClassifierFreeGuidance(*arguments)(with_it, without))

    np.testing.assert_allclose(guided(1.0), ops.convert_to_numpy(with_it), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(guided(0.0), ops.convert_to_numpy(without), rtol=1e-5, atol=1e-6)
    wanted = ops.convert_to_numpy(with_it).std(1)
    assert (guided(5.0).std(1) > 2 * wanted).all()
    np.testing.assert_allclose(guided(5.0, 1.0).std(1), wanted, rtol=1e-4)
    with pytest.raises(ValueError, match="scale: expected"):
        kgen.diffusion.ClassifierFreeGuidance(-1.0)

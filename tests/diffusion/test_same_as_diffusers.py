"""The tables give what diffusers' schedulers give, for the same network and the same noise."""

import numpy as np
import pytest

import kgen
from kgen.diffusion import predictions

pytestmark = pytest.mark.parity  # where there are torch and diffusers

BETAS = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02, "timestep_spacing": "trailing"}
STEPS = 10


def network(x, time):
    return 0.8 * np.tanh(x) + 0.1 * np.sin(3 * x) + 0.2 * time / 1000


def ours(solver, schedule, prediction, x, noises):
    plan = solver.plan(schedule, STEPS)
    of_x, of_prediction = predictions.recovered(prediction, schedule)
    previous_x, previous_x0 = x, x
    for time, (a, b, c, d, e), noise in zip(plan.times, plan.coefficients, noises, strict=True):
        x0 = of_x[time] * x + of_prediction[time] * network(x, time)
        x, previous_x, previous_x0 = a * x + b * x0 + c * noise + d * previous_x + e * previous_x0, x, x0
    return x


def theirs(scheduler, x, noises, told=None, **options):
    """Their schedulers draw the noise themselves; here it is handed to them. `told`: the times for the network."""
    import torch
    from diffusers.schedulers import scheduling_ddim
    from diffusers.schedulers import scheduling_ddpm

    handed = iter(noises)
    x = torch.tensor(x, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        for module in (scheduling_ddim, scheduling_ddpm):
            patch.setattr(module, "randn_tensor", lambda *a, **k: torch.tensor(next(handed), dtype=torch.float64))
        for time, name in zip(scheduler.timesteps, scheduler.timesteps if told is None else told, strict=True):
            output = torch.tensor(network(x.numpy(), float(name)), dtype=torch.float64)
            x = scheduler.step(output, time, x, **options).prev_sample
    return x.numpy()


@pytest.fixture
def start():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 4)), rng.normal(size=(STEPS, 4, 4))


@pytest.mark.parametrize(("prediction", "name"), [("epsilon", "epsilon"), ("v", "v_prediction"), ("x0", "sample")])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim(prediction, name, eta, start):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(**BETAS, clip_sample=False, prediction_type=name)
    scheduler.set_timesteps(STEPS)
    found = ours(kgen.diffusion.DDIM(eta), kgen.diffusion.Linear(), prediction, *start)
    np.testing.assert_allclose(found, theirs(scheduler, *start, eta=eta), rtol=1e-4, atol=1e-4)


def test_ddpm(start):
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(**BETAS, clip_sample=False, variance_type="fixed_small")
    scheduler.set_timesteps(STEPS)
    found = ours(kgen.diffusion.DDPM(), kgen.diffusion.Linear(), "epsilon", *start)
    np.testing.assert_allclose(found, theirs(scheduler, *start), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("beta_schedule", "schedule"), [("linear", "Linear"), ("squaredcos_cap_v2", "Cosine")])
def test_dpm_solver(beta_schedule, schedule, start):
    from diffusers import DPMSolverMultistepScheduler

    scheduler = DPMSolverMultistepScheduler(
        **BETAS, beta_schedule=beta_schedule, prediction_type="v_prediction", final_sigmas_type="zero"
    )
    scheduler.set_timesteps(STEPS)
    found = ours(kgen.diffusion.DPMSolver(), getattr(kgen.diffusion, schedule)(), "v", *start)
    np.testing.assert_allclose(found, theirs(scheduler, *start), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow(shift, start):
    from diffusers import FlowMatchEulerDiscreteScheduler

    schedule = kgen.diffusion.Flow(shift=shift)
    times = kgen.diffusion.Euler().plan(schedule, STEPS).times
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=((times + 1) / 1000).tolist())
    np.testing.assert_allclose(scheduler.sigmas[:-1].numpy(), schedule.sigmas[times], rtol=1e-6)
    found = ours(kgen.diffusion.Euler(), schedule, "velocity", *start)
    np.testing.assert_allclose(found, theirs(scheduler, *start, told=times), rtol=1e-4, atol=1e-4)

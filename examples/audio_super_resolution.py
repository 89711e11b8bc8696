# %% [markdown]
"""
# Sound sampled twice as fast: the high notes of spoken digits, 4 → 8 kHz

    python examples/audio_super_resolution.py --data FOLDER --minutes 30
    python examples/audio_super_resolution.py --quick         half a minute, on plucked strings that kgen makes up

FOLDER holds fsdd_8khz.npz, spoken digits by six people. One diffusion model of waves learns what a wave is that a
slower one is all that is left of. Measured on recordings that were held out: the signal-to-noise ratio and the
log-spectral distance of its mean answer and of one sample, beside cubic splines and band-limited interpolation. The
mean wins the former, a sample the latter: what cannot be known is missing in a mean. Files of sound are written to be
compared.

**You will see** a table of figures, `spectrograms.png` with the truth and four answers, and wav files to listen to.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.interpolate import CubicSpline

import kgen
from kgen.functional.resampling import slowed
from kgen.script import read_options

NETWORK = {"length": 2048, "widths": (32, 64, 128, 128)}
QUICK = {"length": 512, "widths": (8, 8), "num_heads": 2}


# %% [markdown]
# ## Training, and four answers


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with fsdd_8khz.npz")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training, those of earlier runs included")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("audio_super_resolution"), help="a stopped run goes on there")
    options = read_options(parser)
    started = time.time()
    name = "tones" if options.quick else "spoken_digits"
    (train, *_), (test, *_, rate) = (kgen.datasets.load(name, split, options.data) for split in ("train", "test"))
    options.out = options.out / name
    options.out.mkdir(parents=True, exist_ok=True)
    clock = kgen.training.TimeBudget(0.05 if options.quick else options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        model = kgen.models.AudioSuperResolution(seed=options.seed, **(QUICK if options.quick else NETWORK))
        model.compile()
    if not clock.is_up:
        more = {"epochs": 100_000, "initial_epoch": model.epochs_trained}
        model.fit(list(train), batch_size=32, callbacks=[clock], verbose=2, **more)

    waves = [wave[: len(wave) - len(wave) % 2] for wave in list(test)[: 16 if options.quick else 120]]
    slow = [np.asarray(slowed(wave[None], 2))[0] for wave in waves]
    steps = 3 if options.quick else 20
    answers = {
        "cubic spline": [splined(wave) for wave in slow],
        "interpolation": [model.interpolated(wave) for wave in slow],
        "mean": [model.super_resolve(wave, seed=options.seed) for wave in slow],
        "sample": [model.super_resolve(wave, seed=options.seed, steps=steps) for wave in slow],
    }
    figures = {}
    for answer, made in answers.items():
        figures[f"{answer} SNR (dB)"] = float(kgen.metrics.signal_to_noise(waves, made))
        figures[f"{answer} LSD"] = float(kgen.metrics.log_spectral_distance(waves, made, window=512))
    title = f"AudioSuperResolution on {name}, {model.epochs_trained} epochs, {len(waves)} waves"
    kgen.metrics.report(title, figures, model, options.seed, started)
    for answer, made in {"truth": waves, **answers}.items():
        kgen.datasets.write_audio(options.out / f"{answer.replace(' ', '_')}.wav", np.concatenate(made[:10]), rate)
    spectrograms({"truth": waves, **answers}, rate).savefig(options.out / "spectrograms.png")


# %% [markdown]
# ## The mark to beat, and the picture


# %%
def splined(wave):
    """Twice as many samples, by cubic splines."""
    places = np.arange(len(wave))
    return CubicSpline(places, wave)(np.arange(2 * len(wave)) / 2).astype("float32")


def spectrograms(answers, rate):
    """What is heard when, for the first wave of each."""
    figure = Figure(figsize=(3 * len(answers), 3), layout="constrained")
    for axes, (name, waves) in zip(figure.subplots(1, len(answers), sharey=True), answers.items(), strict=True):
        axes.specgram(np.asarray(waves[0]) + 1e-6 * np.sin(np.arange(len(waves[0]))), NFFT=128, Fs=rate, noverlap=96)
        axes.set(title=name, xlabel="s")
    return figure


# %%
if __name__ == "__main__":
    main()

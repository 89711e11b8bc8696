# %% [markdown]
"""
# A diffusion model of images, trained by `fit`: images that appear out of noise

    python examples/diffusion_images.py --data FOLDER                               digits, 15 minutes
    python examples/diffusion_images.py --data FOLDER --dataset fashion_mnist --minutes 52
    python examples/diffusion_images.py --data FOLDER --dataset fashion_mnist --start fashion-diffusion --minutes 0
    python examples/diffusion_images.py --quick                                     half a minute, on digits of kgen's

FOLDER holds mnist.npz or fashion_mnist.npz; without --data Keras downloads them. The model knows the classes. At the
end its dreams are compared with images that were held out, by the features of kgen's own small classifier: by every
solver and with ever more steps, which makes a plot; and with DDPM in many steps, whose figure few steps of DPM-Solver
should nearly reach. The pictures: dreams by class, the way from noise to image, guidance, and inpainting.

**You will see** `dreams.png`, `strip.png`, `guidance.png` and `halves.png`, and in `solvers.png` how few steps are
enough.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import kgen
from kgen.script import read_options

NETWORK = {"widths": (16, 32, 64), "blocks": 1}
QUICK = {"widths": (8, 16), "blocks": 1, "num_heads": 2}
SOLVERS = {
    "DDPM": kgen.diffusion.DDPM(),
    "DDIM": kgen.diffusion.DDIM(),
    "Heun": kgen.diffusion.Heun(),
    "DPM-Solver++ 2M": kgen.diffusion.DPMSolver(),
}

CARD = """# {name}

Dreams images out of noise: {what}, each of a class.

- Model: `kgen.models.DiffusionModel`, {parameters:,} parameters, {shape}.
- Data: {data}
- Figures on {held_out} images held out ({features}, 20 steps of DPM-Solver++): {figures}. {epochs} epochs, seed {seed},
  {backend}.
- Rebuild: `python examples/diffusion_images.py --dataset {dataset} --minutes {minutes:g} --preset FOLDER`
"""
DATA = {
    "mnist": ("handwritten digits", "MNIST, by Y. LeCun, C. Cortes and C. Burges. Licence: CC BY-SA 3.0."),
    "fashion_mnist": ("clothes", "Fashion-MNIST, by Zalando. Licence: MIT."),
    "digits": ("small digits", "UCI's handwritten digits, as scikit-learn brings them. Licence: CC BY 4.0."),
}


# %% [markdown]
# ## Training, figures, pictures


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=DATA, default="mnist")
    parser.add_argument("--data", type=Path, help="folder with the data set; else Keras downloads it")
    parser.add_argument("--minutes", type=float, default=15.0, help="of training, those of earlier runs included")
    parser.add_argument("--samples", type=int, default=2000, help="dreams, and images held out, to compare at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, seconds of training")
    parser.add_argument(
        "--out", type=Path, default=Path("diffusion_images"), help="folder; a stopped run goes on there"
    )
    parser.add_argument("--start", help="preset to go on with, instead of a new model; --minutes 0 only measures it")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    network, few, many = NETWORK, (5, 10, 20, 50), 250
    if options.quick:
        network, few, many = QUICK, (2, 4), 8
        options.dataset, options.minutes, options.samples = "digits", 0.05, 64
    train, test = (kgen.datasets.load(options.dataset, split, options.data) for split in ("train", "test"))

    options.out = options.out / f"{options.dataset}{'-quick' if options.quick else ''}"
    options.out.mkdir(parents=True, exist_ok=True)
    clock = kgen.training.TimeBudget(max(options.minutes, 1e-6), folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    elif options.start:
        model = kgen.models.DiffusionModel.from_preset(options.start)
        model.compile()
    else:
        model = kgen.models.DiffusionModel(train[0].shape[1:], num_classes=10, seed=options.seed, **network)
        model.compile()
    if options.minutes and not clock.is_up:
        shown = kgen.training.SampleImages(options.out / "samples", n=20)
        going_on = {"epochs": 100_000, "initial_epoch": model.epochs_trained}
        model.fit(*train, batch_size=64, callbacks=[clock, shown], verbose=2, **going_on)

    test = [part[: options.samples] for part in test]
    name = f"DiffusionModel on {options.dataset}, {options.minutes:g} minutes, {model.epochs_trained} epochs"
    figures = model.evaluate(*test, full=True, seed=options.seed, steps=min(20, max(few)))
    figures |= classes(model, options)
    kgen.metrics.report(name, figures, model, options.seed, started)
    pictures(model, test, options)
    if options.preset:
        what, origin = DATA[options.dataset]
        shown = {name: value for name, value in figures.items() if name != "features"}
        card = CARD.format(
            name=options.preset.name,
            what=what,
            parameters=model.count_params(),
            shape=" × ".join(map(str, model.image_shape)),
            data=origin,
            held_out=len(test[0]),
            features=figures["features"],
            figures=", ".join(f"{name.replace('_', ' ')} {float(value):.3g}" for name, value in shown.items()),
            epochs=model.epochs_trained,
            seed=options.seed,
            backend=kgen.metrics.versions(),
            dataset=options.dataset,
            minutes=options.minutes,
        )
        model.save_to_preset(options.preset, card)
    compare_solvers(model, test, few, many, name, options)


# %% [markdown]
# ## Is a dream what was asked for?


# %%
def classes(model, options):
    """How often a dream is of the class that was asked for."""
    if options.dataset not in ("mnist", "fashion_mnist"):
        return {}
    labels = np.arange(500) % 10
    found = kgen.metrics.classifier_labels(model.generate(500, seed=1, labels=labels), among=options.dataset)
    return {"class accuracy": float((found == labels).mean())}


# %% [markdown]
# ## How few steps are enough?


# %%
def compare_solvers(model, test, few, many, name, options):
    """Quality over steps, and what DDPM reaches in many."""
    n, curves = len(test[0]), {}

    def distance(solver, steps):
        figures = model.evaluate(*test, full=True, seed=options.seed, solver=solver, steps=steps)
        return float(figures["frechet_distance"])

    for solver_name, solver in SOLVERS.items():
        # Heun asks the network twice a step: compared is what costs the same.
        curves[solver_name] = [distance(solver, steps // 2 if solver_name == "Heun" else steps) for steps in few]
        print(solver_name, dict(zip(few, np.round(curves[solver_name], 3).tolist(), strict=True)), flush=True)
    reached = distance(SOLVERS["DDPM"], many)
    best = curves["DPM-Solver++ 2M"][-2]
    kgen.metrics.report(
        f"{name}: solvers, {n} dreams",
        {f"{few[-2]} steps of DPM-Solver++": best, f"{many} steps of DDPM": reached, "ratio": best / reached},
        model,
        options.seed,
    )
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for solver_name, values in curves.items():
        axes.plot(few, values, "o-", label=solver_name)
    axes.axhline(reached, color="grey", linestyle="--", label=f"DDPM, {many} steps")
    axes.set(xlabel="calls of the network for each image", ylabel="Fréchet distance (kgen-features-1)", title=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(few, few)
    axes.legend()
    figure.savefig(options.out / "solvers.png")


# %% [markdown]
# ## The pictures


# %%
def pictures(model, test, options):
    """Dreams by class, from noise to image, more and more guidance, and what is painted into holes."""

    def write(name, images, columns=10):
        kgen.plots.image_grid(images, columns=columns).savefig(options.out / f"{name}.png")

    labels = np.arange(100) % 10
    steps = 4 if options.quick else 20
    write("dreams", model.generate(100, seed=options.seed, labels=labels, steps=steps))
    glimpses = list(model.generate(4, seed=options.seed, labels=range(4), steps=steps, stream=True))
    strip = np.stack([glimpse.noisy for glimpse in glimpses])
    kgen.plots.denoising_strip(strip, [one.done for one in glimpses]).savefig(options.out / "strip.png")
    scales = (None, 1.5, 3.0, 6.0)
    rows = [model.generate(10, seed=2, labels=range(10), steps=steps, guidance=scale) for scale in scales]
    write("guidance", np.concatenate(rows))
    height, width, _ = model.image_shape
    hole = np.zeros((height, width), bool)
    hole[:, width // 2 :] = True
    given, labels = (part[:10] for part in test)
    rows = [model.inpaint(given, hole, seed=seed, labels=labels, steps=2 * steps) for seed in range(3)]
    write("halves", np.concatenate([given, np.where(hole[..., None], 0, given).astype("uint8"), *rows]))


# %%
if __name__ == "__main__":
    main()

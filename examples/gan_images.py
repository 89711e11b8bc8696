# %% [markdown]
"""
# Three GANs of images, trained by `fit` like anything else, and how near their dreams come to what they have seen

    python examples/gan_images.py --data FOLDER                             DCGAN on MNIST, 15 minutes
    python examples/gan_images.py --data FOLDER --model biggan              classes of clothes: BigGAN on Fashion-MNIST
    python examples/gan_images.py --data FOLDER --model stylegan --minutes 90     emoji, with styles that can be mixed
    python examples/gan_images.py --data FOLDER --model biggan --start fashion-biggan --minutes 30     learns on
    python examples/gan_images.py --quick                                   half a minute, on digits that come with kgen

FOLDER holds mnist.npz, fashion_mnist.npz or emoji.npz; without --data Keras downloads the former two. At the end the
dreams are compared with images that were held out, by the features of kgen's own small classifier: the Fréchet
distance ("FID-like"), precision (do dreams look like images?) and recall (are all images dreamt of?). Where that
classifier knows the classes, it also says which of them are dreamt of, and how often a dream is what was asked for.
The pictures: a sheet of dreams, the way from one dream to another, truncation, and for StyleGAN mixed styles.

**You will see** `dreams.png` and the ways between dreams, and how near the dreams are to real images.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np

import kgen
from kgen.script import read_options

RECIPES = {  # data set, arguments of the model, of fit
    "dcgan": ("mnist", {"latent_dim": 64, "filters": (32, 64)}, {"batch_size": 64}),
    "biggan": ("fashion_mnist", {"filters": (32, 64), "latent_dim": 60}, {"batch_size": 64}),
    "stylegan": (
        "emoji",
        {
            "latent_dim": 128,
            "filters": (16, 32, 64, 96, 128),
            "augmentation": ("color", "translation", "cutout"),
            "penalty_every": 8,
        },
        {"batch_size": 16},
    ),
}
CLASSES = {"dcgan": kgen.models.DCGAN, "biggan": kgen.models.BigGAN, "stylegan": kgen.models.StyleGAN}
QUICK = {"latent_dim": 8, "filters": (8, 8)}
KNOWN = ("mnist", "fashion_mnist")  # data sets whose classes kgen's classifier knows

CARD = """# {name}

Dreams images: {what}.

- Model: `kgen.models.{kind}`, {parameters:,} parameters, {shape}.
- Data: {data}
- Figures on {held_out} images held out ({features}): {figures}. {epochs} epochs, seed {seed}, {backend}.
- Rebuild: `python examples/gan_images.py --model {model} --dataset {dataset} --minutes {minutes} --preset FOLDER`
"""
DATA = {
    "mnist": ("handwritten digits", "MNIST, by Y. LeCun, C. Cortes and C. Burges. Licence: CC BY-SA 3.0."),
    "fashion_mnist": ("clothes", "Fashion-MNIST, by Zalando. Licence: MIT."),
    "emoji": ("emoji", "Noto emoji, by Google. Licence: Apache-2.0."),
    "digits": ("small digits", "UCI's handwritten digits, as scikit-learn brings them. Licence: CC BY 4.0."),
}


# %% [markdown]
# ## Training, figures, pictures


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=RECIPES, default="dcgan")
    parser.add_argument("--dataset", choices=DATA, help="another one than the model's usual")
    parser.add_argument("--data", type=Path, help="folder with the data set; else Keras downloads it")
    parser.add_argument("--minutes", type=float, default=15.0, help="of training, those of earlier runs included")
    parser.add_argument("--samples", type=int, default=5000, help="dreams, and images held out, to compare at most")
    parser.add_argument("--start", help="preset to go on with, instead of a new model; --minutes 0 only measures it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("gan_images"), help="folder; a stopped run goes on there")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    dataset, arguments, fitting = RECIPES[options.model]
    dataset = options.dataset or dataset
    if options.quick:
        dataset, arguments, options.minutes, options.samples = "digits", QUICK, 0.05, 200
    splits = {split: kgen.datasets.load(dataset, split, options.data)[:2] for split in ("train", "test")}

    kind = CLASSES[options.model]
    train, test = (kind.choose_data(*splits[split]) for split in ("train", "test"))
    options.out = options.out / f"{options.model}-{dataset}"  # what goes on there is the same model
    options.out.mkdir(parents=True, exist_ok=True)
    clock = kgen.training.TimeBudget(options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    elif options.start:
        model = kind.from_preset(options.start)
        model.compile()
    else:
        model = kind.for_data(*train, seed=options.seed, **arguments)
        model.compile()
    if not clock.is_up:
        shown = kgen.training.SampleImages(options.out / "samples", n=64, every=20 if dataset == "emoji" else 1)
        fitting |= {"epochs": 100_000, "initial_epoch": model.epochs_trained}
        model.fit(*train, **fitting, callbacks=[clock, shown], verbose=2)

    test = [part[: options.samples] for part in test]
    figures = model.evaluate(*test, full=True, seed=options.seed)
    if dataset in KNOWN:
        figures |= classes(model, dataset, options)
    experiment = f"{kind.__name__} on {dataset}, {options.minutes:g} minutes, {model.epochs_trained} epochs"
    kgen.metrics.report(experiment, figures, model, options.seed, started)
    pictures(model, options)
    if options.preset:
        what, origin = DATA[dataset]
        shown = {name: value for name, value in figures.items() if name != "features"}
        card = CARD.format(
            name=options.preset.name,
            what=what,
            kind=kind.__name__,
            parameters=model.count_params(),
            shape=" × ".join(map(str, model.image_shape)),
            data=origin,
            held_out=len(test[0]),
            features=figures["features"],
            figures=", ".join(f"{name.replace('_', ' ')} {float(value):.3g}" for name, value in shown.items()),
            epochs=model.epochs_trained,
            seed=options.seed,
            backend=kgen.metrics.versions(),
            model=options.model,
            dataset=dataset,
            minutes=f"{options.minutes:g}{f' --start {options.start}' if options.start else ''}",
        )
        model.save_to_preset(options.preset, card)


# %% [markdown]
# ## Is a dream what was asked for?


# %%
def classes(model, dataset, options):
    """Which classes are dreamt of; and, where classes can be asked for, how often a dream is of its class."""
    labels = np.arange(options.samples) % 10 if model.num_classes else None
    dreams = model.generate(options.samples, seed=options.seed, labels=labels)
    found = kgen.metrics.classifier_labels(dreams, among=dataset)
    shares = np.bincount(found, minlength=10) / len(found)
    figures = {"classes of ten": int((shares > 0.01).sum()), "rarest class": float(shares.min())}
    return figures if labels is None else {**figures, "class accuracy": float((found == labels).mean())}


# %% [markdown]
# ## The pictures


# %%
def pictures(model, options):
    """Sheets of dreams: at random, on the way from one to another, with less and less variety, in mixed styles."""

    def write(name, images, columns=None):
        kgen.plots.image_grid(images, columns=columns).savefig(options.out / f"{name}.png")

    labels = np.arange(100) % model.num_classes if model.num_classes else None
    write("dreams", model.generate(100, seed=options.seed, labels=labels), 10)
    write("ways", np.concatenate([model.interpolate(seed, seed + 1, steps=10) for seed in range(5)]), 10)
    write("truncation", np.concatenate([model.generate(10, seed=1, truncation=t) for t in (1.0, 0.7, 0.4, 0.1)]), 10)
    if hasattr(model, "mix"):
        table = model.mix(range(5), range(5, 13), level=2, truncation=0.7)
        write("mixed", table.reshape(-1, *model.image_shape), 8)


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# Inverse problems: what was small becomes large, what was grey gets colours, holes are painted, noise goes

    python examples/restoration.py --data FOLDER --crop 32 --minutes 70    emoji
    python examples/restoration.py --data FOLDER --crop 32 --minutes 33 --start emoji-restorer     learns on
    python examples/restoration.py --dataset photographs --minutes 60      crops of two photographs
    python examples/restoration.py --quick                                 half a minute, on digits that come with kgen

FOLDER holds emoji.npz. One conditional diffusion model learns all tasks. On images that were held out its mean answer
(`steps=0`) is measured beside what needs no learning: bicubic enlargement, the mean of what is seen around a hole,
grey, the noisy image. The photographs are the two that scikit-learn brings: the upper three quarters of each are
learned from, the rest is held out. The picture shows for each task what is given, three answers, their mean, the truth.

**You will see** `restored.png`, and for each task how many decibels the model gains on what needs no learning.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import kgen
from kgen.script import read_options

NETWORK = {"widths": (64, 96, 96), "blocks": 1, "patch": 2, "prediction": "x0"}
RATE = 1e-3  # at the start; it falls to nothing
QUICK = {"widths": (8,), "blocks": 1, "num_heads": 2, "scale": 2}

CARD = """# {name}

Enlarges fourfold, paints holes, colours and cleans small pictures: `super_resolve`, `inpaint`, `colorize`, `denoise`.

- Model: `kgen.models.ImageRestorer`, {parameters:,} parameters.
- Data: {data}
- Figures on {held_out} images held out, mean answers: {figures}. {epochs} epochs, seed {seed}, {backend}.
- Rebuild: `python examples/restoration.py --dataset {dataset} --minutes {minutes:g}{more} --preset FOLDER`
"""
DATA = {
    "emoji": "Noto emoji, by Google. Licence: Apache-2.0.",
    "photographs": "china.jpg and flower.jpg of scikit-learn. Licence: CC BY.",
    "digits": "UCI's handwritten digits, as scikit-learn brings them. Licence: CC BY 4.0.",
}


# %% [markdown]
# ## Training and measuring


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=DATA, default="emoji")
    parser.add_argument("--data", type=Path, help="folder with emoji.npz")
    parser.add_argument("--minutes", type=float, default=90.0, help="of training, those of earlier runs included")
    parser.add_argument("--start", help="preset to go on with, instead of a new model")
    parser.add_argument("--crop", type=int, help="learn from squares of so many pixels: the same detail, sooner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("restoration"), help="folder; a stopped run goes on there")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    if options.quick:
        options.dataset, options.minutes = "digits", 0.05
    train, test = images_of(options)
    if options.dataset != "digits":
        train = np.concatenate([train, train[:, :, ::-1]])  # the mirror image of a picture is one as well
        test = test[np.ptp(test.astype("int16"), axis=-1).max(axis=(1, 2)) > 16]  # grey ones have no colours to find
    if options.crop:
        train = crops(train, options.crop, options.crop // 2)
    options.out = options.out / f"{options.dataset}{'-quick' if options.quick else ''}"
    options.out.mkdir(parents=True, exist_ok=True)
    clock = kgen.training.TimeBudget(options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    elif options.start:
        model = for_images_of(train.shape[1:], kgen.models.ImageRestorer.from_preset(options.start))
    else:
        network = QUICK if options.quick else NETWORK
        model = kgen.models.ImageRestorer(train.shape[1:], seed=options.seed, **network)
    if not clock.models:
        model.compile(keras.optimizers.AdamW(RATE, weight_decay=1e-4, clipnorm=1.0))
    if not clock.is_up:
        more = {"epochs": 100_000, "initial_epoch": model.epochs_trained}
        model.fit(train, batch_size=16, callbacks=[clock], verbose=2, **more)

    model = for_images_of(test.shape[1:], model)
    figures = {name: float(value) for name, value in model.full_evaluation(test, seed=options.seed).items()}
    plain = without_learning(model, test, options.seed)
    gains = {f"{task} gain (dB)": figures[f"{task} psnr"] - value for task, value in plain.items()}
    name = f"ImageRestorer on {options.dataset}, {options.minutes:g} minutes, {model.epochs_trained} epochs"
    kgen.metrics.report(name, {**figures, **gains}, model, options.seed, started)
    picture(model, test[: 2 if options.quick else 4], options)
    if options.preset:
        policy = keras.config.dtype_policy().name
        more = {"crop": options.crop, "start": options.start, "dtype": policy if policy != "float32" else None}
        card = CARD.format(
            name=options.preset.name,
            parameters=model.count_params(),
            data=DATA[options.dataset],
            held_out=len(test),
            figures=", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in {**figures, **gains}.items()),
            epochs=model.epochs_trained,
            seed=options.seed,
            backend=kgen.metrics.versions(),
            dataset=options.dataset,
            minutes=options.minutes,
            more="".join(f" --{name} {value}" for name, value in more.items() if value),
        )
        model.save_to_preset(options.preset, card)
        Image.fromarray(np.hstack(test[:: len(test) // 8][:8]).squeeze()).save(options.preset / "examples.png")


def for_images_of(image_shape, model):
    """A restorer with the same weights, said to have learned from images of this shape: a U-Net takes any."""
    twin = kgen.models.ImageRestorer.from_config({**model.get_config(), "image_shape": image_shape})
    twin.set_weights(model.get_weights())
    twin.epochs_trained = model.epochs_trained
    return twin


# %% [markdown]
# ## The images


# %%
def images_of(options):
    """Images to learn from, and images that are held out."""
    if options.dataset != "photographs":
        splits = (kgen.datasets.load(options.dataset, split, options.data) for split in ("train", "test"))
        return [parts[0][: 64 if options.quick else 1500] for parts in splits]
    from sklearn.datasets import load_sample_images

    photographs = np.stack(load_sample_images().images)
    return crops(photographs[:, :320], 64, 16), crops(photographs[:, 320:], 64, 64)


def crops(images, side, step):
    """Squares of the images, `step` pixels from one to the next."""
    _, height, width, _ = images.shape
    places = [(i, j) for i in range(0, height - side + 1, step) for j in range(0, width - side + 1, step)]
    return np.concatenate([images[:, i : i + side, j : j + side] for i, j in places])


# %% [markdown]
# ## The mark to beat


# %%
def without_learning(model, images, seed):
    """PSNR of answers that know nothing: they see what the model saw."""
    height, width = images.shape[1:3]
    seen = damaged(model, images, seed)
    enlarged = [
        np.asarray(Image.fromarray(one.squeeze()).resize((width, height), Image.Resampling.BICUBIC)).reshape(shape)
        for one, shape in zip(seen["super_resolution"], [images.shape[1:]] * len(images), strict=True)
    ]
    whole, hole = seen["inpainting"]
    filled = [np.where(h[..., None], one[~h].mean(axis=0), one) for one, h in zip(whole, hole, strict=True)]
    answers = {
        "super_resolution": np.stack(enlarged),
        "inpainting": np.rint(np.stack(filled)).astype("uint8"),
        "denoising": seen["denoising"],
    }
    if "colorization" in model.able:
        answers["colorization"] = seen["colorization"]
    return {task: float(kgen.metrics.psnr(images, answer)) for task, answer in answers.items()}


# %% [markdown]
# ## What is given, and the picture


# %%
def damaged(model, images, seed):
    """What `evaluate(images, full=True)` hands to the model, by task."""
    return {task: model.damaged(task, images, seed) for task in model.able}


def picture(model, images, options):
    """A row for each task and image: given, three answers, their mean, the truth."""
    steps, rows = 4 if options.quick else 20, []
    for task, seen in damaged(model, images, options.seed).items():
        verb = {"super_resolution": "super_resolve", "inpainting": "inpaint", "colorization": "colorize"}
        given = seen if isinstance(seen, tuple) else (seen,)
        answer = getattr(model, verb.get(task, "denoise"))
        answers = [*answer(*given, seed=1, samples=3, steps=steps), answer(*given, seed=1, steps=0)]
        shown = given[0]
        if task == "super_resolution":
            shown = shown.repeat(model.scale, axis=1).repeat(model.scale, axis=2)
        if task == "inpainting":
            shown = np.where(given[1][..., None], 0, shown).astype("uint8")
        rows.append(np.stack([shown, *answers, images], axis=1).reshape(-1, *images.shape[1:]))
    kgen.plots.image_grid(np.concatenate(rows), columns=6).savefig(options.out / "restored.png")


# %%
if __name__ == "__main__":
    main()

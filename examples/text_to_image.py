# %% [markdown]
"""
# Stable Diffusion's architecture in miniature: emoji from their names

    python examples/text_to_image.py --data FOLDER --minutes 120
    python examples/text_to_image.py --quick              half a minute, on digits and their numbers

FOLDER holds emoji.npz. First an autoencoder learns to say an image of 64 × 64 in 8 × 8 × 8 numbers (three tenths of
the time), then a U-Net learns to make such numbers out of noise and a caption. A stopped run goes on where it was.

What is measured: of images from names that were not in the training data, and of some that were, how many show the
group (food, animals, …) that the name belongs to. The judge is a classifier of groups that this script trains on the
real emoji of both splits. Beside it stands what the names alone say: naive Bayes on their words.

**You will see** `prompts.png`, `guidance.png` and `strip.png`: emoji from words, and how they come out of noise.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen.script import read_options

CODEC = {"latent_channels": 8, "widths": (32, 64, 64, 64), "perceptual_weight": 0.1}
NETWORK = {"widths": (64, 96), "blocks": 1}
RATE = 1e-3  # at the start; it falls to nothing
CODEC_SHARE = 0.3  # of the time
QUICK = ({"latent_channels": 2, "widths": (8, 8)}, {"widths": (8,), "blocks": 1, "num_heads": 2})
PROMPTS = (
    "red heart",
    "grinning face",
    "cat face",
    "green apple",
    "blue car",
    "flag",
    "tree",
    "woman",
    "clock",
    "star",
)

CARD = """# {name}

Makes small pictures from words: `generate(9, prompt="red heart", guidance=3.0)`.

- Model: `kgen.models.LatentDiffusion`, {parameters:,} parameters, 64 × 64 × 3.
- Data: Noto emoji, by Google, with Unicode's names. Licence: Apache-2.0.
- Figures, guidance 3, 20 steps: {figures}. {epochs} epochs, seed {seed}, {backend}.
- Rebuild: `python examples/text_to_image.py --data FOLDER --minutes {minutes:g} --preset FOLDER`
"""


# %% [markdown]
# ## Two trainings, figures, pictures


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with emoji.npz")
    parser.add_argument("--minutes", type=float, default=120.0, help="of training, those of earlier runs included")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="tiny models, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("text_to_image"), help="folder; a stopped run goes on there")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    if options.quick:
        options.minutes = 0.05
    train, test = data(options)
    options.out = options.out / ("digits-quick" if options.quick else "emoji")
    options.out.mkdir(parents=True, exist_ok=True)
    model = trained(train, options)

    figures = {"reconstruction psnr": model.autoencoder.evaluate(test[0], full=True)["psnr"]}
    figures |= agreement(model, train, test, options)
    name = f"LatentDiffusion, {options.minutes:g} minutes, {model.epochs_trained} epochs"
    kgen.metrics.report(name, figures, model, options.seed, started)
    pictures(model, train, test, options)
    if options.preset:
        card = CARD.format(
            name=options.preset.name,
            parameters=model.count_params(),
            figures=", ".join(f"{name} {float(value):.3g}" for name, value in figures.items()),
            epochs=model.epochs_trained,
            seed=options.seed,
            backend=kgen.metrics.versions(),
            minutes=options.minutes,
        )
        model.save_to_preset(options.preset, card)


# %% [markdown]
# ## Data and training


# %%
def data(options):
    """(images, names, labels) of both splits."""
    if options.quick:
        splits = (kgen.datasets.load("digits", split) for split in ("train", "test"))
        return [(images[:64], [f"number {label}" for label in labels[:64]], labels[:64]) for images, labels in splits]
    splits = (kgen.datasets.load("emoji", split, options.data) for split in ("train", "test"))
    return [(images, names, labels) for images, labels, names, _ in splits]


def trained(train, options):
    """The model after its minutes: some for the autoencoder, most for the diffusion."""
    images, names, _ = train
    codec_options, network = QUICK if options.quick else (CODEC, NETWORK)
    clock = kgen.training.TimeBudget(CODEC_SHARE * options.minutes, folder=options.out / "codec")
    if clock.models:
        codec = kgen.load(clock.models[-1])
    else:
        codec = kgen.models.ImageAutoencoder(images.shape[1:], seed=options.seed, **codec_options)
        codec.compile()
    if not clock.is_up:
        more = {"epochs": 100_000, "initial_epoch": codec.epochs_trained}
        codec.fit(images, batch_size=16, callbacks=[clock], verbose=2, **more)

    clock = kgen.training.TimeBudget((1.0 - CODEC_SHARE) * options.minutes, folder=options.out / "diffusion")
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        model = kgen.models.LatentDiffusion.for_data(
            images, names, autoencoder=codec, seed=options.seed, unconditional_share=0.1, **network
        )
        model.compile(keras.optimizers.AdamW(RATE, weight_decay=1e-4, clipnorm=1.0))
    if not clock.is_up:
        shown = kgen.training.SampleImages(options.out / "samples", n=16, every=40)
        more = {"epochs": 100_000, "initial_epoch": model.epochs_trained}
        model.fit(images, names, batch_size=32, callbacks=[clock, shown], verbose=2, **more)
    return model


# %% [markdown]
# ## Does the picture show what was said?


# %%
def agreement(model, train, test, options):
    """How often an image from a name shows the name's group, by a classifier of groups; and what the names say."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    words = make_pipeline(CountVectorizer(), MultinomialNB()).fit(train[1], train[2])
    judge = judge_of_groups(train, test, options)
    rng = np.random.default_rng(options.seed)
    some = rng.choice(len(train[0]), min(len(test[0]), len(train[0])), replace=False)
    seen = [[train[1][i] for i in some], train[2][some]]
    found, steps = {}, 4 if options.quick else 20
    for kind, (names, labels) in {"unseen": test[1:], "seen": seen}.items():
        for guidance in (3.0,) if options.quick else (None, 3.0):
            dreams = model.generate(len(names), seed=1, prompt=names, guidance=guidance, steps=steps)
            agrees = float((judge(dreams) == labels).mean())
            found[f"{kind} names{'' if guidance is None else ', guided'}"] = agrees
    found["by words alone"] = float(words.score(test[1], test[2]))
    found["judge on real images"] = float((judge(test[0]) == test[2]).mean())
    return found


def judge_of_groups(train, test, options):
    """A classifier of groups that knows the real emoji of both splits: it shall know what each looks like."""
    images, labels = (np.concatenate([train[i], test[i]]) for i in (0, 2))
    keras.utils.set_random_seed(options.seed)
    network = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Rescaling(1 / 127.5, -1.0),
            keras.layers.RandomTranslation(0.08, 0.08),
            *(
                layer
                for width in ((8,) if options.quick else (32, 64, 128))
                for layer in (
                    keras.layers.Conv2D(width, 3, padding="same", activation="relu"),
                    keras.layers.MaxPooling2D(2),
                )
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(int(labels.max()) + 1),
        ]
    )
    network.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    network.fit(images.astype("float32"), labels, epochs=2 if options.quick else 30, batch_size=32, verbose=0)
    return lambda images: network.predict(images.astype("float32"), verbose=0).argmax(axis=-1)


# %% [markdown]
# ## The pictures


# %%
def pictures(model, train, test, options):
    """Prompts, names never seen, guidance, and an image appearing out of noise."""

    def write(name, images, columns=10):
        kgen.plots.image_grid(images, columns=columns).savefig(options.out / f"{name}.png")

    steps = 4 if options.quick else 20
    prompts = [f"number {i}" for i in range(10)] if options.quick else PROMPTS
    write("prompts", model.generate(40, seed=1, prompt=[*prompts] * 4, guidance=3.0, steps=steps))
    write("codec", np.concatenate([test[0][:10], model.autoencoder.reconstruct(test[0][:10])]))
    if options.quick:  # each of the others would be compiled anew
        return
    names = test[1][:10]
    rows = [model.generate(10, seed=seed, prompt=names, guidance=3.0, steps=steps) for seed in range(3)]
    write("unseen", np.concatenate([test[0][:10], *rows]))
    print("unseen, from left to right:", "; ".join(names))
    scales = (None, 2.0, 4.0, 8.0)
    write("guidance", np.concatenate([model.generate(10, 2, prompt=prompts, guidance=s, steps=steps) for s in scales]))
    glimpses = list(model.generate(4, 1, prompt=prompts[:4], guidance=3.0, steps=steps, stream=True))
    strip = np.stack([glimpse.noisy for glimpse in glimpses])
    kgen.plots.denoising_strip(strip, [one.done for one in glimpses]).savefig(options.out / "strip.png")


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# CycleGAN: emoji as Google draws them into emoji as Twitter does, and back, learned without a single pair

    python examples/cyclegan_emoji.py --data FOLDER --minutes 240            hours on a core, in one run or several
    python examples/cyclegan_emoji.py --quick                                half a minute: digits and their negatives

FOLDER holds emoji.npz and emoji_twemoji.npz, see `help(kgen.datasets.emoji_images)`. Both sets show the same emoji, so
they are split in three: some are learned from as Google's alone, others as Twitter's alone, and of about 300 both
pictures are held out. No picture's partner is learned from, but of those 300 the truth is known.

The table compares the translations with it, in both directions: the mean absolute difference (L1, in [0, 1]), the
perceptual distance (what kgen's classifier sees in each pair) and the Fréchet distance (what it sees in the sets).
Three marks to beat cost nothing: the picture as it is, the picture with its colours brought to the mean and deviation
of the other kind's, and the same with one shift and scale for all pictures.

**You will see** `to_a.png` and `to_b.png`: emoji, their translations and the truth; and the table.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np

import kgen
from kgen import backend
from kgen.datasets.emoji_images import TWINS
from kgen.script import read_options

HELD_OUT = 300  # pairs, or a few less: twins stay together
SIZES = {"emoji": {"filters": 24, "num_blocks": 4, "learn_residual": True}, "quick": {"filters": 4, "num_blocks": 1}}

CARD = """# {name}

Draws an emoji of Google's as Twitter would, and the other way round: `translate(images)`, `translate(images, to="a")`.

- Model: `kgen.models.CycleGAN`, {parameters:,} parameters, {shape}.
- Data: Noto emoji by Google (https://github.com/googlefonts/noto-emoji), licence Apache-2.0, and Twemoji by Twitter and
  other contributors (https://github.com/jdecked/twemoji), licence CC BY 4.0; other emoji of each, never a pair.
- Figures on {pairs} true pairs held out, after {epochs} epochs and {minutes:.0f} minutes, seed {seed}, {backend}:

{table}

- Rebuild: `python examples/cyclegan_emoji.py --data FOLDER --minutes {minutes:.0f} --preset FOLDER`
- Limits: it changes colours, shading and outlines; where the two draw another thing, it does not know.
"""


# %% [markdown]
# ## Training in both directions


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with emoji.npz and emoji_twemoji.npz")
    parser.add_argument("--minutes", type=float, default=240.0, help="of training, those of earlier runs included")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--filters", type=int, help="width of the networks")
    parser.add_argument("--blocks", type=int, help="residual blocks of a generator")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, digits and their negatives")
    parser.add_argument("--out", type=Path, default=Path("cyclegan_emoji"), help="folder; a stopped run goes on there")
    parser.add_argument("--preset", type=Path, help="write the trained model as a preset into this folder")
    options = read_options(parser)
    started = time.time()
    if options.quick:
        options.minutes = 0.05
    a, b, pairs = digits() if options.quick else emoji(options.data)

    model, clock = train(a, b, pairs, options)
    results = {to: compared(model, to, a, b, pairs) for to in ("b", "a")}
    kinds = ("digits", "negatives") if options.quick else ("Noto", "Twitter")
    table = list(rows(results, kinds))
    print(*table, sep="\n")
    for to, row in results.items():
        experiment = f"CycleGAN, {' → '.join(kinds if to == 'b' else kinds[::-1])}, {len(pairs[0])} held-out pairs"
        figures = row["translated"] | {"epochs": model.epochs_trained, "minutes": round(clock.spent / 60, 1)}
        kgen.metrics.report(experiment, figures, model, options.seed, started)
    for to in results:
        picture(model, to, pairs).savefig(options.out / f"to_{to}.png")
    if options.preset:
        write_preset(model, clock, pairs, table, options)


def train(a, b, pairs, options):
    options.out = options.out / ("quick" if options.quick else "emoji")  # what goes on there is the same model
    options.out.mkdir(parents=True, exist_ok=True)
    clock = kgen.training.TimeBudget(options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        sizes = dict(SIZES["quick" if options.quick else "emoji"])
        sizes |= {"filters": options.filters} if options.filters else {}
        sizes |= {"num_blocks": options.blocks} if options.blocks else {}
        model = kgen.models.CycleGAN.for_data(a, b, seed=options.seed, **sizes)
        model.compile()
    if not clock.is_up:
        dataset = kgen.datasets.UnpairedImages(a, b, batch_size=options.batch_size, seed=options.seed)
        shown = kgen.training.SampleTranslatedImages(options.out / "samples", pairs[0], every=5)
        model.fit(dataset, epochs=100_000, initial_epoch=model.epochs_trained, callbacks=[clock, shown], verbose=2)
    return model, clock


# %% [markdown]
# ## Data


# %%
def emoji(folder):
    """Google's pictures of some emoji, Twitter's of others, each with its mirror image, and pairs of neither.

    A man and a woman who do the same are never in two of the three: they look alike.
    """
    names, noto, twitter, tested = [], [], [], []
    for split in ("train", "test"):
        pictures = kgen.datasets.load("emoji_twemoji", split, folder)
        named = kgen.datasets.load("emoji", split, folder)
        name_of = {image.tobytes(): name for image, name in zip(named.images, named.names, strict=True)}
        names += [TWINS.sub("", name_of[image.tobytes()]) for image in pictures.noto]
        tested += [split == "test"] * len(pictures.noto)
        noto, twitter = [*noto, *pictures.noto], [*twitter, *pictures.twemoji]
    noto, twitter = np.stack(noto), np.stack(twitter)

    groups = np.unique(names, return_inverse=True)[1]
    place = np.random.default_rng(0).permutation(groups.max() + 1)[groups].astype(float)
    place[tested] = -1.0  # what nothing else that comes with kgen was trained on is held out first
    order = np.sort(place)
    first, second = order[HELD_OUT], order[(HELD_OUT + len(order)) // 2]
    held_out, only_noto, only_twitter = place < first, (place >= first) & (place < second), place >= second
    a, b = (np.concatenate([one, one[:, :, ::-1]]) for one in (noto[only_noto], twitter[only_twitter]))
    return a, b, (noto[held_out], twitter[held_out])


def digits():
    a, b = (side[:160] for side in kgen.datasets.load("digits_and_negatives"))
    tested = kgen.datasets.load("digits", "test")[0][:100].repeat(2, axis=1).repeat(2, axis=2)
    return a, b, (tested, 255 - tested)


# %% [markdown]
# ## Figures


# %%
def compared(model, to, a, b, pairs):
    """{name: {figure: value}}: how far from the truth are the translations, and what costs nothing?"""
    (images, truth), (own, other) = (pairs, (a, b)) if to == "b" else (pairs[::-1], (b, a))
    candidates = {
        "translated": model.translate(images, to=to),
        "as it is": images,
        "colours, each picture": recoloured(images, statistics(images, (1, 2)), statistics(other, (1, 2))),
        "colours, all alike": recoloured(images, statistics(own, (0, 1, 2)), statistics(other, (0, 1, 2))),
    }
    return {name: distances(made, truth) for name, made in candidates.items()}


def distances(made, truth):
    return {
        "L1": float(np.abs(made / 255.0 - truth / 255.0).mean()),
        "perceptual": float(kgen.metrics.perceptual_distance(made, truth)),
        "Fréchet": float(kgen.metrics.frechet_distance(truth, made)),
    }


def statistics(images, axes):
    """The mean and deviation of each channel, in each image or in all."""
    return images.mean(axes, keepdims=True), images.std(axes, keepdims=True)


def recoloured(images, have, want):
    """Each channel moved and stretched from the mean and deviation that it has to those (on average) wanted."""
    (mean, std), (new_mean, new_std) = have, (one.mean(0, keepdims=True) for one in want)
    moved = (images - mean) / np.maximum(std, 1.0) * new_std + new_mean
    return np.rint(np.clip(moved, 0, 255)).astype("uint8")


def rows(results, kinds):
    """Lines of Markdown."""
    yield "| direction | picture | L1 | perceptual | Fréchet |"
    yield "|---|---|---|---|---|"
    for to, candidates in results.items():
        way = " → ".join(kinds if to == "b" else kinds[::-1])
        for name, found in candidates.items():
            yield f"| {way} | {name} | {found['L1']:.4f} | {found['perceptual']:.4f} | {found['Fréchet']:.4g} |"


# %% [markdown]
# ## The picture and the preset


# %%
def picture(model, to, pairs, count=10):
    """Three rows: pictures that were held out, what the model makes of them, and the truth."""
    few = np.linspace(0, len(pairs[0]) - 1, count).astype(int)
    images, truth = (side[few] for side in (pairs if to == "b" else pairs[::-1]))
    return kgen.plots.image_grid(np.concatenate([images, model.translate(images, to=to), truth]), columns=count)


def write_preset(model, clock, pairs, table, options):
    """Without the pool of generated images, which only further training would ask for."""
    small = kgen.models.CycleGAN.from_config({**model.get_config(), "pool_size": 0})
    for name in ("a_to_b", "b_to_a", "judge_a", "judge_b"):
        getattr(small, name).set_weights(getattr(model, name).get_weights())
    card = CARD.format(
        name=options.preset.name,
        parameters=small.count_params(),
        shape=" × ".join(map(str, model.image_shape)),
        pairs=len(pairs[0]),
        epochs=model.epochs_trained,
        minutes=clock.spent / 60,
        seed=options.seed,
        backend=backend.running(),
        table="\n".join(f"  {line}" for line in table),
    )
    small.save_to_preset(options.preset, card)


# %%
if __name__ == "__main__":
    main()

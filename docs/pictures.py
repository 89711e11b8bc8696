"""Draws every picture of the documentation and of the README, with kgen.

    python docs/pictures.py --data FOLDER                    all of them, two hours on one core
    python docs/pictures.py --only dreams,clothes            those that need no training, in seconds

Presets that come with kgen draw most of them; some small models are trained for it, from a seed. FOLDER holds
mnist.npz, fashion_mnist.npz, emoji.npz, Tatoeba and Multi30k, as `kgen.datasets.load` reads them. Each picture is a PNG
with few colours, so that the repository stays small.
"""

import argparse
import functools
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import kgen

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "pictures"
MOST_BYTES = 60_000
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
RESTORED = [52, 120]  # which of the emoji held out
PICTURES = {}


def picture(draw):
    """Registers a function of the options that returns a Figure or the path of a PNG."""
    PICTURES[draw.__name__] = draw
    return draw


@functools.cache
def preset(family, name):
    return getattr(kgen.models, family).from_preset(name)


# From presets --------------------------------------------------------------------------------------------------------


@picture
def kgen_at_a_glance(options):
    """The landing page's: four models, each with what it makes."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(2, 1))
    digits = preset("VAE", "mnist-vae").generate(24, seed=3)
    clothes = preset("DCGAN", "fashion-dcgan").generate(24, seed=5)
    for column, (title, images) in enumerate(
        {"VAE: digits that nobody wrote": digits, "DCGAN: clothes that nobody wore": clothes}.items()
    ):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(255 - sheet(images, columns=8), cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    play = preset("GPT", "shakespeare-gpt").generate("JULIET:\n", max_new_tokens=190, seed=4)
    sentences = ["Where is the station?", "I would like a cup of tea."]
    pairs = zip(sentences, preset("TransformerSeq2Seq", "en-fr").generate(sentences), strict=True)
    words = {
        "GPT: verse": play.strip().partition("\n\n")[0],
        "Transformer: English to French": "\n\n".join(f"{source}\n→ {target}" for source, target in pairs),
    }
    for column, (title, text) in enumerate(words.items()):
        axes = figure.add_subplot(grid[1, column])
        axes.set_title(title, fontsize=11)
        axes.text(0.04, 0.96, text, va="top", fontsize=9.5, family="DejaVu Sans Mono", parse_math=False)
        axes.set_axis_off()
    return figure


def sheet(images, columns):
    """Grey images side by side, as one (height, width)."""
    rows = [np.hstack(list(images[at : at + columns, ..., 0])) for at in range(0, len(images), columns)]
    return np.vstack(rows)


@picture
def dreams(options):
    return kgen.plots.image_grid(preset("VAE", "mnist-vae").generate(40, seed=1), columns=10, cell=56)


@picture
def walk(options):
    images, _ = kgen.datasets.load("mnist", "test", options.data)
    vae = preset("VAE", "mnist-vae")
    rows = [vae.interpolate(images[a], images[b], steps=12) for a, b in ((0, 1), (2, 18), (4, 7))]
    return kgen.plots.image_grid(np.concatenate(rows), columns=12, cell=56)


@picture
def latent_map(options):
    """Of a model with two latent numbers, so that nothing is lost on paper."""
    images, _ = kgen.datasets.load("mnist", "train", options.data)
    model = kgen.models.VAE(images.shape[1:], latent_dim=2, architecture="mlp", hidden_dims=(300, 300), seed=1)
    model.compile()
    model.fit(images, batch_size=128, epochs=8, verbose=2)
    return kgen.plots.latent_map(model, *kgen.datasets.load("mnist", "test", options.data), max_points=1500)


@picture
def clothes(options):
    return kgen.plots.image_grid(preset("DCGAN", "fashion-dcgan").generate(40, seed=1), columns=10, cell=56)


@picture
def by_class(options):
    """What a BigGAN was asked for, two of each class; below the same with shorter noise: more typical, more alike."""
    model, labels = preset("BigGAN", "fashion-biggan"), list(range(10))
    rows = [
        model.generate(10, seed=seed, labels=labels, truncation=truncation)
        for truncation in (1.0, 0.4)
        for seed in (2, 3)
    ]
    return kgen.plots.image_grid(np.concatenate(rows), columns=10, cell=56)


@picture
def halves(options):
    """Digits that a PixelCNN has dreamt, without their lower half, and three ways in which it paints that anew."""
    model = preset("PixelCNN", "mnist-pixelcnn")
    dreams = model.generate(10, seed=1)
    half = dreams.shape[1] // 2
    cut = dreams.copy()
    cut[:, half:] = 96
    painted = model.complete(dreams, rows=half, n=3, seed=1)
    columns = np.concatenate([dreams[:, None], cut[:, None], painted], axis=1)
    return kgen.plots.image_grid(columns.swapaxes(0, 1).reshape(-1, *dreams.shape[1:]), columns=10, cell=56)


@picture
def restored(options):
    """Given, an answer, the mean of all and the truth, for each thing that was lost, twice in a row."""
    model, test = preset("ImageRestorer", "emoji-restorer"), kgen.datasets.load("emoji", "test", options.data)[0]
    chosen, rows, titles = test[RESTORED], [], []
    for task, name in {
        "super_resolution": "4 × larger",
        "inpainting": "a hole",
        "colorization": "colours",
        "denoising": "noise",
    }.items():
        given = model.damaged(task, chosen, 1)
        answers = [model.restore(task, given, seed=1, steps=steps) for steps in (20, 0)]
        image, hole = given if task == "inpainting" else (given, None)
        image = image.repeat(model.scale, axis=1).repeat(model.scale, axis=2) if task == "super_resolution" else image
        image = image if hole is None else np.where(hole[..., None], 96, image).astype("uint8")
        rows.append(np.stack([image, *answers, chosen], axis=1).reshape(-1, *chosen.shape[1:]))
        titles += len(chosen) * [name, "an answer", "the mean", "the truth"]
    return kgen.plots.image_grid(np.concatenate(rows), columns=8, titles=titles, cell=72)


@picture
def denoising(options):
    """Clothes out of noise, by class."""
    model = preset("DiffusionModel", "fashion-diffusion")
    glimpses = list(model.generate(5, seed=1, labels=[0, 1, 4, 7, 9], steps=20, stream=True))
    return kgen.plots.denoising_strip(
        np.stack([one.noisy for one in glimpses]), [one.done for one in glimpses], cell=72
    )


@picture
def alignment(options):
    return looks(preset("Seq2SeqRNN", "en-fr-gru"), "Where did you buy this red book?")


@picture
def two_languages(options):
    return looks(preset("TransformerSeq2Seq", "en-fr"), "I think that she is a very good student.")


def looks(model, source):
    """Where the last layer looks while it translates, the mean of its heads."""
    scores = model.attention(source)[-1].mean(axis=0)
    return kgen.plots.attention_map(scores, *model.attention_tokens(source))


@picture
def beam(options):
    history, label = preset("TransformerSeq2Seq", "en-fr").beam_history("How are you?", kgen.decoding.Beam(3))
    return kgen.plots.beam_tree(history, label, root="How are you?")


@picture
def heads(options):
    line = "To be, or not to be"
    scores = preset("GPT", "shakespeare-gpt").attention(line)
    return kgen.plots.attention_map(scores[0][:4], list(line), columns=4)


@picture
def next_character(options):
    prompt = "ROMEO:\nWhat s"
    found = preset("GPT", "shakespeare-gpt").next_tokens(prompt, k=8)
    figure = Figure(figsize=(6, 2.2), layout="constrained")
    axes = figure.subplots()
    axes.bar([repr(token) for token, _ in found], [share for _, share in found], color="tab:blue")
    axes.set(title="ROMEO: What s…", ylabel="probability")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# From models that are trained here -----------------------------------------------------------------------------------


@picture
def from_words(options):
    """Digits by a diffusion model that is told what to draw in words: "three" is all it is told of a three."""
    images, labels = kgen.datasets.load("digits")
    captions = [NUMBERS[label] for label in labels]
    tokenizer = kgen.tokenizers.BytePairTokenizer.train(captions, 300, progress=False)
    network = {"widths": (32, 64), "blocks": 2, "unconditional_share": 0.1}
    model = kgen.models.DiffusionModel(images.shape[1:], tokenizer=tokenizer, context_length=8, seed=1, **network)
    model.compile()
    model.fit(images, captions, batch_size=64, epochs=120, verbose=2)
    images = model.generate(20, seed=2, prompt=[*NUMBERS, *NUMBERS], guidance=2.0, steps=20)
    return kgen.plots.image_grid(images, columns=10, titles=[*NUMBERS, *NUMBERS], cell=72)


# What examples draw --------------------------------------------------------------------------------------------------


def drawn_by(script, name, *words):
    """Runs an example, and returns the picture that it leaves."""
    out = Path(tempfile.mkdtemp()) / "out"
    subprocess.run([sys.executable, ROOT / "examples" / f"{script}.py", "--out", out, *map(str, words)], check=True)
    return out / name


@picture
def two_gaussians(options):
    return drawn_by("two_gaussians", "two_gaussians.png")


@picture
def strips(options):
    return drawn_by("tokens", "strips.png")


@picture
def gradients(options):
    return drawn_by("vanishing_gradients", "gradients.png")


@picture
def letters(options):
    return drawn_by("beam_search", "letters.png")


@picture
def runs(options):
    return drawn_by("contextual_embeddings", "runs.png")


@picture
def rolls(options):
    return drawn_by("music", "rolls.png")


@picture
def modes(options):
    return drawn_by("mode_collapse", "modes.png")


@picture
def words(options):
    return drawn_by("word_embeddings", "map.png", "--epochs", 5, "--data", options.data)


@picture
def lengths(options):
    minutes = ("--compare", "--minutes", 20)
    return drawn_by("translation_multi30k", "lengths.png", *minutes, "--data", options.data)


@picture
def series(options):
    return drawn_by("anomaly_series", "made_up_SequenceDetector.png", "--quick")


@picture
def boots(options):
    return drawn_by("anomaly_images", "heat.png", "--dataset", "fashion_mnist", "--classes", 9, "--data", options.data)


# Writing them --------------------------------------------------------------------------------------------------------


def write(drawn, path):
    """As a PNG of at most `MOST_BYTES`: with ever fewer colours, then ever smaller."""
    data = io.BytesIO()
    if isinstance(drawn, Figure):
        drawn.savefig(data, facecolor="white")
    else:
        data.write(Path(drawn).read_bytes())
    image = Image.open(data).convert("RGB")
    image.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
    for colours, scale in ((128, 1), (64, 1), (32, 1), (32, 0.8), (16, 0.7)):
        size = tuple(round(scale * side) for side in image.size)
        resized = image if scale == 1 else image.resize(size, Image.Resampling.LANCZOS)
        resized.quantize(colours).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return
    raise ValueError(f"{path}: expected at most {MOST_BYTES:,} bytes, got {path.stat().st_size:,}; draw it smaller")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the data sets; else Keras downloads them")
    parser.add_argument("--only", default=",".join(PICTURES), help="of " + ", ".join(PICTURES))
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in options.only.split(","):
        started, path = time.time(), FOLDER / f"{name}.png"
        write(PICTURES[name](options), path)
        print(f"{path.name}: {path.stat().st_size:,} bytes, {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()

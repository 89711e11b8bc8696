# %% [markdown]
"""
# The small classifier in whose features kgen compares sets of images

    python examples/feature_classifier.py --data FOLDER --out kgen/metrics/features.safetensors    13 minutes
    python examples/feature_classifier.py --quick                         some seconds, on digits that come with kgen

FOLDER holds mnist.npz, fashion_mnist.npz and emoji.npz, as `kgen.datasets.load` reads them.

What happens, step by step: all images are brought to 32 × 32. One network of four stages learns to tell the classes of
all data sets apart, with one softmax, from images that are moved a little. What it has learnt to look at (its last map,
averaged over the image) is what is kept: batch normalisation is folded into the convolutions, the weights are halved
to float16, and the file that comes out is read again and measured on the test images.

**You will see** the accuracy on each data set, of the network and of the small file that is left of it.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen.metrics.features import SIDE
from kgen.metrics.resizing import resized
from kgen.script import read_options

FILTERS = (16, 32, 64, 128)
LARGEST_SHIFT = 1  # pixels
FLIPPED = ("fashion_mnist", "emoji")  # a mirrored digit is none
REPEATED = {"fashion_mnist": 2, "emoji": 8}  # times an epoch: harder than digits, or few
CLASSES = {
    "digits": [str(digit) for digit in range(10)],
    "mnist": [str(digit) for digit in range(10)],
    "fashion_mnist": [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
}
LICENCES = {
    "digits": "digits of UCI (Alpaydin, Kaynak), CC BY 4.0",
    "mnist": "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0",
    "fashion_mnist": "Fashion-MNIST (Zalando), MIT",
    "emoji": "Noto Emoji (Google), Apache-2.0; names and groups by Unicode CLDR",
}


# %% [markdown]
# ## Batches out of several data sets


# %%
class Mixture(keras.utils.PyDataset):
    """Batches of images from several data sets, `(batch, 32, 32, 3)` uint8, moved and mirrored at random."""

    def __init__(self, sets, batch_size, seed):
        super().__init__()
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.images, self.flipped, places, first = [], [], [], 0
        for number, (name, (images, labels)) in enumerate(sets.items()):
            self.images.append(np.rint(resized(images, SIDE)).astype("uint8"))
            self.flipped.append(name in FLIPPED)
            rows = np.tile(np.arange(len(images)), REPEATED.get(name, 1))
            places.append(np.stack([np.full(len(rows), number), rows, first + labels[rows]], 1))
            first += int(labels.max()) + 1
        self.places = np.concatenate(places)  # which set, which row of it, which class of all
        self.shuffle()

    def __len__(self):
        return len(self.places) // self.batch_size

    def __getitem__(self, index):
        generator = np.random.default_rng((self.seed, self.epoch, index))
        sets, rows, labels = self.places[self.order[index * self.batch_size : (index + 1) * self.batch_size]].T
        batch = np.empty((len(rows), SIDE, SIDE, 3), "uint8")
        for number, images in enumerate(self.images):
            here = sets == number
            batch[here] = moved(images[rows[here]], self.flipped[number], generator)  # grey fills three channels
        return batch, labels

    def on_epoch_end(self):
        self.epoch += 1
        self.shuffle()

    def shuffle(self):
        self.order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.places))


def moved(images, flipped, generator):
    """Each image by some pixels to one side, its border drawn out, and half of them mirrored where they may be."""
    n = len(images)
    shifts = generator.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, (2, n, 1))
    rows, columns = np.clip(np.arange(SIDE) + shifts, 0, SIDE - 1)
    if flipped:
        columns = np.where(generator.random((n, 1)) < 0.5, columns, columns[:, ::-1])
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


# %% [markdown]
# ## The network, and what is kept of it


# %%
def network(num_classes):
    layers = [keras.Input((SIDE, SIDE, 3)), keras.layers.Rescaling(1 / 127.5, offset=-1.0)]
    for stage, filters in enumerate(FILTERS):
        if stage:
            layers.append(keras.layers.AveragePooling2D(2))
        layers += [
            keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"convolution_{stage}"),
            keras.layers.BatchNormalization(momentum=0.95, name=f"normalization_{stage}"),
            keras.layers.ReLU(),
        ]
    return keras.Sequential(
        [*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes, name="head")]
    )


def folded(model, classes, name):
    """The trained model as a FeatureClassifier: γ (W x - μ) / σ + β = (γ / σ) W x + (β - γ μ / σ)."""
    arrays = {}
    for stage in range(len(FILTERS)):
        normalization = model.get_layer(f"normalization_{stage}")
        gamma, beta, mean, variance = normalization.get_weights()
        scale = gamma / np.sqrt(variance + normalization.epsilon)
        arrays[f"kernel_{stage}"] = model.get_layer(f"convolution_{stage}").get_weights()[0] * scale
        arrays[f"bias_{stage}"] = beta - mean * scale
    arrays["head_kernel"], arrays["head_bias"] = model.get_layer("head").get_weights()
    return kgen.metrics.FeatureClassifier(arrays, classes, name)


# %% [markdown]
# ## Training and measuring


# %%
def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", help="folder that holds mnist.npz, fashion_mnist.npz and emoji.npz")
    arguments.add_argument("--quick", action="store_true", help="embedded digits, some seconds of training")
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--batch-size", type=int, default=128)
    arguments.add_argument("--learning-rate", type=float, default=3e-3, help="at its highest")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--name", default="kgen-features-1", help="of these very weights")
    arguments.add_argument("--out", default="features.safetensors", help="file to write, and its card beside it")
    options = read_options(arguments)
    if options.quick:
        options.epochs, options.batch_size, options.name = 3, 32, "quick-features"
    elif options.data is None:
        arguments.error("--data: name the folder, or ask for --quick")

    train, test, classes = {}, {}, {}
    for data in ("digits",) if options.quick else ("mnist", "fashion_mnist", "emoji"):
        train[data], test[data] = (kgen.datasets.load(data, split, options.data)[:2] for split in ("train", "test"))
        classes[data] = CLASSES.get(data) or kgen.datasets.load(data, "test", options.data).class_names

    started = time.time()
    keras.utils.set_random_seed(options.seed)
    batches = Mixture(train, options.batch_size, options.seed)
    model = network(sum(map(len, classes.values())))
    steps = options.epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=options.learning_rate, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(batches, epochs=options.epochs, verbose=2)
    trained = time.time() - started

    folded(model, classes, options.name).save(options.out)
    classifier = kgen.metrics.FeatureClassifier.read(options.out)
    figures = {}
    for data, (images, labels) in test.items():
        figures[f"{data} accuracy"] = float((classifier.labels(images, among=data) == labels).mean())
    line = kgen.metrics.report(
        f"classifier {options.name}",
        {**figures, "epochs": options.epochs, "training (s)": round(trained)},
        model=model,
        seed=options.seed,
        started=started,
    )
    if not options.quick:
        Path(options.out).with_suffix(".md").write_text(card(options, classes, line), encoding="utf-8")


# %% [markdown]
# ## Its card


# %%
def card(options, classes, line):
    numbers = ", ".join(f"{data} ({len(names)})" for data, names in classes.items())
    data = "".join(f"\n  - {LICENCES[data]}" for data in classes)
    flags = f"--epochs {options.epochs} --seed {options.seed} --name {options.name} --out {Path(options.out).name}"
    return f"""# {options.name}

A small convolutional classifier, in whose features sets of images are compared.

- Class: `kgen.metrics.FeatureClassifier`: 32 × 32 × 3, stages of {", ".join(map(str, FILTERS))} channels, float16
- Classes: {numbers}
- Data, and licences of the weights; training splits, of the emoji nine in ten:{data}
- Figures, on test images: {line}
- Rebuild: `python examples/feature_classifier.py --data FOLDER {flags}`
"""


# %%
if __name__ == "__main__":
    main()

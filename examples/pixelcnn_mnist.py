# %% [markdown]
"""
# A gated PixelCNN on MNIST: how likely it finds digits it has never seen, and how it goes on with half of one

    python examples/pixelcnn_mnist.py                        twenty minutes, MNIST downloaded by Keras
    python examples/pixelcnn_mnist.py --data FOLDER          MNIST from FOLDER/mnist.npz
    python examples/pixelcnn_mnist.py --minutes 900 --filters 48 --blocks 12 --preset FOLDER
    python examples/pixelcnn_mnist.py --quick                half a minute, on digits that come with kgen

Each pixel is predicted from those above it and to its left, by a network that cannot see the others. So the image's
probability is a product of 784 numbers, and the figure at the end is no bound: nats for each test image, with dynamic
binarisation, drawn as in examples/vae_mnist.py. A training that was stopped goes on in its folder.

**You will see** the nats, `dreams.png`, and `completions.png`: digits whose lower half is painted anew, eight times.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen.script import read_options

LICENCES = {"mnist": "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0", "fashion_mnist": "Fashion-MNIST (Zalando), MIT"}

CARD = """# {name}

A gated PixelCNN of {dataset}, with the exact likelihood of an image.

- Class: `kgen.models.PixelCNN` ({blocks} blocks of {filters} filters, binary pixels, dynamic binarisation)
- Data, and licence of the weights: {licence}; the training split
- Figures: {line}
- Rebuild: `python examples/pixelcnn_mnist.py {flags} --preset FOLDER`
"""


# %% [markdown]
# ## Training, figures, pictures


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist", help="mnist, fashion_mnist or digits")
    parser.add_argument("--data", help="folder that holds the data set's .npz; without it Keras downloads")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, those of earlier runs included")
    parser.add_argument("--filters", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="embedded digits, a tiny model, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("pixelcnn_mnist"), help="folder; a stopped run goes on there")
    parser.add_argument("--preset", type=Path, help="also write the model as a preset into this folder")
    options = read_options(parser)
    if options.quick:
        options.dataset, options.minutes, options.filters, options.blocks = "digits", 0.05, 8, 2
    started = time.time()
    options.out.mkdir(parents=True, exist_ok=True)
    (x_train, _), (x_test, _) = (
        kgen.datasets.load(options.dataset, split=split, data_dir=options.data) for split in ("train", "test")
    )

    clock = kgen.training.TimeBudget(options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        sizes = {"filters": options.filters, "num_blocks": options.blocks, "dropout": options.dropout}
        model = kgen.models.PixelCNN(x_train.shape[1:], **sizes, seed=options.seed)
        model.compile()
    if not clock.is_up:
        shown = kgen.training.SampleImages(options.out / "samples", n=36, every=5)
        slices = Slices(x_train, options.batch_size, options.seed)
        fitting = {"epochs": 100_000, "initial_epoch": model.epochs_trained, "verbose": 2}
        model.fit(slices, callbacks=[clock, shown], **fitting)

    # A random choice: the first half of MNIST's test images is known to be the easier one.
    chosen = np.random.default_rng(0).permutation(len(x_test))[: options.test_images]
    figures = model.evaluate(x_test[chosen], full=True)
    line = kgen.metrics.report(
        f"PixelCNN {options.dataset}, {model.num_blocks} blocks of {model.filters} filters",
        {
            "test NLL (nats)": round(figures["nll"], 2),
            "bits per dimension": round(figures["bits_per_dimension"], 4),
            "test images": figures["num_images"],
            "training images seen": model.epochs_trained * min(Slices.images, len(x_train)),
            "training (s)": round(clock.spent),
        },
        model,
        options.seed,
        started,
    )
    pictures(model, x_test[chosen], options)
    if options.preset:
        flags = f"--dataset {options.dataset} --minutes {options.minutes:g} --filters {options.filters}"
        card = CARD.format(
            name=options.preset.name,
            dataset=options.dataset,
            blocks=model.num_blocks,
            filters=model.filters,
            licence=LICENCES.get(options.dataset, options.dataset),
            line=line,
            flags=f"{flags} --blocks {options.blocks} --dropout {options.dropout:g} --seed {options.seed}",
        )
        model.save_to_preset(options.preset, card)


# %% [markdown]
# ## Epochs of a minute


# %%
class Slices(keras.utils.PyDataset):
    """Batches of images whose epoch is a slice of the data, so that the clock is looked at every minute or so.

    The slices of one round through the data share its order, a function of (seed, round).
    """

    images = 3000  # of a slice

    def __init__(self, data, batch_size, seed):
        super().__init__()
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.slices = max(1, len(data) // self.images)
        self.start_epoch(0)

    def start_epoch(self, epoch):
        turn, piece = divmod(epoch, self.slices)
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.data))
        self.rows = order[piece * self.images : (piece + 1) * self.images]

    def __len__(self):
        return len(self.rows) // self.batch_size

    def __getitem__(self, index):
        return (self.data[self.rows[index * self.batch_size : (index + 1) * self.batch_size]],)


# %% [markdown]
# ## The pictures


# %%
def pictures(model, images, options):
    """A sheet of dreams, and digits whose lower half is painted anew in many ways."""
    kgen.plots.image_grid(model.generate(100, seed=options.seed), columns=10).savefig(options.out / "dreams.png")
    half = images.shape[1] // 2
    images = images[:10].reshape(-1, *model.image_shape)
    completed = model.complete(images, rows=half, n=8, seed=options.seed)
    cut = images.copy()
    cut[:, half:] = 96
    sheet = np.concatenate([images[:, None], cut[:, None], completed], axis=1)
    kgen.plots.image_grid(sheet.reshape(-1, *model.image_shape), columns=10).savefig(options.out / "completions.png")


# %%
if __name__ == "__main__":
    main()

# %% [markdown]
"""
# A Vision Transformer that tells clothes apart, and shows where it looks

    python examples/vit_fashion.py --data FOLDER                            fifteen minutes on Fashion-MNIST
    python examples/vit_fashion.py --data FOLDER --patches                  the same without convolutions in front
    python examples/vit_fashion.py --quick                                  seconds, on digits that come with kgen

FOLDER holds fashion_mnist.npz; without --data Keras downloads it. Small data is learnt sooner when two strided
convolutions see the image before it is cut into patches (Xiao et al., 2021); --patches leaves them out, as the paper
does. The picture: images of each class beside the attention of all layers, rolled out from the class token.

**You will see** the accuracy, and `attention.png`: images beside what the class token looks at.
"""

# %%
import argparse
import time
from pathlib import Path

import keras
import numpy as np

import kgen
from kgen.script import read_options

CLASSES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
MODEL = {"patch_size": 4, "num_layers": 3, "model_dim": 64, "num_heads": 4, "stem": (32, 64)}
TRAINING = {"augmentation": ("flip",), "dropout": 0.05, "label_smoothing": 0.1}
QUICK = {"patch_size": 4, "num_layers": 1, "model_dim": 16, "num_heads": 2}
RATE = 1.5e-3  # TimeBudget lowers it along half a cosine


# %% [markdown]
# ## Training and looking


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with fashion_mnist.npz; else Keras downloads it")
    parser.add_argument("--minutes", type=float, default=15.0, help="of training, those of earlier runs included")
    parser.add_argument("--patches", action="store_true", help="patches of pixels, without convolutions in front")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tiny model, seconds of training")
    parser.add_argument("--out", type=Path, default=Path("vit_fashion"), help="folder; a stopped run goes on there")
    options = read_options(parser)
    started = time.time()
    dataset, arguments, batch_size = "fashion_mnist", {**MODEL, **TRAINING, "class_names": CLASSES}, 64
    if options.patches:
        arguments["stem"] = ()
    if options.quick:
        dataset, arguments, batch_size, options.minutes = "digits", QUICK, 32, 0.05
    images, labels = kgen.datasets.load(dataset, "train", options.data)
    test_images, test_labels = kgen.datasets.load(dataset, "test", options.data)

    options.out.mkdir(parents=True, exist_ok=True)
    clock = kgen.training.TimeBudget(options.minutes, folder=options.out)
    if clock.models:
        model = kgen.load(clock.models[-1])
    else:
        model = kgen.models.ViT.for_data(images, labels, seed=options.seed, **arguments)
        model.compile(keras.optimizers.AdamW(RATE, weight_decay=0.05, beta_2=0.98, global_clipnorm=1.0))
    if not clock.is_up:
        fitting = {"epochs": 100_000, "initial_epoch": model.epochs_trained, "batch_size": batch_size}
        model.fit(images, labels, **fitting, callbacks=[clock], verbose=2)

    figures = model.evaluate(test_images, test_labels, full=True)
    kind = "convolutional stem" if model.stem else "patches"
    experiment = f"ViT on {dataset}, {kind}, {options.minutes:g} minutes, {model.epochs_trained} epochs"
    kgen.metrics.report(experiment, figures, model, options.seed, started)
    rows = np.concatenate([np.flatnonzero(test_labels == one)[:4] for one in range(model.num_classes)])
    shown = test_images[rows]
    titles = [str(name) for name in model.classify(shown)]
    maps = model.attention_rollout(shown)
    kgen.plots.attention_overlay(shown, maps, columns=4, titles=titles).savefig(options.out / "attention.png")


# %%
if __name__ == "__main__":
    main()

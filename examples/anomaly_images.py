# %% [markdown]
"""
# One class is normal, nine are not: which images are strange, and where

    python examples/anomaly_images.py --data FOLDER                          MNIST, ten detectors
    python examples/anomaly_images.py --data FOLDER --dataset fashion_mnist
    python examples/anomaly_images.py --data FOLDER --classes 3,8 --detector vae
    python examples/anomaly_images.py --quick                                seconds, on digits that come with kgen

FOLDER holds mnist.npz or fashion_mnist.npz; without --data Keras downloads it. For each class a detector learns from
the training images of that class alone, and is asked about all test images. The figure is the mean of the AUROCs (the
share of pairs of a normal and a strange image that are put in order), as in Ruff et al., Deep One-Class Classification,
2018. The picture: the most normal and the strangest test images of the last class, with the heat of the detector.

**You will see** the AUROC of each class, and `heat.png`: the most normal and the strangest images, each beside itself
under the colours of what is strange about it.
"""

# %%
import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

import kgen
from kgen.script import read_options

DETECTORS = {"teacher-student": "TeacherStudentDetector", "vae": "VAEDetector"}
QUICK = {"teacher-student": {"epochs": 5, "features": 16}, "vae": {"epochs": 5, "latent_dim": 4}}
SHOWN = 4


# %% [markdown]
# ## From images to a heat map


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the data set's .npz; else Keras downloads it")
    parser.add_argument("--dataset", default="mnist", help="mnist or fashion_mnist, or digits, which is embedded")
    parser.add_argument("--detector", default="teacher-student", choices=[*DETECTORS])
    parser.add_argument("--classes", default="", help="such as 0,3; all without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two classes of embedded digits, small networks")
    parser.add_argument("--out", type=Path, default=Path("anomaly_images"), help="folder for the picture")
    options = read_options(parser)
    arguments = {}
    if options.quick:
        options.dataset, options.classes, arguments = "digits", options.classes or "0,1", QUICK[options.detector]
    images, labels = kgen.datasets.load(options.dataset, "train", options.data)
    test_images, test_labels = kgen.datasets.load(options.dataset, "test", options.data)
    classes = [int(one) for one in options.classes.split(",")] if options.classes else sorted(set(labels.tolist()))
    name = DETECTORS[options.detector]

    areas, begun = {}, time.time()
    for normal in classes:
        started = time.time()
        detector = getattr(kgen.anomaly, name)(seed=options.seed, **arguments).fit(images[labels == normal])
        strangeness = -detector.score_samples(test_images)
        areas[normal] = float(roc_auc_score(test_labels != normal, strangeness))
        experiment = f"{name} on {options.dataset}, {normal} is normal"
        kgen.metrics.report(experiment, {"AUROC": areas[normal]}, detector.model_, options.seed, started)
    figures = {"mean AUROC": float(np.mean([*areas.values()])), "worst": min(areas.values()), "tasks": len(areas)}
    kgen.metrics.report(f"{name} on {options.dataset}, one class is normal", figures, None, options.seed, begun)

    order = np.argsort(strangeness)
    chosen = np.concatenate([order[:SHOWN], order[-SHOWN:]])
    titles = [f"{strangeness[one]:.3g}" for one in chosen]
    options.out.mkdir(parents=True, exist_ok=True)
    picture = kgen.plots.attention_overlay(
        test_images[chosen], detector.explain(test_images[chosen]), columns=SHOWN, titles=titles
    )
    picture.savefig(options.out / "heat.png")


# %%
if __name__ == "__main__":
    main()

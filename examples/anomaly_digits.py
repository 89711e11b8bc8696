# %% [markdown]
"""
# Is this a digit? A detector that knows all ten, and what is strange to it

    python examples/anomaly_digits.py --data FOLDER                     MNIST, six minutes
    python examples/anomaly_digits.py --data FOLDER --detector vae
    python examples/anomaly_digits.py --quick                           seconds, on digits that come with kgen

FOLDER holds mnist.npz and fashion_mnist.npz; without --data Keras downloads them. The detector learns from all training
images of digits and is then shown test images of digits as they are, and what is none: clothes; negatives; digits
turned by a right angle or mirrored, of which some stay digits (0, 8, and 1); digits with a square cut out, with noise,
two digits on top of each other. For each kind of strangeness: AUROC (the share of pairs of a digit and a strange image
that are put in order), and how many raise an alarm where one digit in a hundred does.

**You will see** this table, and `heat.png`: an image of each kind beside itself under the heat of what is strange.
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
ALARMS = 0.01  # of digits

CARD = """# {name}

Knows handwritten digits: of an image it says how little it looks like one, and where.

- Detector: `kgen.anomaly.{kind}`, {parameters:,} parameters, {shape}, white on black; `kgen.anomaly.load("{name}")`.
- Data: MNIST, by Y. LeCun, C. Cortes and C. Burges. Licence: CC BY-SA 3.0.
- Threshold: one digit in a hundred raises an alarm, measured on training images that were held back.
- Figures on {shown:,} test images of digits and as many of each kind of strange ones, seed {seed}, {backend}:

{table}

- Rebuild: `python examples/anomaly_digits.py --data FOLDER --preset FOLDER`
- Limits: digits in the middle of the image and about 20 pixels high, as MNIST has them; others are strange.
"""


# %% [markdown]
# ## Learning what digits are


# %%
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the data sets; else Keras downloads them")
    parser.add_argument("--detector", default="teacher-student", choices=[*DETECTORS])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the digits")
    parser.add_argument("--images", type=int, default=2000, help="of each kind to be judged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="embedded digits, a small network")
    parser.add_argument("--out", type=Path, default=Path("anomaly_digits"), help="folder for the picture")
    parser.add_argument("--preset", type=Path, help="write the detector as a preset into this folder")
    options = read_options(parser)
    dataset = "digits" if options.quick else "mnist"
    arguments = QUICK[options.detector] if options.quick else {"epochs": options.epochs}
    digits = kgen.datasets.load(dataset, "train", options.data)[0]
    shown = kinds(*kgen.datasets.load(dataset, "test", options.data)[:2], options)

    started, kind = time.time(), DETECTORS[options.detector]
    detector_class = getattr(kgen.anomaly, kind)
    detector = detector_class(false_alarm_rate=ALARMS, seed=options.seed, **arguments).fit(digits)
    if options.preset:
        detector.save_to_preset(options.preset)
        detector = kgen.anomaly.load(options.preset)  # what others will load is what is measured
    strangeness = {name: -detector.score_samples(images) for name, images in shown.items()}
    usual = strangeness["digits"]
    table = ["| what is shown | AUROC | alarms |", "|---|---|---|"]
    for name, scores in strangeness.items():
        truth = np.repeat([0, 1], [len(usual), len(scores)])
        area = "" if name == "digits" else f"{roc_auc_score(truth, np.concatenate([usual, scores])):.4f}"
        table.append(f"| {name} | {area} | {np.mean(scores > -detector.offset_):.3f} |")
    print(*table, sep="\n")
    alarms = {f"alarms at {name}": float(np.mean(s > -detector.offset_)) for name, s in strangeness.items()}
    kgen.metrics.report(f"{kind} knows {dataset}", alarms, detector.model_, options.seed, started)

    picture(detector, shown, strangeness, options)
    if options.preset:
        card = CARD.format(
            name=options.preset.name,
            kind=kind,
            parameters=detector.model_.count_params(),
            shape=" × ".join(map(str, detector.image_shape_)),
            shown=len(usual),
            seed=options.seed,
            backend=kgen.metrics.versions(),
            table="\n".join(table),
        )
        detector.save_to_preset(options.preset, card)


# %% [markdown]
# ## What is no digit


# %%
def kinds(digits, labels, options):
    """{name: images}: digits, and what has been made of them or is none."""
    rng = np.random.default_rng(options.seed)
    digits = digits[: options.images]
    side = digits.shape[1]
    cut, size = digits.copy(), side // 4
    for image in cut:  # where something is drawn
        ink = np.argwhere(image[..., 0] > 127)
        i, j = np.clip(ink[rng.integers(len(ink))] - size // 2, 0, side - size)
        image[i : i + size, j : j + size] = 0
    noisy = np.clip(digits + 64.0 * rng.normal(size=digits.shape), 0, 255).astype("uint8")
    found = {
        "digits": digits,
        "negatives": 255 - digits,
        "turned by a right angle": np.rot90(digits, axes=(1, 2)),
        "mirrored": digits[:, :, ::-1],
        "a square cut out": cut,
        "noise": noisy,
        "two on top of each other": np.maximum(digits, digits[rng.permutation(len(digits))]),
    }
    if not options.quick:
        found["clothes"] = kgen.datasets.load("fashion_mnist", "test", options.data)[0][: options.images]
    return found


# %% [markdown]
# ## Where is it strange?


# %%
def picture(detector, shown, strangeness, options):
    """The typical one of each kind."""
    typical = [np.argsort(scores)[len(scores) // 2] for scores in strangeness.values()]
    images = np.stack([images[one] for images, one in zip(shown.values(), typical, strict=True)])
    titles = [f"{name}: {s[one]:.3g}" for (name, s), one in zip(strangeness.items(), typical, strict=True)]
    options.out.mkdir(parents=True, exist_ok=True)
    figure = kgen.plots.attention_overlay(images, detector.explain(images), columns=4, titles=titles)
    figure.savefig(options.out / "heat.png")


# %%
if __name__ == "__main__":
    main()

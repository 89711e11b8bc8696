"""Enlarging fourfold beside the weights of ESRGAN-slim and bicubic interpolation, on the same images.

    npm pack @upscalerjs/esrgan-slim && tar xzf upscalerjs-esrgan-slim-*.tgz
    python benchmarks/super_resolution.py --esrgan package/models/x4 [--data FOLDER] [--model emoji-restorer]

FOLDER holds emoji.npz, whose images held out are enlarged; besides, squares of scikit-learn's two photographs, which
are nothing like what emoji-restorer has seen. PSNR and SSIM are better high, the perceptual distance (kgen's) low.
kgen's mean answer is what PSNR is fair to, a sample what it dreams.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image

import kgen

SIDE = 64  # of the images; what is enlarged is a quarter of it


def esrgan_slim(folder):
    """The Keras model of a folder of TensorFlow.js, with its weights. Images in and out: floats in [0, 1]."""
    described = json.loads((folder / "model.json").read_text())
    made = {}
    for layer in described["modelTopology"]["model_config"]["config"]["layers"]:
        config = layer["config"]
        if layer["class_name"] == "InputLayer":
            made[config["name"]] = keras.Input((None, None, 3))
            continue
        given = [made[node[0]] for node in layer["inbound_nodes"][0]]
        wanted = {
            "Conv2D": ("filters", "kernel_size", "padding", "activation"),
            "Activation": ("activation",),
            "Concatenate": ("axis",),
            "Add": (),
            "UpSampling2D": ("size", "interpolation"),
        }[layer["class_name"]]
        twin = getattr(layers, layer["class_name"])(**{one: config[one] for one in ("name", *wanted)})
        made[config["name"]] = twin(given if len(given) > 1 else given[0])
        last = config["name"]
    model = keras.Model(next(iter(made.values())), made[last])
    for group in described["weightsManifest"]:
        numbers = np.concatenate([np.fromfile(folder / path, "<f4") for path in group["paths"]])
        for weight in group["weights"]:
            count, (name, kind) = int(np.prod(weight["shape"])), weight["name"].rsplit("/", 1)
            getattr(model.get_layer(name), kind).assign(numbers[:count].reshape(weight["shape"]))
            numbers = numbers[count:]
    return model


def enlarged_by(model, small):
    return np.rint(np.clip(model.predict(small / 255.0, verbose=0), 0.0, 1.0) * 255.0).astype("uint8")


def bicubic(small):
    return np.stack([np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in small])


def photographs():
    """All squares of the two photographs, beside each other."""
    from sklearn.datasets import load_sample_images

    squares = []
    for photograph in load_sample_images().images:
        rows, columns = (side // SIDE for side in photograph.shape[:2])
        cut = photograph[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, 3)
        squares.append(cut.swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3))
    return np.concatenate(squares)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--esrgan", type=Path, required=True, help="folder with model.json and its weights")
    parser.add_argument("--data", type=Path, help="folder with emoji.npz; else Keras downloads it")
    parser.add_argument("--model", default="emoji-restorer", help="a preset that enlarges fourfold")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="PNG: given, bicubic, ESRGAN-slim, kgen's mean, a sample, the truth")
    options = parser.parse_args()
    peer, model = esrgan_slim(options.esrgan), kgen.models.ImageRestorer.from_preset(options.model)
    answers = {
        "bicubic": bicubic,
        "ESRGAN-slim": lambda small: enlarged_by(peer, small),
        f"{options.model}, mean": lambda small: model.super_resolve(small, seed=options.seed, steps=0),
        f"{options.model}, a sample": lambda small: model.super_resolve(small, seed=options.seed, steps=20),
    }
    emoji = kgen.datasets.load("emoji", "test", options.data)[0]
    shown = []
    for name, truth in {"emoji held out": emoji, "photographs": photographs()}.items():
        small = model.damaged("super_resolution", truth)
        made = {}
        for answer, enlarge in answers.items():
            started = time.time()
            made[answer] = enlarge(small)
            figures = {
                "PSNR (dB)": float(kgen.metrics.psnr(truth, made[answer])),
                "SSIM": float(kgen.metrics.ssim(truth, made[answer])),
                "perceptual distance": float(np.mean(kgen.metrics.perceptual_distance(truth, made[answer]))),
            }
            kgen.metrics.report(f"{len(truth)} {name}, {answer}", figures, seed=options.seed, started=started)
        some = np.linspace(0, len(truth) - 1, 6).astype(int)
        given = small.repeat(4, axis=1).repeat(4, axis=2)
        shown.append(np.stack([given, *made.values(), truth], axis=1)[some].reshape(-1, SIDE, SIDE, 3))
    if options.out:
        kgen.plots.image_grid(np.concatenate(shown), columns=6).savefig(options.out)


if __name__ == "__main__":
    main()

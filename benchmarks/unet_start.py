"""How soon a U-Net learns fine detail, by what the skips of its residual blocks read where the width changes.

    python benchmarks/unet_start.py --data FOLDER [--steps 80] [--seeds 2]

FOLDER holds emoji.npz. U-Nets take Gaussian noise (σ = 0.25 on [-1, 1]) out of squares of emoji; the figure is by how
many decibels the squared error on emoji held out falls below that of the noise itself, halfway and at the end, the mean
of the seeds. The skips of Dhariwal and Nichol (2021), and of most diffusion models since, read the raw stream, in which
a block that learned fast drowns the others.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

import kgen

SIGMA = 0.25
NETWORKS = {"32, 48, 48": (32, 48, 48), "16, 32, 48, 48": (16, 32, 48, 48)}


class Cleaner(keras.Model):
    """Noisy images to clean ones; the U-Net says what is wrong with them."""

    def __init__(self, widths, normalized):
        super().__init__()
        self.network = kgen.layers.UNet(3, widths=widths, blocks=1, normalized_skips=normalized)

    def call(self, noisy):
        return noisy + self.network(noisy, ops.zeros(ops.shape(noisy)[:1]))


def gains(images, held_out, widths, normalized, rate, steps, seed):
    """By how much the error of the images held out has fallen (dB), halfway and at the end."""
    keras.utils.set_random_seed(seed)
    model = Cleaner(widths, normalized)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=1.0), loss="mse")
    rng, found = np.random.default_rng(seed), []
    noisy = held_out + SIGMA * rng.normal(size=held_out.shape).astype("float32")
    for step in range(1, steps + 1):
        clean = images[rng.integers(len(images), size=16)]
        model.train_on_batch(clean + SIGMA * rng.normal(size=clean.shape).astype("float32"), clean)
        if step in (steps // 2, steps):
            error = np.mean((model.predict(noisy, batch_size=32, verbose=0) - held_out) ** 2)
            found.append(10 * np.log10(SIGMA**2 / error))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with emoji.npz")
    parser.add_argument("--steps", type=int, default=80, help="of 16 squares of 32 × 32")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    train, test = (kgen.datasets.load("emoji", split, options.data)[0] for split in ("train", "test"))
    train, test = (part[:, 16:48, 16:48].astype("float32") / 127.5 - 1 for part in (train, test[:64]))
    for widths in NETWORKS:
        for rate in (1e-3, 3e-4):
            for normalized in (False, True):
                started = time.time()
                pairs = [
                    gains(train, test, NETWORKS[widths], normalized, rate, options.steps, seed)
                    for seed in range(1, options.seeds + 1)
                ]
                half, full = np.mean(pairs, axis=0)
                figures = {f"dB after {options.steps // 2} steps": float(half), f"after {options.steps}": float(full)}
                name = f"widths {widths}, rate {rate:g}, {'normalised' if normalized else 'raw'} skips"
                kgen.metrics.report(name, figures, seed=f"1 to {options.seeds}", started=started)


if __name__ == "__main__":
    main()

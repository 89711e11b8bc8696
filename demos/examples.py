"""Images to try a model on that need no download: a preset's own, or digits and photographs of scikit-learn."""

import numpy as np
from PIL import Image

from kgen.presets import registry

from .pictures import tile

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
EXAMPLES = "examples.png"  # in the folder of a preset: images of the model's shape, in one row
WIDTH = 448  # pixels: large enough to be looked at and drawn on; 28 and 64 divide it, so an example can be undone


def example_image(facts):
    """Some image for a model, of its shape, uint8 `(1, height, width, channels)`.

    It is one of those in its preset's folder; else grey ones are digits, others of a photograph.
    """
    height, width, channels = facts.image_shape
    rng = np.random.default_rng()
    own = registry.SHIPPED / str(facts.source) / EXAMPLES
    if own.is_file():
        row = np.asarray(Image.open(own).convert("L" if channels == 1 else "RGB")).reshape(height, -1, width, channels)
        return row[None, :, rng.integers(row.shape[1])]
    if channels == 1:
        from kgen.datasets import load  # brings keras

        digits, _ = load("digits", split="test")
        image = Image.fromarray(digits[rng.integers(len(digits)), ..., 0])
        return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))[None, ..., None]
    from sklearn.datasets import load_sample_image

    photograph = Image.fromarray(load_sample_image(PHOTOGRAPHS[rng.integers(len(PHOTOGRAPHS))]))
    factor = min(photograph.width / width, photograph.height / height) * rng.uniform(0.5, 1.0)
    across, down = width * factor, height * factor
    left, top = rng.uniform(0, photograph.width - across), rng.uniform(0, photograph.height - down)
    box = (left, top, left + across, top + down)
    return np.asarray(photograph.resize((width, height), Image.Resampling.BICUBIC, box))[None]


def on_canvas(image, hole=None):
    """An image, and a bool mask `(height, width)` drawn on it, as an image editor takes them: every pixel a square.

    Args:
        image: uint8 `(1, height, width, channels)`.
        hole: bool `(height, width)` or None.
    """
    background = tile(image, width=WIDTH).convert("RGB")
    background = background.resize([WIDTH * side // max(background.size) for side in background.size])
    if hole is None:
        return {"background": background, "layers": [], "composite": background}
    drawn = Image.fromarray(np.uint8(hole) * 255).resize(background.size, Image.Resampling.NEAREST)
    strokes = Image.new("RGBA", background.size)
    strokes.paste("#e11d48", mask=drawn)
    composite = background.copy()
    composite.paste("#e11d48", mask=drawn)
    return {"background": background, "layers": [strokes], "composite": composite}

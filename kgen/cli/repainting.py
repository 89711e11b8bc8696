"""`kgen generate` with a model that translates images: a picture into a picture, a folder of them into a folder."""

import numpy as np

from kgen.cli import pictures
from kgen.cli import words


def repaint(model, source, target, settings, batch_size, overwrite):
    """Write what `model.translate` makes of the images in `source`; all of them, or, where that fails, none.

    Each image is cropped in its centre and resized to what the model was built for. In a folder, an image in a
    subfolder comes into a subfolder, each as PNG, and what cannot be read is skipped with a warning.
    """
    name = type(model).__name__
    if source is None or target is None:
        raise ValueError(f"--file and --out: a {name} translates images; name an image or a folder, and where to write")
    arguments = words.arguments_from(settings, model.translate, "translate", ("images", "batch_size"))
    pictures.check_paths(source, target, overwrite, "translated.png")
    images, places = pictures.read(source, lambda file: pictures.fitted(file, model.image_shape))
    images = model.translate(np.stack(images), batch_size=batch_size, **arguments)
    pictures.write(images, places, source, target)

"""`kgen generate` with a model that translates images: a picture into a picture, a folder of them into a folder."""

import os
import tempfile
from pathlib import Path

import numpy as np
import typer

from kgen.cli import words

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def repaint(model, source, target, settings, batch_size, overwrite):
    """Write what `model.translate` makes of the images in `source`; all of them, or, where that fails, none.

    Each image is cropped in its centre and resized to what the model was built for. In a folder, an image in a
    subfolder comes into a subfolder, each as PNG, and what cannot be read is skipped with a warning.
    """
    name = type(model).__name__
    if source is None or target is None:
        raise ValueError(f"--file and --out: a {name} translates images; name an image or a folder, and where to write")
    arguments = words.arguments_from(settings, model.translate, "translate", ("images", "batch_size"))
    _check_paths(source, target, overwrite)
    images, places = _read(source, model.image_shape)
    images = model.translate(images, batch_size=batch_size, **arguments)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        written = [Path(folder, place) for place in places] if source.is_dir() else [Path(folder, target.name)]
        for path, image in zip(written, images, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            _picture(image).save(path)
        for path in written:  # nothing is left to fail but the disk itself
            place = target / path.relative_to(folder) if source.is_dir() else target
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)
    typer.echo(f"{target}: {len(images):,} images" if source.is_dir() else str(target))


def _check_paths(source, target, overwrite):
    if not source.exists():
        raise FileNotFoundError(f"--file: no such file or folder: {source}")
    if source.is_dir():
        if target.exists() and not target.is_dir():
            raise ValueError(f"--out: expected a folder, as --file is one, got the file {target}")
        if target.resolve().is_relative_to(source.resolve()):
            raise ValueError(f"--out: expected a folder outside of --file, got {target}")
        taken = target.is_dir() and any(target.iterdir())
    else:
        if target.is_dir() or target.suffix.lower() not in PICTURES:
            raise ValueError(f"--out: expected a picture such as translated.png, got {target}")
        taken = target.exists()
    if taken and not overwrite:
        raise FileExistsError(f"--out: {target} exists; choose another name, or replace what is there by --overwrite")


def _read(source, image_shape):
    """The images as one array, and for each its place in a folder of results."""
    from kgen.datasets.files import Skipped
    from kgen.datasets.files import files_below
    from kgen.datasets.image_file import Unusable

    skipped = Skipped()
    files = files_below(source, skipped) if source.is_dir() else [source]
    images, places = [], {}
    for file in files:
        try:
            image = fitted_image(file, image_shape)
        except Unusable as reason:
            skipped.add(file, reason)
            continue
        place = file.relative_to(source).with_suffix(".png") if source.is_dir() else file
        if place in places:
            raise ValueError(f"--file: {places[place]} and {file} would both become {place}; rename one")
        places[place] = file
        images.append(image)
    if not images:
        raise ValueError(f"--file: no image could be read from {source} ({skipped or 'it is empty'})")
    if skipped:
        typer.echo(f"kgen: {source}: skipped {len(skipped)}: {skipped}", err=True)
    return np.stack(images), list(places)


def fitted_image(file, image_shape):
    """A file as uint8 `image_shape`, cropped in its centre and resized."""
    from PIL import Image
    from PIL import ImageOps

    from kgen.datasets.image_file import read_image

    height, width, channels = image_shape
    image = read_image(file, 2 * max(height, width))
    image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC).convert("L" if channels == 1 else "RGB")
    return np.asarray(image).reshape(image_shape)


def _picture(image):
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)

"""Pictures in and out: a file into a file, a folder into a folder; all of them, or, where one fails, none."""

import os
import tempfile
from pathlib import Path

import numpy as np
import typer

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def check_paths(source, target, overwrite, example):
    """Refuse what cannot be read, or must not be written; `example` is a good name for a picture."""
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
            raise ValueError(f"--out: expected a picture such as {example}, got {target}")
        taken = target.exists()
    if taken and not overwrite:
        raise FileExistsError(f"--out: {target} exists; choose another name, or replace what is there by --overwrite")


def read(source, image_of):
    """The images in `source` as a list, and for each its place in a folder of results.

    Of a folder, what cannot be read is left out with a warning; `image_of(path)` raises `Unusable` then.
    """
    from kgen.datasets.files import Skipped
    from kgen.datasets.files import files_below
    from kgen.datasets.image_file import Unusable

    skipped = Skipped()
    files = files_below(source, skipped) if source.is_dir() else [source]
    images, places = [], {}
    for file in files:
        try:
            image = image_of(file)
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
    return images, list(places)


def fitted(file, image_shape):
    """A file as uint8 `image_shape`, cropped in its centre and resized; or `Unusable`."""
    from PIL import Image
    from PIL import ImageOps

    from kgen.datasets.image_file import read_image

    height, width, channels = image_shape
    image = read_image(file, 2 * max(height, width))
    image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC).convert("L" if channels == 1 else "RGB")
    return np.asarray(image).reshape(image_shape)


def write(images, places, source, target):
    """Write uint8 images where they belong; nothing is there before all of them are made.

    Args:
        images: iterable of uint8 `(height, width, channels)`.
        places: their places, as `read` returns them.
        source, target: as on the command line.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        written = [Path(folder, place) for place in places] if source.is_dir() else [Path(folder, target.name)]
        for path, image in zip(written, images, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(image).save(path)
        for path in written:  # nothing is left to fail but the disk itself
            place = target / path.relative_to(folder) if source.is_dir() else target
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)
    typer.echo(f"{target}: {len(written):,} images" if source.is_dir() else str(target))


def picture(image):
    """uint8 `(height, width, channels)` as a Pillow image."""
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)

"""`kgen generate` with a model that restores: pictures into better ones, a recording into one with its high notes."""

from pathlib import Path

import numpy as np
import typer

from kgen.cli import pictures
from kgen.cli import words

OWN = ("task", "mask")  # settings that are no arguments of the model


def restore(model, source, target, settings, seed, overwrite):
    """Write what `model.restore` makes of the images in `source`; all of them, or, where that fails, none.

    `--set task=…` says which damage to undo; a model that has learned one needs no word. `--set mask=hole.png`, for
    inpainting, is a picture as large as the images that is white where nothing is. Each image keeps its size, but for
    at its edges what the network cannot take.
    """
    name = type(model).__name__
    if source is None or target is None:
        raise ValueError(f"--file and --out: an {name} restores images; name an image or a folder, and where to write")
    own = dict(one.split("=", 1) for one in settings if one.partition("=")[0] in OWN and "=" in one)
    others = [one for one in settings if one.partition("=")[0] not in own]
    arguments = words.arguments_from(others, model.super_resolve, "restore", ("images", "samples", "seed"))
    arguments = words.with_solver(arguments)
    task, mask = _task(model, own.get("task")), own.get("mask")
    if (mask is not None) != (task == "inpainting"):
        raise ValueError(f"--set mask=FILE: it says what is missing for inpainting, and for that alone; task is {task}")
    pictures.check_paths(source, target, overwrite, "restored.png")
    hole = None if mask is None else _hole(Path(mask))
    images, places = pictures.read(source, lambda file: _image(file, model.image_shape[-1]))
    divisor = model.divisor(task)

    def restored():
        for image, place in zip(images, places, strict=True):
            box = _box(image, divisor, place)
            given = image[box][None]
            if hole is not None:
                if hole.shape != image.shape[:2]:
                    sizes = " and ".join(f"{one.shape[1]} × {one.shape[0]}" for one in (hole, image))
                    raise ValueError(f"--set mask=FILE: expected a picture as large as {place}, they are {sizes}")
                given = given, hole[box]
            yield model.restore(task, given, seed=seed, **arguments)[0]

    pictures.write(restored(), places, source, target)


def restore_sound(model, source, target, settings, seed, overwrite):
    """Write what `model.super_resolve_file` makes of a recording, sampled so many times as fast."""
    name = type(model).__name__
    if source is None or target is None:
        raise ValueError(f"--file and --out: an {name} restores sound; name a WAV file, and where to write")
    if not source.is_file():
        raise FileNotFoundError(f"--file: no such file: {source}")
    if target.is_dir() or target.suffix.lower() != ".wav":
        raise ValueError(f"--out: expected a WAV file such as restored.wav, got {target}")
    if target.exists() and not overwrite:
        raise FileExistsError(f"--out: {target} exists; choose another name, or replace it with --overwrite")
    verb = model.super_resolve_file
    arguments = words.with_solver(words.arguments_from(settings, verb, "restore", ("path", "out", "seed")))
    target.parent.mkdir(parents=True, exist_ok=True)
    verb(source, target, seed=seed, **arguments)
    typer.echo(str(target))


def _task(model, word):
    if word is None and len(model.able) == 1:
        return model.able[0]
    if word is None:
        raise ValueError(f"--set task=TASK: say which damage to undo; this model knows {', '.join(model.able)}")
    return words.choose("--set task", word, model.able)


def _image(file, channels):
    from kgen.datasets.image_file import read_image

    image = np.asarray(read_image(file).convert("L" if channels == 1 else "RGB"))
    return image.reshape(*image.shape[:2], channels)


def _hole(file):
    from kgen.datasets.image_file import Unusable

    if not file.is_file():
        raise FileNotFoundError(f"--set mask=FILE: no such file: {file}")
    try:
        return _image(file, 1)[..., 0] >= 128
    except Unusable as reason:
        raise ValueError(f"--set mask=FILE: expected a picture, {file} is {reason}") from reason


def _box(image, divisor, place):
    """The middle of an image whose sides can be divided, as two slices."""
    sides = [side // divisor * divisor for side in image.shape[:2]]
    if not all(sides):
        raise ValueError(f"--file: expected images of at least {divisor} × {divisor} pixels, {place} is smaller")
    starts = [(side - kept) // 2 for side, kept in zip(image.shape[:2], sides, strict=True)]
    return tuple(slice(start, start + kept) for start, kept in zip(starts, sides, strict=True))

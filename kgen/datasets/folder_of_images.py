"""A folder of images as one array."""

# This file is not called image_folder.py: the module would then hide the function behind `kgen.datasets.image_folder`.

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL import ImageOps

from kgen.datasets.files import Skipped
from kgen.datasets.files import files_below
from kgen.datasets.image_file import Unusable
from kgen.datasets.image_file import read_image
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int

MAX_ENLARGEMENT = 8  # an icon that must grow more than this shows nothing of what it was: skipped


class LabelledImages(NamedTuple):
    """What `image_folder(..., labels=True)` returns; `class_names[labels[i]]` is the folder that image i came from."""

    images: np.ndarray  # uint8 (n, height, width, channels)
    labels: np.ndarray  # int64 (n,)
    class_names: list


def image_folder(path, image_size=None, channels=None, labels=False):
    """All images in a folder and its subfolders, sorted by path, as uint8 `(n, height, width, channels)` in [0, 255].

    Reads PNG, JPEG, GIF, WebP, BMP, TIFF, PPM, ICO, JPEG 2000, AVIF (and HEIF, once its Pillow plugin is registered).
    EXIF rotation is applied, transparency is put over white, 16-bit, palette and CMYK images become 8-bit grey or RGB,
    of an animation the first frame is taken. What cannot be used is skipped: hidden and broken files, what is no
    image, images that would have to grow more than 8 times, or larger than Pillow's limit
    (`PIL.Image.MAX_IMAGE_PIXELS`). One `UserWarning` counts what was skipped and why.

    Everything is held in memory: n · height · width · channels bytes (three channels while loading with channels=None).

    Args:
        path: the folder.
        image_size: int or (height, width); each image is cropped in its centre to that aspect, then resized. None keeps
            the images as they are, which must then all have one size.
        channels: 1 (grey), 3 (RGB), or None: 1 if all files are stored in grey, else 3.
        labels: bool. True takes each subfolder of `path` as a class and returns (images, labels int64 (n,),
            class_names list of str), classes in sorted order; files outside subfolders are skipped.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no image could be read, sizes differ without `image_size`, or an argument is out of range.

    Example:

    >>> import tempfile, PIL.Image, kgen
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("a.png", "b.jpg"):
    ...         PIL.Image.new("RGB", (40, 30), "red").save(f"{folder}/{name}")
    ...     images = kgen.datasets.image_folder(folder, image_size=16)
    >>> images.shape, images.dtype
    ((2, 16, 16, 3), dtype('uint8'))
    """
    size = _checked_size(image_size)
    check_in("channels", channels, (None, 1, 3))
    check_in("labels", labels, (False, True))
    skipped = Skipped()
    files, root = files_below(path, skipped), Path(path).expanduser()
    if labels:
        files = _inside_classes(files, root, skipped)

    pixels, used, all_grey = None, [], True
    for file, image in _usable(files, size, skipped):
        if pixels is None:
            size = (image.height, image.width)
            pixels = np.empty((len(files), *size, channels or 3), "uint8")
        if (image.height, image.width) != size:
            raise ValueError(
                f"image_size: the images differ in size (height × width): {size[0]} × {size[1]} in {used[0]}, "
                f"{image.height} × {image.width} in {file}; pass image_size=(height, width) to crop and resize them"
            )
        all_grey = all_grey and image.mode == "L"
        pixels[len(used)] = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(pixels.shape[1:])
        used.append(file)

    if not used:
        why = f"skipped {len(skipped)}: {skipped}" if skipped else "it is empty"
        raise ValueError(f"path: no image could be read from {root} ({why})")
    if skipped:
        warnings.warn(
            f"image_folder: read {len(used)} images from {root}, skipped {len(skipped)}: {skipped}", stacklevel=2
        )
    images = pixels[: len(used)]
    if channels is None and all_grey:
        images = images[..., :1].copy()
    if not labels:
        return images
    class_names, indices = np.unique([file.relative_to(root).parts[0] for file in used], return_inverse=True)
    return LabelledImages(images, indices.astype("int64"), class_names.tolist())


def _checked_size(image_size):
    """(height, width), or None as it came."""
    if image_size is None:
        return None
    size = tuple(image_size) if isinstance(image_size, list | tuple) else (image_size, image_size)
    if len(size) != 2:
        raise ValueError(f"image_size: expected an integer or (height, width), got {image_size!r}")
    for side in size:
        check_int("image_size", side, minimum=1)
    return size


def _inside_classes(files, root, skipped):
    for file in files:
        if file.parent == root:
            skipped.add(file, "outside the folder of a class")
    return [file for file in files if file.parent != root]


def _usable(files, size, skipped):
    """Yields (file, Pillow image) for each file that can be used, in its final size if one is asked for."""
    least_side = None if size is None else 2 * max(size)  # twice the result, so that resizing still averages
    for file in files:
        try:
            image = read_image(file, least_side)
            yield file, image if size is None else _fit(image, size)
        except Unusable as reason:
            skipped.add(file, reason)


def _fit(image, size):
    height, width = size
    if max(height / image.height, width / image.width) > MAX_ENLARGEMENT:
        raise Unusable("too small for image_size")
    return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)

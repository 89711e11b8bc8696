"""Images that people upload, and what they draw on them, as models take them; or a sentence."""

import warnings

import numpy as np
from PIL import Image
from PIL import ImageOps

from .studio import sorry
from .uploads import upload_path

STROKES = ("PNG", "WEBP")  # formats that can be transparent


def picture_of(file, least_side=None):
    """A Pillow image of mode "L" or "RGB", or a sentence; `least_side` as `kgen.datasets.image_file` takes it."""
    from kgen.datasets.image_file import Unusable  # brings keras
    from kgen.datasets.image_file import read_image

    try:
        return read_image(upload_path("Image", file), least_side)
    except Unusable as reason:
        raise sorry(f"Image: expected a picture such as PNG or JPEG, this file is {reason}.") from reason


def background_of(drawing):
    """The file that was drawn on, of what an image editor sent; or None."""
    return drawing.get("background") if isinstance(drawing, dict) else None


def hole_of(drawing, size):
    """Where somebody drew, as a Pillow image of mode "L" of this (width, height), 255 there; or a sentence."""
    hole = Image.new("L", size)
    for layer in drawing.get("layers") or []:
        path = upload_path("Drawing", layer)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path, formats=STROKES) as image:
                    drawn = image.convert("RGBA").getchannel("A").point(lambda alpha: 255 * (alpha > 0))
        except Exception as error:  # on damaged files Pillow's decoders raise nearly every type there is
            raise sorry("Drawing: expected layers as PNG files that are transparent where nothing is drawn.") from error
        hole.paste(255, mask=drawn.resize(size, Image.Resampling.NEAREST))
    return hole


def as_seen(file, image_shape):
    """What somebody uploaded as a model takes it, uint8 `(1, height, width, channels)`; or a sentence.

    It is cropped in its centre to the model's aspect and resized, as `kgen.datasets.image_folder` does it.

    Args:
        file: what gradio makes of it.
        image_shape: (height, width, channels) of the model.
    """
    image = picture_of(file, least_side=2 * max(image_shape[:2]))
    return pixels(_fitted(image, image_shape[:2]), image_shape[-1])


def as_painted(drawing, image_shape):
    """What somebody uploaded and drew on: an image as `as_seen` makes it, and a bool mask `(height, width)`."""
    image = picture_of(background_of(drawing), least_side=2 * max(image_shape[:2]))
    hole = ImageOps.fit(hole_of(drawing, image.size), image_shape[1::-1], Image.Resampling.BOX)
    return pixels(_fitted(image, image_shape[:2]), image_shape[-1]), np.asarray(hole) > 0


def as_it_is(drawing, most, divisor, own):
    """What somebody uploaded and drew on, in its own size as far as that can be, as two Pillow images; or a sentence.

    Args:
        drawing: what an image editor sent.
        most: pixels of its longer side; what is larger is made smaller.
        divisor: what must divide both sides; what is too much at the edges is cut off.
        own: (height, width) of the studio's own images: one of them that was enlarged becomes what it was.
    """
    image = picture_of(background_of(drawing), least_side=2 * most)
    hole = hole_of(drawing, image.size)
    if _enlarged(image, own):
        image, hole = (one.resize(own[::-1], Image.Resampling.BOX) for one in (image, hole))
    elif max(image.size) > most:
        size = tuple(max(1, round(side * most / max(image.size))) for side in image.size)
        image, hole = image.resize(size, Image.Resampling.BICUBIC), hole.resize(size, Image.Resampling.BOX)
    if min(image.size) < divisor:
        raise sorry(f"Image: expected at least {divisor} × {divisor} pixels.")
    left, top = (side % divisor // 2 for side in image.size)
    box = (left, top, left + image.width // divisor * divisor, top + image.height // divisor * divisor)
    return image.crop(box), hole.crop(box)


def pixels(image, channels):
    """A Pillow image as uint8 `(1, height, width, channels)`."""
    array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return array.reshape(1, *array.shape[:2], channels)


def _fitted(image, sides):
    height, width = sides
    # What was enlarged by a whole factor, as pictures of the studio are, becomes what it was.
    enlarged = image.width % width == 0 and image.width * height == image.height * width
    return ImageOps.fit(image, (width, height), Image.Resampling.BOX if enlarged else Image.Resampling.BICUBIC)


def _enlarged(image, sides):
    """Whether an image is one of these sides of which every pixel became a square."""
    height, width = sides
    if image.width % width or image.width * height != image.height * width:
        return False
    small = image.resize((width, height), Image.Resampling.NEAREST)
    again = small.resize(image.size, Image.Resampling.NEAREST)
    return np.abs(np.asarray(again, "int16") - np.asarray(image, "int16")).max() <= 2  # a browser may round

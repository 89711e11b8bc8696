"""One image file of any kind as 8-bit grey or RGB, or the reason why not."""

import contextlib
import warnings

import numpy as np
from PIL import Image
from PIL import ImageOps

# No EPS: Pillow would run Ghostscript on it. No TGA or PCX: without a signature, other files pass for them.
# Those that this Pillow does not know, or that no plugin has registered (HEIF), are left out.
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
GREY_MODES = ("1", "L", "LA", "La")


class Unusable(Exception):
    """An image file cannot be used; the text is the reason, to be counted."""


def read_image(path, least_side=None):
    """A Pillow image of mode "L" or "RGB", with what the file means kept.

    EXIF rotation is applied, transparency is put over white, 16 bits become their high 8, palettes, CMYK and the like
    become RGB, of an animation the first frame is taken.

    Args:
        path: the file, or one that is open for reading bytes.
        least_side: int or None. A JPEG may come at a half, quarter or eighth of its size, as long as both sides keep
            this many pixels; large photographs are read several times as fast so.

    Raises:
        Unusable: not an image, broken, of an unknown range of values, or with more pixels than Pillow's limit.
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _opened(path) as file, Image.open(file, formats=formats) as image:
                if least_side is not None:
                    image.draft(None, (least_side, least_side))
                ImageOps.exif_transpose(image, in_place=True)
                return _eight_bits(image)
    except Unusable:
        raise
    except PermissionError:
        raise Unusable("unreadable") from None
    except Image.UnidentifiedImageError:
        raise Unusable("not an image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable("larger than PIL.Image.MAX_IMAGE_PIXELS") from None
    except Exception as error:  # on damaged files Pillow's decoders raise nearly every type there is
        raise Unusable("broken") from error


def _opened(path):
    return contextlib.nullcontext(path) if hasattr(path, "read") else open(path, "rb")


def _eight_bits(image):
    if image.mode.startswith(("I", "F")):
        # 32 bits say nothing about where white is, except that these formats put 16 bits there.
        if not (image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))):
            raise Unusable("of 32 bits, whose white is unknown")
        image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.mode.upper().endswith("A") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)

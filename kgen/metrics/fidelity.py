"""How close restored images come to the true ones: error of pixels, and likeness of structure.

Where one right answer is known (super-resolution, denoising, reconstruction) these two are what papers print. Neither
sees what people see: a blurred image often scores above a sharp one (`kgen.metrics.perceptual_distance` differs).
"""

import numpy as np

from kgen.metrics.sample_sets import SampleScore

LARGEST = 255.0
SIGMA = 1.5
RADIUS = 5  # eleven taps
SMALLEST = 2 * RADIUS + 1  # side of an image that has an SSIM
C1, C2 = (0.01 * LARGEST) ** 2, (0.03 * LARGEST) ** 2


def psnr(images, others):
    """Peak signal-to-noise ratio, from 0 to ∞ dB, of pairs of images.

        PSNR = 10 log₁₀(255² / mean((x - y)²))

    with the mean over all pixels and channels of one image. The mean over images is a mean of dB, as papers have it:
    one image without any error makes it infinite.

    Args:
        images: uint8 `(n, height, width, channels)`, or one image `(height, width, channels)`.
        others: the same shape; row i is compared with row i of `images`.

    Returns:
        a float, symmetric, that knows how it was counted, with an attribute `each`: float64 `(n,)`.

    Raises:
        ValueError: no images, something else than uint8 images, or two different shapes.

    Example:

    >>> import numpy as np, kgen
    >>> image = np.full((8, 8, 3), 100, "uint8")
    >>> kgen.metrics.psnr(image, image + 1)
    48.13 (PSNR, dB|n:1)
    >>> float(kgen.metrics.psnr(image, image))
    inf
    """
    images, others = _pairs(images, others)
    errors = np.array([np.square(_float(x) - _float(y)).mean() for x, y in zip(images, others, strict=True)])
    with np.errstate(divide="ignore"):
        each = 10.0 * np.log10(LARGEST**2 / errors)
    return SampleScore(each.mean(), "PSNR, dB", f"n:{len(each)}", each=each)


def ssim(images, others):
    """Structural similarity, 1 for equal images, of pairs of images.

        SSIM = mean over places and channels of (2 μx μy + c₁)(2 σxy + c₂) / ((μx² + μy² + c₁)(σx² + σy² + c₂))

    with means, variances and covariance under an 11 × 11 Gaussian window of σ = 1.5, c₁ = (0.01 · 255)² and
    c₂ = (0.03 · 255)², at the places where the window lies wholly inside. So scikit-image counts with
    `gaussian_weights=True, use_sample_covariance=False`; a colour image is the mean over its channels.

    Args:
        images: uint8 `(n, height, width, channels)`, or one image `(height, width, channels)`, of 11 pixels or more on
            each side.
        others: the same shape; row i is compared with row i of `images`.

    Returns:
        a float in [-1, 1], symmetric, that knows how it was counted, with an attribute `each`: float64 `(n,)`.

    Raises:
        ValueError: no images, something else than uint8 images, two different shapes, or images below 11 pixels.

    Example:

    >>> import numpy as np, kgen
    >>> image = np.random.default_rng(0).integers(0, 256, (16, 16, 1), dtype="uint8")
    >>> float(kgen.metrics.ssim(image, image)), kgen.metrics.ssim(image, 255 - image) < 0
    (1.0, True)

    Reference: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
    """
    images, others = _pairs(images, others)
    least = 2 * RADIUS + 1
    if min(images.shape[1:3]) < least:
        raise ValueError(
            f"images: expected at least {least} × {least} pixels, the size of the window, got "
            f"{images.shape[1]} × {images.shape[2]}; enlarge both first, or compare smaller images by psnr"
        )
    each = np.array([_ssim(_float(x), _float(y)) for x, y in zip(images, others, strict=True)])
    return SampleScore(each.mean(), "SSIM", f"window:gauss11,1.5|n:{len(each)}", each=each)


def _ssim(x, y):
    mean_x, mean_y = _window(x), _window(y)
    var_x, var_y = _window(x * x) - mean_x**2, _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    return (likeness / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))).mean()


def _window(x):
    """Means of `(height, width, channels)` under the Gaussian window, one axis after the other."""
    taps = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        x = np.lib.stride_tricks.sliding_window_view(x, len(taps), axis=axis) @ taps
    return x


def _float(image):
    return image.astype("float64")


def _pairs(images, others):
    """Both as uint8 `(n, height, width, channels)`."""
    images, others = np.asarray(images), np.asarray(others)
    for name, array in (("images", images), ("others", others)):
        if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[-1] not in (1, 3) or 0 in array.shape:
            raise ValueError(
                f"{name}: expected uint8 images (n, height, width, 1 or 3), or one without n, "
                f"got {array.dtype} of shape {array.shape}"
            )
    if images.shape != others.shape:
        raise ValueError(f"images and others: expected the same shape, got {images.shape} and {others.shape}")
    return (images[None], others[None]) if images.ndim == 3 else (images, others)

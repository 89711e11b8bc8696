"""Inverse problems of images: p(high | low), p(full | mask), p(colour | grey), p(clean | noisy), in one network.

What the network makes out of noise is what is missing, not the image: an untrained one gives back what it was given.

Saharia et al., Palette: Image-to-Image Diffusion Models, 2022; Li et al., SRDiff: Single Image Super-Resolution with
Diffusion Probabilistic Models, 2022 (differences).
"""

import math

import keras
import numpy as np
from keras import ops

from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_mask
from kgen.functional.checks import check_widths
from kgen.functional.damage import greyed
from kgen.functional.damage import rectangles
from kgen.functional.damage import shrunk
from kgen.functional.damage import stretched
from kgen.functional.fixed_noise import fixed_normal
from kgen.functional.fixed_noise import fixed_uniform
from kgen.layers.unet import UNet
from kgen.layers.unet import multiple_of
from kgen.metrics.fidelity import SMALLEST
from kgen.metrics.fidelity import psnr
from kgen.metrics.fidelity import ssim
from kgen.models.base_images import as_uint8
from kgen.models.base_restoring import BesideNetwork
from kgen.models.base_restoring import RestoringModel
from kgen.training.sample_images import SampleRestorations

TASKS = ("super_resolution", "inpainting", "colorization", "denoising")
# How much a task's errors count. What large areas lack, a hole or all colours, errs in one direction everywhere; its
# gradients would drown those of fine detail, which sum up to little.
IMPORTANCE = {"super_resolution": 1.0, "inpainting": 1 / 9, "colorization": 1 / 9, "denoising": 1.0}
USUAL = 1 / 3  # how large, in [-1, 1], what is missing usually is: divided by it, it is as large as the noise


@keras.saving.register_keras_serializable(package="kgen")
class ImageRestorer(RestoringModel):
    """Learns to undo damage: `fit(images)`, then `super_resolve`, `inpaint`, `colorize`, `denoise`.

    In training each image suffers one of the tasks' damages, drawn anew each time. What is left of it, where nothing is
    left, and which damage it was go into the network.

    Args:
        image_shape: (height, width, channels) to learn from, 1 or 3 channels. What is restored later may have other
            sides.
        tasks: some of "super_resolution", "inpainting", "colorization" (left out where there is 1 channel) and
            "denoising".
        scale: int ≥ 2: super-resolution makes images larger so many times; it divides both sides.
        noise: (least, most) deviation of the noise to remove, as a share of the range of a pixel, in (0, 1].
        widths, blocks, num_heads, dropout, patch: of its `kgen.layers.UNet`; `patch` must divide both sides of an
            image, and so must 2 for each width but one.
        mean_share: share of the rows that learn the mean in training, in [0, 1).
        schedule, prediction: see `DiffusionModel`.
        ema_decay: float in [0, 1); what restores is an average of the weights that follows those in training.
        seed: int or None; seeds the weights, the damage, the noise and the order of the data.

    Metrics in `fit` and `evaluate`: `loss`. `evaluate(images, full=True)`: PSNR and SSIM of each task.

    Raises:
        ValueError: an argument outside its range.

    Example:

    >>> import kgen
    >>> images, _ = kgen.datasets.load("digits")
    >>> model = kgen.models.ImageRestorer((8, 8, 1), ("super_resolution",), scale=2, widths=(8, 8), num_heads=2, seed=1)
    >>> model.compile()
    >>> history = model.fit(images[:64], epochs=1, verbose=0)
    >>> model.super_resolve(images[:2], steps=2, seed=1).shape
    (2, 16, 16, 1)
    """

    def __init__(
        self,
        image_shape,
        tasks=TASKS,
        scale=4,
        noise=(0.02, 0.3),
        widths=(32, 64, 128),
        blocks=2,
        num_heads=4,
        dropout=0.0,
        patch=1,
        mean_share=0.3,
        schedule=None,
        prediction=None,
        ema_decay=0.999,
        seed=None,
        **kwargs,
    ):
        check_image_shape("image_shape", image_shape)
        if not isinstance(tasks, list | tuple) or not tasks or len(set(tasks)) < len(tasks):
            raise ValueError(f"tasks: expected one or more of {', '.join(TASKS)}, got {tasks!r}")
        for task in tasks:
            check_in("tasks", task, TASKS)
        if tuple(tasks) == ("colorization",) and image_shape[-1] == 1:
            raise ValueError(f"tasks: {tasks!r} needs images of 3 channels, image_shape is {image_shape!r}")
        check_int("scale", scale, minimum=2)
        check_widths("widths", widths)
        check_int("patch", patch, minimum=1)
        multiple = multiple_of(widths, patch)
        if any(side % multiple or side % scale for side in image_shape[:2]):
            raise ValueError(
                f"image_shape: expected sides that {multiple} (of {len(widths)} widths and patch={patch}) and "
                f"scale={scale} divide, got {image_shape!r}"
            )
        if not isinstance(noise, list | tuple) or len(noise) != 2 or not 0 < noise[0] <= noise[1] <= 1:
            raise ValueError(f"noise: expected (least, most) in (0, 1], got {noise!r}")
        super().__init__(mean_share, schedule, prediction, ema_decay, seed, **kwargs)
        self.image_shape = image_shape
        self.tasks = tasks
        self.scale = scale
        self.noise = noise
        self.widths = widths
        self.blocks = blocks
        self.num_heads = num_heads
        self.dropout = dropout
        self.patch = patch
        self._assemble()

    @property
    def able(self):
        """The tasks of this model, as a tuple; grey images have no colours to find."""
        return tuple(task for task in self.tasks if task != "colorization" or self.image_shape[-1] == 3)

    def divisor(self, task):
        """What must divide both sides of an image that is given for a task."""
        multiple = multiple_of(self.widths, self.patch)
        return multiple // math.gcd(multiple, self.scale) if task == "super_resolution" else multiple

    # Training --------------------------------------------------------------------------------------------------------

    def make_denoiser(self, name):
        *sides, channels = self.image_shape
        network = UNet(
            channels,
            self.widths,
            self.blocks,
            num_heads=self.num_heads,
            dropout=self.dropout,
            patch=self.patch,
            normalized_skips=True,
            seed=self.seed,
            dtype=self.dtype_policy,
            name="network",
        )
        denoiser = BesideNetwork(network, self._schedule.num_timesteps - 1, dtype=self.dtype_policy, name=name)
        denoiser.build((None, *sides, channels), (None,), (None, *sides, channels + 1), (None, len(TASKS)))
        return denoiser

    def clean(self, inputs):
        images = inputs[..., None] if len(inputs.shape) == 3 else inputs
        return ops.cast(images, "float32") / 127.5 - 1.0

    def posed(self, inputs, training=False):
        seen, fate = self.told(inputs, training)
        return (self.clean(inputs) - seen[..., :-1]) / USUAL, (seen, fate)

    def importance(self, seen, fate):
        return ops.matmul(fate, ops.convert_to_tensor([IMPORTANCE[task] for task in TASKS], dtype="float32"))

    def told(self, inputs, training=False):
        """What is left of the images, with a channel that is 1 where nothing is, and which damage it was."""
        x0 = self.clean(inputs)
        n, sides = ops.shape(x0)[0], x0.shape[1:3]
        if training:
            draws = keras.random.uniform((n, 6), seed=self.draws)
            noise = keras.random.normal(ops.shape(x0), seed=self.draws)
        else:
            draws, noise = fixed_uniform((n, 6), seed=3), fixed_normal(ops.shape(x0), seed=4)
        hole = rectangles(sides, draws[:, :4])
        low, high = (2.0 * share for share in self.noise)  # [-1, 1] is two wide
        level = ops.reshape(low + (high - low) * draws[:, 4], (-1, 1, 1, 1))
        left = {
            "super_resolution": stretched(shrunk(x0, self.scale), self.scale),
            "inpainting": x0 * (1.0 - hole),
            "colorization": greyed(x0),
            "denoising": ops.clip(x0 + level * noise, -1.0, 1.0),
        }
        able = self.able
        chosen = ops.minimum(ops.cast(ops.floor(draws[:, 5] * len(able)), "int32"), len(able) - 1)
        chosen = ops.take(ops.convert_to_tensor([TASKS.index(task) for task in able], dtype="int32"), chosen)
        fate = ops.one_hot(chosen, len(TASKS), dtype="float32")
        seen = sum(ops.reshape(fate[:, TASKS.index(task)], (-1, 1, 1, 1)) * left[task] for task in able)
        hidden = hole * ops.reshape(fate[:, TASKS.index("inpainting")], (-1, 1, 1, 1))
        return ops.concatenate([seen, hidden], axis=-1), fate

    def prepare(self, x, y=None):
        if y is not None:
            raise ValueError("y: an ImageRestorer learns from whole images alone: fit(images), evaluate(images)")
        return check_images("images", x, self.image_shape), None

    @classmethod
    def for_data(cls, data, **arguments):
        return cls(**{"image_shape": data.shape[1:], **arguments})

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return SampleRestorations(folder, data[0], seed=seed)

    # Use -------------------------------------------------------------------------------------------------------------

    def super_resolve(self, images, seed=None, samples=None, steps=20, solver=None):
        """The images, `scale` times as large: uint8 `(n, scale · height, scale · width, channels)`.

        Args:
            images: uint8 `(n, height, width, channels)`.
            seed: int or None; the same seed gives the same images on the same backend.
            samples: None for one answer each; an int for so many, `(samples, n, …)`.
            steps: of the solver; 0 gives the mean of all answers at once: least squared error, and smooth.
            solver: see `kgen.diffusion`; None for `DPMSolver()`.

        Raises:
            ValueError: images that the model cannot take, a task that it has not learned, or an argument out of range.
        """
        images = self._images(images, "super_resolution", self.divisor("super_resolution"))
        left = np.repeat(np.repeat(images, self.scale, axis=1), self.scale, axis=2)
        return self._undone("super_resolution", left, None, seed, samples, steps, solver)

    def inpaint(self, images, mask, seed=None, samples=None, steps=20, solver=None):
        """The images, painted where the mask says so: uint8, the same shape.

        Args:
            images: uint8 `(n, height, width, channels)`.
            mask: bool `(height, width)` or `(n, height, width)`, True where there is nothing.
            seed, samples, steps, solver: as in `super_resolve`.

        Raises:
            ValueError: a mask of another shape, or as `super_resolve`.
        """
        images = self._images(images, "inpainting")
        mask = check_mask("mask", mask, images, "True where there is nothing")
        made = self._undone("inpainting", np.where(mask, 127.5, images), mask, seed, samples, steps, solver)
        return np.where(mask, made, images.astype("uint8"))

    def colorize(self, images, seed=None, samples=None, steps=20, solver=None):
        """The images in colours: uint8 `(n, height, width, 3)`.

        Args:
            images: uint8 `(n, height, width, 1 or 3)`; of colours only the brightness is looked at.
            seed, samples, steps, solver: as in `super_resolve`.
        """
        images = np.asarray(images)
        if images.ndim == 4 and images.shape[-1] == 1:
            images = images.repeat(3, axis=-1)
        grey = ops.convert_to_numpy(
            greyed(ops.convert_to_tensor(self._images(images, "colorization").astype("float32")))
        )
        return self._undone("colorization", grey, None, seed, samples, steps, solver)

    def denoise(self, images, seed=None, samples=None, steps=20, solver=None):
        """The images without their noise: uint8, the same shape.

        Args:
            images: uint8 `(n, height, width, channels)`.
            seed, samples, steps, solver: as in `super_resolve`.
        """
        return self._undone("denoising", self._images(images, "denoising"), None, seed, samples, steps, solver)

    def restore(self, task, given, **options):
        """What the verb of a task makes of what is left, as `damaged` returns it.

        Args:
            task: "super_resolution", "inpainting", "colorization" or "denoising".
            given: uint8 images `(n, height, width, channels)`, or `(images, mask)` for inpainting.
            **options: seed, samples, steps and solver, as in `super_resolve`.

        Raises:
            ValueError: as the verbs.
        """
        check_in("task", task, self.able)
        if task == "inpainting":
            return self.inpaint(*given, **options)
        verbs = {"super_resolution": self.super_resolve, "colorization": self.colorize, "denoising": self.denoise}
        return verbs[task](given, **options)

    def damaged(self, task, images, seed=0):
        """What is left of images after a task's damage: uint8 images, or `(images, mask)` for inpainting.

        Args:
            task: "super_resolution", "inpainting", "colorization" or "denoising".
            images: uint8 `(n, height, width, channels)`.
            seed: int, of holes and noise.

        Raises:
            ValueError: another task, or images that the model cannot take.
        """
        check_in("task", task, self.able)
        images, rng = self._images(images, task), np.random.default_rng(seed)
        pixels = ops.convert_to_tensor(images.astype("float32"))
        if task == "super_resolution":
            left = ops.convert_to_numpy(shrunk(pixels, self.scale))
        elif task == "inpainting":
            draws = rng.random((len(images), 4), "float32")
            return images, ops.convert_to_numpy(rectangles(images.shape[1:3], draws))[..., 0] > 0
        elif task == "colorization":
            left = ops.convert_to_numpy(greyed(pixels))
        else:
            level = rng.uniform(*self.noise, (len(images), 1, 1, 1))
            left = images + 255.0 * level * rng.standard_normal(images.shape)
        return np.rint(np.clip(left, 0.0, 255.0)).astype("uint8")

    def full_evaluation(self, x, y=None, steps=0, seed=0):
        """How near restored images come to the true ones (`evaluate(images, full=True)`).

        Args:
            x: uint8 images, whole.
            steps: as in `super_resolve`; 0 takes means.
            seed: int, of damage and answers.

        Returns:
            dict: "super_resolution psnr" (dB), "super_resolution ssim" and so on, of each task; SSIM from 11 × 11
            pixels on.
        """
        figures = {}
        for task in self.able:
            made = self.restore(task, self.damaged(task, x, seed), seed=seed, steps=steps)
            figures[f"{task} psnr"] = psnr(x, made)
            if min(x.shape[1:3]) >= SMALLEST:
                figures[f"{task} ssim"] = ssim(x, made)
        return figures

    # Inside ----------------------------------------------------------------------------------------------------------

    def _images(self, images, task, multiple=None):
        """uint8 or float images of any sides that the network can take, `(n, height, width, channels)`."""
        if task not in self.able:
            raise ValueError(f"tasks: this ImageRestorer has learned {', '.join(self.able)}, not {task}")
        images = np.asarray(images)
        if images.ndim != 4:
            raise ValueError(
                f"images: expected uint8 images of shape (n, height, width, {self.image_shape[-1]}), "
                f"got shape {images.shape}"
            )
        multiple = multiple or multiple_of(self.widths, self.patch)
        if any(side % multiple for side in images.shape[1:3]):
            raise ValueError(
                f"images: expected sides that {multiple} divides, got {images.shape[1]} × {images.shape[2]}; cut or "
                "fill up the images"
            )
        return check_images("images", images, (*images.shape[1:3], self.image_shape[-1]))

    def _undone(self, task, left, mask, seed, samples, steps, solver):
        left = np.asarray(left, "float32") / 127.5 - 1.0
        hidden = np.zeros((*left.shape[:3], 1), "float32") if mask is None else mask.astype("float32")
        fate = np.zeros((len(left), len(TASKS)), "float32")
        fate[:, TASKS.index(task)] = 1.0
        conditions = np.concatenate([left, hidden], axis=-1), fate
        missing = self._restored(conditions, left.shape[1:], seed, 1 if samples is None else samples, steps, solver)
        made = as_uint8(left + USUAL * missing)
        return made[0] if samples is None else made

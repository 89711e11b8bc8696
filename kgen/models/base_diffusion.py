"""What diffusion models of images share: what is dreamt, from which noise, of which class or in which words."""

from typing import NamedTuple

import numpy as np
from keras import ops

from kgen.datasets.batches import ArrayBatches
from kgen.datasets.encoded_batches import encoded
from kgen.diffusion.guidance import ClassifierFreeGuidance
from kgen.diffusion.solvers import Euler
from kgen.functional.checks import check_images
from kgen.functional.checks import check_int
from kgen.functional.checks import check_mask
from kgen.functional.checks import check_number
from kgen.functional.checks import check_same_length
from kgen.layers.captioned_network import CaptionedNetwork
from kgen.layers.labelled_network import LabelledNetwork
from kgen.metrics.comparison import sample_figures
from kgen.models.base_denoising import ROWS_AT_ONCE
from kgen.models.base_denoising import DenoisingModel
from kgen.models.base_images import ImageModel
from kgen.models.base_images import way_on_the_sphere
from kgen.tokenizers.base import Tokenizer


class Glimpse(NamedTuple):
    """How far a dream has come: steps done, of how many, the images in their noise, those seen behind it (uint8)."""

    done: int
    steps: int
    noisy: np.ndarray
    seen: np.ndarray


class ImageDiffusion(ImageModel, DenoisingModel):
    """Base of diffusion models that dream images.

    It has an `image_shape`, and tells its network nothing, or `num_classes` labels, or captions: then it has a
    `tokenizer`, and `context_length`, the most tokens of a caption.

    Holes: `space_shape` is the shape of x₀ without the batch; `into_space(images)` makes x₀ of uint8 images, in NumPy;
    `out_of_space(x0)` makes uint8 images of it; and those of `DenoisingModel`.
    """

    space_shape = None
    num_classes = tokenizer = context_length = None

    def into_space(self, images):
        raise NotImplementedError

    def out_of_space(self, x0):
        raise NotImplementedError

    # Data ------------------------------------------------------------------------------------------------------------

    @classmethod
    def choose_data(cls, *parts, num_classes=None, tokenizer=None, **arguments):
        if tokenizer is None:
            return super().choose_data(*parts, num_classes=num_classes)
        return parts[0], captions_of(*parts)

    def prepare(self, x, y=None):
        if self.tokenizer is None:
            return super().prepare(x, y)
        if y is None:
            raise ValueError("y: expected captions beside the images, got none: fit(images, captions)")
        images = check_images("images", x, self.image_shape)
        check_same_length("images", images, "captions", y)
        return images, list(y)

    def batches(self, x, y, batch_size, shuffle=False):
        if self.tokenizer is None or y is None:
            return super().batches(x, y, batch_size, shuffle)
        data = {"images": x, "words": self._words("captions", y)}
        return ArrayBatches((data,), batch_size, shuffle=shuffle, seed=self._order_seed())

    def encoded(self, dataset):
        if self.tokenizer is None or isinstance(dataset, ArrayBatches):
            return super().encoded(dataset)

        def encode(batch):
            images, texts, *_ = batch
            return ({"images": images, "words": self._words("captions", texts)},)

        return encoded(dataset, encode)

    def told(self, inputs, training=False):
        if not isinstance(inputs, dict):
            return ()
        return (inputs["labels"] if self.tokenizer is None else inputs["words"],)

    def untold(self, *conditions):
        if self.tokenizer is None:
            return tuple(ops.full_like(labels, self.num_classes) for labels in conditions)
        return tuple(ops.zeros_like(words) for words in conditions)

    def _words(self, name, texts):
        """1 + the ids of texts, int32 `(n, context_length)`, 0 behind the last: what goes beyond is cut off."""
        rows = np.zeros((len(texts), self.context_length), "int32")
        for row, text in zip(rows, texts, strict=True):
            if not isinstance(text, str):
                raise ValueError(f"{name}: expected texts, got {text!r}")
            ids = self.tokenizer.encode(text.lower())[: self.context_length]
            row[: len(ids)] = np.asarray(ids, "int32") + 1
        return rows

    def _told_network(self, network, name, width):
        """The network with what tells it: a class, a caption, or nothing."""
        words = None
        if self.tokenizer is None:
            told = LabelledNetwork(network, self.num_classes, width, dtype=self.dtype_policy, name=name)
            words = None if self.num_classes is None else (None,)
        else:
            told = CaptionedNetwork(
                network,
                self.tokenizer.vocabulary_size,
                self.context_length,
                width,
                dtype=self.dtype_policy,
                name=name,
            )
            words = (None, self.context_length)
        told.build((None, *self.space_shape), (None,), words)
        return told

    # Use -------------------------------------------------------------------------------------------------------------

    def generate(
        self,
        n=1,
        seed=None,
        labels=None,
        prompt=None,
        negative_prompt=None,
        steps=20,
        solver=None,
        guidance=None,
        image=None,
        strength=0.6,
        stream=False,
        every=1,
    ):
        """Images that the model dreams: uint8 `(n, height, width, channels)`.

        Args:
            n: how many, ≥ 1.
            seed: int or None; the same seed gives the same images on the same backend.
            labels: for a model with classes: an int for all images, or `(n,)`; None takes the classes in turn.
            prompt: for a model with captions: a str for all images, or n of them; None says nothing.
            negative_prompt: what `guidance` leads away from, in words; None for nothing.
            steps: of the solver, ≥ 1; more are slower and mostly better.
            solver: see `kgen.diffusion`; None for `DPMSolver()`.
            guidance: None, a number or a `kgen.diffusion.ClassifierFreeGuidance`: above 1 the images show more of
                what they were told, and vary less.
            image: None, or an image (uint8, of the model's shape) to begin with instead of noise.
            strength: in (0, 1]: how much of `image` is given up; 1 keeps nothing of it.
            stream: whether to return an iterator over `Glimpse`s (how many steps are done, of how many, the images as
                they stand in their noise, the images that the network sees behind it) instead; whoever has seen enough
                just stops. At most 64 images at a time.
            every: steps between two of those.

        Raises:
            ValueError: an argument out of range; labels for a model without classes, a prompt for one without captions.
        """
        check_int("n", n, minimum=1)
        check_int("every", every, minimum=1)
        rng = np.random.default_rng(seed)
        start = 1.0
        if image is not None:
            check_number("strength", strength, minimum=1e-3, maximum=1.0)
            start = strength
        plan = self._plan(solver, steps, start)
        x = rng.standard_normal((n, *self.space_shape), "float32") * plan.start[1]
        if image is not None:
            x = x + plan.start[0] * self.into_space(check_images("image", image[None], self.image_shape))
        without = None if negative_prompt is None else self._told(n, None, negative_prompt)
        return self._made(x, plan, rng, self._told(n, labels, prompt), guidance, None, without, stream, every)

    def decode(self, z, labels=None, steps=50, solver=None, guidance=None, prompt=None):
        """Images for noise, with nothing random on the way: uint8 `(n, height, width, channels)`.

        Args:
            z: float `(n, *space_shape)`: standard normal noise, or what `invert` returned.
            labels, steps, guidance, prompt: as in `generate`.
            solver: one without fresh noise; None for `Euler()`, whose way `invert` goes back.

        Raises:
            ValueError: `z` has another shape, or an argument out of range.
        """
        z = np.asarray(z, "float32")
        if z.ndim != 1 + len(self.space_shape) or z.shape[1:] != self.space_shape or len(z) == 0:
            raise ValueError(f"z: expected shape (n, {', '.join(map(str, self.space_shape))}), got {z.shape}")
        plan = self._plan(solver, steps, default=Euler())
        x = z * np.float32(plan.start[1])
        return self._made(x, plan, np.random.default_rng(0), self._told(len(z), labels, prompt), guidance)

    def invert(self, images, labels=None, steps=50, solver=None, prompt=None):
        """The noise from which `decode` makes these images: float32 `(n, *space_shape)`.

        The two ways meet the better the more steps there are.

        Args:
            images: uint8 `(n, height, width, channels)`.
            labels, steps, prompt: as in `decode`, and the same as there.
            solver: `Euler()` (None) or `Heun()`, the same as there.

        Raises:
            ValueError: images of another shape, or an argument out of range.
        """
        check_int("steps", steps, minimum=1)
        x = self.into_space(check_images("images", images, self.image_shape))
        plan = self._solver(solver, Euler()).inversion(self._schedule, steps)
        sigma = self._schedule.sigmas[-1]
        x = x * np.float32(plan.start[0])
        told = self._told(len(x), labels, prompt)
        return self._ends(x, plan, np.random.default_rng(0), told, None) / np.float32(sigma)

    def interpolate(self, start, end, steps=8, labels=None, solver_steps=50, guidance=None, prompt=None):
        """A way from one dream to another: uint8 `(steps, height, width, channels)`, ends included.

        Args:
            start, end: integers, the seeds of two noises; or noises `space_shape`.
            steps: images on the way, ≥ 2.
            labels: as in `generate`; None takes class 0.
            solver_steps, guidance, prompt: as `steps`, `guidance` and `prompt` of `decode`.
        """
        check_int("steps", steps, minimum=2)
        ends = [self._noise(name, value) for name, value in (("start", start), ("end", end))]
        labels = 0 if labels is None and self.num_classes else labels
        return self.decode(way_on_the_sphere(*ends, steps), labels, solver_steps, guidance=guidance, prompt=prompt)

    def inpaint(self, images, mask, seed=None, labels=None, prompt=None, steps=50, solver=None, guidance=None):
        """The images with other content where the mask says so: uint8, same shape.

        What is known is put back, with as much noise as belongs there, at each step (Lugmayr et al., RePaint, 2022).

        Args:
            images: uint8 `(n, height, width, channels)`.
            mask: bool `(height, width)` or `(n, height, width)`: True where the model shall dream.
            seed, labels, prompt, steps, solver, guidance: as in `generate`.

        Raises:
            ValueError: images or a mask of another shape, or an argument out of range.
        """
        images = check_images("images", images, self.image_shape)
        mask = check_mask("mask", mask, images, "True where the model shall dream")
        rng = np.random.default_rng(seed)
        plan = self._plan(solver, steps)
        known = self.into_space(images), 1.0 - self.mask_in_space(mask)
        x = rng.standard_normal((len(images), *self.space_shape), "float32") * plan.start[1]
        dreamt = self._made(x, plan, rng, self._told(len(images), labels, prompt), guidance, known)
        return np.where(mask, dreamt, images.astype("uint8"))

    def full_evaluation(self, x, y=None, num_samples=None, seed=0, extractor=None, **options):
        """How near the dreams are to these images (`evaluate(images, full=True)`).

        Args:
            x: uint8 images that were held out.
            num_samples: dreams to compare; None: as many as images.
            seed: int.
            extractor: the features to compare by, images → `(n, d)`; None: those of `kgen.metrics.frechet_distance`.
            **options: of `generate`, such as `steps`, `solver`, `guidance`.

        Returns:
            dict: `frechet_distance` and `kernel_distance` (lower is better), `precision` (dreams that look like
            images) and `recall` (images that look like dreams), `density`, `coverage`, and the name of the `features`.
        """
        n = len(x) if num_samples is None else num_samples
        if y is not None:
            options |= {"prompt": [y[i % len(y)] for i in range(n)]} if self.tokenizer else {"labels": np.resize(y, n)}
        dreams = self.generate(n, seed=seed, **options)
        return sample_figures(x, dreams, extractor=extractor, seed=seed)

    # Inside ----------------------------------------------------------------------------------------------------------

    def mask_in_space(self, mask):
        """float32 `(n, *space_shape)` or what broadcasts to it: 1 where any of a bool `(n, height, width, 1)` is."""
        raise NotImplementedError

    def _told(self, n, labels, prompt):
        """The conditions of n images, as `told` makes them of what `fit` gets."""
        if self.tokenizer is not None:
            if labels is not None:
                raise ValueError(f"labels: this {type(self).__name__} learned captions, not classes; say prompt=…")
            prompts = [prompt or ""] * n if prompt is None or isinstance(prompt, str) else list(prompt)
            if len(prompts) != n:
                raise ValueError(f"prompt: expected a text, or {n} of them, one an image, got {len(prompts)}")
            return (self._words("prompt", prompts),)
        if prompt is not None:
            raise ValueError(f"prompt: this {type(self).__name__} learned no captions, got {prompt!r}")
        labels = self._labels(labels, n)
        return () if labels is None else (labels.astype("int32"),)

    def _made(self, x, plan, rng, conditions, guidance, known=None, without=None, stream=False, every=None):
        if not stream:
            return self.out_of_space(self._ends(x, plan, rng, conditions, guidance, known, without))
        if len(x) > ROWS_AT_ONCE:
            raise ValueError(f"n: expected at most {ROWS_AT_ONCE} with stream=True, got {len(x)}")
        return self._glimpses(x, plan, rng, conditions, guidance, without, every)

    def _glimpses(self, x, plan, rng, conditions, guidance, without, every):
        seed, guidance = int(rng.integers(2**31)), _guidance(guidance)
        for done, noisy, x0 in self.moments(
            x.astype("float32"), plan, seed, conditions, guidance, without, None, every
        ):
            yield Glimpse(done, len(plan.times), self.out_of_space(noisy), self.out_of_space(x0))

    def _ends(self, x, plan, rng, conditions, guidance, known=None, without=None):
        guidance, ends = _guidance(guidance), []
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            given = [condition[rows] for condition in conditions]
            left = None if without is None else [condition[rows] for condition in without]
            there = None if known is None else [np.broadcast_to(one, x.shape)[rows] for one in known]
            seed = int(rng.integers(2**31))
            (moment,) = self.moments(x[rows].astype("float32"), plan, seed, given, guidance, left, there)
            ends.append(moment.x)
        return np.concatenate(ends)

    def _noise(self, name, value):
        if isinstance(value, int | np.integer):
            return np.random.default_rng(value).standard_normal(self.space_shape)
        value = np.asarray(value, "float64")
        if value.shape != self.space_shape:
            raise ValueError(f"{name}: expected a seed or noise of shape {self.space_shape}, got shape {value.shape}")
        return value


def check_teller(num_classes, tokenizer, context_length):
    """Refuse what a network cannot be told."""
    if num_classes is not None:
        check_int("num_classes", num_classes, minimum=2)
    if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
        raise ValueError(f"tokenizer: expected None or one of kgen.tokenizers, got {tokenizer!r}")
    if tokenizer is not None and num_classes is not None:
        raise ValueError(f"num_classes: expected None beside a tokenizer, got {num_classes}; captions can name classes")
    check_int("context_length", context_length, minimum=1)


def captions_of(images, labels, names=None, class_names=None, *_):
    """A text for each image of a data set: its name, or the name of its class, or the number of that."""
    if isinstance(names, list) and len(names) == len(images):
        return names
    class_names = class_names or names
    return [str(label) if class_names is None else class_names[label] for label in labels]


def _guidance(value):
    return ClassifierFreeGuidance(value) if isinstance(value, int | float) else value

"""What models share that learn from images, with classes or without."""

import numpy as np

from kgen.datasets.batches import ArrayBatches
from kgen.datasets.encoded_batches import encoded
from kgen.datasets.folder_of_images import image_folder
from kgen.functional.checks import check_images
from kgen.functional.checks import check_labels
from kgen.models.base import GenerativeModel


class ImageModel(GenerativeModel):
    """Base of models with an `image_shape` and `num_classes`, None or a number: `fit(images)`, `fit(images, labels)`.

    What `fit` hands on is uint8 images `(batch, height, width, channels)`, or a dict of those and their labels,
    `{"images": …, "labels": …}`.
    """

    @classmethod
    def choose_data(cls, *parts, num_classes=None, **arguments):
        return parts[: 1 if num_classes is None else 2]

    @classmethod
    def read_data(cls, path, image_size=None, num_classes=None, **arguments):
        """Images of a folder; for a model with classes each subfolder is one of them."""
        if num_classes is None:
            return (image_folder(path, image_size=image_size),)
        return image_folder(path, image_size=image_size, labels=True)

    @classmethod
    def for_data(cls, images, labels=None, **arguments):
        return cls(**{"image_shape": images.shape[1:], **arguments})

    def prepare(self, x, y=None):
        images = check_images("images", x, self.image_shape)
        if self.num_classes is None:
            if y is not None:
                raise ValueError(
                    f"y: this {type(self).__name__} learns from images alone; build it with num_classes=… for labels"
                )
            return images, None
        if y is None:
            raise ValueError(
                f"y: expected labels in [0, {self.num_classes}) beside the images, got none: fit(images, labels)"
            )
        return images, check_labels("labels", y, len(images), self.num_classes)

    def batches(self, x, y, batch_size, shuffle=False):
        data = x if y is None else {"images": x, "labels": y}
        return ArrayBatches((data,), batch_size, shuffle=shuffle, seed=self._order_seed())

    def encoded(self, dataset):
        if self.num_classes is None or isinstance(dataset, ArrayBatches):
            return dataset

        def encode(batch):
            images, labels, *_ = batch
            return ({"images": images, "labels": labels},)

        return encoded(dataset, encode)

    def _labels(self, labels, n):
        if self.num_classes is None:
            if labels is not None:
                raise ValueError(f"labels: this {type(self).__name__} has no classes, got {labels!r}")
            return None
        if labels is None:
            return np.arange(n) % self.num_classes
        labels = np.full(n, labels) if np.ndim(labels) == 0 else labels
        return check_labels("labels", labels, n, self.num_classes)


def as_uint8(images):
    """Images in [-1, 1] as people keep them."""
    return np.rint(127.5 * (np.clip(images, -1.0, 1.0) + 1.0)).astype("uint8")


def way_on_the_sphere(start, end, steps):
    """From one Gaussian noise to another, `(steps, …)`, ends included, past noise as likely as they (White, Sampling
    Generative Networks, 2016): straight on through the middle noise would be weaker than any that was seen."""
    directions = [one / np.linalg.norm(one) for one in (start, end)]
    angle = np.arccos(np.clip(np.vdot(*directions), -1.0, 1.0))
    along = np.linspace(0.0, 1.0, steps).reshape(-1, *[1] * np.ndim(start))
    if angle < 1e-6:
        return (1.0 - along) * start + along * end
    return (np.sin((1.0 - along) * angle) * start + np.sin(along * angle) * end) / np.sin(angle)

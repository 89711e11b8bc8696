"""A student that repeats what a frozen teacher says of normal images, and of no others.

    error(x) at a place = mean over features of (student(x) - (teacher(x) - μ) / s)²

μ and s are mean and deviation of each of the teacher's features over normal images. A student that has to squeeze all
it sees through a short vector knows the parts of normal images only as they are usually put together, and fails where
their order is new. Bergmann et al., Uninformed Students: Student-Teacher Anomaly Detection with Discriminative Latent
Embeddings, 2020. The bottleneck: Deng and Li, Anomaly Detection via Reverse Distillation from One-Class Embedding,
2022.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from kgen.anomaly.rotation_teacher import convolutions
from kgen.anomaly.rotation_teacher import he_normal
from kgen.functional.seeding import seeded
from kgen.layers.convolution import Conv2D
from kgen.models.base import GenerativeModel

UNFOLDED = 64  # numbers at each place behind a bottleneck


@keras.saving.register_keras_serializable(package="kgen")
class Student(GenerativeModel):
    """A frozen teacher and a convolutional student; `TeacherStudentDetector` trains it.

    Args:
        teacher: Keras model from images `(n, *image_shape)` in [0, 255] to maps `(n, rows, columns, features)` or
            vectors `(n, features)`. Where it has a method `feature_maps(images)`, that says what it has to teach.
        image_shape: (height, width, channels).
        bottleneck: length of the vector between what the student sees and says; None: each place looks around itself.
        seed: int or None; seeds the weights.
    """

    def __init__(self, teacher, image_shape, bottleneck=None, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.teacher = teacher
        self.image_shape = image_shape
        self.bottleneck = bottleneck
        teacher.trainable = False
        for weight in teacher.weights:  # where a teacher was frozen when it was saved, the line above may do nothing
            weight.trainable = False
        shape = self._taught_shape()
        if len(shape) not in (1, 3):
            raise ValueError(
                f"teacher: expected feature maps (n, rows, columns, features) or (n, features), got {shape}"
            )
        with seeded(seed):
            self.student = keras.Sequential(
                [
                    convolutions(tuple(image_shape), max(32, min(64, shape[-1])), "trunk"),
                    layers.Activation("leaky_relu", name="activation"),
                    *(_squeezed(shape, bottleneck) if bottleneck else _in_place(shape)),
                ],
                name="student",
            )
        self.centre = self.add_weight(name="centre", shape=shape[-1:], initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=shape[-1:], initializer="ones", trainable=False)
        self.built = True

    def standardise(self, images):
        """Take μ and s of the teacher's features from these images."""
        features = self.compute_rows("taught", self._taught, self.teacher.variables, images.astype("float32"))
        features = features.reshape(-1, features.shape[-1]).astype("float64")
        self.centre.assign(features.mean(axis=0))
        self.scale.assign(np.maximum(features.std(axis=0), 1e-6))

    def call(self, images, training=False):
        images = ops.cast(images, "float32")
        wanted = (ops.stop_gradient(self._taught(images)) - self.centre) / self.scale
        return ops.mean((self.student(images, training=training) - wanted) ** 2, axis=-1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred)

    def errors(self, images):
        """The error at each place: float32 `(n, rows, columns)`, or `(n,)` for a teacher of vectors."""
        return self.compute_rows("errors", self.__call__, self.variables, images.astype("float32"))

    def heat(self, images):
        """The errors over the image: float32 `(n, height, width)`."""
        errors = self.errors(images)
        if errors.ndim == 1:
            raise ValueError(
                "teacher: vectors have no places; heat maps need a teacher of maps (n, rows, columns, features)"
            )
        heat = ops.image.resize(errors[..., None], tuple(self.image_shape)[:2], interpolation="bilinear")
        return ops.convert_to_numpy(heat)[..., 0]

    def _taught(self, images):
        """The teacher's features."""
        if hasattr(self.teacher, "feature_maps"):
            return ops.cast(self.teacher.feature_maps(images), "float32")
        return self.teacher(images, training=False)

    def _taught_shape(self):
        """The shape of the teacher's features of an image: (rows, columns, features) or (features,)."""
        reads = tuple(getattr(self.teacher, "image_shape", self.image_shape))
        if reads != tuple(self.image_shape):
            raise ValueError(
                f"teacher: reads images of shape {reads}, got some of {tuple(self.image_shape)}; resize them, for "
                "example by keras.ops.image.resize, and repeat a single channel by numpy.repeat(images, 3, axis=-1)"
            )
        return tuple(self._taught(ops.zeros((1, *self.image_shape))).shape)[1:]


def _in_place(shape):
    """From the trunk's maps to features of this shape, each place for itself."""
    if len(shape) == 1:
        return [layers.Flatten(name="flatten"), layers.Dense(shape[0], name="to_features")]
    return [
        layers.Resizing(*shape[:2], name="resize"),
        Conv2D(shape[-1], 3, padding="same", name="to_features"),
    ]


def _squeezed(shape, bottleneck):
    """The same through a vector."""
    vector = [layers.Flatten(name="flatten"), layers.Dense(bottleneck, name="bottleneck")]
    if len(shape) == 1:
        wide = layers.Dense(UNFOLDED, "leaky_relu", kernel_initializer=he_normal(), name="unfold")
        return [*vector, wide, layers.Dense(shape[0], name="to_features")]
    rows, columns, features = shape
    unfold = layers.Dense(rows * columns * UNFOLDED // 2, "leaky_relu", kernel_initializer=he_normal(), name="unfold")
    return [
        *vector,
        unfold,
        layers.Reshape((rows, columns, UNFOLDED // 2), name="places"),
        Conv2D(UNFOLDED, 3, padding="same", activation="leaky_relu", kernel_initializer=he_normal(), name="around"),
        Conv2D(features, 3, padding="same", name="to_features"),
    ]

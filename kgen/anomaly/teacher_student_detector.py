"""The detector of a teacher and a student: strange is where the student cannot guess what the teacher will say."""

import keras
import numpy as np
from sklearn.utils.validation import check_is_fitted

from kgen.anomaly.base import Detector
from kgen.anomaly.rotation_teacher import trained_teacher
from kgen.anomaly.student import Student
from kgen.functional.checks import check_image_shape
from kgen.functional.checks import check_images
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.seeding import seeded

POOLINGS = {
    "rms": lambda errors: np.sqrt((errors**2).mean(axis=1)),
    "mean": lambda errors: errors.mean(axis=1),
    "max": lambda errors: errors.max(axis=1),
}


class TeacherStudentDetector(Detector):
    """Detector of strange images, and of where they are strange: a frozen teacher's features against a student's.

        strangeness(x) = root mean square over places of the mean over features of (student(x) - teacher(x))²

    The student has seen the teacher's features, standardised, of normal images only.

    Args:
        teacher: Keras model from images in [0, 255] to feature maps `(n, rows, columns, features)` or vectors
            `(n, features)`; of a `kgen.models.ViT`, such as `kgen.interop.load(folder)` reads, the features of each
            patch. None trains one on the same images, to tell how each was turned and moved. It is frozen.
        bottleneck: length of the vector through which the student sees an image, ≥ 1: strange is what has the usual
            parts in an unusual order, too. None: the student looks at each place by itself, for faults of a texture.
        pooling: how the errors of all places become one: "rms", the root of the mean of their squares, "mean", or
            "max", for small faults in large images.
        features: of a teacher that is trained here, ≥ 2.
        contamination: number in (0, 0.5], the share of the training images that `predict` calls anomalies.
        false_alarm_rate: number in (0, 1) or None; sets the threshold instead, by images that were held back.
        tail: "empirical" or "pareto", how held-back images are read; see `predict_proba`.
        held_back: number in [0, 0.5], the share of the images that is kept for calibration.
        epochs: passes over the images of teacher and student, or None for as many as make 300 steps each, at most 15:
            in more the student learns the few strange images by heart that may hide among the normal ones.
        batch_size: images a step.
        verbose: as in `keras.Model.fit`.
        seed: int ≥ 0. Two fits with the same seed on the same images are equal.

    Images are uint8 `(n, height, width[, channels])` in [0, 255].

    Raises:
        ValueError: an argument outside its range; images of another shape than in `fit`.
        TypeError: a teacher that is not a Keras model.

    Example:

    >>> import numpy as np, kgen
    >>> images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), dtype="uint8")
    >>> detector = kgen.anomaly.TeacherStudentDetector(features=4, epochs=1).fit(images)
    >>> detector.score_samples(images).shape, detector.explain(images[:2]).shape
    ((32,), (2, 8, 8))

    Reference: Bergmann et al., Uninformed Students: Student-Teacher Anomaly Detection with Discriminative Latent
    Embeddings, 2020. Deng and Li, Anomaly Detection via Reverse Distillation, 2022 (the bottleneck). Golan and
    El-Yaniv, Deep Anomaly Detection Using Geometric Transformations, 2018 (the teacher).
    """

    default_steps, most_passes = 300, 15
    reads = ("images",)
    models = ("Student",)

    def __init__(
        self,
        *,
        teacher=None,
        bottleneck=16,
        pooling="rms",
        features=64,
        contamination=0.1,
        false_alarm_rate=None,
        tail="empirical",
        held_back=0.1,
        epochs=None,
        batch_size=64,
        verbose=0,
        seed=0,
    ):
        self.teacher = teacher
        self.bottleneck = bottleneck
        self.pooling = pooling
        self.features = features
        self.contamination = contamination
        self.false_alarm_rate = false_alarm_rate
        self.tail = tail
        self.held_back = held_back
        self.epochs = epochs
        self.batch_size = batch_size
        self.verbose = verbose
        self.seed = seed

    def explain(self, X):
        """Where each image is strange: heat maps, float `(n, height, width)`, 1 being the training images' mean."""
        check_is_fitted(self)
        return self._in_chunks(self.model_.heat, self._read(X, reset=False)) / self.usual_error_

    def _check_arguments(self):
        check_in("pooling", self.pooling, tuple(POOLINGS))
        if self.bottleneck is not None:
            check_int("bottleneck", self.bottleneck, minimum=1)
        check_int("features", self.features, minimum=2)
        if self.teacher is not None and not isinstance(self.teacher, keras.Model):
            raise TypeError(f"teacher: expected a Keras model or None, got {type(self.teacher).__name__}")

    def _read(self, X, reset):
        if reset:
            shape = getattr(X, "shape", np.shape(X))
            self.image_shape_ = (*shape, 1)[1:4]
            check_image_shape("X: shape of an image", self.image_shape_)
            self.n_features_in_ = int(np.prod(self.image_shape_))
        return check_images("X", X, self.image_shape_)

    def _learn(self, rows):
        teacher = self.teacher
        if teacher is None:
            with seeded(self.seed):
                options = (self.batch_size, self.seed, self.verbose, self._watchers)
                teacher = trained_teacher(rows, self.features, self._steps(rows), *options)
        self.model_ = Student(teacher, self.image_shape_, self.bottleneck, seed=self.seed)
        self.model_.standardise(rows[:1000])
        self._train(rows)
        self.usual_error_ = float(self.model_.errors(rows[:1000]).mean())

    def _arguments(self):
        return {**super()._arguments(), "teacher": None if self.teacher is None else "that of the model"}

    def _state(self):
        return {**super()._state(), "image_shape": list(self.image_shape_), "usual_error": self.usual_error_}

    def _restore(self, state):
        super()._restore(state)
        self.image_shape_ = tuple(state["image_shape"])
        check_image_shape("image_shape", self.image_shape_)
        self.usual_error_ = float(state["usual_error"])
        if self.teacher is not None:
            self.teacher = self.model_.teacher

    def _strangeness(self, rows):
        errors = self.model_.errors(rows)
        return POOLINGS[self.pooling](errors.reshape(len(errors), -1))

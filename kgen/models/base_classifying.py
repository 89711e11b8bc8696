"""What the models share that tell classes apart: labels in `fit`, their loss and accuracy, probabilities out."""

import keras
import numpy as np
from keras import ops

from kgen.functional.checks import check_int
from kgen.functional.checks import check_labels
from kgen.functional.checks import check_number
from kgen.functional.checks import check_same_length
from kgen.models.base import GenerativeModel
from kgen.models.base import exclusive


class ClassifyingModel(GenerativeModel):
    """Base of classifiers. A call maps inputs to logits, float32 `(batch, num_classes)`.

    Holes: `prepare(x, y)`, which leaves labels to `checked_labels`; `logits(x)`, NumPy in and out.

    Args:
        num_classes: int ≥ 2.
        class_names: `num_classes` strings, or None.
        label_smoothing: ε in [0, 1): in training the target is 1 - ε at the label plus ε / num_classes everywhere.
        seed: int or None.
    """

    xla_pays_on_cpu = True

    def __init__(self, num_classes, class_names, label_smoothing, seed, **kwargs):
        check_int("num_classes", num_classes, minimum=2)
        check_number("label_smoothing", label_smoothing, minimum=0.0, maximum=0.999)
        if class_names is not None and not (
            isinstance(class_names, list | tuple)
            and len(set(class_names)) == len(class_names) == num_classes
            and all(isinstance(name, str) for name in class_names)
        ):
            raise ValueError(f"class_names: expected {num_classes} different strings, got {class_names!r}")
        super().__init__(seed=seed, **kwargs)
        self.num_classes = num_classes
        self.class_names = class_names
        self.label_smoothing = label_smoothing
        self.accuracy_tracker = keras.metrics.Mean(name="accuracy")

    # Training --------------------------------------------------------------------------------------------------------

    @classmethod
    def choose_data(cls, *parts, **arguments):
        return parts[:2]

    @classmethod
    def samples_callback(cls, folder, seed, data):
        return None

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if y is None:
            raise ValueError(f"y: a {type(self).__name__} learns from labels, fit(x, labels); got none")
        targets = self._targets(y)
        correct = ops.cast(ops.argmax(y_pred, axis=-1) == ops.argmax(targets, axis=-1), "float32")
        self.accuracy_tracker.update_state(correct, sample_weight=sample_weight)
        if training and self.label_smoothing:  # what is evaluated is the model's own distribution
            targets = (1.0 - self.label_smoothing) * targets + self.label_smoothing / self.num_classes
        nats = -ops.sum(targets * ops.log_softmax(y_pred, axis=-1), axis=-1)
        if sample_weight is None:
            return ops.mean(nats)
        weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        return ops.sum(nats * weight) / ops.maximum(ops.sum(weight), 1e-6)

    def checked_labels(self, x, y):
        """Labels for x as int64 `(n,)`, from integers or class names; shares of classes, float32 `(n, num_classes)`."""
        if y is None:
            return None
        labels = np.asarray(y)
        check_same_length("x", x, "y", labels)
        if labels.dtype.kind == "U" and self.class_names is not None:
            numbers = {name: i for i, name in enumerate(self.class_names)}
            if unknown := set(labels.ravel().tolist()) - set(numbers):
                raise ValueError(f"y: expected some of {', '.join(self.class_names)}, got {sorted(unknown)[:5]}")
            labels = np.array([numbers[name] for name in labels.ravel().tolist()], "int64")
        if labels.dtype.kind != "f":
            return check_labels("y", labels, len(x), self.num_classes)
        sums = labels.sum(axis=-1)
        if labels.shape != (len(x), self.num_classes) or labels.min() < 0 or not np.allclose(sums, 1.0, atol=1e-3):
            raise ValueError(
                f"y: expected integers, or floats (n, {self.num_classes}) ≥ 0 whose rows sum to 1, got floats of shape "
                f"{labels.shape} with rows that sum to {sums.min():g} to {sums.max():g}"
            )
        return labels.astype("float32")

    def full_evaluation(self, x, y=None):
        """Accuracy over all and over the class that is known worst, and -log p(label) in nats, as a dict."""
        if y is None:
            raise ValueError("y: expected labels, evaluate(x, labels, full=True); got none")
        labels = y if y.ndim == 1 else y.argmax(axis=-1)
        logits = self.logits(x)
        correct = logits.argmax(axis=-1) == labels
        log_probabilities = _log_softmax(logits)
        return {
            "accuracy": float(correct.mean()),
            "accuracy of the worst class": float(min(correct[labels == one].mean() for one in np.unique(labels))),
            "nats": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
            "examples": len(labels),
        }

    # Use -------------------------------------------------------------------------------------------------------------

    @exclusive
    def probabilities(self, x):
        """Probabilities of the classes: float32 `(n, num_classes)`, rows sum to 1."""
        return np.exp(_log_softmax(self.logits(self.prepare(x)[0])))

    def predict_classes(self, x):
        """The likeliest class of each: int64 `(n,)`."""
        return self.probabilities(x).argmax(axis=-1)

    def classify(self, x):
        """The name of the likeliest class of each, or its number where classes have no names: a list."""
        found = self.predict_classes(x).tolist()
        return found if self.class_names is None else [self.class_names[one] for one in found]

    def _targets(self, y):
        """Labels as shares of classes."""
        if len(y.shape) == 2 and y.shape[1] == self.num_classes:
            return ops.cast(y, "float32")
        return ops.one_hot(ops.reshape(ops.cast(y, "int32"), (-1,)), self.num_classes, dtype="float32")


def _log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

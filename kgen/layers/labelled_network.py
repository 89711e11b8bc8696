"""A diffusion network that is told a class."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kgen")
class LabelledNetwork(keras.Layer):
    """Called with labels: each class has a vector, which the network gets as its condition.

    Args:
        network: a `UNet`, a `DiffusionTransformer` or what is called like them.
        num_classes: int ≥ 1; label `num_classes` stands for none of them.
        dim: length of the vectors.

    Call arguments:
        inputs: float tensor `(batch, …)`.
        time: numbers `(batch,)`.
        labels: integers `(batch,)` in [0, num_classes], or None where there are no classes at all.
        training: bool.
    """

    def __init__(self, network, num_classes=None, dim=128, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.num_classes = num_classes
        self.dim = dim
        self.classes = None
        if num_classes is not None:
            self.classes = keras.layers.Embedding(num_classes + 1, dim, dtype=self.dtype_policy, name="classes")

    def build(self, inputs_shape, time_shape, labels_shape=None):
        if self.classes is not None:
            self.classes.build(labels_shape)
        if not self.network.built:
            self.network.build(inputs_shape, time_shape, None if self.classes is None else (None, self.dim))
        self.built = True

    def call(self, inputs, time, labels=None, training=False):
        condition = None if self.classes is None else self.classes(ops.cast(labels, "int32"))
        return self.network(inputs, time, condition=condition, training=training)

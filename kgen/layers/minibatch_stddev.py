"""What a discriminator sees of the other images of a batch."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape

EPSILON = 1e-8


@keras.saving.register_keras_serializable(package="kgen")
class MinibatchStdDev(keras.Layer):
    """Appends channels that say how much the images of a group differ: a generator that repeats itself is found out.

    y = [x, s_1 … s_F],   s_f = mean over places and the f-th part of the channels of √(variance over the group + ε)

    Groups are neighbours in the batch. Any batch will do: what is missing in the last group is filled up with the first
    images of the batch, which so count in two groups; a batch smaller than a group is a group. Equal images have
    s = √ε = 1e-4. An output depends on the other images of the batch in training and otherwise.

    Args:
        group_size: images in a group, ≥ 2.
        num_channels: F ≥ 1, a divisor of the channels.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`.

    Returns:
        float tensor `(batch, height, width, channels + num_channels)`.

    Raises:
        ValueError: an argument outside its range, or channels that `num_channels` does not divide.

    Example:

    >>> import numpy as np, kgen
    >>> tuple(kgen.layers.MinibatchStdDev(group_size=4)(np.zeros((6, 8, 8, 3))).shape)
    (6, 8, 8, 4)

    Reference: Karras et al., Progressive Growing of GANs, 2018, section 3; groups as in StyleGAN2.
    """

    def __init__(self, group_size=4, num_channels=1, **kwargs):
        super().__init__(**kwargs)
        check_int("group_size", group_size, minimum=2)
        check_int("num_channels", num_channels, minimum=1)
        self.group_size = group_size
        self.num_channels = num_channels

    def build(self, inputs_shape):
        check_shape("inputs", inputs_shape, IMAGES)
        if inputs_shape[-1] % self.num_channels:
            raise ValueError(
                f"num_channels: expected a divisor of the {inputs_shape[-1]} channels, got {self.num_channels}"
            )
        self.built = True

    def call(self, inputs, training=False):
        batch, height, width, channels = ops.shape(inputs)
        known = isinstance(batch, int)
        group = min(self.group_size, batch) if known else ops.minimum(self.group_size, batch)
        missing = -batch % group
        x = ops.concatenate([inputs, inputs[:missing]], axis=0) if not known or missing else inputs
        parts = (self.num_channels, channels // self.num_channels)
        x = ops.reshape(ops.cast(x, "float32"), (-1, group, height, width, *parts))
        stddev = ops.sqrt(ops.var(x, axis=1, keepdims=True) + EPSILON)
        stddev = ops.mean(stddev, axis=(2, 3, 5))  # (groups, 1, num_channels)
        maps = stddev[:, :, None, None] * ops.ones_like(x[..., 0])
        maps = ops.reshape(maps, (-1, height, width, self.num_channels))[:batch]
        return ops.concatenate([inputs, ops.cast(maps, inputs.dtype)], axis=-1)

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], inputs_shape[-1] + self.num_channels)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

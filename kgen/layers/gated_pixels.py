"""The block of the gated PixelCNN: two stacks that together see every earlier pixel, and a gate."""

import keras
from keras import layers
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_number
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape
from kgen.layers.convolution import Conv2D
from kgen.layers.dropout import Dropout
from kgen.layers.masked_convolution import check_odd


@keras.saving.register_keras_serializable(package="kgen")
class GatedPixelBlock(keras.Layer):
    """A vertical stack that knows the rows above, a horizontal one that knows the row so far, and no blind spot.

        a = V * v + c_v,                      v' = v + tanh(a₁) ⊙ σ(a₂)
        b = H * h + U gate(a) + c_h,          h' = h + W (tanh(b₁) ⊙ σ(b₂))

    V looks at this row of v and at those above, to both sides; H at this pixel of h and at those to its left. So v must
    come from rows *above* each pixel, and h from those and from pixels to its left; then the same holds for v' and h'.
    Each class has its own c = C · condition. `down` and `across` are the two halves, for pixels that come one by one.

    Args:
        kernel_size: odd, ≥ 3: V reaches kernel_size // 2 rows and columns, H as many columns.
        dropout: share of the gated features of h that is dropped in training, in [0, 1).
        seed: int or None, of the dropout.

    Call arguments:
        vertical: v, float tensor `(batch, height, width, channels)`.
        horizontal: h, of the same shape.
        condition: None, or float tensor `(batch, dim)`, such as a one-hot class.
        training: bool.

    Returns:
        (v', h'), each of the shape of v.

    Raises:
        ValueError: an argument outside its range or of another shape.

    Example:

    >>> import numpy as np, kgen
    >>> v = h = np.zeros((2, 5, 4, 8), "float32")
    >>> [tuple(x.shape) for x in kgen.layers.GatedPixelBlock()(v, h)]
    [(2, 5, 4, 8), (2, 5, 4, 8)]

    Reference: van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016, section 2; there v' has
    no v of its own added.
    """

    def __init__(self, kernel_size=3, dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_odd("kernel_size", kernel_size)
        if kernel_size < 3:
            raise ValueError(f"kernel_size: expected at least 3, else nothing is seen but the pixel, got {kernel_size}")
        check_number("dropout", dropout, minimum=0.0, maximum=0.999)
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.seed = seed
        self.dropping = Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="dropping") if dropout else None

    @property
    def reach(self):
        """How many rows up and columns to the left the block looks."""
        return self.kernel_size // 2

    def build(self, vertical_shape, horizontal_shape, condition_shape=None):
        check_shape("vertical", vertical_shape, IMAGES)
        if tuple(horizontal_shape) != tuple(vertical_shape):
            came = tuple(horizontal_shape)
            raise ValueError(f"horizontal: expected the shape of vertical, {tuple(vertical_shape)}, got {came}")
        channels, reach = vertical_shape[-1], self.reach
        dtype = self.dtype_policy
        self.rows = Conv2D(2 * channels, (reach + 1, self.kernel_size), dtype=dtype, name="rows")
        self.columns = Conv2D(2 * channels, (1, reach + 1), dtype=dtype, name="columns")
        self.between = layers.Dense(2 * channels, use_bias=False, dtype=dtype, name="between")
        self.out = layers.Dense(channels, dtype=dtype, name="out")
        for layer, inner in ((self.rows, channels), (self.columns, channels), (self.between, channels)):
            layer.build((None, None, None, inner))
        self.out.build((None, None, None, channels))
        self.class_rows = self.class_columns = None
        if condition_shape is not None:
            self.class_rows = layers.Dense(2 * channels, use_bias=False, dtype=dtype, name="class_rows")
            self.class_columns = layers.Dense(2 * channels, use_bias=False, dtype=dtype, name="class_columns")
            self.class_rows.build(condition_shape)
            self.class_columns.build(condition_shape)
        self.built = True

    def call(self, vertical, horizontal, condition=None, training=False):
        reach = self.reach
        above = ops.pad(vertical, ((0, 0), (reach, 0), (0, 0), (0, 0)))
        left = ops.pad(horizontal, ((0, 0), (0, 0), (reach, 0), (0, 0)))
        vertical, told = self.down(above, condition)
        return vertical, self.across(left, told, training=training)

    def down(self, above, condition=None):
        """The vertical half.

        Args:
            above: v with `reach` rows more at the top.
            condition: as in the call.

        Returns:
            (v', what H is told: U gate(a) + c_h, with twice the channels).
        """
        reach = self.reach
        features = self.rows(ops.pad(above, ((0, 0), (0, 0), (reach, reach), (0, 0))))
        if condition is not None:
            features = features + self.class_rows(condition)[:, None, None]
        gated = gate(features)
        told = self.between(gated)
        if condition is not None:
            told = told + self.class_columns(condition)[:, None, None]
        return above[:, reach:] + gated, told

    def across(self, left, told, training=False):
        """The horizontal half: h' for h with `reach` columns more at the left, and what `down` told."""
        gated = gate(self.columns(left) + told)
        if self.dropping is not None:
            gated = self.dropping(gated, training=training)
        return left[:, :, self.reach :] + self.out(gated)

    def compute_output_shape(self, vertical_shape, horizontal_shape, condition_shape=None):
        return tuple(vertical_shape), tuple(horizontal_shape)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


def gate(x):
    """tanh of the first half of the channels, times σ of the second."""
    half = x.shape[-1] // 2
    return ops.tanh(x[..., :half]) * ops.sigmoid(x[..., half:])

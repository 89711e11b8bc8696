"""An image as a sequence of vectors."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.checks import check_widths
from kgen.functional.initial_values import check_initializer
from kgen.functional.initial_values import fresh_initializer
from kgen.functional.patches import patch_grid
from kgen.functional.patches import patchify
from kgen.functional.rows import on_rows
from kgen.functional.shapes import IMAGES
from kgen.functional.shapes import check_shape
from kgen.layers.convolution import Conv2D
from kgen.layers.learned_positions import LearnedPositions


@keras.saving.register_keras_serializable(package="kgen")
class PatchEmbedding(keras.Layer):
    """Cuts images into squares and maps each to a vector; puts a class token in front, adds positions.

    z = [t; W x_1 + b; …; W x_n + b] + E,   x_i the values of patch i

    W is one `Dense` layer, `projection`: the same as a convolution whose stride is its kernel. With a `stem`, strided
    convolutions come first, and the patches are cut from what they see (Xiao et al., 2021).

    Args:
        patch_size: side of a patch in pixels, ≥ 1; it divides both sides of the images.
        model_dim: length of a vector, ≥ 1.
        class_token: whether a learned vector t comes before the patches.
        positions: "learned" (a vector E_i for each place, the class token's included) or None.
        stem: widths of 3 × 3 convolutions with stride 2 and GELU that come first; `patch_size` is a multiple of
            2 ** len(stem). () for none.
        kernel_initializer: initializer of all kernels.
        embeddings_initializer: that of t and E.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)` of known height, width and channels.

    Returns:
        float tensor `(batch, n, model_dim)`, or n + 1 with a class token; patches row by row, as `patchify` has them.

    Raises:
        ValueError: an argument outside its range, or images that cannot be cut so.

    Example:

    >>> import numpy as np, kgen
    >>> layer = kgen.layers.PatchEmbedding(patch_size=4, model_dim=16, class_token=True)
    >>> tuple(layer(np.zeros((2, 28, 28, 1))).shape)
    (2, 50, 16)

    Reference: Dosovitskiy et al., An Image is Worth 16x16 Words, 2021. Stem: Xiao et al., Early Convolutions Help
    Transformers See Better, 2021.
    """

    def __init__(
        self,
        patch_size,
        model_dim,
        class_token=False,
        positions="learned",
        stem=(),
        kernel_initializer="glorot_uniform",
        embeddings_initializer="random_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("patch_size", patch_size, minimum=1)
        check_int("model_dim", model_dim, minimum=1)
        check_in("class_token", class_token, (False, True))
        check_in("positions", positions, ("learned", None))
        check_stem(stem, patch_size)
        check_initializer("kernel_initializer", kernel_initializer)
        check_initializer("embeddings_initializer", embeddings_initializer)
        self.patch_size = patch_size
        self.model_dim = model_dim
        self.class_token = class_token
        self.positions = positions
        self.stem = stem
        self.kernel_initializer = kernel_initializer
        self.embeddings_initializer = embeddings_initializer

    def build(self, inputs_shape):
        check_shape("inputs", inputs_shape, IMAGES)
        rows, columns = patch_grid(inputs_shape, self.patch_size)
        channels = inputs_shape[-1]
        self.convolutions = []
        for i, width in enumerate(self.stem, start=1):
            convolution = Conv2D(
                width,
                3,
                strides=2,
                padding="same",
                activation="gelu",
                kernel_initializer=fresh_initializer(self.kernel_initializer),
                dtype=self.dtype_policy,
                name=f"stem_{i}",
            )
            convolution.build((None, None, None, channels))
            self.convolutions.append(convolution)
            channels = width
        self._cut = self.patch_size // 2 ** len(self.stem)  # side of a patch in what the stem has left
        self.projection = keras.layers.Dense(
            self.model_dim,
            kernel_initializer=fresh_initializer(self.kernel_initializer),
            dtype=self.dtype_policy,
            name="projection",
        )
        self.projection.build((None, None, self._cut * self._cut * channels))
        if self.class_token:
            self.token = self.add_weight(
                name="token",
                shape=(1, 1, self.model_dim),
                initializer=fresh_initializer(self.embeddings_initializer),
            )
        if self.positions == "learned":
            length = rows * columns + int(self.class_token)
            self.position_layer = LearnedPositions(
                length, self.embeddings_initializer, dtype=self.dtype_policy, name="positions"
            )
            self.position_layer.build((None, length, self.model_dim))
        self.built = True

    def call(self, inputs, training=False):
        x = inputs
        for convolution in self.convolutions:
            x = convolution(x)
        x = on_rows(self.projection, patchify(x, self._cut))
        if self.class_token:
            token = ops.cast(ops.convert_to_tensor(self.token), x.dtype)
            x = ops.concatenate([ops.repeat(token, ops.shape(x)[0], axis=0), x], axis=1)
        return self.position_layer(x) if self.positions == "learned" else x

    def compute_output_shape(self, inputs_shape):
        rows, columns = patch_grid(inputs_shape, self.patch_size)
        return inputs_shape[0], rows * columns + int(self.class_token), self.model_dim

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}


def check_stem(stem, patch_size):
    """Refuse widths that are none, and a patch that they do not divide."""
    if not isinstance(stem, list | tuple) or len(stem):
        check_widths("stem", stem)
    if patch_size % 2 ** len(stem):
        raise ValueError(
            f"stem: expected so few convolutions that 2 ** len(stem) divides patch_size={patch_size}, got {stem!r}"
        )

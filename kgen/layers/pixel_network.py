"""The network of the gated PixelCNN, as a whole and pixel by pixel.

    v₀ = rows above in x,   h₀ = pixels to the left in x,   (v, h)_k+1 = block_k((v, h)_k)
    parameters = head(h, the channels before)

As a whole it reads an image at once. Pixel by pixel it computes nothing twice: a row of the vertical stack is known
before the row begins, and a pixel of the horizontal stack needs a few columns of each block (Ramachandran et al., Fast
Generation for Convolutional Autoregressive Models, 2017).
"""

import keras
from keras import layers
from keras import ops

from kgen.functional.pixel_likelihoods import LIKELIHOODS
from kgen.functional.pixel_likelihoods import centred
from kgen.functional.seeding import drawn_seed
from kgen.layers.convolution import Conv2D
from kgen.layers.gated_pixels import GatedPixelBlock
from kgen.layers.masked_convolution import MaskedConv2D

CODE_DIM = 16  # of the embedding of a code


class PixelNetwork(keras.Layer):
    """Maps integer levels `(n, height, width, channels)` to what their likelihood needs, `(…, channels, parameters)`.

    Args:
        image_shape, num_classes, filters, num_blocks, kernel_size, first_kernel_size, head_dim, likelihood, levels,
            dropout: as for `kgen.models.PixelCNN`.
    """

    def __init__(
        self,
        image_shape,
        num_classes,
        filters,
        num_blocks,
        kernel_size,
        first_kernel_size,
        head_dim,
        likelihood,
        levels,
        dropout,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes
        self.filters = filters
        self.levels = levels
        self.distribution = LIKELIHOODS[likelihood](levels)
        self.reach = first_kernel_size // 2
        channels, dtype = self.image_shape[-1], self.dtype_policy
        self.embedding = None
        if likelihood == "codes":
            self.embedding = layers.Embedding(levels, CODE_DIM, dtype="float32", name="embedding")
            self.embedding.build(None)
        self.depth = channels * (1 if self.embedding is None else CODE_DIM)  # of an embedded pixel
        self.above = Conv2D(filters, (self.reach, first_kernel_size), dtype=dtype, name="above")
        self.left = Conv2D(filters, (1, self.reach), dtype=dtype, name="left")
        for layer in (self.above, self.left):
            layer.build((None, None, None, self.depth))
        self.blocks = []
        for i in range(1, num_blocks + 1):
            seed = drawn_seed() if dropout else None
            block = GatedPixelBlock(kernel_size, dropout, seed=seed, dtype=dtype, name=f"block_{i}")
            features = (None, None, None, filters)
            block.build(features, features, None if num_classes is None else (None, num_classes))
            self.blocks.append(block)
        self.head = layers.Dense(channels * head_dim, dtype=dtype, name="head")
        self.head.build((None, None, None, filters))
        # R, then G knowing R, then B knowing both.
        self.earlier = None
        if channels > 1:
            options = {"groups": channels, "use_bias": False, "dtype": dtype, "name": "earlier"}
            self.earlier = MaskedConv2D(channels * head_dim, 1, "A", **options)
            self.earlier.build((None, None, None, self.depth))
        parameters = channels * self.distribution.parameters
        self.readout = MaskedConv2D(parameters, 1, "B", groups=channels, dtype="float32", name="readout")
        self.readout.build((None, None, None, channels * head_dim))
        self.built = True

    # As a whole ------------------------------------------------------------------------------------------------------

    def call(self, values, labels=None, training=False):
        pixels, reach = self.embedded(values), self.reach
        above = ops.pad(pixels, ((0, 0), (reach, 0), (reach, reach), (0, 0)))[:, :-1]
        left = ops.pad(pixels, ((0, 0), (0, 0), (reach, 0), (0, 0)))[:, :, :-1]
        v, h = self.above(above), self.left(left)
        condition = self.condition(labels)
        for block in self.blocks:
            v, h = block(v, h, condition, training=training)
        return self.parameters_of(h, pixels)

    def embedded(self, values):
        """Levels as floats `(n, height, width, depth)`, the channels in their order."""
        if self.embedding is None:
            return centred(values, self.levels)
        return ops.reshape(self.embedding(values), (*ops.shape(values)[:3], self.depth))

    def condition(self, labels):
        return None if labels is None else ops.one_hot(labels, self.num_classes, dtype="float32")

    def parameters_of(self, features, pixels):
        """Of each channel's likelihood, from the features of a place and the channels before it in `pixels`."""
        hidden = self.head(ops.gelu(features))
        if self.earlier is not None:
            hidden = hidden + self.earlier(pixels)
        found = self.readout(ops.gelu(hidden))
        sides = ops.shape(found)[:3]
        return ops.reshape(found, (*sides, self.image_shape[-1], self.distribution.parameters))

    # Row by row, pixel by pixel --------------------------------------------------------------------------------------

    def no_rows(self, n):
        """What there is above the first row: the last rows of the image, and of v before each block."""
        width = self.image_shape[1]
        features = [ops.zeros((n, block.reach, width, self.filters), self.compute_dtype) for block in self.blocks]
        return [ops.zeros((n, self.reach, width, self.depth), "float32"), *features]

    def row(self, rows, labels=None):
        """(what the row's pixels are told by the rows above `(n, width, …)`, the rows with those of this v)."""
        image, *features = rows
        v = self.above(ops.pad(image, ((0, 0), (0, 0), (self.reach, self.reach), (0, 0))))
        condition = self.condition(labels)
        told, kept = [], [image]
        for block, before in zip(self.blocks, features, strict=True):
            window = ops.concatenate([before, v], axis=1)
            v, one = block.down(window, condition)
            told.append(one[:, 0])
            kept.append(window[:, 1:])
        return ops.concatenate(told, axis=-1), kept

    def after_row(self, rows, values):
        """The rows once this one, levels `(n, width, channels)`, is there."""
        image, *features = rows
        return [ops.concatenate([image[:, 1:], self.embedded(values[:, None])], axis=1), *features]

    def no_pixels(self, n):
        """What there is to the left of the first pixel of a row: pixels, and h before each block."""
        features = [ops.zeros((n, 1, block.reach, self.filters), self.compute_dtype) for block in self.blocks]
        return [ops.zeros((n, 1, self.reach, self.depth), "float32"), *features]

    def pixel(self, pixels, told):
        """(features of the pixel `(n, 1, 1, filters)`, the pixels with this h), from what it is told `(n, …)`."""
        image, *features = pixels
        h, kept = self.left(image), [image]
        told = ops.split(told[:, None, None], len(self.blocks), axis=-1)
        for block, before, one in zip(self.blocks, features, told, strict=True):
            window = ops.concatenate([before, h], axis=2)
            h = block.across(window, one)
            kept.append(window[:, :, 1:])
        return h, kept

    def after_pixel(self, pixels, values):
        """The pixels once this one, levels `(n, channels)`, is there."""
        image, *features = pixels
        return [ops.concatenate([image[:, :, 1:], self.embedded(values[:, None, None])], axis=2), *features]

    def table(self, features, values, channel):
        """log p of every level of a channel `(n, levels)`, given the channels before it in `values` `(n, channels)`."""
        parameters = self.parameters_of(features, self.embedded(values[:, None, None]))
        return self.distribution.table(parameters[:, 0, 0, channel])

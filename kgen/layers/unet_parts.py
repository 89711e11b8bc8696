"""What a U-Net is made of at each stage."""

import keras
from keras import ops

from kgen.functional.shapes import group_count
from kgen.layers.group_normalization import GroupNormalization
from kgen.layers.multi_head_attention import MultiHeadAttention


@keras.saving.register_keras_serializable(package="kgen")
class Stage(keras.Layer):
    """A residual block, and perhaps a look around."""

    def __init__(self, block, look=None, **kwargs):
        super().__init__(**kwargs)
        self.block = block
        self.look = look

    def build_for(self, shape, told, context):
        """Build for these shapes; returns that of the output."""
        self.block.build(shape, told)
        factor = {None: 1, "up": 2, "down": 0.5}[self.block.resample]
        sides = (side if side is None else int(side * factor) for side in shape[1:-1])
        shape = (shape[0], *sides, self.block.filters)
        if self.look is not None:
            self.look.build(shape, context)
        self.built = True
        return shape

    def call(self, inputs, condition, context=None, context_mask=None, training=False):
        x = self.block(inputs, condition, training=training)
        return x if self.look is None else self.look(x, context=context, context_mask=context_mask)


@keras.saving.register_keras_serializable(package="kgen")
class Look(keras.Layer):
    """Each place looks at all others, and at the context where there is one; both start as no change."""

    def __init__(self, num_heads, groups, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.groups = groups

    def build(self, inputs_shape, context_shape=None, context_mask_shape=None):
        channels, dtype = inputs_shape[-1], self.dtype_policy
        groups, places = group_count(channels, self.groups), (inputs_shape[0], None, channels)
        self.normalize = GroupNormalization(groups, dtype=dtype, name="normalize")
        self.normalize.build(inputs_shape)
        self.around = self._attention("around")
        self.around.build(places)
        self.read = None
        if context_shape is not None:
            self.normalize_again = keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype, name="normalize_again")
            self.normalize_again.build(places)
            self.read = self._attention("read")
            self.read.build(places, context_shape)
        self.built = True

    def call(self, inputs, context=None, context_mask=None):
        shape = ops.shape(inputs)
        x = ops.reshape(inputs, (shape[0], -1, shape[-1]))
        seen = ops.reshape(self.normalize(inputs), ops.shape(x))
        x = x + self.around(seen)
        if self.read is not None:
            x = x + self.read(self.normalize_again(x), context, mask=context_mask)
        return ops.reshape(x, shape)

    def _attention(self, name):
        return MultiHeadAttention(self.num_heads, output_initializer="zeros", dtype=self.dtype_policy, name=name)

"""The U-Net of diffusion models, for images and for series."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.checks import check_widths
from kgen.functional.patches import spread
from kgen.functional.shapes import group_count
from kgen.layers.convolution import Conv2D
from kgen.layers.group_normalization import GroupNormalization
from kgen.layers.residual_block import ResidualBlock
from kgen.layers.timestep_embedding import TimestepEmbedding
from kgen.layers.unet_parts import Look
from kgen.layers.unet_parts import Stage


def multiple_of(widths, patch=1):
    """Of what the sides of the inputs of a `UNet` with these arguments must be multiples."""
    return patch * 2 ** (len(widths) - 1)


@keras.saving.register_keras_serializable(package="kgen")
class UNet(keras.Layer):
    """Looks at noise on ever coarser levels, then on ever finer ones, which also see what stood there on the way in.

    Each level has residual blocks that are told the time (and a condition); some have attention between their places,
    and to a context, such as the words of a prompt. The last convolution starts at 0.

    Args:
        out_channels: channels of the output, ≥ 1.
        widths: channels of each level, the finest first.
        blocks: residual blocks of a level on the way in (one more on the way out), ≥ 1.
        attention_levels: which levels have attention, 0 the finest; the middle always has. Negative numbers count from
            the coarsest.
        num_heads: heads of the attention; a divisor of the widths that have it.
        groups: of the normalizations, see `AdaptiveNormalization`.
        dropout: share to drop in the residual blocks in training, in [0, 1).
        patch: side of a place of the finest level in pixels, ≥ 1.
        normalized_skips: bool, of its `ResidualBlock`s. Then fine detail is learned soon and at high rates, see
            `benchmarks/unet_start.py`; but streams that are never heard as they are may grow without end.
        seed: int or None, of the dropout.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`, or `(batch, length, channels)`; each side must be
            divisible by `patch`, and by 2 for each level but one.
        time: numbers `(batch,)`, see `TimestepEmbedding`.
        condition: float tensor `(batch, dim)`, or None; whether there is one the first call decides.
        context: float tensor `(batch, words, dim)`, or None; likewise.
        context_mask: bool `(batch, words)`, True where there is a word; None for everywhere.
        training: bool.

    Returns:
        float tensor `(batch, …, out_channels)`.

    Raises:
        ValueError: an argument outside its range, or sides that cannot be halved so often.

    Example:

    >>> import numpy as np, kgen
    >>> network = kgen.layers.UNet(3, widths=(8, 16), blocks=1, num_heads=2)
    >>> tuple(network(np.zeros((2, 8, 8, 3)), np.array([0, 999])).shape)
    (2, 8, 8, 3)

    References: Ronneberger et al., U-Net, 2015; Ho et al., 2020; Dhariwal and Nichol, 2021; attention to words: Rombach
    et al., High-Resolution Image Synthesis with Latent Diffusion Models, 2022; patches: Hoogeboom et al., Simple
    Diffusion, 2023.
    """

    def __init__(
        self,
        out_channels,
        widths=(64, 128, 256),
        blocks=2,
        attention_levels=(-1,),
        num_heads=4,
        groups=32,
        dropout=0.0,
        patch=1,
        normalized_skips=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_int("out_channels", out_channels, minimum=1)
        check_widths("widths", widths)
        check_int("blocks", blocks, minimum=1)
        for level in attention_levels:
            if level not in range(-len(widths), len(widths)):
                raise ValueError(
                    f"attention_levels: expected some of the {len(widths)} levels, got {attention_levels!r}"
                )
        check_int("num_heads", num_heads, minimum=1)
        check_int("groups", groups, minimum=1)
        check_number("dropout", dropout, minimum=0.0, maximum=0.999)
        check_int("patch", patch, minimum=1)
        self.out_channels = out_channels
        self.widths = widths
        self.blocks = blocks
        self.attention_levels = attention_levels
        self.num_heads = num_heads
        self.groups = groups
        self.dropout = dropout
        self.patch = patch
        self.normalized_skips = normalized_skips
        self.seed = seed
        looking = {level % len(widths) for level in attention_levels}
        for level in {*looking, len(widths) - 1}:
            if widths[level] % num_heads:
                raise ValueError(
                    f"num_heads: expected a divisor of {widths[level]}, the width of a level, got {num_heads}"
                )

        self.tell = TimestepEmbedding(4 * widths[0], dtype=self.dtype_policy, name="tell")
        self.way_in, self.way_out = [], []
        for level, width in enumerate(widths):
            for i in range(blocks):
                self.way_in.append(self._stage(f"in_{level}_{i}", width, level in looking))
            if level < len(widths) - 1:
                self.way_in.append(self._stage(f"in_{level}_down", width, resample="down"))
        self.middle = [self._stage("middle_0", widths[-1], True), self._stage("middle_1", widths[-1])]
        for level, width in reversed(list(enumerate(widths))):
            for i in range(blocks + 1):
                # A level begins as if there were none below: what comes up from there is noise as long as nothing has
                # been learned, and would drown the fine detail for the first hundreds of steps, if heard as it is.
                joins = i == 0 and level + 1 < len(widths) and not normalized_skips
                from_below = widths[level + 1] if joins else 0
                self.way_out.append(self._stage(f"out_{level}_{i}", width, level in looking, muted=from_below))
            if level:
                self.way_out.append(self._stage(f"out_{level}_up", width, resample="up"))

    def build(self, inputs_shape, time_shape, condition_shape=None, context_shape=None, context_mask_shape=None):
        if any(side is not None and side % self.multiple for side in inputs_shape[1:-1]):
            raise ValueError(f"inputs: expected sides that {self.multiple} divides, got {tuple(inputs_shape)}")
        convolution = {3: keras.layers.Conv1D, 4: Conv2D}[len(inputs_shape)]
        dtype, first = self.dtype_policy, self.widths[0]
        self.tell.build(time_shape)
        told = (None, 4 * first)
        self.hear = None
        if condition_shape is not None:
            self.hear = keras.layers.Dense(4 * first, dtype=dtype, name="hear")
            self.hear.build(condition_shape)
        size = 3 if self.patch == 1 else 2 * self.patch
        self.stem = convolution(first, size, strides=self.patch, padding="same", dtype=dtype, name="stem")
        self.stem.build(inputs_shape)
        shape = (None, *[side and side // self.patch for side in inputs_shape[1:-1]], first)
        kept = [shape[-1]]
        for stage in self.way_in:
            shape = stage.build_for(shape, told, context_shape)
            kept.append(shape[-1])
        for stage in self.middle:
            shape = stage.build_for(shape, told, context_shape)
        for stage in self.way_out:
            more = 0 if stage.block.resample else kept.pop()
            shape = stage.build_for((*shape[:-1], shape[-1] + more), told, context_shape)
        self.normalize = GroupNormalization(group_count(first, self.groups), dtype=dtype, name="normalize")
        self.normalize.build(shape)
        # What is predicted is wanted as exactly as it can be had.
        values = self.out_channels * self.patch ** (len(shape) - 2)
        self.last = convolution(values, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="last")
        self.last.build(shape)
        self.built = True

    def call(self, inputs, time, condition=None, context=None, context_mask=None, training=False):
        told = self.tell(time)
        if self.hear is not None:
            told = told + self.hear(ops.cast(condition, self.compute_dtype))
        options = {"context": context, "context_mask": context_mask, "training": training}
        x = self.stem(inputs)
        kept = [x]
        for stage in self.way_in:
            x = stage(x, told, **options)
            kept.append(x)
        for stage in self.middle:
            x = stage(x, told, **options)
        for stage in self.way_out:
            if not stage.block.resample:
                x = ops.concatenate([x, kept.pop()], axis=-1)
            x = stage(x, told, **options)
        x = self.last(ops.silu(self.normalize(x)))
        return x if self.patch == 1 else spread(x, self.patch)

    def compute_output_shape(self, inputs_shape, time_shape=None):
        return (*inputs_shape[:-1], self.out_channels)

    @property
    def multiple(self):
        """Of what the sides of the inputs must be multiples."""
        return multiple_of(self.widths, self.patch)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _stage(self, name, width, looks=False, resample=None, muted=0):
        self._stages = getattr(self, "_stages", 0) + 1
        seed = None if self.seed is None else self.seed + self._stages
        options = {"groups": self.groups, "dtype": self.dtype_policy}
        skip = {"normalized_skip": self.normalized_skips, "muted": muted}
        block = ResidualBlock(width, resample, dropout=self.dropout, seed=seed, name="block", **skip, **options)
        return Stage(block, Look(self.num_heads, name="look", **options) if looks else None, name=name)

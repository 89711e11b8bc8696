"""What the blocks of a Transformer have in common: their arguments, and how a part is added to the stream."""

import keras

from kgen.functional.checks import check_in
from kgen.functional.checks import check_number
from kgen.layers.dropout import Dropout
from kgen.layers.feed_forward import FeedForward
from kgen.layers.multi_head_attention import MultiHeadAttention


def check_block(block):
    """Refuse arguments of a block that its parts do not check themselves."""
    check_in("normalization", block.normalization, ("layer", "rms"))
    check_in("norm_position", block.norm_position, ("pre", "post"))
    check_number("epsilon", block.epsilon, minimum=0.0)
    check_number("dropout", block.dropout, minimum=0.0, maximum=1.0)
    if block.attention_scale is not None:
        check_number("attention_scale", block.attention_scale)
    if block.attention_dropout is not None:
        check_number("attention_dropout", block.attention_dropout, minimum=0.0, maximum=1.0)


def attention_of(block, name, number, rotary=None):
    """An attention layer with a block's arguments; `number` keeps the seeds of its layers apart."""
    return MultiHeadAttention(
        block.num_heads,
        head_dim=block.head_dim,
        num_key_value_heads=block.num_key_value_heads,
        use_bias=block.use_bias,
        rotary=rotary,
        scale=block.attention_scale,
        dropout=block.dropout if block.attention_dropout is None else block.attention_dropout,
        kernel_initializer=block.kernel_initializer,
        output_initializer=block.output_initializer,
        seed=seed_of(block, number),
        dtype=block.dtype_policy,
        name=name,
    )


def feed_forward_of(block):
    """The feed-forward layer with a block's arguments."""
    return FeedForward(
        block.feedforward_dim,
        activation=block.activation,
        use_bias=block.use_bias,
        kernel_initializer=block.kernel_initializer,
        output_initializer=block.output_initializer,
        dtype=block.dtype_policy,
        name="feed_forward",
    )


def normalization_of(block, name):
    """The normalization layer with a block's arguments. Without biases, LayerNorm has none either."""
    if block.normalization == "rms":
        return keras.layers.RMSNormalization(epsilon=block.epsilon, dtype=block.dtype_policy, name=name)
    return keras.layers.LayerNormalization(
        epsilon=block.epsilon, center=block.use_bias, dtype=block.dtype_policy, name=name
    )


def dropout_of(block):
    """The dropout in front of each sum."""
    return Dropout(block.dropout, seed=seed_of(block, 0), dtype=block.dtype_policy, name="dropout")


def seed_of(block, number):
    return None if block.seed is None else block.seed + number


def before(block, norm, x):
    """What a part reads from the stream."""
    return norm(x) if block.norm_position == "pre" else x


def after(block, norm, x, update, training):
    """The stream with what the part has made of it."""
    if training and block.dropout > 0:
        update = block.drop(update, training=True)
    return x + update if block.norm_position == "pre" else norm(x + update)

"""Convolutions where Keras's are as fast as any: `convolved` and `deconvolved` of `kgen/backend/__init__.py`."""

from keras import ops


def convolved(x, kernel, bias, strides=1, padding="same", dilation=1):
    x = ops.conv(x, ops.cast(kernel, x.dtype), strides, padding, data_format="channels_last", dilation_rate=dilation)
    return x if bias is None else x + ops.cast(bias, x.dtype)


def deconvolved(x, kernel, bias, strides, padding):
    x = ops.conv_transpose(x, ops.cast(kernel, x.dtype), strides, padding, data_format="channels_last")
    return x if bias is None else x + ops.cast(bias, x.dtype)

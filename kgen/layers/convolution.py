"""Keras's convolutions of images, computed in the way that is fastest on a backend."""

import keras

from kgen import backend


@keras.saving.register_keras_serializable(package="kgen")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`; on PyTorch without the two copies that Keras's makes of each image."""

    def call(self, inputs):
        if self.data_format != "channels_last":
            return super().call(inputs)
        outputs = backend.convolved(
            inputs, self.kernel, self.bias, self.strides, self.padding, dilation=self.dilation_rate
        )
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable(package="kgen")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`; on PyTorch without copying the images, nor cutting off what is not needed."""

    def call(self, inputs):
        plain = self.data_format == "channels_last" and self.output_padding is None and set(self.dilation_rate) == {1}
        if not plain or any(size < stride for size, stride in zip(self.kernel_size, self.strides, strict=True)):
            return super().call(inputs)
        outputs = backend.deconvolved(inputs, self.kernel, self.bias, self.strides, self.padding)
        return outputs if self.activation is None else self.activation(outputs)

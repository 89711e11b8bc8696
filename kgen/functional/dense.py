"""A dense layer, computed in the way that is fastest on a backend."""

from keras import ops

from kgen import backend
from kgen.functional.eight_bits import product


def dense(layer, rows):
    """`layer(rows)` of a built `keras.layers.Dense`, rows being floats `(n, inputs)`.

    In a program that was handed the layer's int8 matrix turned it is the `product` of `kgen.functional.eight_bits`.
    """
    eight_bits = layer.quantization_mode == "int8" and not layer.lora_enabled and layer.inputs_quantizer is not None
    matrix = backend.turned_matrix(layer._kernel) if eight_bits else None
    if matrix is None:
        return backend.dense(layer, rows)
    outputs = product(rows, matrix, layer.kernel_scale)
    if layer.bias is not None:
        outputs = ops.add(outputs, ops.cast(layer.bias, outputs.dtype))
    return outputs if layer.activation is None else layer.activation(outputs)

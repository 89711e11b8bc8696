"""The network in front of StyleGAN: from noise to style."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.functional.shapes import check_shape

EPSILON = 1e-8


@keras.saving.register_keras_serializable(package="kgen")
class MappingNetwork(keras.Layer):
    """Maps noise z, and a label if there is one, to a style w; remembers the mean w for the truncation trick.

    x_0 = [n(z), n(E_label)],   x_{l+1} = √2 · lrelu(x_l W_l · m / √(width of x_l) + m · b_l),   w = x_L

    n(v) = v / √(mean(v²) + ε), lrelu has slope 0.2 below 0, and m is the `learning_rate_multiplier`: W_l starts as
    N(0, 1 / m²), so that m changes nothing at the start, but a step of Adam moves the function m times as far. All is
    computed in float32.

    `mean_w`, not trainable, follows the mean of w over the batches that it sees in training, as a moving average.
    `truncate(w, psi)` pulls styles towards it: fewer surprises, less variety.

    Args:
        units: width of w and of every layer, ≥ 1.
        num_layers: L ≥ 1.
        num_classes: None, or the number of classes ≥ 1: calls then need labels.
        learning_rate_multiplier: m, in (0, 1e6].
        momentum: of the moving average, in [0, 1].

    Call arguments:
        inputs: z, float tensor `(batch, latent_dim)`.
        labels: integers `(batch,)` in [0, num_classes), or None without classes.
        training: bool; only if true does `mean_w` move.

    Returns:
        w, float tensor `(batch, units)`.

    Raises:
        ValueError: an argument outside its range or of another shape; labels missing, or given without classes.

    Example:

    >>> import numpy as np, kgen
    >>> mapping = kgen.layers.MappingNetwork(16, num_layers=2)
    >>> w = mapping(np.random.default_rng(0).normal(size=(4, 8)), training=True)
    >>> tuple(w.shape), tuple(mapping.truncate(w, psi=0.7).shape)
    ((4, 16), (4, 16))

    Reference: Karras et al., A Style-Based Generator Architecture for GANs, 2019, section 2 and appendices B, C; labels
    as in Karras et al., Training GANs with Limited Data, 2020.
    """

    def __init__(self, units, num_layers=8, num_classes=None, learning_rate_multiplier=0.01, momentum=0.995, **kwargs):
        super().__init__(**kwargs)
        check_int("units", units, minimum=1)
        check_int("num_layers", num_layers, minimum=1)
        if num_classes is not None:
            check_int("num_classes", num_classes, minimum=1)
        check_number("learning_rate_multiplier", learning_rate_multiplier, minimum=1e-6, maximum=1e6)
        check_number("momentum", momentum, minimum=0.0, maximum=1.0)
        self.units = units
        self.num_layers = num_layers
        self.num_classes = num_classes
        self.learning_rate_multiplier = learning_rate_multiplier
        self.momentum = momentum

    def build(self, inputs_shape, labels_shape=None):
        check_shape("inputs", inputs_shape, ("batch", "latent_dim"))
        self._check_labels(labels_shape)
        width = inputs_shape[-1]
        if self.num_classes is not None:
            self.label_embeddings = self._normal_weight("label_embeddings", (self.num_classes, self.units), stddev=1.0)
            width += self.units
        self.kernels, self.biases = [], []
        for i in range(self.num_layers):
            stddev = 1.0 / self.learning_rate_multiplier
            self.kernels.append(self._normal_weight(f"kernel_{i}", (width, self.units), stddev))
            self.biases.append(
                self.add_weight(name=f"bias_{i}", shape=(self.units,), initializer="zeros", autocast=False)
            )
            width = self.units
        self.mean_w = self.add_weight(
            name="mean_w", shape=(self.units,), initializer="zeros", trainable=False, autocast=False
        )
        self.built = True

    def call(self, inputs, labels=None, training=False):
        self._check_labels(None if labels is None else labels.shape)
        x = _normalized(ops.cast(inputs, "float32"))
        if labels is not None:
            embedded = ops.take(self.label_embeddings, ops.cast(labels, "int32"), axis=0)
            x = ops.concatenate([x, _normalized(embedded)], axis=-1)
        m = self.learning_rate_multiplier
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            x = ops.matmul(x, kernel * (m * kernel.shape[0] ** -0.5)) + m * bias
            x = 2.0**0.5 * ops.leaky_relu(x, negative_slope=0.2)
        if training:
            moved = ops.stop_gradient(ops.mean(x, axis=0)) - self.mean_w
            self.mean_w.assign(self.mean_w + (1.0 - self.momentum) * moved)
        return ops.cast(x, self.compute_dtype)

    def truncate(self, w, psi):
        """Styles nearer to the mean one: mean_w + psi · (w - mean_w).

        Args:
            w: float tensor `(…, units)`, styles that this layer has made.
            psi: number, or a tensor that multiplies w: 1 leaves w as it is, 0 gives the mean style.
        """
        mean = ops.cast(self.mean_w, w.dtype)
        return mean + psi * (w - mean)

    def compute_output_shape(self, inputs_shape, labels_shape=None):
        return (inputs_shape[0], self.units)

    def get_config(self):
        return {**super().get_config(), **arguments_of(self)}

    def _normal_weight(self, name, shape, stddev):
        initializer = keras.initializers.RandomNormal(stddev=stddev)
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def _check_labels(self, shape):
        if self.num_classes is None and shape is not None:
            raise ValueError(f"labels: expected None without num_classes, got shape {tuple(shape)}")
        if self.num_classes is not None and (shape is None or len(shape) != 1):
            came = None if shape is None else tuple(shape)
            raise ValueError(f"labels: expected shape (batch,), one of {self.num_classes} classes each, got {came}")


def _normalized(x):
    return x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + EPSILON)

"""Layers that cannot stretch anything by more than a factor of one, as far as their kernel goes."""

import keras
from keras import ops

from kgen.functional.arguments import arguments_of
from kgen.functional.checks import check_int

TINY = 1e-12


@keras.saving.register_keras_serializable(package="kgen")
class SpectralNormalization(keras.Layer):
    """A layer that works with its kernel divided by that kernel's largest singular value.

    W̄ = W / σ(W),   σ ≈ vᵀ W u,   in training, before each use:  v ← W u / |W u|,  u ← Wᵀ v / |Wᵀ v|

    W is the kernel as a matrix, its last axis the columns. u is remembered, so that one power iteration a call is
    enough; gradients flow through W̄ and take u and v for constants. The layer's own variable stays W: an optimizer
    works on that, and W̄ is used in training and otherwise alike. (`keras.layers.SpectralNormalization` of Keras 3.15
    writes W̄ over W on TensorFlow and PyTorch, and on JAX uses W itself with training=False.)

    Args:
        layer: a layer with one variable called "kernel" or "embeddings": `Dense`, `Conv2D`, `Conv2DTranspose`,
            `Embedding` … Give it a name. Its dtype policy is the wrapper's too.
        power_iterations: in each training call, ≥ 1.

    Call arguments:
        inputs: what the layer takes.
        training: bool; only if true does u move.

    Returns:
        what the layer returns.

    Raises:
        ValueError: `layer` is no layer, or has no kernel; `power_iterations` is not an integer ≥ 1.

    Example:

    >>> import keras, numpy as np, kgen
    >>> dense = kgen.layers.SpectralNormalization(keras.layers.Dense(4, use_bias=False, name="dense"))
    >>> x = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    >>> for _ in range(50):
    ...     y = dense(x, training=True)
    >>> bool(keras.ops.norm(y) <= 1.001 * keras.ops.norm(x))
    True

    Reference: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, section 2.1 and
    appendix A.
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        if not isinstance(layer, keras.Layer):
            raise ValueError(
                f"layer: expected a Keras layer such as keras.layers.Dense(8, name='dense'), got {layer!r}"
            )
        check_int("power_iterations", power_iterations, minimum=1)
        super().__init__(**{"dtype": layer.dtype_policy, **kwargs})
        self.layer = layer
        self.power_iterations = power_iterations

    def build(self, inputs_shape):
        if not self.layer.built:
            self.layer.build(inputs_shape)
        names = [variable.name for variable in self.layer.weights]
        if len({"kernel", "embeddings"}.intersection(names)) != 1:
            raise ValueError(
                f"layer: expected one with a kernel or embeddings, got {self.layer!r} with weights {names}"
            )
        self.u = self.add_weight(
            name="u", shape=(self._kernel().shape[-1],), initializer="random_normal", trainable=False, autocast=False
        )
        self.built = True

    def call(self, inputs, training=False):
        kernel = self._kernel()
        matrix = ops.cast(kernel.value, "float32")
        normalized = matrix / self._norm(ops.reshape(matrix, (-1, matrix.shape[-1])), training)
        values = [(one, normalized if one is kernel else one.value) for one in self.layer.variables]
        with keras.StatelessScope(values):
            return self.layer(inputs)

    def compute_output_shape(self, inputs_shape):
        return self.layer.compute_output_shape(inputs_shape)

    def get_config(self):
        config = {**super().get_config(), **arguments_of(self)}
        config["layer"].pop("build_config", None)  # a configuration does not tell whether something was built
        return config

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})

    def _kernel(self):
        return next(variable for variable in self.layer.weights if variable.name in ("kernel", "embeddings"))

    def _norm(self, matrix, training):
        """Estimate of the largest singular value."""
        u = _unit(ops.convert_to_tensor(self.u))
        constant = ops.stop_gradient(matrix)
        if training:
            for _ in range(self.power_iterations):
                turned = ops.matmul(_unit(ops.matmul(constant, u)), constant)
                u = _unit(ops.where(ops.norm(turned) > 0, turned, u))  # a kernel of zeros has no direction
            self.u.assign(u)
        v = _unit(ops.matmul(constant, u))
        return ops.maximum(ops.sum(v * ops.matmul(matrix, u)), TINY)


def _unit(vector):
    return vector / ops.maximum(ops.norm(vector), TINY)

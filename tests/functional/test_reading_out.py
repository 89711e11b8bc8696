"""The gradient of a readout with eight bits is that of its matrix without rounding."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.functional.reading_out import read_out


@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors")  # Keras's own
@pytest.mark.parametrize("tied", [True, False])
def test_a_quantized_readout_moves_what_is_below_it(tied):
    rng = np.random.default_rng(0)
    embedding = keras.layers.ReversibleEmbedding(7, 4, tie_weights=tied)
    embedding.build((None, None))
    embedding.set_weights([rng.normal(size=weight.shape) for weight in embedding.get_weights()])
    matrix = embedding.get_weights()[0].T if tied else embedding.get_weights()[1]
    embedding.quantize("int8")

    states, wanted = (rng.normal(size=shape).astype("float32") for shape in ((3, 2, 4), (3, 2, 7)))
    gradient = backend.input_gradient(
        lambda x: read_out(embedding, x) * ops.convert_to_tensor(wanted), ops.convert_to_tensor(states)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), wanted @ matrix.T, atol=0.1)

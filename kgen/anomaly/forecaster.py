"""The forecaster of a series: from the last values, the distribution of the next one.

p(x_t | x_{t-w}, …, x_{t-1}) = N(mean, diag(exp(2 · log deviation))),   trained on -log p
"""

import math

import keras
from keras import layers
from keras import ops

from kgen.functional.checks import check_in
from kgen.functional.checks import check_int
from kgen.functional.seeding import drawn_seed
from kgen.functional.seeding import seeded
from kgen.layers.learned_positions import LearnedPositions
from kgen.layers.recurrent import Recurrent
from kgen.layers.transformer_encoder import TransformerEncoderBlock
from kgen.models.base import GenerativeModel

LOG_2PI = math.log(2.0 * math.pi)
LOG_DEVIATION = (-4.0, 3.0)  # bounds, in standard units


@keras.saving.register_keras_serializable(package="kgen")
class Forecaster(GenerativeModel):
    """An LSTM, GRU or Transformer that foretells the next value of a series; `SequenceDetector` trains it.

    Args:
        window: how many values it sees, ≥ 1.
        num_channels: numbers of one value.
        network: "lstm", "gru" or "transformer".
        units: width of the network.
        seed: int or None; seeds the weights.
    """

    def __init__(self, window, num_channels=1, network="gru", units=32, seed=None, **kwargs):
        for name, value in (("window", window), ("num_channels", num_channels), ("units", units)):
            check_int(name, value, minimum=1)
        check_in("network", network, ("lstm", "gru", "transformer"))
        super().__init__(seed=seed, **kwargs)
        self.window = window
        self.num_channels = num_channels
        self.network = network
        self.units = units
        with seeded(seed):
            if network == "transformer":
                self.embedding = layers.Dense(units, kernel_initializer=_initializer(), name="embedding")
                self.positions = LearnedPositions(window, name="positions")
                self.body = TransformerEncoderBlock(max(1, units // 16), 2 * units, seed=drawn_seed(), name="body")
            else:
                self.body = Recurrent(units, cell=network, seed=drawn_seed(), name="body")
            self.readout = layers.Dense(2 * num_channels, kernel_initializer=_initializer(), name="readout")
        self._foretell(ops.zeros((1, window, num_channels)))  # builds every layer
        self.built = True

    def call(self, x, training=False):
        """-log p of the last of `(n, window + 1, num_channels)`, given those before: `(n, num_channels)`."""
        x = ops.cast(x, "float32")
        mean, log_deviation = self._foretell(x[:, :-1], training=training)
        deviation = (x[:, -1] - mean) * ops.exp(-log_deviation)
        return 0.5 * (deviation * deviation + LOG_2PI) + log_deviation

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.sum(y_pred, axis=-1))

    def surprise(self, windows):
        """-log p of the last value of each window, in nats: float32 `(n, num_channels)`."""
        return self.compute_rows("surprise", self.__call__, self.variables, windows, batch_size=1024)

    def _foretell(self, x, training=False):
        if self.network == "transformer":
            hidden = self.body(self.positions(self.embedding(x)), training=training)
        else:
            hidden, _ = self.body(x, training=training)
        # What stays as it was is the first guess; the network says what moves.
        move, log_deviation = ops.split(self.readout(hidden[:, -1]), 2, axis=-1)
        return x[:, -1] + move, ops.clip(log_deviation, *LOG_DEVIATION)


def _initializer():
    return keras.initializers.GlorotUniform(seed=drawn_seed())

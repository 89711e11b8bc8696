"""What watches over every `fit`: the clock of the epochs, and the guard against a loss that is not a number."""

import keras
import numpy as np


class EpochClock(keras.callbacks.Callback):
    """Counts finished epochs in `model.epochs_trained` and puts `data` into the order of each epoch."""

    def __init__(self, data=None):
        super().__init__()
        self.data = data

    def on_epoch_begin(self, epoch, logs=None):
        if hasattr(self.data, "start_epoch"):
            self.data.start_epoch(self.model.epochs_trained)

    def on_epoch_end(self, epoch, logs=None):
        self.model.epochs_trained += 1


class TrainingFailed(FloatingPointError):
    """A training that cannot go on; the model holds the weights of the last good epoch."""


class NonFiniteLoss(TrainingFailed):
    """The loss became NaN or infinite; the model holds the weights of the last good epoch."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops a training whose loss is not finite, and keeps the last good weights.

    The weights and the optimizer's state are copied to host memory at the end of each epoch whose loss is finite.
    Raises `NonFiniteLoss`, which says where it happened and what to try; `restore` puts the copy back.
    """

    async_safe = True  # reads its own arguments only, so Keras need not wait for each batch

    def on_train_begin(self, logs=None):
        self._epoch = self.model.epochs_trained
        self._keep()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise NonFiniteLoss(
                f"the loss became {loss} in epoch {self._epoch + 1}, step {batch + 1}. Training has stopped and the "
                "model has its weights from the end of the last good epoch. Try a smaller learning rate, "
                "clipnorm=1.0 in the optimizer, or float32 if you train in 16 bits."
            )

    def on_epoch_end(self, epoch, logs=None):
        self._keep()

    def restore(self):
        """Give the model back the state of the last good epoch."""
        for variable, value in zip(self._variables(), self._copy, strict=True):
            variable.assign(value)

    def _keep(self):
        self._copy = [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in self._variables()]

    def _variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]

"""What callbacks share that look at a model now and then."""

from pathlib import Path

import keras

from kgen.functional.checks import check_int


class EveryFewEpochs(keras.callbacks.Callback):
    """Calls `after_epoch(number, logs)` after the first epoch and after every so many. That method is the hole to fill.

    Args:
        every: int ≥ 1.
        verb: the method that `fit` makes sure the model has, or None.

    Raises:
        ValueError: `every` is not an integer ≥ 1.
    """

    def __init__(self, every=1, verb=None):
        super().__init__()
        check_int("every", every, minimum=1)
        self.every = every
        self._verb = verb

    def on_train_begin(self, logs=None):
        if self._verb and not hasattr(self.model, self._verb):
            raise ValueError(
                f"{type(self).__name__}: expected a model with {self._verb}(…), got a {type(self.model).__name__}"
            )

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0 or (epoch + 1) % self.every == 0:
            self.after_epoch(epoch + 1, {} if logs is None else logs)


def epoch_file(folder, number, suffix):
    """The path of what belongs to an epoch, `epoch_0001.txt`; its folder is created when missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"epoch_{number:04d}{suffix}"

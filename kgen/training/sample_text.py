"""A callback that shows, epoch by epoch, what the model writes."""

from pathlib import Path

import keras

from kgen.functional.checks import check_int


class SampleText(keras.callbacks.Callback):
    """Writes `model.generate(prompt, …, seed=seed)` into `epoch_0001.txt` … at the end of epochs.

    The seed is the same each time, so the texts show one dream becoming sharper.

    Args:
        folder: where to write; created when missing.
        prompt: str; "" begins a new text.
        max_new_tokens: int ≥ 1.
        every: write after every so many epochs, and after the first.
        seed: int.
        options: further arguments of `generate`, such as `sampler`.

    Raises:
        ValueError: `max_new_tokens` or `every` is not an integer ≥ 1.
    """

    def __init__(self, folder, prompt="", max_new_tokens=200, every=1, seed=0, **options):
        super().__init__()
        check_int("max_new_tokens", max_new_tokens, minimum=1)
        check_int("every", every, minimum=1)
        self.folder = Path(folder)
        self.prompt = prompt
        self.max_new_tokens = max_new_tokens
        self.every = every
        self.seed = seed
        self.options = options

    def on_epoch_end(self, epoch, logs=None):
        if epoch and (epoch + 1) % self.every:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        text = self.model.generate(self.prompt, self.max_new_tokens, seed=self.seed, **self.options)
        (self.folder / f"epoch_{epoch + 1:04d}.txt").write_text(f"{self.prompt}{text}\n", encoding="utf-8")

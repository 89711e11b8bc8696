"""A callback that shows, epoch by epoch, what the model writes."""

from kgen.functional.checks import check_int
from kgen.training.every_few_epochs import EveryFewEpochs
from kgen.training.every_few_epochs import epoch_file


class SampleText(EveryFewEpochs):
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
        super().__init__(every, verb="generate")
        check_int("max_new_tokens", max_new_tokens, minimum=1)
        self.folder = folder
        self.prompt = prompt
        self.max_new_tokens = max_new_tokens
        self.seed = seed
        self.options = options

    def after_epoch(self, number, logs):
        text = self.model.generate(self.prompt, self.max_new_tokens, seed=self.seed, **self.options)
        epoch_file(self.folder, number, ".txt").write_text(f"{self.prompt}{text}\n", encoding="utf-8")


class SampleAnswers(EveryFewEpochs):
    """Writes what `model.chat(…, seed=seed)` answers to a few questions into `epoch_0001.txt` … at the end of epochs.

    Args:
        folder: where to write; created when missing.
        questions: list of what `chat` takes: str, or lists of messages.
        max_new_tokens: int ≥ 1.
        every: write after every so many epochs, and after the first.
        seed: int.
        options: further arguments of `chat`, such as `sampler`.

    Raises:
        ValueError: `max_new_tokens` or `every` is not an integer ≥ 1.
    """

    def __init__(self, folder, questions, max_new_tokens=100, every=1, seed=0, **options):
        super().__init__(every, verb="chat")
        check_int("max_new_tokens", max_new_tokens, minimum=1)
        self.folder = folder
        self.questions = questions
        self.max_new_tokens = max_new_tokens
        self.seed = seed
        self.options = options

    def after_epoch(self, number, logs):
        lines = []
        for question in self.questions:
            answer = self.model.chat(question, self.max_new_tokens, seed=self.seed, truncate=True, **self.options)
            lines += [f"> {question if isinstance(question, str) else question[-1]['content']}", answer, ""]
        epoch_file(self.folder, number, ".txt").write_text("\n".join(lines), encoding="utf-8")

"""What a config.json says, option by option; what kgen's models cannot do is refused here."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kgen.functional.checks import check_int
from kgen.functional.checks import check_number
from kgen.presets import files

# The names of activations there and here; of several for one, the first is written.
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
}


class Option(NamedTuple):
    """An option of a config.json that is an argument of a model."""

    name: str
    default: object
    read: Callable  # (what to call it in an error, its value) → the argument
    write: Callable = lambda value: value  # the argument → its value


def integer(name, default=None):
    """An integer of at least 1; None where it is missing and has no default."""

    def read(where, value):
        if value is not None:
            check_int(where, value, minimum=1)
        return value

    return Option(name, default, read)


def number(name, default):
    """A number in [0, 1]."""

    def read(where, value):
        check_number(where, value, minimum=0.0, maximum=1.0)
        return float(value)

    return Option(name, default, read)


def choice(name, default, words):
    """One of some words, which are other words here."""

    def read(where, value):
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"{where}: kgen knows {', '.join(words)}, got {value!r}")
        return words[value]

    def write(value):
        for theirs, ours in words.items():
            if ours == value:
                return theirs
        raise ValueError(f"model: {name} has no word for {value!r}; it has some for {', '.join(set(words.values()))}")

    return Option(name, default, read, write)


def activation(name, default):
    """An activation."""
    return choice(name, default, ACTIVATIONS)


class Configuration:
    """A config.json.

    Args:
        folder: where it lies.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is too large, or no JSON object.
    """

    def __init__(self, folder):
        self.file = Path(folder) / "config.json"
        self.values = files.read_json(self.file)

    def get(self, name, default=None):
        """The value of an option as it stands there; `default` where it is missing or null."""
        value = self.values.get(name)
        return default if value is None else value

    def read(self, option):
        """The argument that an option means."""
        return option.read(f"{self.file}: {option.name}", self.get(option.name, option.default))

    def integer(self, name, default, minimum=0):
        """An integer of at least `minimum`."""
        value = self.get(name, default)
        check_int(f"{self.file}: {name}", value, minimum=minimum)
        return value

    def need(self, name, *allowed):
        """Refuse an option that has another value than these, of which the first is its default."""
        value = self.get(name, allowed[0])
        if value not in allowed:
            raise ValueError(
                f"{self.file}: {name}: kgen's model has this as {' or '.join(map(repr, allowed))} alone, got {value!r}"
            )

    def class_names(self, count):
        """The names of the classes, or None where they are but numbered: a list of different strings."""
        table = self.get("id2label", {})
        names = [table.get(str(i)) for i in range(count)] if isinstance(table, dict) and len(table) == count else [None]
        if not all(isinstance(name, str) for name in names) or names == [f"LABEL_{i}" for i in range(count)]:
            return None
        return [name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names)]

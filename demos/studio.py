"""What every tab shares: models loaded at their first use, limits that hold for everybody, errors as sentences."""

import functools
import html
import inspect
import logging
import re
import threading
from collections import OrderedDict

import gradio as gr

from .facts import collect

KEEP = 3  # models in memory; the one that was used longest ago makes room
MAX_SEED = 2**31 - 1

EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)  # kgen explains these itself
FOLDERS = re.compile(r"(?:\b[A-Za-z]:|(?<![\w:/\\]))[/\\](?:[^\s/\\:'\"][^/\\:'\"\n]*[/\\])+")

log = logging.getLogger("kgen.studio")


class Studio:
    """The models that tabs may use.

    Args:
        models: paths of the user's own models, offered before the presets; see `facts.collect`.
    """

    def __init__(self, models=()):
        self._facts = collect(models)
        self._loaded = OrderedDict()
        self._lock = threading.Lock()

    def names(self, *needs):
        """Names of the models that have all of these arguments and verbs, such as "generate" and "image_shape"."""
        return [name for name, facts in self._facts.items() if facts.has(*needs)]

    def facts(self, name, *needs):
        """The `Facts` of a model; a sentence when there is no such model or it lacks something."""
        if not isinstance(name, str) or name not in self._facts:
            raise sorry(f"There is no such model here. There are: {', '.join(self.names(*needs)) or 'none'}.")
        facts = self._facts[name]
        if not facts.has(*needs):
            raise sorry(f"{name} is a {facts.class_name}, which cannot do this. Try {', '.join(self.names(*needs))}.")
        return facts

    def model(self, name, *needs):
        """The model itself, loaded at its first use. Its own lock lets one caller at a time into it."""
        facts = self.facts(name, *needs)
        with self._lock:
            if name not in self._loaded:
                try:
                    self._loaded[name] = facts.load()
                except EXPECTED as error:
                    raise sorry(f"{name} could not be loaded: {_without_folders(error, facts.source)}") from error
                while len(self._loaded) > KEEP:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(name)
            return self._loaded[name]


def sorry(sentence):
    """An exception that reaches people in the browser and over the API as this sentence."""
    return gr.Error(html.escape(sentence, quote=False), print_exception=False)


def sentences(handler):
    """Make a generator handler end in a sentence whatever goes wrong. What nobody foresaw is explained in the log."""

    @functools.wraps(handler)
    def guarded(*args):
        try:
            yield from handler(*args)
        except gr.Error:
            raise
        except EXPECTED as error:
            raise sorry(_without_folders(error)) from error
        except Exception as error:
            log.exception("the studio's %s failed", handler.__name__)
            raise sorry("The studio could not do this; the terminal that it was started from says why.") from error

    return guarded


def named(handler, *names):
    """Give a handler that takes `*args` the names under which API callers send them."""
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    handler.__signature__ = inspect.Signature(parameters)


def whole(what, value, low, high):
    """`value` as an int in [low, high], or a sentence: a browser keeps to a slider's ends, an API caller need not."""
    return int(number(what, value, low, high, whole=True))


def number(what, value, low, high, whole=False):
    """`value` as a number in [low, high], or a sentence."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not fits or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise sorry(f"{what}: expected {kind} from {low} to {high}.")
    return value


def _without_folders(error, source=None):
    """The message of an exception, where files keep their names and folders are nobody's business."""
    text = " ".join(str(error).split())
    if source is not None:
        text = text.replace(str(source), str(source).replace("\\", "/").rpartition("/")[2])
    return FOLDERS.sub("", text)

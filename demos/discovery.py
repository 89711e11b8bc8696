"""Which tabs there are: found by looking into this folder, so that adding one is adding a file."""

import importlib
import pkgutil
from pathlib import Path


def find(part_of=None):
    """The tabs of the studio, or the parts of one tab, in their `ORDER`.

    Args:
        part_of: name of a tab's module, such as "image_generation", or None for the tabs themselves.

    Returns:
        list: modules with a `TITLE`, an `ORDER` and a `build`.
    """
    names = [file.name for file in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    tabs = [one for one in modules if hasattr(one, "TITLE") and getattr(one, "PART_OF", None) == part_of]
    return sorted(tabs, key=lambda tab: tab.ORDER)


def name_of(tab):
    """ "image_generation" for the module `demos.image_generation` or `kgen_demos.image_generation`."""
    return tab.__name__.rpartition(".")[2]

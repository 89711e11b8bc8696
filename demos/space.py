"""A tab as a Hugging Face Space: `python demos/space.py completion my-space` writes the three files that it needs.

Push the folder to a Space of yours. What stands in its README.md is the block in the tab's own docstring.
"""

if not __package__:  # run as a file: be a module of the folder it lies in
    import sys
    from pathlib import Path

    here = Path(__file__).absolute().parent
    sys.path[0] = str(here.parent)  # instead of the folder itself, where any name might hide a package of that name
    __package__ = here.name

import argparse
import textwrap
from pathlib import Path

from . import discovery

REQUIREMENTS = "keras-kgen[jax,demos]\n"


def front_matter(tab):
    """The block between two lines of "---" in the docstring of a tab's module, these included."""
    _, block, _ = tab.__doc__.split("    ---\n")
    return textwrap.dedent(f"    ---\n{block}    ---\n")


def write(name, folder):
    """Write a Space into a folder, which is made where there is none.

    Args:
        name: of a tab's module, such as "completion".
        folder: path.

    Raises:
        ValueError: there is no such tab.
    """
    tabs = {discovery.name_of(tab): tab for tab in discovery.find()}
    if name not in tabs:
        raise ValueError(f"tab: expected one of {', '.join(sorted(tabs))}, got {name!r}")
    tab, folder = tabs[name], Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    about = tab.__doc__.strip().splitlines()[0]
    (folder / "README.md").write_text(f"{front_matter(tab)}\n{about}\n", encoding="utf-8")
    (folder / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
    (folder / f"{name}.py").write_text(Path(tab.__file__).read_text(encoding="utf-8"), encoding="utf-8")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("tab", help="its file, without .py")
    arguments.add_argument("folder", type=Path)
    options = arguments.parse_args()
    try:
        write(options.tab, options.folder)
    except (ValueError, OSError) as error:
        arguments.error(str(error))
    print(f"{options.folder}: README.md, requirements.txt, {options.tab}.py")


if __name__ == "__main__":
    main()

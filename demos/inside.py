"""The tab *Inside*: what a model has learned, looked at from within: words, attention, a latent space.

Alone: `python demos/inside.py runs/words`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen inside
    emoji: 🔭
    colorFrom: indigo
    colorTo: yellow
    sdk: gradio
    sdk_version: 6.31.0
    app_file: inside.py
    license: apache-2.0
    ---
"""

if not __package__:  # run as a file: be a module of the folder it lies in, or of the installed studio
    import sys
    from pathlib import Path

    here = Path(__file__).absolute().parent
    sys.path[0] = str(here.parent)  # instead of the folder itself, where any name might hide a package of that name
    __package__ = here.name if (here / "studio.py").exists() else "kgen_demos"

import gradio as gr

from . import discovery

TITLE = "Inside"
ORDER = 70

# Every long event of the tab and its parts stands in one line, and its handler gets what was sent as it was sent: it
# checks everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "inside", "concurrency_limit": 1, "preprocess": False}

# And a short one that only changes what is shown.
PRIVATE = {"queue": False, "preprocess": False, "show_progress": "hidden", "api_visibility": "private"}


def build(studio):
    with gr.Tabs():
        for part in discovery.find(part_of="inside"):
            with gr.Tab(part.TITLE):
                part.build(studio)


if __name__ == "__main__":
    from .app import alone

    alone("inside")

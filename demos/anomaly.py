"""The tab *Anomaly detection*: a detector learns from your table, images or series while you watch.

Alone: `python demos/anomaly.py`. As a Hugging Face Space: this file, a requirements.txt that says
`keras-kgen[jax,demos]`, and a README.md that begins with

    ---
    title: kgen anomaly detection
    emoji: 🔎
    colorFrom: indigo
    colorTo: green
    sdk: gradio
    sdk_version: 6.31.0
    app_file: anomaly.py
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

TITLE = "Anomaly detection"
ORDER = 60

# Every long event of the tab and its parts stands in one line, and its handler gets what was sent as it was sent: it
# checks everything itself, so that an API caller reads the same sentences as somebody at the browser.
QUEUE = {"concurrency_id": "anomaly", "concurrency_limit": 1, "preprocess": False}

# A short one that only changes what is shown. Gradio hands over what it remembers in `preprocess`.
AT_ONCE = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

OWN_FILE = "my own file"

ABOUT = """
A detector learns what is usual and finds what is not; nobody has to say what is wrong, and a few strange rows among
those that it learns from do little harm. It is trained here and now; nothing of yours is kept.
"""


def build(studio):
    gr.Markdown(ABOUT)
    with gr.Tabs():
        for part in discovery.find(part_of="anomaly"):
            with gr.Tab(part.TITLE):
                part.build()


if __name__ == "__main__":
    from .app import alone

    alone("anomaly")

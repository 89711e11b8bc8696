"""The studio: one page, one tab for each file that has one. Nothing is loaded before it is used.

`kgen demo --model runs/vae` opens it, and so does `python demos/app.py runs/vae`.
"""

if not __package__:  # run as a file: be a module of the folder it lies in
    import sys
    from pathlib import Path

    here = Path(__file__).absolute().parent
    sys.path[0] = str(here.parent)  # instead of the folder itself, where any name might hide a package of that name
    __package__ = here.name

import os
import sys

import gradio as gr

from . import discovery
from .studio import EXPECTED
from .studio import Studio

MAX_WAITING = 64
MAX_FILE_SIZE = "64mb"
KEEP_PICTURES = 3600  # seconds until a generated file may be deleted

HEADER = """
# kgen studio
Generative models made with Keras. Everything runs on this machine, nothing leaves it.
"""

# System fonts: a page that works without a network must not wait for anybody's fonts.
THEME = gr.themes.Soft(
    primary_hue="indigo",
    secondary_hue="indigo",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    background_fill_primary="*neutral_50",  # `set` forgets what the theme itself had set here
    block_title_background_fill="transparent",
    block_title_background_fill_dark="transparent",
    block_title_padding="0",
    block_title_text_color="*neutral_600",
    block_title_text_color_dark="*neutral_300",
    block_label_background_fill="transparent",
    block_label_background_fill_dark="transparent",
    block_label_text_color="*neutral_600",
    block_label_text_color_dark="*neutral_300",
    block_label_shadow="none",
    block_label_border_width="0",
)
CSS = """
.gradio-container { max-width: 1180px !important; width: 100%; margin: 0 auto; }
.about { align-self: center; }
footer .divider { display: none; }
.clickable img { cursor: crosshair; }
.scrolled .image-frame { overflow-x: auto; justify-content: safe center; }
.scrolled img { max-width: none !important; width: auto !important; }
"""


def build(models=(), only=None):
    """The page, not yet served.

    Args:
        models: paths of the user's own models.
        only: name of the one tab that is wanted, such as "image_generation", or None for all.
    """
    studio = Studio(models)
    tabs = [tab for tab in discovery.find() if only in (None, discovery.name_of(tab))]
    with gr.Blocks(title="kgen studio", analytics_enabled=False, delete_cache=(KEEP_PICTURES, KEEP_PICTURES)) as page:
        gr.Markdown(HEADER)
        with gr.Tabs():
            for tab in tabs:
                with gr.Tab(tab.TITLE):
                    tab.build(studio)
    return page.queue(max_size=MAX_WAITING, default_concurrency_limit=1)


def serve(page, port, host, **options):
    """Serve the page to this machine alone, unless `host` says otherwise."""
    return page.launch(
        server_name=host,
        server_port=port,
        share=False,
        show_error=False,
        quiet=True,
        max_file_size=MAX_FILE_SIZE,
        theme=THEME,
        css=CSS,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        **options,
    )


def main(models=(), port=7860, host="127.0.0.1", open_browser=False, only=None):
    """Open the studio and stay until Ctrl-C.

    Args:
        models: paths of run folders, `.keras` files or preset folders, or names of presets; they come first.
        port: int; None takes a free one.
        host: address to listen on; the default is seen from this machine alone.
        open_browser: whether to open a browser window.
        only: name of the one tab that is wanted, or None for all.

    Raises:
        FileNotFoundError: there is nothing at a path.
        ValueError: a file is damaged or not a model of kgen.
        OSError: the port is taken.
    """
    page = build(models, only)
    try:
        _, url, _ = serve(page, port, host, inbrowser=open_browser, prevent_thread_lock=True)
    except OSError as error:
        raise OSError(f"port: {port} is taken, or is not to be had at {host}; choose another") from error
    print(f"The studio is open at {url} (Ctrl-C closes it)", flush=True)
    page.block_thread()


def alone(only=None):
    """What `python demos/<tab>.py [MODEL ...]` does; Spaces say in the environment where to listen."""
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    try:
        main(sys.argv[1:], int(os.environ.get("GRADIO_SERVER_PORT", "7860")), host, only=only)
    except EXPECTED as error:
        print(f"kgen: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    alone()

"""Part of *Translation*: a whole file, line by line."""

import tempfile
from pathlib import Path

import gradio as gr

from .studio import named
from .studio import sentences
from .studio import sorry
from .translation import NEEDS as A_TRANSLATION_MODEL
from .translation import QUEUE

PART_OF = "translation"
TITLE = "A whole file"
ORDER = 40
NEEDS = A_TRANSLATION_MODEL

MAX_SIZE = 200_000  # bytes
SENTENCES_A_STEP = 8  # more at a time are faster, and Stop waits for those that are begun

ABOUT = f"""
A text file of at most {MAX_SIZE // 1000} kB in UTF-8. It is translated with the settings above, and line 7 of what you
get is the translation of line 7.
"""


def text_of(file):
    """What somebody uploaded, or a sentence.

    Args:
        file: what gradio makes of it, a dict; it lets no path through that is outside the folder of uploads.
    """
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not Path(path).is_absolute():  # not an address in the network either
        raise sorry("File: choose a text file first.")
    with open(path, "rb") as opened:
        content = opened.read(MAX_SIZE + 1)
    if len(content) > MAX_SIZE:
        raise sorry(f"File: expected at most {MAX_SIZE:,} bytes.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise sorry("File: expected text in UTF-8.") from error
    if not text.strip():
        raise sorry("File: there is nothing in it to translate.")
    return text


def build(controls):
    gr.Markdown(ABOUT)
    with gr.Row():
        upload = gr.File(label="File", file_types=[".txt"], height=140)
        with gr.Column():
            progress = gr.Textbox("", label="Progress", interactive=False)
            with gr.Row():
                go = gr.Button("Translate the file")
                stop = gr.Button("Stop", variant="stop", min_width=70)
        download = gr.File(label="Translation", interactive=False, height=140)

    @sentences
    def translate_file(model, file, *how):
        text = text_of(file)
        controls.studio.facts(model, *NEEDS)
        sampler, seed = controls.how_of(*how)
        lines, translation = len(text.removesuffix("\n").split("\n")), ""
        yield f"0 of {lines:,} lines", None  # between two steps Stop takes hold
        translator = controls.studio.model(model, *NEEDS)
        yield gr.skip(), gr.skip()
        for piece in translator.translate(text, sampler, batch_size=SENTENCES_A_STEP, seed=seed, stream=True):
            translation += piece
            done = translation.count("\n")
            yield f"{done:,} of {lines:,} lines", gr.skip()
        with tempfile.TemporaryDirectory() as folder:  # gradio takes a copy before the generator goes on
            path = Path(folder, "translation.txt")
            path.write_bytes(translation.encode())
            yield f"{lines:,} lines", str(path)

    named(translate_file, "model", "file", *controls.how)

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, outputs = [controls.model, upload, *controls.how.values()], [progress, download]
    running = go.click(translate_file, inputs, outputs, api_name="translate_file", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_file")
    controls.forget(progress, download, api_name="forget_file")

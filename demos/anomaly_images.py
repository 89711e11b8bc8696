"""Part of *Anomaly detection*: the strangest images, and where they are strange."""

import io
import zipfile

import gradio as gr
import numpy as np

from .anomaly import AT_ONCE
from .anomaly import OWN_FILE
from .anomaly import QUEUE
from .anomaly_training import CALIBRATED
from .anomaly_training import FEWEST
from .anomaly_training import Judged
from .anomaly_training import downloads
from .anomaly_training import file_box
from .anomaly_training import moved
from .anomaly_training import threshold_controls
from .anomaly_training import trained
from .anomaly_training import training_controls
from .pictures import drawn
from .studio import MAX_SEED
from .studio import named
from .studio import sentences
from .studio import sorry
from .studio import whole
from .uploads import upload_path
from .widgets import picture_box
from .widgets import within

PART_OF = "anomaly"
TITLE = "Images"
ORDER = 20

MAX_IMAGES, MAX_MEMBERS = 2000, 5000
MAX_FILE, MAX_TOTAL = 20_000_000, 200_000_000  # bytes, unpacked
SHOWN, COLUMNS = 9, 3
EXAMPLE = "zeros"
DETECTORS = {"Teacher and student": "TeacherStudentDetector", "Variational autoencoder": "VAEDetector"}
TRAINING = {}  # arguments of both, beyond their own defaults

ABOUT = f"""
{FEWEST} to {MAX_IMAGES:,} images of the same kind, as many files or as one zip. They are cropped in their centre and
made small. The example are handwritten zeros, 8 pixels wide, among which there are 12 other digits. Bright is what the
detector did not expect.
"""


def zeros():
    """(uint8 images, names, which are no zeros) of the digits that come with kgen."""
    import kgen

    digits, labels = kgen.datasets.load("digits")
    rng = np.random.default_rng(0)
    others = rng.choice(np.flatnonzero(labels != 0), 12, replace=False)
    chosen = rng.permutation(np.concatenate([np.flatnonzero(labels == 0), others]))
    return digits[chosen], [f"digit {one}" for one in chosen], labels[chosen] != 0


def contents(files):
    """Yields (name, file object) for each image that was sent, those in a zip among them; or a sentence."""
    files = files if isinstance(files, list) else [files]
    paths = [(upload_path("Images", file, MAX_TOTAL), file.get("orig_name")) for file in files]
    total = 0
    for path, name in paths:
        if not zipfile.is_zipfile(path):
            total += path.stat().st_size
            check_sizes(path.stat().st_size, total)
            yield str(name or path.name), path
            continue
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MAX_MEMBERS:
                raise sorry(f"Images: expected at most {MAX_MEMBERS:,} files in a zip.")
            for member in members:
                total += member.file_size
                check_sizes(member.file_size, total)
                with archive.open(member) as opened:
                    yield member.filename.rpartition("/")[2], io.BytesIO(opened.read(MAX_FILE + 1))


def check_sizes(size, total):
    if size > MAX_FILE or total > MAX_TOTAL:
        raise sorry(
            f"Images: expected at most {MAX_FILE // 1_000_000} MB each and {MAX_TOTAL // 1_000_000} MB together."
        )


def sent_images(files, side):
    """(uint8 images `(n, side, side, channels)`, names), or a sentence."""
    from PIL import Image
    from PIL import ImageOps

    from kgen.datasets.image_file import Unusable  # brings keras
    from kgen.datasets.image_file import read_image

    found, names, skipped = [], [], 0
    try:
        for name, file in contents(files):
            try:
                image = read_image(file, least_side=2 * side)
            except Unusable:
                skipped += 1
                continue
            found.append(ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC))
            names.append(name)
            if len(found) > MAX_IMAGES:
                raise sorry(f"Images: expected at most {MAX_IMAGES:,}.")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # damaged, or with a password
        raise sorry("Images: the zip cannot be read; pack it again.") from error
    if len(found) < FEWEST:
        out = f" and {skipped:,} files that are no images" if skipped else ""
        raise sorry(f"Images: expected at least {FEWEST} to learn from, there are {len(found)}{out}.")
    mode = "L" if all(image.mode == "L" for image in found) else "RGB"
    return np.stack([np.asarray(image.convert(mode)).reshape(side, side, -1) for image in found]), names


def build():
    judged = gr.State()
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            source = gr.Radio([EXAMPLE, OWN_FILE], value=EXAMPLE, label="Images")
            upload = gr.File(label="Files", file_types=["image", ".zip"], file_count="multiple", height=160)
            side = gr.Radio([16, 32, 64], value=32, label="Side in pixels")
            kind = gr.Dropdown([*DETECTORS], value=next(iter(DETECTORS)), label="Detector", interactive=True)
            seed, go, stop, progress = training_controls()
        with gr.Column(scale=2, min_width=320):
            rate, counts = threshold_controls()
            picture = picture_box("The strangest images")
            files = file_box()

    @sentences
    def judge_images(source_name, sent, side_pixels, detector, seed_value, percent):
        within(source, source_name)
        side_pixels, chosen = within(side, side_pixels), DETECTORS[within(kind, detector)]
        seed_value, percent = whole("Seed", seed_value, 0, MAX_SEED), within(rate, percent)
        yield "reads …", "", None, None, None  # between two steps Stop takes hold
        images, names, marked = zeros() if source_name == EXAMPLE else (*sent_images(sent, side_pixels), None)
        import kgen  # and keras with it

        machine = getattr(kgen.anomaly, chosen)(**CALIBRATED, **TRAINING, seed=seed_value)
        for told in trained(machine, images):
            yield told, gr.skip(), gr.skip(), gr.skip(), gr.skip()
        yield "scores …", gr.skip(), gr.skip(), gr.skip(), gr.skip()
        found = Judged("images", -machine.score_samples(images), machine.clean_scores_, marked)
        p_values, order = found.p_values(), np.argsort(-found.scores)[:SHOWN]
        titles = [f"{one + 1}: p {p_values[one]:.2g}" for one in order]
        heat = machine.explain(images[order])
        figure = kgen.plots.attention_overlay(images[order], heat, columns=COLUMNS, titles=titles, cell=128)
        header, numbers = ["number", "image", "score", "p-value"], range(1, len(images) + 1)
        lines = zip(numbers, names, found.scores.tolist(), p_values.tolist(), strict=True)
        with downloads(machine, header, lines) as paths:
            yield f"{len(images):,} images", found.told(percent), drawn(figure), paths, found

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, outputs = [source, upload, side, kind, seed, rate], [progress, counts, picture, files, judged]
    named(judge_images, "source", "files", "side", "detector", "seed", "false_alarms")
    running = gr.on([go.click, seed.submit], judge_images, inputs, outputs, api_name="judge_images", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_images_training")
    rate.change(moved, [judged, rate], counts, api_name="count_images", **AT_ONCE)
    upload.upload(lambda: OWN_FILE, None, source, api_name="take_images", **AT_ONCE)

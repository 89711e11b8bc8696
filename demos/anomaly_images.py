"""Part of *Anomaly detection*: the strangest images, and where they are strange.

A detector learns from the images here and now; or it is a preset that has learned, and judges as few as one.
"""

import io
import zipfile

import gradio as gr
import numpy as np

from kgen.presets import files
from kgen.presets import registry

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
EXAMPLE = "the example"
DETECTORS = {"Teacher and student": "TeacherStudentDetector", "Variational autoencoder": "VAEDetector"}
LEARNED = " (has learned)"  # after the name of a preset
TRAINING = {}  # arguments of both, beyond their own defaults

ABOUT = f"""
{FEWEST} to {MAX_IMAGES:,} images of the same kind, as many files or as one zip. They are cropped in their centre and
made small. The example are handwritten zeros, 8 pixels wide, among which there are 12 other digits. Bright is what the
detector did not expect. A detector that has learned already is content with a single image and knows which side it
takes; its example are handwritten digits, of which 12 are turned by a right angle.
"""


def ready():
    """What people may choose of the presets that have learned what images are usual."""
    detectors = [name for name in registry.list() if registry.is_detector(name)]
    learned = {name: files.read_json(registry.SHIPPED / name / registry.DETECTOR)["state"] for name in detectors}
    return [f"{name}{LEARNED}" for name, state in learned.items() if state.get("image_shape")]


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


def turned(image_shape):
    """(uint8 images, names, which are turned) of digits, for a detector that knows them upright."""
    import kgen

    digits, labels = kgen.datasets.load("digits")
    rng = np.random.default_rng(0)
    chosen = rng.choice(np.flatnonzero(np.isin(labels, (2, 3, 4, 5, 7))), 150, replace=False)  # others turn to digits
    images, marked = enlarged(digits[chosen], image_shape), np.arange(150) < 12
    images[marked] = np.rot90(images[marked], axes=(1, 2))
    order = rng.permutation(150)
    return images[order], [f"digit {one}" for one in chosen[order]], marked[order]


def given(files, image_shape):
    """(uint8 images, names, None) of what was sent, or a sentence.

    Args:
        files: what Gradio hands over.
        image_shape: (height, width), to learn from; with channels if a detector has learned, which needs but one image.
    """
    from PIL import Image
    from PIL import ImageOps

    from kgen.datasets.image_file import Unusable  # brings keras
    from kgen.datasets.image_file import read_image

    height, width, *channels = image_shape
    fewest = 1 if channels else FEWEST
    found, names, skipped = [], [], 0
    try:
        for name, file in contents(files):
            try:
                image = read_image(file, least_side=2 * max(height, width))
            except Unusable:
                skipped += 1
                continue
            found.append(ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC))
            names.append(name)
            if len(found) > MAX_IMAGES:
                raise sorry(f"Images: expected at most {MAX_IMAGES:,}.")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # damaged, or with a password
        raise sorry("Images: the zip cannot be read; pack it again.") from error
    if len(found) < fewest:
        out = f" and {skipped:,} files that are no images" if skipped else ""
        raise sorry(
            f"Images: expected at least {fewest}{'' if channels else ' to learn from'}, there are {len(found)}{out}."
        )
    grey = channels == [1] or (not channels and all(image.mode == "L" for image in found))
    pixels = [np.asarray(image.convert("L" if grey else "RGB")).reshape(height, width, -1) for image in found]
    return np.stack(pixels), names, None


def enlarged(digits, image_shape):
    """Small digits as large as those that a detector knows, 20 pixels high in the middle of 28."""
    from PIL import Image

    height, width, channels = image_shape
    inner = [round(side * 5 / 7) for side in (width, height)]
    found = np.zeros((len(digits), height, width, channels), "uint8")
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    for image, small in zip(found, digits, strict=True):
        large = np.asarray(Image.fromarray(small[..., 0]).resize(inner, Image.Resampling.BICUBIC))
        image[top : top + inner[1], left : left + inner[0]] = large[..., None]
    return found


def build():
    judged = gr.State()
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            source = gr.Radio([EXAMPLE, OWN_FILE], value=EXAMPLE, label="Images")
            upload = gr.File(label="Files", file_types=["image", ".zip"], file_count="multiple", height=160)
            side = gr.Radio([16, 32, 64], value=32, label="Side in pixels")
            kind = gr.Dropdown([*DETECTORS, *ready()], value=next(iter(DETECTORS)), label="Detector", interactive=True)
            seed, go, stop, progress = training_controls()
        with gr.Column(scale=2, min_width=320):
            rate, counts = threshold_controls()
            picture = picture_box("The strangest images")
            files = file_box()

    @sentences
    def judge_images(source_name, sent, side_pixels, detector, seed_value, percent):
        own = within(source, source_name) == OWN_FILE
        side_pixels, preset = within(side, side_pixels), within(kind, detector).endswith(LEARNED)
        seed_value, percent = whole("Seed", seed_value, 0, MAX_SEED), within(rate, percent)
        yield "reads …", "", None, None, None  # between two steps Stop takes hold
        import kgen  # and keras with it

        if preset:
            machine = kgen.anomaly.load(detector.removesuffix(LEARNED))
            images, names, marked = given(sent, machine.image_shape_) if own else turned(machine.image_shape_)
        else:
            images, names, marked = given(sent, (side_pixels, side_pixels)) if own else zeros()
            machine = getattr(kgen.anomaly, DETECTORS[detector])(**CALIBRATED, **TRAINING, seed=seed_value)
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
            many = "s" if len(images) > 1 else ""
            sheet = drawn(figure, dpi="figure")  # whose pixels are set
            yield f"{len(images):,} image{many}", found.told(percent), sheet, paths, found

    # Events ----------------------------------------------------------------------------------------------------------

    inputs, outputs = [source, upload, side, kind, seed, rate], [progress, counts, picture, files, judged]
    named(judge_images, "source", "files", "side", "detector", "seed", "false_alarms")
    running = gr.on([go.click, seed.submit], judge_images, inputs, outputs, api_name="judge_images", **QUEUE)
    stop.click(None, cancels=[running], api_name="stop_images_training")
    rate.change(moved, [judged, rate], counts, api_name="count_images", **AT_ONCE)
    upload.upload(lambda: OWN_FILE, None, source, api_name="take_images", **AT_ONCE)

"""Part of *Inside*: the latent space of an autoencoder as a map of images. A click shows what lies there."""

from dataclasses import dataclass

import gradio as gr
import numpy as np

from .inside import PRIVATE
from .inside import QUEUE
from .pictures import drawn
from .pictures import tile
from .studio import MAX_SEED
from .studio import number
from .studio import sentences
from .studio import sorry
from .studio import whole
from .widgets import captioned
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box

PART_OF = "inside"
TITLE = "Latent map"
ORDER = 40
NEEDS = ("encode", "decode", "reconstruct", "generate", "latent_dim", "image_shape")

IMAGES = 600
KEEP = 4  # maps in memory
SIDE = 640  # pixels of the map
MARGIN = 0.06  # of the map, free at each side

ABOUT = """
Each point is an image, put where the model's encoder finds it; colours are its class. (Of digits 8 × 8 pixels, which
come with kgen, when the model takes grey images; else the model's own dreams, without a class.) With more than two
latent dimensions the map shows the two in which they differ most. **Click anywhere to see what lies there.**
"""

EMPTY = """
### No autoencoder yet

    kgen train vae --data digits --out runs/digits
    kgen demo --model runs/digits
"""


@dataclass(frozen=True)
class Chart:
    """A plane in latent space on which images lie.

    Attributes:
        middle: float `(latent_dim,)`.
        axes: float `(2, latent_dim)`, at right angles and of length 1.
        points: float `(n, 2)`, where the images lie on it.
        images: uint8 `(n, height, width, channels)`.
        labels: int `(n,)` or None.
    """

    middle: np.ndarray
    axes: np.ndarray
    points: np.ndarray
    images: np.ndarray
    labels: np.ndarray | None

    @property
    def ends(self):
        """(least, greatest) coordinate of the map, the same for both axes."""
        far = np.abs(self.points).max() * (1 + 2 * MARGIN)
        return -far, far

    def at(self, east, north):
        """The latent vector `(1, latent_dim)` of a place whose sides are from 0 to 100."""
        low, high = self.ends
        place = low + np.array([east, north]) / 100.0 * (high - low)
        return (self.middle + place @ self.axes)[None], place

    def nearest(self, place):
        """The number of the image that lies nearest."""
        return int(((self.points - place) ** 2).sum(axis=1).argmin())


def chart_of(model, seed, count=IMAGES):
    """The `Chart` of some images; their choice follows the seed."""
    images, labels = some_images(model, seed, count)
    codes = np.asarray(model.encode(images), "float64")
    middle = codes.mean(axis=0)
    axes = np.linalg.svd(codes - middle, full_matrices=False)[2][:2]
    if codes.shape[1] == 2:
        axes = np.eye(2)
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]  # the same on every backend
    return Chart(middle, axes, (codes - middle) @ axes.T, images, labels)


def some_images(model, seed, count):
    """(uint8 images as the model takes them, their classes or None)."""
    height, width, channels = model.image_shape
    if channels != 1:
        return model.generate(count, seed=seed), None
    from PIL import Image

    from kgen.datasets import load  # brings keras

    digits, labels = load("digits")
    chosen = np.random.default_rng(seed).permutation(len(digits))[:count]
    small = (Image.fromarray(digits[one, ..., 0]) for one in chosen)
    # Thick strokes come of enlarging; within a frame of black they are about as MNIST's are.
    inner = [max(1, round(0.72 * side)) if min(height, width) > 16 else side for side in (width, height)]
    images = np.zeros((len(chosen), height, width, 1), "uint8")
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    for image, one in zip(images, small, strict=True):
        image[top : top + inner[1], left : left + inner[0], 0] = np.asarray(one.resize(inner, Image.Resampling.BICUBIC))
    return images, labels[chosen]


def map_picture(chart, place=None):
    """The points, and a cross at a place: a PIL image `SIDE` pixels wide whose edges are the `ends`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(SIDE / 100, SIDE / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    low, high = chart.ends
    axes.set(xlim=(low, high), ylim=(low, high), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if chart.labels is None:
        axes.scatter(*chart.points.T, s=14, color="tab:purple", alpha=0.7, linewidths=0)
    for one in [] if chart.labels is None else np.unique(chart.labels):
        there = chart.points[chart.labels == one]
        axes.scatter(*there.T, s=18, color=f"C{one}", alpha=0.75, linewidths=0)
        middle = np.median(there, axis=0)
        box = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": f"C{one}", "linewidth": 1.5}
        axes.text(*middle, str(one), fontsize=12, weight="bold", ha="center", va="center", bbox=box)
    if place is not None:
        axes.plot(*place, marker="+", markersize=22, markeredgewidth=3, color="black")
    return drawn(figure, dpi="figure")


def build(studio):
    models = studio.names(*NEEDS)
    if not models:
        gr.Markdown(EMPTY)
        return
    charts = {}  # by model and seed, so that a click needs no second encoding; the QUEUE lets in one at a time
    drawn_of = gr.State()  # model and seed of the map that is shown
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=2, min_width=240):
            model = gr.Dropdown(models, value=models[0], label="Model", interactive=True)
            seed = seed_box()
            go, new, stop = go_and_stop("Draw the map", "Other images")
        with gr.Column(scale=4, min_width=320):
            picture = picture_box("Latent map", elem_classes="clickable")
        with gr.Column(scale=2, min_width=240):
            dreamed = captioned("What the model dreams there", buttons=["download"])
            near = captioned("The nearest image, and what becomes of it", buttons=["download"])
            with gr.Row():
                east = gr.Number(50, label="East", minimum=0, maximum=100, min_width=90)
                north = gr.Number(50, label="North", minimum=0, maximum=100, min_width=90)

    def chart_for(model, seed):
        """Yields None, for Stop to take hold, and at last (the model, its chart)."""
        seed = whole("Seed", seed, 0, MAX_SEED)
        studio.facts(model, *NEEDS)
        yield None
        mapper = studio.model(model, *NEEDS)
        yield None
        if (model, seed) not in charts:
            charts[model, seed] = chart_of(mapper, seed)
            if len(charts) > KEEP:
                del charts[next(iter(charts))]
        yield mapper, charts[model, seed]

    @sentences
    def draw_latent_map(model, seed):
        for found in chart_for(model, seed):
            if found is None:
                yield gr.skip(), gr.skip()
        yield map_picture(found[1]), (model, seed)

    @sentences
    def show_latent_place(model, seed, east, north):
        east, north = number("East", east, 0, 100), number("North", north, 0, 100)
        for found in chart_for(model, seed):
            if found is None:
                yield [gr.skip()] * 4
        mapper, chart = found
        z, place = chart.at(east, north)
        image = chart.images[[chart.nearest(place)]]
        pair = np.concatenate([image, mapper.reconstruct(image)])
        dream = tile(mapper.decode(z), width=280)
        yield map_picture(chart, place), dream, tile(pair, columns=2, width=280), (model, seed)

    def click_latent_map(drawn_of, click: gr.SelectData):
        if not drawn_of:
            raise sorry("Draw the map first, then click it.")
        across, down = (min(100.0, max(0.0, 100.0 * at / SIDE)) for at in click.index)
        return round(across, 2), round(100.0 - down, 2), drawn_of[1]

    # Events ----------------------------------------------------------------------------------------------------------

    drawing = {"inputs": [model, seed], "outputs": [picture, drawn_of]}
    showing = {"inputs": [model, seed, east, north], "outputs": [picture, dreamed, near, drawn_of]}
    events = [gr.on([go.click, seed.submit], draw_latent_map, **drawing, api_name="draw_latent_map", **QUEUE)]
    events += [gr.on([east.submit, north.submit], show_latent_place, **showing, api_name="show_latent_place", **QUEUE)]
    clicked = picture.select(
        click_latent_map,
        drawn_of,
        [east, north, seed],
        queue=False,
        show_progress="hidden",
        api_name="click_latent_map",
        api_visibility="private",
    )
    again = {"api_visibility": "private", **QUEUE}
    events += [clicked.then(show_latent_place, **showing, api_name="show_clicked_latent", **again)]
    other = dice(new, seed, api_name="new_latent_images")
    events += [other.then(draw_latent_map, **drawing, api_name="draw_other_images", **again)]
    stop.click(None, cancels=events, api_name="stop_latent_map")
    model.change(lambda: [None] * 4, None, [picture, dreamed, near, drawn_of], api_name="forget_latent_map", **PRIVATE)

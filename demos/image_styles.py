"""Part of *Image generation*: dreams in the style of two, the coarse of one and the fine of another."""

import gradio as gr
import numpy as np

from .image_classes import class_box_of
from .image_classes import labels_chosen
from .image_dreams import truncation_slider
from .image_generation import NEEDS as AN_IMAGE_MODEL
from .image_generation import PRIVATE
from .image_generation import QUEUE
from .image_interpolation import latent_of
from .pictures import check_sheet
from .pictures import tile
from .studio import MAX_SEED
from .studio import sentences
from .studio import whole
from .widgets import dice
from .widgets import go_and_stop
from .widgets import picture_box
from .widgets import seed_box
from .widgets import within

PART_OF = "image_generation"
TITLE = "Styles"
ORDER = 40
NEEDS = (*AN_IMAGE_MODEL, "mix", "decode", "latent_dim", "filters")

MAX_SIDE = 8  # dreams at an edge of the table

ABOUT = """
At the top and on the left are dreams, each in a style of its own. Between them are their mixtures: **the innermost
levels in the style of the row, which decide what there is and where; the others in the style of the column**, which
paint it.
"""


def levels_of(facts):
    """How many levels a model paints in; for models that mix nothing, one."""
    return len(facts.arguments["filters"]) if facts.has(*NEEDS) else 1


def level_shown(facts):
    """What the slider shows for a model: at first half of the levels are the row's."""
    levels = levels_of(facts)
    return {"maximum": levels, "value": (levels + 1) // 2}


def mixtures(model, rows, columns, level, **options):
    """The table row by row: the dreams of the columns' seeds, then for each row its dream and its mixtures.

    Args:
        model: a model with `mix`.
        rows, columns: lists of seeds.
        level: how many levels are the row's.
        **options: of `mix` and `decode`, such as truncation.

    Yields:
        uint8 images `(columns, …)` first, then `(1 + columns, …)`.
    """
    dreams = model.decode(np.concatenate([latent_of(seed, model.latent_dim) for seed in (*columns, *rows)]), **options)
    yield dreams[: len(columns)]
    for seed, dream in zip(rows, dreams[len(columns) :], strict=True):
        yield np.concatenate([dream[None], model.mix([seed], columns, level=level, **options)[0]])


def build(studio, model):
    gr.Markdown(ABOUT)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            with gr.Row():
                first_row = seed_box("Rows from seed", 1)
                first_column = seed_box("Columns from seed", 101)
            with gr.Row():
                rows = gr.Slider(1, MAX_SIDE, 4, step=1, label="Rows", min_width=110)
                columns = gr.Slider(1, MAX_SIDE, 5, step=1, label="Columns", min_width=110)
            shown = level_shown(studio.facts(model.value))
            level = gr.Slider(0, **shown, step=1, label="Levels of the row", info="the others are the column's")
            pull = truncation_slider(0.7)
            labels = class_box_of(studio, model, "show_styles_classes")
            go, new, stop = go_and_stop("Mix", "New seeds")
        with gr.Column(scale=2, min_width=320):
            picture = picture_box("Mixed styles")

    @sentences
    def mix_styles(model, row_seed, column_seed, rows, columns, level, truncation, labels):
        row_seed = whole("Rows from seed", row_seed, 0, MAX_SEED)
        column_seed = whole("Columns from seed", column_seed, 0, MAX_SEED)
        rows, columns = whole("Rows", rows, 1, MAX_SIDE), whole("Columns", columns, 1, MAX_SIDE)
        facts = studio.facts(model, *NEEDS)
        level = whole("Levels of the row", level, 0, levels_of(facts))
        options = {"truncation": within(pull, truncation), **labels_chosen(facts, labels)}
        yield gr.skip()  # between two steps Stop takes hold
        mixer = studio.model(model, *NEEDS)
        check_sheet((rows + 1) * (columns + 1), mixer.image_shape)
        table, seeds = [], (range(row_seed, row_seed + rows), range(column_seed, column_seed + columns))
        for row in mixtures(mixer, *map(list, seeds), level, **options):
            yield gr.skip()
            table.append(row)
        yield tile(np.concatenate(table), columns=columns + 1, skip=1)

    inputs = [model, first_row, first_column, rows, columns, level, pull, labels]
    starts = [go.click, first_row.submit, first_column.submit, level.release, labels.input]
    running = gr.on(starts, mix_styles, inputs, picture, api_name="mix_styles", **QUEUE)
    again = dice(new, first_row, first_column, api_name="new_styles_seeds").then(
        mix_styles, inputs, picture, api_name="mix_anew", api_visibility="private", **QUEUE
    )
    stop.click(None, cancels=[running, again], api_name="stop_styles")

    def show_levels(model):
        return gr.update(**level_shown(studio.facts(model)))

    model.change(show_levels, model, level, api_name="show_levels", **PRIVATE)

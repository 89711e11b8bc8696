"""Detectors on the command line: `kgen train vae-detector`, `kgen score`, and `kgen evaluate` of such a run.

A run folder of a detector holds detector.zip, which is all that is needed, and config.json, which says whence it came.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kgen.cli import words

ROWS_AT_ONCE = 20_000
IMAGES_AT_ONCE = 256
HEADERS = {"table": ("row", "why"), "images": ("image",), "series": ("point",)}


def train(name, data, out, settings, seed, data_dir=None, image_size=None, columns="", overwrite=False, **of_training):
    """What `kgen train` does with a detector; `of_training` are options with which it is trained."""
    import keras

    import kgen
    from kgen import backend
    from kgen import runs
    from kgen.anomaly.saving import FILE
    from kgen.presets import files
    from kgen.training.interrupts import StopOnInterrupt

    detector_class = getattr(kgen.anomaly, name)
    taken = (*of_training, "verbose", "teacher")
    arguments = words.arguments_from(settings, detector_class.__init__, name, taken)
    of_training = {key: value for key, value in of_training.items() if value is not None}
    if not data:
        raise ValueError(f"--data: name what a {name} shall learn from: {_wanted(detector_class)}")
    runs.check_free(out, overwrite)
    rows = _learned(detector_class, data, data_dir, columns, image_size)
    keras.utils.set_random_seed(seed)
    verbose = 1 if sys.stdout.isatty() else 2
    detector = detector_class(**{"seed": seed, **of_training, **arguments}, verbose=verbose)
    try:
        with StopOnInterrupt() as interrupt:
            detector.fit(rows, callbacks=[interrupt])
    except KeyboardInterrupt:
        typer.echo("\nstopped; a detector is written when it is finished, so nothing was", err=True)
        raise typer.Exit(130) from None
    detector.set_params(verbose=0)
    config = {
        "model": name,
        "data": data,
        "data_dir": str(data_dir) if data_dir else None,
        "columns": columns or None,
        "image_size": image_size,
        "arguments": {**of_training, **arguments},
        "seed": seed,
        "rows": len(rows),
        "backend": backend.running(),
        "kgen": kgen.__version__,
    }
    out.mkdir(parents=True, exist_ok=True)
    detector.save(out / FILE)
    with files.atomic_write(out / "config.json") as temporary:
        temporary.write_text(json.dumps(config, indent=2), encoding="utf-8")
    runs.clear(out, keep=(FILE, "config.json"))
    alarms = f"a score above {-detector.offset_:.4g} is an anomaly"
    typer.echo(f"{out / FILE}: {name} after {len(rows):,} rows; {alarms}")


def score(
    run: Annotated[str, typer.Argument(help="run folder of a detector, or its detector.zip")],
    data: Annotated[str, typer.Option(help="table (.csv, .tsv, .gz) of any length, folder of images, or data set")],
    out: Annotated[Path, typer.Option(help="table to write: score, anomaly, p_value, and why")],
    data_dir: words.DataDir = None,
    backend: words.Backend = "",
    device: words.Device = "",
    overwrite: Annotated[bool, typer.Option(help="replace --out")] = False,
):
    """Say of each row, image or point of a series how strange it is: a higher score is stranger.

    p_value is the share of clean rows that score as high, by rows that were held back in training; why names the
    columns that made an anomaly strange. Memory does not grow with the length of a table.
    """
    if out.exists() and not overwrite:
        raise FileExistsError(f"--out: {out} exists; choose another name, or replace it with --overwrite")
    words.prepare(backend, device)
    from kgen import anomaly
    from kgen.cli.progress import ProgressLine
    from kgen.presets import files

    detector = anomaly.load(run)
    kind, chunks = _given(detector, run, data, data_dir)
    first, *why = HEADERS[kind]
    count, alarms, shown = 0, 0, ProgressLine(sys.stderr)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with files.atomic_write(out) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([first, "score", "anomaly", "p_value", *why])
            for names, rows, _ in chunks:
                found = _scored(detector, rows, explained=bool(why))
                writer.writerows((name, *one) for name, one in zip(names, found, strict=True))
                count, alarms = count + len(found), alarms + sum(one[1] for one in found)
                shown(count, 0)
    finally:
        shown.end()
    share = f"{alarms:,} of them anomalies, which score above {-detector.offset_:.4g}"
    typer.echo(f"{out}: {count:,} {first}s, {share}")


def evaluate(run, data, data_dir, labels, limit):
    """What `kgen evaluate` does with a detector: how well its scores tell marked anomalies from the rest."""
    import numpy as np
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import roc_auc_score

    from kgen import anomaly
    from kgen import runs
    from kgen.metrics import report

    detector = anomaly.load(run)
    config = runs.read_config(run) if Path(run).is_dir() else {}
    data, data_dir = data or config.get("data"), data_dir or config.get("data_dir")
    if not data:
        raise ValueError(f"--data: {run} does not say what it was trained on; name a table or a data set")
    scores, truth = [], []
    for _, rows, marks in _given(detector, run, data, data_dir, labels)[1]:
        if marks is None:
            raise ValueError(
                f"--labels: name the column of {data} that is 1 for an anomaly and 0 for the rest, or a data set with "
                "labels such as adbench/cardio; to score rows of which nobody knows there is `kgen score`"
            )
        scores.append(-detector.score_samples(rows))
        truth.append(np.asarray(marks, "float64"))
        if limit and sum(map(len, scores)) >= limit:
            break
    scores, truth = (np.concatenate(parts)[: limit or None] for parts in (scores, truth))
    if not np.isin(truth, (0, 1)).all() or len(np.unique(truth)) < 2:
        raise ValueError("--labels: expected 0 and 1, and some of each")
    alarms = scores > -detector.offset_
    figures = {
        "auroc": float(roc_auc_score(truth, scores)),
        "average_precision": float(average_precision_score(truth, scores)),
        "anomalies_found": float(alarms[truth == 1].mean()),
        "false_alarm_rate": float(alarms[truth == 0].mean()),
        "rows": len(truth),
    }
    report(f"{type(detector).__name__} on {data}", figures, detector.model_)


def _wanted(detector_class):
    wanted = {
        "table": "a table (.csv)",
        "images": "a folder of images, or a data set such as digits",
        "series": "a .csv with a column of numbers in the order of time",
    }
    return ", ".join(wanted[kind] for kind in detector_class.reads)


# What is learned -----------------------------------------------------------------------------------------------------


def _learned(detector_class, data, data_dir, columns, image_size):
    from kgen.datasets import csv_table
    from kgen.datasets import image_folder

    chosen = [name.strip() for name in columns.split(",")] if columns else None
    path = Path(data)
    if path.is_dir():
        kind, rows = "images", image_folder(path, image_size=image_size)
    elif path.exists():
        kind = "series" if "series" in detector_class.reads else "table"
        table = csv_table.read_csv(path, chosen)
        if kind == "series":
            rows = csv_table.numbers_of(path, table)
        else:
            rows, left_out = csv_table.without_names(path, table)
            if left_out:
                names = ", ".join(left_out)
                typer.echo(f"kgen: {path}: left out {names}, which names rows and says nothing of them", err=True)
    else:
        kind, (rows, *_) = _named(data, data_dir, "train")
    _check_kind(detector_class, kind, data)
    return rows


def _check_kind(detector_class, kind, data):
    if kind not in detector_class.reads:
        found = {"table": "a table", "images": "images", "series": "a series"}[kind]
        raise ValueError(f"--data: a {detector_class.__name__} takes {_wanted(detector_class)}; {data} holds {found}")


def _named(data, data_dir, split):
    """(kind, (rows, labels or None)) of a data set by its name."""
    import numpy as np

    from kgen import runs

    parts = runs.load_named(data, split, data_dir)
    rows = parts[0]
    if data.startswith("nab/"):
        return "series", (rows[:, None], None)
    if data.startswith("adbench/"):
        return "table", (rows, parts.labels)
    if isinstance(rows, np.ndarray) and rows.dtype == np.uint8 and rows.ndim == 4:
        return "images", (rows, None)
    raise ValueError(f"--data: a detector takes images, tables or series; {data!r} holds something else")


# What is scored ------------------------------------------------------------------------------------------------------


def _given(detector, run, data, data_dir, labels=""):
    """What the rows are, and an iterator of (their names, rows, marks of the anomalies or None), a chunk at a time."""
    path = Path(data)
    if path.is_dir():
        kind = "images"
    elif path.exists():
        kind = "series" if "series" in detector.reads else "table"
    else:
        kind, (rows, marks) = _named(data, data_dir, "test")
    _check_kind(type(detector), kind, data)
    if kind == "images" and getattr(detector, "image_shape_", None) is None:
        raise ValueError(f"--data: {run} has learned from a table, {data} holds images")
    if path.is_dir():
        return kind, _images_in(path, detector.image_shape_)
    if not path.exists():
        return kind, _slices(rows, marks, len(rows) if kind == "series" else ROWS_AT_ONCE)
    if getattr(detector, "image_shape_", None) is not None:
        raise ValueError(f"--data: {run} has learned from images; name a folder of them, not {data}")
    return kind, _rows_in(path, detector, labels)


def _slices(rows, marks, size):
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        some = rows[part]
        yield range(start + 1, start + len(some) + 1), some, None if marks is None else marks[part]


def _rows_in(path, detector, labels):
    """The rows of a table, in the columns that the detector knows; a series comes in one piece, as its windows do."""
    from kgen.datasets import csv_table

    known = getattr(detector, "feature_names_in_", None)
    header = csv_table.csv_header(path)
    if known is None:
        names = [name for name in header if name != labels]
        if len(names) != detector.n_features_in_:
            raise ValueError(f"{path}: expected {detector.n_features_in_} columns, as were learned, got {len(names)}")
    else:
        names = [str(name) for name in known]
    kinds = detector.table_.holds_numbers() if hasattr(detector, "table_") else {}
    numbers = {name: kinds.get(name, True) for name in names}
    if labels:
        numbers[labels] = True
    series = "series" in detector.reads
    chunks = csv_table.csv_chunks(path, numbers, 1 << 62 if series else ROWS_AT_ONCE)
    for chunk in chunks:
        rows = chunk[names]
        rows = rows.to_numpy() if known is None else rows
        yield chunk.index + 1, rows, chunk[labels].to_numpy() if labels else None


def _images_in(folder, image_shape):
    import numpy as np

    from kgen.cli.pictures import fitted
    from kgen.datasets.files import Skipped
    from kgen.datasets.files import files_below
    from kgen.datasets.image_file import Unusable

    skipped, names, images, any_images = Skipped(), [], [], False
    for file in files_below(folder, skipped):
        try:
            images.append(fitted(file, image_shape))
        except Unusable as reason:
            skipped.add(file, reason)
            continue
        names.append(str(file.relative_to(folder)))
        if len(images) == IMAGES_AT_ONCE:
            yield names, np.stack(images), None
            names, images, any_images = [], [], True
    if images:
        yield names, np.stack(images), None
    elif not any_images:
        raise ValueError(f"--data: no image could be read from {folder} ({skipped or 'it is empty'})")
    if skipped:
        typer.echo(f"kgen: {folder}: skipped {len(skipped)}: {skipped}", err=True)


def _scored(detector, rows, explained):
    """For each row what is written of it: score, anomaly, p-value and, where that is wanted, why."""
    import numpy as np

    scores = -detector.score_samples(rows)
    alarms = scores > -detector.offset_
    clean = detector.clean_scores_
    shares = [""] * len(scores) if clean is None else [f"{p:.4g}" for p in clean.p_values(scores)]
    table = [[f"{one:.6g}", int(alarm), p] for one, alarm, p in zip(scores, alarms, shares, strict=True)]
    if explained:
        reasons = iter(())
        if alarms.any():
            chosen = rows[alarms] if isinstance(rows, np.ndarray) else rows.loc[alarms]
            reasons = iter(detector.explain(chosen).top(2))
        for row, alarm in zip(table, alarms, strict=True):
            row.append("; ".join(f"{name} ({share:.3g})" for name, share in next(reasons)) if alarm else "")
    return table

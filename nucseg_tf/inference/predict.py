"""From image files to a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.inference.measure import measure_columns
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import Outcome, Stage, run
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.stages.measure import Measure, add_image
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.write import Write, remove_results
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.images import list_images
from nucseg_tf.io.tables import Table, write_failures, write_table
from nucseg_tf.types import Image


def predict_files(
    paths: Sequence[str | Path],
    out: Path,
    segmenter: Segmenter,
    options: Options,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> Outcome:
    """Predict image files and folders of them.

    Writes STEM_labels.tif (and what `options.writers` add) per image, objects.csv, and failures.csv
    if images had to be left out.

    Args:
        paths: files, or folders of them.
        out: folder for the results, made if need be.
        segmenter: the model.
        options: how to read and predict, what to write.
        progress: called after each image with its number, the count and its name; says whether to
            go on.

    Returns:
        What was done and what failed.

    Raises:
        UsageError: if two images have the same stem, and so would overwrite each other's results.
        OutputError: if `out` cannot be written.
    """
    files = list_images(paths)
    _refuse_same_stem(files)
    ensure_folder(out)
    segmenter.check(options)
    stages: list[Stage] = [
        Read(options),
        *segmenter.stages(options),
        Measure(),
        Write(out, options.writers),
    ]
    outcome, tables = Outcome(), []
    for number, way in enumerate(run(files, stages), start=1):
        if way.error:
            remove_results(out, way.file)
        else:
            tables.append(way.value.table)
        outcome.note(way, way.file.name)
        if not progress(number, len(files), way.file.name):
            outcome.left_out = files[number:]
            break
    _write_objects(out, tables)
    write_failures(out, outcome.failures)
    return outcome


def _refuse_same_stem(files: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for file in files:
        other = seen.setdefault(file.stem.lower(), file)
        if other != file:
            raise UsageError(
                f"{other} and {file} have the same stem, so their results would overwrite each "
                f"other. Predict them into different folders (--out)."
            )


def _write_objects(out: Path, tables: list[Table]) -> None:
    nothing = Image(np.zeros((1, 1)), None, Path())
    empty = add_image(Table(measure_columns(np.zeros((1, 1), np.int32))), nothing)
    write_table(out / "objects.csv", [*tables, empty])

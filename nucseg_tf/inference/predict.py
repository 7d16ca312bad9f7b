"""From image files to a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.inference.measure import measure_columns
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import Line, Outcome, Stage
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
    workers: int = 1,
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
            go on; images that have been begun are finished all the same.
        workers: how many images may be on their way at once.

    Returns:
        What was done and what failed.

    Raises:
        UsageError: if there are fewer workers than one, or two images have the same stem, and so
            would overwrite each other's results.
        OutputError: if `out` cannot be written.
    """
    files = list_images(paths)
    if workers < 1:
        raise UsageError(f"--workers: expected 1 or more. Received: {workers}.")
    _refuse_same_stem(files)
    ensure_folder(out)
    segmenter.check(options)
    stages: list[Stage] = [
        Read(options),
        *segmenter.stages(options),
        Measure(),
        Write(out, options.writers),
    ]
    outcome = Outcome()

    def tables() -> Iterator[Table]:
        yield _no_objects()
        line, number = Line(files, stages, min(workers, len(files))), 0
        for number, way in enumerate(line, start=1):
            if way.error:
                remove_results(out, way.file)
            else:
                yield way.value.table
            outcome.note(way, way.file.name)
            if not progress(number, len(files), way.file.name):
                line.stop()
        outcome.left_out = files[number:]

    write_table(out / "objects.csv", tables())
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


def _no_objects() -> Table:
    """The columns of objects.csv, without rows."""
    nothing = Image(np.zeros((1, 1)), None, Path())
    return add_image(Table(measure_columns(np.zeros((1, 1), np.int32))), nothing)

"""From image files to a folder of results."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nucseg_tf.errors import UsageError
from nucseg_tf.inference.measure import measure
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import Stage, run
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.stages.measure import Measure
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.write import Write, remove_results
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.images import list_images

LOG = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What became of the files.

    Attributes:
        done: an entry an image: name, shape, nuclei, seconds.
        failures: (path, reason) of the images that could not be done.
        left_out: images not tried, because the run was stopped.
    """

    done: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)


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
        file = way.file
        if way.error:
            LOG.error("%s", way.reason if str(file) in way.reason else f"{file}: {way.reason}")
            remove_results(out, file)
            outcome.failures.append((file, way.reason))
        else:
            tables.append(way.value.table)
            height, width = way.value.shape
            entry = {"image": file.name, "height": height, "width": width}
            entry |= {"nuclei": len(way.value.table), "seconds": round(way.seconds, 3)}
            outcome.done.append(entry)
        if not progress(number, len(files), file.name):
            outcome.left_out = files[number:]
            break
    _write_tables(out, tables, outcome.failures)
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


def _write_tables(out: Path, tables: list[pd.DataFrame], failures: list[tuple[Path, str]]) -> None:
    if not tables:
        empty = measure(np.zeros((1, 1), np.int32))
        empty.insert(0, "image", "")
        tables = [empty]
    with atomic_path(out / "objects.csv") as temporary:
        filled = [table for table in tables if len(table)] or tables[:1]
        pd.concat(filled).to_csv(temporary, index=False, float_format="%.9g")
    (out / "failures.csv").unlink(missing_ok=True)  # of an earlier run into the same folder
    if failures:
        with (
            atomic_path(out / "failures.csv") as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            writer = csv.writer(stream)
            writer.writerow(["image", "reason"])
            writer.writerows((str(path), reason) for path, reason in failures)

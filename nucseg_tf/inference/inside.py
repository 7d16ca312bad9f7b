"""Labels and tables inside the images that they are of, as OME-Zarr has it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.inference.options import NUCLEI
from nucseg_tf.io.tables import Table

KINDS = ("labels", "tables")  # folders in an image that hold them


def refuse_present(paths: Iterable[Path], names: tuple[str, str]) -> None:
    """Refuse images that have labels or a table of these names already; UsageError."""
    places = list(zip(KINDS, names, strict=True))
    taken = [path for path in paths if any((path / kind / name).exists() for kind, name in places)]
    if taken:
        more = f" and {len(taken) - 1} more images" if len(taken) > 1 else ""
        raise UsageError(
            f"{taken[0]}{more}: has labels {names[0]!r} or a table {names[1]!r} already, which "
            "stay. Replace them with --overwrite, or write label images into the output folder "
            "with --labels tif."
        )


def refuse_unwritable(paths: Iterable[Path]) -> None:
    """Refuse images that nothing can be written into, before any is predicted; UsageError."""
    closed = [path for path in paths if not os.access(path, os.W_OK)]
    if closed:
        more = f" and {len(closed) - 1} more images" if len(closed) > 1 else ""
        raise UsageError(
            f"{closed[0]}{more}: labels cannot be written into it. Have label images written into "
            "the output folder with --labels tif."
        )


def write_inside(
    path: Path,
    planes: Sequence[np.ndarray] | np.ndarray,
    places: Sequence[tuple[int, int | None]],
    table: Table | None = None,
    names: tuple[str, str] = (NUCLEI, NUCLEI),
) -> None:
    """Write the labels of an image into it, in place of those of the same name.

    Args:
        path: the group of the image.
        planes: (H, W) each.
        places: t and z of each; z is None where it stands for all.
        table: a row for each label; without one, that of the former labels goes all the same.
        names: of labels and table.

    Raises:
        OutputError: they cannot be written.
    """
    from nucseg_tf.io.omezarr.labels import write_labels
    from nucseg_tf.io.omezarr.multiscale import read_multiscale
    from nucseg_tf.io.omezarr.store import open_group, remove_from
    from nucseg_tf.io.omezarr.table import write_table

    group = open_group(path, "r+")
    axes = [axis for axis in read_multiscale(group).axes[:-2] if axis in "tz"]
    numbers = [{"t": t, "z": z or 0} for t, z in places]
    projected = "z" if "z" in axes and all(z is None for _, z in places) else ""
    label_name, table_name = names
    remove_from(group, "tables", table_name)  # of an earlier run, about labels that go now
    write_labels(
        path,
        planes,
        label_name,
        overwrite=True,
        places=[tuple(number[axis] for axis in axes) for number in numbers],
        projected=projected,
    )
    if table is not None:
        write_table(path, table, table_name, label_name)

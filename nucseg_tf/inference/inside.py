"""Labels and tables inside the images that they are of, as OME-Zarr has it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.io.tables import Table

NAME = "nuclei"  # of labels and table
KINDS = ("labels", "tables")  # folders in an image that hold them


def refuse_present(paths: Iterable[Path]) -> None:
    """Refuse images that have labels or a table of that name already; UsageError."""
    taken = [path for path in paths if any((path / kind / NAME).exists() for kind in KINDS)]
    if taken:
        more = f" and {len(taken) - 1} more images" if len(taken) > 1 else ""
        raise UsageError(
            f"{taken[0]}{more}: has labels or a table {NAME!r} already, which stay. Replace "
            "them with --overwrite, or write label images into the output folder with --labels tif."
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
) -> None:
    """Write the labels of an image into it, in place of those of the same name.

    Args:
        path: the group of the image.
        planes: (H, W) each.
        places: t and z of each; z is None where it stands for all.
        table: a row for each label; without one, that of the former labels goes all the same.

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
    remove_from(group, "tables", NAME)  # of an earlier run, about labels that go now
    write_labels(
        path,
        planes,
        NAME,
        overwrite=True,
        places=[tuple(number[axis] for axis in axes) for number in numbers],
        projected=projected,
    )
    if table is not None:
        write_table(path, table, NAME, NAME)

"""A plate, whatever it is on disk."""

from __future__ import annotations

import os
from pathlib import Path

from nucseg_tf.errors import UsageError
from nucseg_tf.io.omezarr.store import is_zarr
from nucseg_tf.io.plates.folder import read_plate
from nucseg_tf.io.plates.plate import Plate
from nucseg_tf.io.plates.zarr_folder import read_zarr_plate


def open_plate(
    path: str | os.PathLike[str], pattern: str | None = None, columns: int | None = None
) -> Plate:
    """Find out what a plate holds.

    Args:
        path: a plate in OME-Zarr, or a folder of a plate's files; see `read_plate` for the rest.
        pattern: of file names.
        columns: of wells, for names that count the wells.

    Raises:
        UsageError: it is no plate that is known, or OME-Zarr with a pattern.
        DataError: it cannot be used.
    """
    if not is_zarr(Path(path)):
        return read_plate(path, pattern, columns)
    if pattern is not None or columns is not None:
        raise UsageError(f"{path}: is OME-Zarr, which needs no --pattern and no --columns")
    return read_zarr_plate(path)

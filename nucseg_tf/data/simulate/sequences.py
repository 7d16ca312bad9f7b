"""Folders of stacks and movies: DIR/LINE/STEM.ome.tif, its labels, and tracks of a movie.

Labels are a stack beside the images, STEM_labels.tif, in which a nucleus has one number throughout;
STEM_tracks.csv says which track came from which. As for fields, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.field import check_seed, check_shape
from nucseg_tf.data.simulate.movie import simulate_movie
from nucseg_tf.data.simulate.stack import STEP, simulate_stack
from nucseg_tf.data.simulate.write import describe, is_there
from nucseg_tf.errors import UsageError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.tables import write_table

UINT16_MAX = np.iinfo(np.uint16).max


def write_sequences(
    out: Path,
    lines: Sequence[CellLine],
    count: int,
    planes: int | None = None,
    frames: int | None = None,
    seed: int = 0,
    shape: tuple[int, int] | None = None,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> int:
    """Draw stacks of planes or movies of frames, and write them as OME-TIFF.

    Args:
        out: folder for a folder of each cell line; files in it that are the same are kept.
        lines: cell lines.
        count: stacks or movies of each.
        planes, frames: how many, of one or the other.
        seed, shape, progress: see `write_fields`.

    Returns:
        How many are done; fewer than all if `progress` said to stop.

    Raises:
        UsageError: an argument is out of range, or there are both planes and frames.
        DataError: a file of that name is another stack or movie.
        OutputError: nothing can be written there.
    """
    if (planes is None) == (frames is None):
        raise UsageError("expected one of --planes and --frames, for stacks or for movies")
    for name, number in (("fields", count), ("planes", planes), ("frames", frames)):
        if number is not None and number < 1:
            raise UsageError(f"--{name}: expected 1 or more. Received: {number}")
    check_seed(seed)
    for line in lines:
        check_shape(shape or line.shape)
    todo = [(line, index) for line in lines for index in range(1, count + 1)]
    for done, (line, index) in enumerate(todo, start=1):
        if planes is not None:
            stem = _write_stack(out, line, index, planes, seed, shape)
        elif frames is not None:
            stem = _write_movie(out, line, index, frames, seed, shape)
        if not progress(done, len(todo), stem):
            return done
    return len(todo)


def _write_stack(
    out: Path,
    line: CellLine,
    index: int,
    planes: int,
    seed: int,
    shape: tuple[int, int] | None,
) -> str:
    """Write a stack unless it is there; return its stem."""
    stem = f"{line.name}_stack_seed{seed}_{index:04d}"
    folder = ensure_folder(out / line.name)
    image_file, label_file = folder / f"{stem}.ome.tif", folder / f"{stem}_labels.tif"
    made_of = describe(line, index, seed, shape or line.shape, planes=planes)
    if not is_there(image_file, made_of, label_file):
        images, labels = simulate_stack(line, index, planes, seed, shape)
        sizes = {"axes": "ZYX", "PhysicalSizeZ": STEP, "PhysicalSizeZUnit": "µm"}
        _write(label_file, _narrow(labels), line.pixel_size, sizes)
        _write(image_file, images, line.pixel_size, {**sizes, "Description": made_of})
    return stem


def _write_movie(
    out: Path,
    line: CellLine,
    index: int,
    frames: int,
    seed: int,
    shape: tuple[int, int] | None,
) -> str:
    """Write a movie unless it is there; return its stem."""
    stem = f"{line.name}_movie_seed{seed}_{index:04d}"
    folder = ensure_folder(out / line.name)
    image_file, label_file = folder / f"{stem}.ome.tif", folder / f"{stem}_labels.tif"
    track_file = folder / f"{stem}_tracks.csv"
    made_of = describe(line, index, seed, shape or line.shape, frames=frames)
    if not is_there(image_file, made_of, label_file, track_file):
        images, labels, tracks = simulate_movie(line, index, frames, seed, shape)
        write_table(track_file, [tracks])
        _write(label_file, _narrow(labels), line.pixel_size, {"axes": "TYX"})
        _write(image_file, images, line.pixel_size, {"axes": "TYX", "Description": made_of})
    return stem


def _narrow(labels: np.ndarray) -> np.ndarray:
    """Labels as uint16, or uint32 above 65,535; OME has both."""
    return labels.astype(np.uint16 if labels.max() <= UINT16_MAX else np.uint32)


def _write(path: Path, planes: np.ndarray, pixel_size: float, metadata: dict) -> None:
    import tifffile

    sizes = {f"PhysicalSize{axis}": pixel_size for axis in "XY"}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            planes,
            ome=True,
            photometric="minisblack",
            compression="zlib",
            metadata={**metadata, **sizes, **units},
        )

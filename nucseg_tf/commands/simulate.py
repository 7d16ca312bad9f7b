"""`nucseg simulate`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from nucseg_tf.console import show_progress
from nucseg_tf.errors import Signalled, UsageError

if TYPE_CHECKING:
    from nucseg_tf.data.simulate.plate.screen import Screen

LOG = logging.getLogger(__name__)
PLATE_LINE = "U2OS"


def simulate(
    *,
    out: Path,
    cell_line: str | None = None,
    fields: int = 1,
    seed: int = 0,
    size: str | None = None,
    planes: int | None = None,
    frames: int | None = None,
    plate: str | None = None,
    wells: int | None = None,
    channels: int | None = None,
    layout: str | None = None,
    workers: int | None = None,
) -> Path:
    """Draw synthetic fields with exact labels.

    Writes a data set: images/LINE/STEM.tif and masks/LINE/STEM.tif. With --planes or --frames,
    stacks or movies: LINE/STEM.ome.tif, STEM_labels.tif and, of movies, STEM_tracks.csv. With
    --plate, a plate as a microscope leaves it, and truth/ beside. Prints the folder. After an
    interruption, the same command goes on.

    Args:
        cell_line: MCF10A, HCT116, U2OS, Eosinophils, or all; a plate is of U2OS otherwise
        out: folder for the data set
        fields: how many, of each cell line, or of each well; or how many stacks or movies
        seed: another seed is another set of fields
        size: HEIGHTxWIDTH in px; that of the published fields otherwise
        planes: draw stacks of so many planes
        frames: draw movies of so many frames
        plate: draw a plate of ROWSxCOLUMNS wells, such as 8x12
        wells: of the plate that have images, row by row; all otherwise
        channels: of the plate; DAPI, a reporter that moves into the nuclei, and EdU; 3 otherwise
        layout: of the plate, cellvoyager or zarr (OME-Zarr); cellvoyager otherwise
        workers: processes that draw a plate; as many as there are cores otherwise
    """
    if plate is not None:
        _refuse("is not of plates", planes=planes, frames=frames)
        screen = _screen(plate, cell_line, wells, fields, channels, seed, size)
        return _draw_plate(out, screen, layout or "cellvoyager", workers)
    needs = "is of plates only; give --plate too, such as --plate 8x12"
    _refuse(needs, wells=wells, channels=channels, layout=layout, workers=workers)
    if cell_line is None:
        raise UsageError("--cell-line is missing")
    return _draw_fields(out, cell_line, fields, seed, size, planes, frames)


def _draw_fields(
    out: Path,
    cell_line: str,
    fields: int,
    seed: int,
    size: str | None,
    planes: int | None,
    frames: int | None,
) -> Path:
    from nucseg_tf.data.simulate import find_cell_lines, parse_shape, write_fields, write_sequences

    lines = find_cell_lines(cell_line)
    shape = None if size is None else parse_shape(size)
    with show_progress() as progress:
        if planes is None and frames is None:
            done = write_fields(out, lines, fields, seed, shape, progress)
        else:
            done = write_sequences(out, lines, fields, planes, frames, seed, shape, progress)
    _end(done, fields * len(lines))
    return out


def _draw_plate(out: Path, screen: Screen, layout: str, workers: int | None) -> Path:
    from nucseg_tf.data.simulate.plate.write import write_plate

    with show_progress() as progress:
        done = write_plate(out, screen, layout, workers, progress)
    _end(done, screen.wells * screen.fields)
    return out


def _screen(
    plate: str,
    cell_line: str | None,
    wells: int | None,
    fields: int,
    channels: int | None,
    seed: int,
    size: str | None,
) -> Screen:
    from nucseg_tf.data.simulate import find_cell_lines, parse_shape
    from nucseg_tf.data.simulate.plate.screen import CHANNELS, Screen, parse_plate

    rows, columns = parse_plate(plate)
    lines = find_cell_lines(cell_line or PLATE_LINE)
    if len(lines) > 1:
        raise UsageError("--cell-line: a plate is of one cell line. Received: all")
    return Screen(
        line=lines[0],
        rows=rows,
        columns=columns,
        wells=rows * columns if wells is None else wells,
        fields=fields,
        channels=len(CHANNELS) if channels is None else channels,
        seed=seed,
        shape=lines[0].shape if size is None else parse_shape(size),
    )


def _refuse(why: str, **given: int | str | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name} {why}")


def _end(done: int, total: int) -> None:
    if done < total:
        LOG.warning("stopped by SIGTERM with %d fields; the same command goes on", done)
        raise Signalled

"""`nucseg simulate`."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

from nucseg_tf.console import show_progress

LOG = logging.getLogger(__name__)


def simulate(
    *,
    cell_line: str,
    out: Path,
    fields: int = 1,
    seed: int = 0,
    size: str | None = None,
    planes: int | None = None,
    frames: int | None = None,
) -> Path:
    """Draw synthetic fields with exact labels.

    Writes a data set: images/LINE/STEM.tif and masks/LINE/STEM.tif. With --planes or --frames,
    stacks or movies: LINE/STEM.ome.tif, STEM_labels.tif and, of movies, STEM_tracks.csv. Prints the
    folder. After an interruption, the same command goes on.

    Args:
        cell_line: MCF10A, HCT116, U2OS, Eosinophils, or all
        out: folder for the data set
        fields: how many, of each cell line; or how many stacks or movies
        seed: another seed is another set of fields
        size: HEIGHTxWIDTH in px; that of the published fields otherwise
        planes: draw stacks of so many planes
        frames: draw movies of so many frames
    """
    from nucseg_tf.data.simulate import find_cell_lines, parse_shape, write_fields, write_sequences

    lines = find_cell_lines(cell_line)
    shape = None if size is None else parse_shape(size)
    with show_progress() as progress:
        if planes is None and frames is None:
            done = write_fields(out, lines, fields, seed, shape, progress)
        else:
            done = write_sequences(out, lines, fields, planes, frames, seed, shape, progress)
    if done < fields * len(lines):
        LOG.warning("stopped by SIGTERM with %d fields; the same command goes on", done)
        raise SystemExit(128 + signal.SIGTERM)
    return out

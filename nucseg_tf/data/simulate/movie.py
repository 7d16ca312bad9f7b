"""Movies of nuclei that move, divide, come and go, with exact labels and lineage.

T frames of H rows and W columns; h, w of the box around one nucleus.
"""

from __future__ import annotations

import math
import zlib

import cv2
import numpy as np

from nucseg_tf.data.simulate.arrange import MIN_SEEN, windows
from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.dish import Cell, Dish
from nucseg_tf.data.simulate.field import check_seed, check_shape
from nucseg_tf.data.simulate.optics import photograph
from nucseg_tf.data.simulate.shapes import make_whole
from nucseg_tf.io.tables import Table

COLUMNS = ("frame", "label", "track", "parent")


def simulate_movie(
    line: CellLine, index: int, frames: int, seed: int = 0, shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray, Table]:
    """Draw a movie; the same arguments give the same movie.

    Args:
        line: the cell line; those of eosinophils divide here, too.
        index: of the movie, from 1.
        frames: how many.
        seed: another seed is another set of movies.
        shape: (H, W) in px; that of the paper's fields if None.

    Returns:
        Images (T, H, W) uint16.

        Labels (T, H, W) int32, 0 background; a nucleus has the number of its track in all frames,
        and in each one 4-connected piece. Who leaves the field does not come back.

        Tracks, a row for each nucleus and frame: `frame` from 0, `label`, `track` (the same) and
        `parent`, the track that it came from by division, 0 if none.

    Raises:
        UsageError: a side or the seed is out of range.
    """
    shape = check_shape(shape or line.shape)
    name = zlib.crc32(f"movie of {line.name}".encode())
    rng = np.random.default_rng([check_seed(seed), name, index])
    dish = Dish(rng, line, shape)
    images, labels = np.empty((frames, *shape), np.uint16), np.zeros((frames, *shape), np.int32)
    rows: list[tuple[int, ...]] = []
    count = 0
    for frame in range(frames):
        if frame:
            dish.go_on()
        light = np.zeros(shape, np.float32)
        lost = []
        for cell in dish.cells:
            seen = _draw(cell, labels[frame], light, cell.track or count + 1)
            if seen and not cell.track:
                count += 1
                cell.track = count
                cell.parent *= cell.age <= 1  # else it was born out of sight
            if seen:
                rows.append((frame, cell.track, cell.track, cell.parent))
            elif cell.track:
                lost.append(cell)
        dish.cells = [cell for cell in dish.cells if all(cell is not one for one in lost)]
        images[frame] = photograph(rng, cv2.GaussianBlur(light, (0, 0), line.blur), line)
    columns = np.array(rows, np.int64).reshape(-1, len(COLUMNS)).T
    return images, labels, Table(dict(zip(COLUMNS, columns, strict=True)))


def _draw(cell: Cell, labels: np.ndarray, light: np.ndarray, number: int) -> bool:
    """Write a nucleus into (H, W) labels where they are free, and its light; was it seen?"""
    mask, texture = _turned(cell)
    corner = np.rint(cell.place - np.array(mask.shape) / 2).astype(int).tolist()
    field, box = windows((corner[0], corner[1]), mask.shape, labels.shape)
    light[field] += (texture * mask)[box]
    free = make_whole(mask[box] & (labels[field] == 0))
    if np.count_nonzero(free) < MIN_SEEN * np.count_nonzero(mask):
        return False
    labels[field][free] = number
    return True


def _turned(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Mask and light of a nucleus as it is now, in a square box."""
    side = math.ceil(math.hypot(*cell.mask.shape)) + 1
    c, s = math.cos(cell.angle), math.sin(cell.angle)
    matrix = np.array([[c, -s], [s, c]]) * cell.scale
    middle = np.array(cell.mask.shape[::-1]) / 2 - 0.5  # OpenCV has columns first
    shift = (side - 1) / 2 - matrix @ middle
    affine = np.column_stack([matrix, shift])
    mask, texture = (
        cv2.warpAffine(image.astype(np.float32), affine, (side, side))
        for image in (cell.mask, cell.light)
    )
    return mask > 0.5, texture * cell.brightness

"""A contact sheet: a column for each kind, a row for each field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from nucseg_tf.evaluation.stress.run import Outcome
from nucseg_tf.io.pictures import display_grey, outline_pixels, write_colours

TILE, TITLE, GAP = 240, 20, 4  # px
TRUTH, PREDICTION, BOTH = (80, 220, 80), (255, 100, 255), (255, 255, 255)
IGNORED = (60, 60, 140)
WIDTH = 12.0  # diameters that a tile shows at most


def draw_tile(outcome: Outcome) -> np.ndarray:
    """The middle of a field with outlines: truth green, prediction magenta, white where both.

    Returns:
        (TILE, TILE, 3) uint8, red, green, blue; what is ignored is bluish.
    """
    scene = outcome.scene
    shape, diameter = scene.labels.shape, scene.diameter
    side = min(shape)
    if np.isfinite(diameter):
        side = min(side, max(round(WIDTH * diameter), 1))
    starts = [(length - side) // 2 for length in shape]
    window = tuple(slice(start, start + side) for start in starts)
    grey = cv2.resize(display_grey(scene.pixels)[window], (TILE, TILE), None, 0, 0, cv2.INTER_AREA)
    nearest = ((np.arange(TILE) + 0.5) * side / TILE).astype(int)
    truth, found, ignored = (
        part[window][np.ix_(nearest, nearest)]
        for part in (scene.labels, outcome.labels, scene.ignored)
    )
    picture = np.repeat(grey[..., None], 3, axis=2)
    picture[ignored] = picture[ignored] // 2 + np.array(IGNORED, np.uint8) // 2
    true, predicted = outline_pixels(truth), outline_pixels(found)
    picture[true], picture[predicted] = TRUTH, PREDICTION
    picture[true & predicted] = BOTH
    return picture


def write_sheet(path: Path, tiles: Mapping[tuple[str, str], np.ndarray]) -> None:
    """Write a contact sheet as PNG.

    Args:
        path: of the file.
        tiles: (TILE, TILE, 3) by row and kind; what is missing stays grey.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = list(dict.fromkeys(row for row, _ in tiles))
    kinds = list(dict.fromkeys(kind for _, kind in tiles))
    step = TILE + GAP
    sheet = np.full((TITLE + step * len(rows), step * len(kinds), 3), 40, np.uint8)
    for x, kind in enumerate(kinds):
        place = (x * step + 4, TITLE - 6)
        cv2.putText(sheet, kind, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, BOTH, 1, cv2.LINE_AA)
        for y, row in enumerate(rows):
            if (row, kind) in tiles:
                top = TITLE + y * step
                sheet[top : top + TILE, x * step : x * step + TILE] = tiles[row, kind]
    write_colours(path, sheet)
